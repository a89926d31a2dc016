"""What a model says of masks that it has not seen: every mask ranked, every object in it by the kind of its fault.

The measure is regret. The model's probabilities say what Dice the given mask can be expected to reach, and what Dice
the model's own mask would reach: the difference is what the given mask is worse by. Where the model is unsure neither
reaches much, and nothing is said; where it is sure the label has to agree. Which class an object has is believed only
as far as the model's disputes about classes are rare: see `trust_in`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from maskwright.audit.label_issue import Kind, LabelIssue, ObjectIssue
from maskwright.data.classes import IGNORE, Classes
from maskwright.data.finding import Finding
from maskwright.data.sample import Mask, Sample
from maskwright.errors import DataError

Probs = NDArray[np.float32]
Bools = NDArray[np.bool_]

FINDING_SEVERITY = 0.15
"""From this regret on an object is a finding: on the reference case sound masks stay below it."""

MISLABELLED = 0.034
"""Share of objects that carry the wrong name in data as people have them: the mean over ten data sets of Northcutt,
Athalye and Mueller, "Pervasive Label Errors in Test Sets Destabilize Machine Learning Benchmarks", NeurIPS 2021."""

SMALLEST_FRAC = 0.0005
"""Share of the photo below which nothing is an object: 6 x 6 px on 256 x 256."""

INVENTED = 0.01
"""Share of masks where there is nothing: fewer than have a wrong name, for a mask has to be drawn."""

WEAK_DICE, STRONG_DICE = 0.4, 0.75
"""On the reference case a model of 0.80 named 74 masks, most of them rightly; one of 0.51 saw 209 forgotten objects."""

WEAK_WEIGHT = 0.3
"""How much the ranking by a weak model counts: behind what is found without one, which it would only stir up."""

EVIDENCE: Mapping[str, Kind] = {
    "mask_cut": "part_missing",
    "outline_off": "contour_off",
    "mask_empty": "object_unlabelled",
    "mask_tiny": "object_unlabelled",
    "mask_speck_only": "object_unlabelled",
}
"""Checks that need no model and say the same of a mask: which kind of fault each speaks for."""

EVIDENCE_WEIGHT = 0.7
"""How much such a finding counts beside the model. On planted faults and on the reference case the order was best
with 0.5 to 1: it knows contours better than a small model does, and nothing of what is in the photo."""

JOINED_FRAC = 0.05
"""Labelled and predicted pieces are one object where they share this much of the smaller one."""

UNMET_FRAC = 0.2
"""An object of which no more than this is labelled (or seen) has no label (or is not there)."""

PART_FRAC = 0.15
"""From this share of an object on, what is missing is a part."""

DEEP_FRAC = 0.06
"""What lies deeper than this times the square root of the object's area is more than a contour off: a part."""


@dataclass(frozen=True)
class Trust:
    """How far the model's word is believed, in [0, 1]: see `trust_in`.

    Args:
        classes: where it gives an object another class.
        absence: where it sees nothing of a labelled object.
        objects: about single objects, the more the better its outlines are on the whole.
    """

    classes: float = 1.0
    absence: float = 1.0
    objects: float = 1.0


@dataclass(frozen=True)
class Regret:
    """What a mask is worse by than the model's own; all in [0, 1].

    Args:
        outline: by how much less Dice it can be expected to reach, whatever the classes: an object is an object.
        named: the same, with the right class.
        absent: how surely there is nothing in what is labelled, of which the model sees nothing. Dice says nothing
            there: of an empty mask it expects none.
    """

    outline: float
    named: float
    absent: float = 0.0

    def severity(self, trust: Trust) -> float:
        """One number."""
        seen = trust.classes * self.named + (1 - trust.classes) * self.outline
        return min(1.0, max(0.0, seen, trust.absence * self.absent))


@dataclass(frozen=True)
class DisputedObject:
    """One object, labelled or predicted, before it is known how far the model is to be believed."""

    regret: Regret
    kind: Kind
    region_xywh: tuple[int, int, int, int]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class JudgedMask:
    """What a model says of one mask, before it is known how far the model is to be believed.

    Args:
        sample: the sample's id.
        regret: of the whole mask.
        objects: those whose regret may be worth a finding.
        met: labelled objects that the model sees too.
        renamed: those among them that it gives another class.
        unseen: labelled objects of which it sees nothing.
        labelled_px: pixels that are labelled an object.
        own_px: pixels that it sees an object in.
        both_px: pixels that are both.
    """

    sample: str
    regret: Regret
    objects: tuple[DisputedObject, ...]
    met: int = 0
    renamed: int = 0
    unseen: int = 0
    labelled_px: int = 0
    own_px: int = 0
    both_px: int = 0


def label_issues(
    samples: Iterable[Sample], probs_of: Callable[[Sample], Probs | None], classes: Classes
) -> tuple[LabelIssue, ...]:
    """Judge masks by probabilities, one photo in memory at a time.

    Args:
        samples: labelled ones; others are passed over.
        probs_of: gives the probabilities of a sample, `(C, H, W) float32`, from a model that has not seen it; None
            where there are none, and the sample is passed over.
        classes: class 0 is what is not an object.

    Returns:
        Every judged mask once, worst first.

    Raises:
        DataError: probabilities are of another size or of other classes than the sample.
    """
    judged = []
    for sample in samples:
        mask = sample.mask()
        probs = None if mask is None else probs_of(sample)
        if mask is not None and probs is not None:
            if probs.shape != (len(classes), *mask.shape):
                raise DataError(
                    f"{sample.id}: these probabilities belong to another photo or other classes.",
                    expected=str((len(classes), *mask.shape)),
                    found=str(probs.shape),
                    do="Make them again: maskwright audit DATA --budget 15m",
                )
            judged.append(judge_mask(sample, mask, probs, classes))
    return settle(judged)


def settle(judged: Sequence[JudgedMask]) -> tuple[LabelIssue, ...]:
    """What is wrong with judged masks, once it is known from all of them how far the model is to be believed.

    Args:
        judged: each mask once.

    Returns:
        As many issues, worst first.
    """
    trust = trust_in(judged)
    return _worst_first(_settled(each, trust) for each in judged)


def with_evidence(issues: Iterable[LabelIssue], findings: Iterable[Finding]) -> tuple[LabelIssue, ...]:
    """The issues with what was found without a model: two witnesses are heard as one.

    The severities s of the model and f of each finding join as 1 - (1 - s) * product of (1 - 0.7 f).

    Args:
        issues: what a model says, each mask once.
        findings: of the checks that need no model; those of `EVIDENCE` count.

    Returns:
        The same masks, worst first.
    """
    witnesses: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.check in EVIDENCE:
            witnesses.setdefault(finding.sample, []).append(finding)
    heard = []
    for issue in issues:
        own = sorted(witnesses.get(issue.sample, ()), key=lambda finding: -finding.severity)
        if own:
            sound = (1 - issue.severity) * math.prod(1 - EVIDENCE_WEIGHT * finding.severity for finding in own)
            kind = EVIDENCE[own[0].check] if issue.kind == "none" else issue.kind
            issue = replace(issue, severity=1 - sound, kind=kind)
        heard.append(issue)
    return _worst_first(heard)


def judge_mask(sample: Sample, mask: Mask, probs: Probs, classes: Classes) -> JudgedMask:
    """What a model says of one mask.

    Args:
        sample: whose mask it is.
        mask: `(H, W) uint8` class ids, 255 where nothing is judged.
        probs: `(C, H, W) float32` from a model that has not seen it.
        classes: their names.
    """
    smallest = max(4, round(SMALLEST_FRAC * mask.size))
    judged = mask != IGNORE
    given = np.where(judged, mask, 0).astype(np.uint8)
    # The most probable class among those that are objects: whether there is one at all is the outline's question.
    own = np.where(judged & (probs[0] < 0.5), 1 + probs[1:].argmax(0), 0).astype(np.uint8)
    objects = object_map(given != 0, own != 0)
    sums = _Sums.of(given, own, probs, judged, objects)
    disputed, met, renamed, unseen, absent_px = [], 0, 0, 0, 0.0
    for number, box in enumerate(find_objects(objects), start=1):
        here = objects[box] == number
        if here.sum() < smallest:
            continue
        labels, seen = np.where(here, given[box], 0), np.where(here, own[box], 0)
        regret = sums.regret(number, smallest)
        if not seen.any():
            unseen += 1
            absence = np.maximum(0, 2 * probs[0][box] - 1)[labels != 0]
            absent_px += float(absence.sum())
            regret = replace(regret, absent=float(absence.mean()))
        elif (both := (labels != 0) & (seen != 0)).any():
            met += 1
            renamed += int(_commonest(labels, both) != _commonest(seen, both))
        if regret.severity(Trust()) >= FINDING_SEVERITY or regret.outline >= FINDING_SEVERITY:
            kind, facts = _kind(labels, seen, regret, classes)
            rows, columns = box
            region = (columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
            disputed.append(DisputedObject(regret, kind, region, {"file": sample.mask_file or sample.id, **facts}))
    whole = replace(sums.regret(0, smallest), absent=absent_px / max(smallest, int((given != 0).sum())))
    sizes = (int(area.sum()) for area in (given != 0, own != 0, (given != 0) & (own != 0)))
    return JudgedMask(sample.id, whole, tuple(disputed), met, renamed, unseen, *sizes)


def trust_in(judged: Iterable[JudgedMask]) -> Trust:
    """How far the model is believed about classes, about objects that it does not see, and about single objects.

    The first two are the share of its disputes that are label errors, if as many objects are labelled wrongly as is
    usual, and at least one: a model that disputes one class in seven is mostly wrong itself. The third grows from 0 to
    1 with the Dice of its outlines over all masks, from 0.4 to 0.75: a weak model may rank masks, and accuses nobody.

    Args:
        judged: all judged masks.
    """
    judged = tuple(judged)
    met, renamed, unseen = (sum(getattr(each, name) for each in judged) for name in ("met", "renamed", "unseen"))
    both, either = sum(each.both_px for each in judged), sum(each.labelled_px + each.own_px for each in judged)
    dice = 2 * both / either if either else 1.0
    return Trust(
        objects=min(1.0, max(0.0, (dice - WEAK_DICE) / (STRONG_DICE - WEAK_DICE))),
        classes=min(1.0, max(1.0, MISLABELLED * met) / max(1, renamed)),
        absence=min(1.0, max(1.0, INVENTED * (met + unseen)) / max(1, unseen)),
    )


@dataclass(frozen=True)
class _Sums:
    """Sums over each object, and over all of the photo in place 0, from which expected Dice is made."""

    mass: NDArray[np.float64]
    labelled: NDArray[np.float64]
    own: NDArray[np.float64]
    labelled_outline: NDArray[np.float64]
    labelled_named: NDArray[np.float64]
    own_outline: NDArray[np.float64]
    own_named: NDArray[np.float64]

    @classmethod
    def of(cls, given: Mask, own: Mask, probs: Probs, judged: Bools, objects: NDArray[np.int32]) -> _Sums:
        """The sums of a photo."""
        count = int(objects.max()) + 1
        outline = np.where(judged, 1 - probs[0], 0)

        def summed(values: NDArray[Any]) -> NDArray[np.float64]:
            sums = np.bincount(objects.ravel(), values.ravel(), minlength=count).astype(np.float64)
            sums[0] = values.sum()
            return np.asarray(sums, np.float64)

        def probability(ids: Mask) -> NDArray[np.float32]:
            return np.where(ids == 0, 0, np.take_along_axis(probs, ids[None].astype(np.intp), axis=0)[0])

        return cls(
            summed(outline),
            summed(given != 0),
            summed(own != 0),
            summed(outline * (given != 0)),
            summed(probability(given)),
            summed(outline * (own != 0)),
            summed(probability(own)),
        )

    def regret(self, n: int, smallest: int) -> Regret:
        """The regret of object `n`, or of the whole mask, which is 0.

        Expected Dice is taken as 2 E|A n B| / (E|A| + |B|), with `smallest` pixels on both sides, so that a few
        pixels more or less where there is no object count for little.
        """
        given, own = self.mass[n] + self.labelled[n] + smallest, self.mass[n] + self.own[n] + smallest
        outline = (2 * self.own_outline[n] + smallest) / own - (2 * self.labelled_outline[n] + smallest) / given
        named = (2 * self.own_named[n] + smallest) / own - (2 * self.labelled_named[n] + smallest) / given
        return Regret(float(outline), float(named))


def _worst_first(issues: Iterable[LabelIssue]) -> tuple[LabelIssue, ...]:
    return tuple(sorted(issues, key=lambda issue: (-issue.severity, issue.sample)))


def _settled(judged: JudgedMask, trust: Trust) -> LabelIssue:
    objects = (
        ObjectIssue(each.kind, trust.objects * each.regret.severity(trust), each.region_xywh, each.facts)
        for each in judged.objects
    )
    found = [each for each in objects if each.severity >= FINDING_SEVERITY]
    found.sort(key=lambda each: -each.severity)
    severity = (WEAK_WEIGHT + (1 - WEAK_WEIGHT) * trust.objects) * judged.regret.severity(trust)
    return LabelIssue(judged.sample, severity, found[0].kind if found else "none", tuple(found))


def object_map(labelled: Bools, predicted: Bools) -> NDArray[np.int32]:
    """Number the objects of a photo; labelled and predicted pieces that lie over each other are one object.

    Args:
        labelled: `(H, W) bool`, where an object is labelled.
        predicted: `(H, W) bool`, where one is predicted.

    Returns:
        `(H, W) int32`: 0 where there is no object, else its number from 1.
    """
    lefts, left = cv2.connectedComponents(labelled.astype(np.uint8), connectivity=8)
    rights, right = cv2.connectedComponents(predicted.astype(np.uint8), connectivity=8)
    both = labelled & predicted
    # A scrap of overlap joins nothing: it is the contour of one object at the contour of another.
    pairs, shared = np.unique(left[both].astype(np.int64) * rights + right[both], return_counts=True)
    one, other = pairs // rights, pairs % rights
    joined = shared >= JOINED_FRAC * np.minimum(np.bincount(left.ravel())[one], np.bincount(right.ravel())[other])
    edges = (np.ones(int(joined.sum())), (one[joined], lefts + other[joined]))
    graph = coo_array(edges, shape=(lefts + rights, lefts + rights))
    _, groups = connected_components(graph, directed=False)
    which = np.where(labelled, groups[left], np.where(predicted, groups[lefts + right], -1))
    _, numbers = np.unique(which, return_inverse=True)
    return np.asarray(numbers.reshape(which.shape) + (0 if (which < 0).any() else 1), np.int32)


def _kind(labels: Mask, seen: Mask, regret: Regret, classes: Classes) -> tuple[Kind, dict[str, Any]]:
    """The kind of one object's fault, and what its sentence needs.

    Args:
        labels: labels of the object, 0 elsewhere.
        seen: the model's mask of the object, 0 elsewhere.
        regret: of the object.
        classes: their names.
    """
    labelled, predicted = labels != 0, seen != 0
    both, missing, extra = labelled & predicted, predicted & ~labelled, labelled & ~predicted
    names = {"given": classes.names[_commonest(labels, labelled)], "seen": classes.names[_commonest(seen, predicted)]}
    overlap = int(both.sum())
    if overlap < UNMET_FRAC * predicted.sum() and missing.sum() >= extra.sum():
        return "object_unlabelled", {"seen": names["seen"]}
    if overlap < UNMET_FRAC * labelled.sum():
        return "label_without_object", {"given": names["given"]}
    if names["given"] != names["seen"] and regret.named > 2 * regret.outline:
        return "wrong_class", names
    part = _deep_frac(missing, predicted)
    if part >= PART_FRAC and missing.sum() >= 2 * extra.sum():  # beside a part too much it is moved, not cut
        return "part_missing", {"given": names["given"], "percent": round(100 * part)}
    off = (missing.sum() + extra.sum()) / max(1, (labelled | predicted).sum())
    return "contour_off", {"given": names["given"], "percent": round(100 * float(off))}


def _commonest(ids: Mask, where: Bools) -> int:
    """The class of most pixels; 0 where there are none."""
    return int(np.bincount(ids[where], minlength=1).argmax())


def _deep_frac(missing: Bools, whole: Bools) -> float:
    """The share of an object that is missing deeper than a contour could be off."""
    radius = max(1, round(DEEP_FRAC * float(np.sqrt(whole.sum()))))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    padded = cv2.copyMakeBorder(missing.astype(np.uint8), radius, radius, radius, radius, cv2.BORDER_REPLICATE)
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, disc)[radius:-radius, radius:-radius]
    return float(opened.sum()) / max(1, int(whole.sum()))
