"""What errors cost: the mDice that would be gained if they were right, all else as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.evaluation.causes import CAUSES
from maskwright.evaluation.evaluate import Evaluation
from maskwright.evaluation.resampling import affordable, bootstrap, fair_interval, intervals, resample_weights
from maskwright.metrics.confusion import Counts
from maskwright.metrics.scores import Floats, ScoreOf, mean, ratio, scores, share

SIZES = ("small", "medium", "large")
PLACES = ("central", "between", "outer")
LEVELS = ("low", "middle", "high")
"""Thirds: as many objects, or photos, in each."""

PROPERTIES = ("brightness", "saturation", "sharpness")
"""What photos are sorted by, in this order."""


@dataclass(frozen=True)
class ClassLoss:
    """What one cause costs at the objects of one class.

    Args:
        name: of the class.
        px: wrong pixels.
        lost_mdice: mDice that would be gained if they were right, in [0, 1].
    """

    name: str
    px: int
    lost_mdice: float


@dataclass(frozen=True)
class Loss:
    """What one cause costs.

    Args:
        cause: one of `CAUSES`.
        px: wrong pixels.
        objects: at how many objects.
        lost_mdice: mDice that would be gained if they were right, in [0, 1].
        low: lower end of its 95 % interval over other photos like these; nan with fewer than five.
        high: upper end.
        lead: lower end of the interval of how much more it costs than the next dearest: above 0 that is no chance; nan
            for the last.
        share: of all that is gained where each cause is right alone, in [0, 1]; nan where nothing is lost.
        per_class: the same by class of the object, the dearest first; classes without such pixels are left out.
        swap: the commonest (label, prediction) among its pixels.
    """

    cause: str
    px: int
    objects: int
    lost_mdice: float
    low: float
    high: float
    lead: float
    share: float
    per_class: tuple[ClassLoss, ...]
    swap: tuple[str, str]

    @property
    def mostly(self) -> str:
        """The class whose objects it costs most at; "" where there is none."""
        return self.per_class[0].name if self.per_class else ""

    def record(self) -> dict[str, Any]:
        """The loss as JSON holds it."""
        return {**vars(self), "per_class": [vars(each) for each in self.per_class], "swap": list(self.swap)}


@dataclass(frozen=True)
class Group:
    """What errors cost in one group of objects or of photos.

    Args:
        by: "object_size", "position", or a property of photos.
        name: of the group.
        count: labelled objects in it, specks left out, or photos.
        score: of objects the share that was met, of photos their mDice; in [0, 1] or nan.
        score_interval: its 95 % interval over other photos like these; nan where fewer than five photos have any of it.
        lost_mdice: mDice that would be gained if all its errors were right, in [0, 1].
        lost_interval: its 95 % interval, likewise.
        px: wrong pixels by cause.
    """

    by: str
    name: str
    count: int
    score: float
    score_interval: tuple[float, float]
    lost_mdice: float
    lost_interval: tuple[float, float]
    px: dict[str, int]

    def record(self) -> dict[str, Any]:
        """The group as JSON holds it."""
        return dict(vars(self))


def lost_mdice(evaluation: Evaluation, errors: NDArray[Any]) -> float:
    """The mDice of the split that would be gained if some wrong pixels were right.

    Args:
        evaluation: the counts.
        errors: rows of `causes.ERROR`, none of them twice.

    Returns:
        In [0, 1]. What two causes cost together is not the sum of what each costs.
    """
    counts = np.asarray(evaluation.counts.sum(axis=0), np.int64)
    return scores(righted(counts, errors)).mDice - scores(counts).mDice


def righted(counts: Counts, errors: NDArray[Any]) -> Counts:
    """Counts of pixels as they would be if some of the wrong ones were right: `(C, C)`."""
    counts = counts.copy()
    np.subtract.at(counts, (errors["label"], errors["predicted"]), errors["px"])
    np.add.at(counts, (errors["label"], errors["label"]), errors["px"])
    return counts


def lost_by_cause(evaluation: Evaluation, errors: NDArray[Any], objects: NDArray[Any]) -> tuple[Loss, ...]:
    """What each cause costs, the dearest first.

    Args:
        evaluation: the counts.
        errors: all wrong pixels, `causes.ERROR`.
        objects: `causes.OBJECT`.
    """
    own = [errors[errors["cause"] == place] for place in range(len(CAUSES))]
    lost = [lost_mdice(evaluation, each) for each in own]
    drawn = _drawn_losses(evaluation, own)
    order = sorted(range(len(CAUSES)), key=lambda place: -lost[place])
    photos = len(evaluation.independent)
    leads = [
        fair_interval(lost[one] - lost[other], drawn[one] - drawn[other], photos)[0] for one, other in pairwise(order)
    ]
    found = []
    for place, lead in zip(order, [*leads, float("nan")], strict=True):
        each, (low, high) = own[place], fair_interval(lost[place], drawn[place], photos)
        loss = Loss(
            cause=CAUSES[place],
            px=int(each["px"].sum()),
            objects=len(np.unique(each["object"])),
            lost_mdice=lost[place],
            low=max(low, 0.0),  # nan stays nan
            high=high,
            lead=lead,
            share=float(ratio(lost[place], sum(lost))),
            per_class=tuple(_per_class(evaluation, each, objects)),
            swap=_swap(each, evaluation.classes),
        )
        found.append(loss)
    return tuple(found)


def _drawn_losses(evaluation: Evaluation, own: list[NDArray[Any]]) -> list[Floats]:
    """What each of some errors costs in each resample of the photos, the same ones for all of them: `(R,)` each."""
    halves = _halves(evaluation.independent)
    weights = resample_weights(len(halves), resamples=affordable(len(halves), halves[0].size))
    before, drawn = bootstrap(halves, _mdice, weights), []
    for errors in own:
        right, px = halves.copy(), errors["px"].astype(np.int64)
        unit = evaluation.units[errors["photo"]]
        np.add.at(right[:, 0], (unit, errors["label"]), 2 * px)
        np.add.at(right[:, 1], (unit, errors["label"]), px)
        np.subtract.at(right[:, 1], (unit, errors["predicted"]), px)
        drawn.append(bootstrap(right, _mdice, weights) - before)
    return drawn


def _halves(counts: Counts) -> NDArray[np.int64]:
    """Of Dice, as `(N, 2, C)`: less than `(N, C, C)`."""
    hits, areas = np.diagonal(counts, axis1=1, axis2=2), counts.sum(axis=1) + counts.sum(axis=2)
    return np.stack([2 * hits, areas], axis=1).astype(np.int64)


def _mdice(halves: NDArray[Any]) -> Floats:
    return mean(ratio(halves[..., 0, :], halves[..., 1, :]))


def lost_by_group(
    evaluation: Evaluation, errors: NDArray[Any], objects: NDArray[Any], photos: NDArray[Any]
) -> tuple[Group, ...]:
    """What errors cost by object size, position and photo property.

    Objects are in thirds by the size of the labelled ones, as shares of their photos, and by how far they are from the
    photo's centre; those only predicted go by the same limits. Photos are in thirds too. Equals stay together.

    Args:
        evaluation: the counts.
        errors: all wrong pixels, `causes.ERROR`.
        objects: `causes.OBJECT`.
        photos: `diagnosis.PHOTO`.
    """
    return (*_object_groups(evaluation, errors, objects), *_photo_groups(evaluation, errors, photos))


def _object_groups(evaluation: Evaluation, errors: NDArray[Any], objects: NDArray[Any]) -> Iterator[Group]:
    counted = objects["labelled"] & objects["counted"]
    if not counted.any():
        return
    own = objects[counted]
    for by, column, names in (("object_size", "area_frac", SIZES), ("position", "off_centre", PLACES)):
        which = _thirds(objects[column], own[column])
        met = np.zeros((len(evaluation.counts), len(names), 2), np.int64)  # by photo and third: met ones, and all
        np.add.at(met, (own["photo"], which[counted]), np.stack([own["met"], np.ones(len(own))], axis=1).astype(int))
        inside = which[errors["object"]]
        yield from _groups(evaluation, by, names, errors, inside, met, share, met[..., 1])


def _photo_groups(evaluation: Evaluation, errors: NDArray[Any], photos: NDArray[Any]) -> Iterator[Group]:
    halves = _halves(evaluation.counts)
    for by in PROPERTIES:
        which = _thirds(photos[by], photos[by])
        there = which[:, None] == np.arange(len(LEVELS))
        parts = halves[:, None] * there[..., None, None]
        yield from _groups(evaluation, by, LEVELS, errors, which[errors["photo"]], parts, _mdice, there)


def _groups(
    evaluation: Evaluation,
    by: str,
    names: Sequence[str],
    errors: NDArray[Any],
    which: NDArray[np.intp],
    parts: NDArray[np.int64],
    score: ScoreOf,
    members: NDArray[Any],
) -> Iterator[Group]:
    """Groups of objects or photos; empty ones are left out.

    Args:
        evaluation: the counts.
        by: what they are made by.
        names: of the groups, K of them.
        errors: all wrong pixels.
        which: the group of each of these, in 0..K-1.
        parts: `(N, K, ...)`, what the groups' scores are made of, of each photo.
        score: makes the scores of their sums.
        members: `(N, K)`, how many members of a group are in a photo.
    """
    own = [errors[which == place] for place in range(len(names))]
    drawn, photos = _drawn_losses(evaluation, own), len(evaluation.independent)
    scored, counts = score(parts.sum(axis=0)), members.sum(axis=0)
    ends = intervals(parts, score, evaluation.units, there=members > 0).clip(0, 1).tolist()
    for place, name in enumerate(names):
        if counts[place] or len(own[place]):
            lost = lost_mdice(evaluation, own[place])
            low, high = fair_interval(lost, drawn[place], photos)
            gained, by_cause = (max(low, 0.0), high), _by_cause(own[place])
            yield Group(by, name, int(counts[place]), float(scored[place]), tuple(ends[place]), lost, gained, by_cause)


def _thirds(values: Floats, among: Floats) -> NDArray[np.intp]:
    """For each value the third of `among` that it would lie in: 0, 1 or 2."""
    return np.searchsorted(np.quantile(among, (1 / 3, 2 / 3)), values)


def _by_cause(errors: NDArray[Any]) -> dict[str, int]:
    counts = np.bincount(errors["cause"], errors["px"], minlength=len(CAUSES))
    return {cause: int(count) for cause, count in zip(CAUSES, counts, strict=True)}


def _per_class(evaluation: Evaluation, errors: NDArray[Any], objects: NDArray[Any]) -> list[ClassLoss]:
    classes = objects["class_id"][errors["object"]]
    found = []
    for class_id in np.unique(classes):
        own = errors[classes == class_id]
        name = evaluation.classes[class_id]
        found.append(ClassLoss(name, int(own["px"].sum()), lost_mdice(evaluation, own)))
    return sorted(found, key=lambda each: -each.lost_mdice)


def _swap(errors: NDArray[Any], names: tuple[str, ...]) -> tuple[str, str]:
    if not len(errors):
        return "", ""
    pairs = np.bincount(errors["label"].astype(int) * len(names) + errors["predicted"], errors["px"])
    label, predicted = divmod(int(pairs.argmax()), len(names))
    return names[label], names[predicted]
