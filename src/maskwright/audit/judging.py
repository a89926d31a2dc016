"""What a model says of one mask that it has not seen: of all of it, and of every object in it by the kind of its fault.

The measure is regret. The model's probabilities say what Dice the given mask can be expected to reach, and what Dice
the model's own mask would reach: the difference is what the given mask is worse by. Where the model is unsure neither
reaches much, and nothing is said; where it is sure the label has to agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from maskwright.audit.label_issue import Kind
from maskwright.audit.seen import named
from maskwright.audit.settings import AuditSettings
from maskwright.audit.trust import ClassVote
from maskwright.data.classes import IGNORE, Classes
from maskwright.data.sample import Mask, Sample

Probs = NDArray[np.float32]
Bools = NDArray[np.bool_]


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

    def severity(self, in_class: float = 1.0, in_absence: float = 1.0) -> float:
        """One number in [0, 1].

        Args:
            in_class: how far the model is believed about the class, in [0, 1].
            in_absence: how far where it sees nothing, in [0, 1].
        """
        seen = in_class * self.named + (1 - in_class) * self.outline
        return min(1.0, max(0.0, seen, in_absence * self.absent))


@dataclass(frozen=True)
class DisputedObject:
    """One object, labelled or predicted, before it is known how far the model is to be believed.

    Args:
        regret: of its label.
        margin: how sure the model is of its class (see `ClassVote`); 1 where it is not both labelled and seen.
        kind: of its fault.
        region_xywh: where, in pixels of the photo.
        facts: what its sentence needs.
    """

    regret: Regret
    margin: float
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
        votes: on the class of each labelled object that the model sees too.
        unseen: labelled objects of which it sees nothing.
        labelled_px: pixels that are labelled an object.
        own_px: pixels that it sees an object in.
        both_px: pixels that are both.
    """

    sample: str
    regret: Regret
    objects: tuple[DisputedObject, ...]
    votes: tuple[ClassVote, ...] = ()
    unseen: int = 0
    labelled_px: int = 0
    own_px: int = 0
    both_px: int = 0

    @property
    def margin(self) -> float:
        """How sure the model is of the class that it disputes most surely; 0 where it disputes none."""
        return max((vote.margin for vote in self.votes if vote.disputed), default=0.0)


def judge_mask(sample: Sample, mask: Mask, probs: Probs, classes: Classes, settings: AuditSettings) -> JudgedMask:
    """What a model says of one mask.

    Args:
        sample: whose mask it is.
        mask: `(H, W) uint8` class ids, 255 where nothing is judged.
        probs: `(C, H, W) float32` from a model that has not seen it.
        classes: their names.
        settings: the thresholds.
    """
    smallest = max(4, round(settings.object_frac * mask.size))
    judged = mask != IGNORE
    given = np.where(judged, mask, 0).astype(np.uint8)
    # The most probable class among those that are objects: whether there is one at all is the outline's question.
    own = np.where(judged & (probs[0] < 0.5), 1 + probs[1:].argmax(0), 0).astype(np.uint8)
    objects = object_map(given != 0, own != 0, settings.joined_frac)
    sums = _Sums.of(given, own, probs, judged, objects)
    disputed: list[DisputedObject] = []
    votes: list[ClassVote] = []
    unseen, absent_px = 0, 0.0
    for number, box in enumerate(find_objects(objects), start=1):
        here = objects[box] == number
        if here.sum() < smallest:
            continue
        labels, seen = np.where(here, given[box], 0), np.where(here, own[box], 0)
        regret, margin = sums.regret(number, smallest), 1.0
        if not seen.any():
            unseen += 1
            absence = np.maximum(0, 2 * probs[0][box] - 1)[labels != 0]
            absent_px += float(absence.sum())
            regret = replace(regret, absent=float(absence.mean()))
        elif (both := (labels != 0) & (seen != 0)).any():
            votes.append(_vote(labels[both], probs[(slice(None), *box)][:, both]))
            margin = votes[-1].margin
        if max(regret.severity(), regret.outline) >= settings.issue_severity:
            kind, facts = _kind(labels, seen, regret, classes, settings)
            rows, columns = box
            region = (columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
            facts["file"] = named(sample)
            disputed.append(DisputedObject(regret, margin, kind, region, facts))
    whole = replace(sums.regret(0, smallest), absent=absent_px / max(smallest, int((given != 0).sum())))
    sizes = (int(area.sum()) for area in (given != 0, own != 0, (given != 0) & (own != 0)))
    return JudgedMask(sample.id, whole, tuple(disputed), tuple(votes), unseen, *sizes)


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


def object_map(labelled: Bools, predicted: Bools, joined_frac: float) -> NDArray[np.int32]:
    """Number the objects of a photo; labelled and predicted pieces that lie over each other are one object.

    Args:
        labelled: `(H, W) bool`, where an object is labelled.
        predicted: `(H, W) bool`, where one is predicted.
        joined_frac: pieces are one object where they share this much of the smaller one.

    Returns:
        `(H, W) int32`: 0 where there is no object, else its number from 1.
    """
    lefts, left = cv2.connectedComponents(labelled.astype(np.uint8), connectivity=8)
    rights, right = cv2.connectedComponents(predicted.astype(np.uint8), connectivity=8)
    both = labelled & predicted
    # A scrap of overlap joins nothing: it is the contour of one object at the contour of another.
    pairs, shared = np.unique(left[both].astype(np.int64) * rights + right[both], return_counts=True)
    one, other = pairs // rights, pairs % rights
    joined = shared >= joined_frac * np.minimum(np.bincount(left.ravel())[one], np.bincount(right.ravel())[other])
    edges = (np.ones(int(joined.sum())), (one[joined], lefts + other[joined]))
    graph = coo_array(edges, shape=(lefts + rights, lefts + rights))
    _, groups = connected_components(graph, directed=False)
    which = np.where(labelled, groups[left], np.where(predicted, groups[lefts + right], -1))
    _, numbers = np.unique(which, return_inverse=True)
    return np.asarray(numbers.reshape(which.shape) + (0 if (which < 0).any() else 1), np.int32)


def _vote(labels: Mask, probs: Probs) -> ClassVote:
    """What is said of the class of an object.

    Args:
        labels: `(P,) uint8`, the labels of its pixels.
        probs: `(C, P) float32`, likewise.
    """
    mean = probs[1:].mean(1)
    order = np.argsort(-mean)
    second = float(mean[order[1]]) if len(order) > 1 else 0.0
    margin = (float(mean[order[0]]) - second) / max(float(mean.sum()), 1e-9)
    return ClassVote(margin, bool(order[0] + 1 != np.bincount(labels).argmax()))


def _kind(
    labels: Mask, seen: Mask, regret: Regret, classes: Classes, settings: AuditSettings
) -> tuple[Kind, dict[str, Any]]:
    """The kind of one object's fault, and what its sentence needs.

    Args:
        labels: labels of the object, 0 elsewhere.
        seen: the model's mask of the object, 0 elsewhere.
        regret: of the object.
        classes: their names.
        settings: the thresholds.
    """
    labelled, predicted = labels != 0, seen != 0
    both, missing, extra = labelled & predicted, predicted & ~labelled, labelled & ~predicted
    names = {"given": classes.names[_commonest(labels, labelled)], "seen": classes.names[_commonest(seen, predicted)]}
    overlap = int(both.sum())
    if overlap < settings.unmet_frac * predicted.sum() and missing.sum() >= extra.sum():
        return "object_unlabelled", {"seen": names["seen"]}
    if overlap < settings.unmet_frac * labelled.sum():
        return "label_without_object", {"given": names["given"]}
    if names["given"] != names["seen"] and regret.named > 2 * regret.outline:
        return "wrong_class", names
    part = _deep_frac(missing, predicted, settings.deep_frac)
    if part >= settings.part_frac and missing.sum() >= 2 * extra.sum():  # beside a part too much it is moved, not cut
        return "part_missing", {"given": names["given"], "percent": round(100 * part)}
    off = (missing.sum() + extra.sum()) / max(1, (labelled | predicted).sum())
    return "contour_off", {"given": names["given"], "percent": round(100 * float(off))}


def _commonest(ids: Mask, where: Bools) -> int:
    """The class of most pixels; 0 where there are none."""
    return int(np.bincount(ids[where], minlength=1).argmax())


def _deep_frac(missing: Bools, whole: Bools, deep_frac: float) -> float:
    """The share of an object that is missing deeper than a contour could be off."""
    radius = max(1, round(deep_frac * float(np.sqrt(whole.sum()))))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    padded = cv2.copyMakeBorder(missing.astype(np.uint8), radius, radius, radius, radius, cv2.BORDER_REPLICATE)
    opened = cv2.morphologyEx(padded, cv2.MORPH_OPEN, disc)[radius:-radius, radius:-radius]
    return float(opened.sum()) / max(1, int(whole.sum()))
