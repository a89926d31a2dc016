"""Which post-processing steps help, and how strong: fitted, doubted, fitted together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from maskwright.evaluation.resampling import LEVEL, Difference, by_group, difference, interval, resample_weights
from maskwright.evaluation.tuning_photos import TuningPhotos
from maskwright.inference.postprocess.settings import PostProcess
from maskwright.metrics.calibration import SHARPNESS
from maskwright.metrics.confusion import Counts
from maskwright.metrics.scores import SUMMARIES, dice
from maskwright.progress import OnProgress, Progress, silent

TOLERANCE = 0.0005
"""A class loses where its Dice falls by more: less is not seen in figures of 0.1 points."""
RESAMPLES = 2000
"""Enough to decide at this level; the final figures are told with more."""
ROUNDS = 3
"""How often at most the kept steps are fitted anew, each given the others."""
MOST_CLASSES = 12
"""Classes that get a value of their own, those with the lowest Dice first: each costs a pass for each value."""

VALUES: Mapping[str, tuple[float, ...]] = {
    "colour_weight": (0.15, 0.3, 0.5),
    "edge_radius_frac": (0.015, 0.03, 0.045, 0.06, 0.09),
    "logit_offsets": (-0.8, -0.5, -0.25, 0.25, 0.5, 0.8),
    "photo_vote_share": (0.5,),
    "object_vote_share": (0.5, 0.7, 0.9),
    "object_score_share": (0.9,),
    "smallest_frac": (0.001, 0.003, 0.01, 0.02),
    "largest_hole_frac": (0.001, 0.01, 0.05),
}
"""What is tried for each setting beside off; few values, because each one more is one more chance to fit noise."""
PER_CLASS = ("logit_offsets", "smallest_frac")
TOGETHER = ("colour_weight", "edge_radius_frac")
"""Tried as one: they mend the same outlines, and each takes away from what the other would win alone."""
SPOKEN_FOR: Mapping[str, str] = {"photo_vote_share": "one class", "object_score_share": "one object"}
"""Tried only where the training masks show that a photo, and with one value, so that nothing is fitted and nothing has
to be proved: they stay where mDice rises on the photos and no class loses."""

Why = Literal["kept", "spoken_for", "needless", "nothing", "not_significant", "class_loses", "not_in_the_data"]
Photos = NDArray[np.bool_]
"""`(N,)`: which photos."""


@dataclass(frozen=True)
class Tried:
    """What became of one step.

    Args:
        name: its setting.
        why: "kept", because the gain is more than chance explains, or "spoken_for", because the training data speaks
            for it and there is a gain; "needless" where it was kept and is nothing beside the steps kept after it;
            "nothing" where no value was better than off; "not_significant"; "class_loses"; or "not_in_the_data" where
            it was not tried, because the training data does not speak for it.
        gain: what it adds to the steps kept before it, on photos that its value was not fitted on; None where it was
            not tried. Of two that are kept as one, what each adds to the other. In mDice; for the temperature, the
            fall of the mean negative log-likelihood in nats. Of the settings with one value, on all photos.
        losers: ids of the classes whose Dice falls by it.
    """

    name: str
    why: Why
    gain: Difference | None = None
    losers: tuple[int, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether the step is taken from now on."""
        return self.why in ("kept", "spoken_for")


def search(
    photos: TuningPhotos,
    subset: Photos,
    steps: Sequence[str],
    *,
    on_progress: OnProgress = silent,
) -> tuple[PostProcess, tuple[Tried, ...]]:
    """Find the post-processing of some photos.

    Step by step, in the order in which they are taken: its value is fitted on all folds but one and judged on that
    one, for each fold of the subset; it stays where the gain of those judgements is significant and no class loses.
    Those of `TOGETHER` are judged as one. What the training masks speak for has one value, and stays where it gains
    anything and no class loses. Then the values of all that stayed are fitted together, each given the others.

    Args:
        photos: all photos.
        subset: which of them may be looked at.
        steps: names of the settings to try.
        on_progress: told after each step.

    Returns:
        The settings, and what became of each step.
    """
    units = _units(steps)
    post, tried, tests = PostProcess(), [], sum(names[0] not in SPOKEN_FOR for names in units)
    for names in units:
        verdicts = _tried(photos, subset, post, names, tests=tests)
        if verdicts[0].kept:
            post = _fitted_together(photos, subset, post, names)
        tried += verdicts
        on_progress(Progress("stage.tune", len(tried), len(steps)))
    for _ in range(ROUNDS):
        before = post
        for name, _value in tuple(before.steps()):
            post = fitted(photos, subset, post, name)
        if post == before:
            break
    kept = dict(post.steps())
    return post, tuple(replace(each, why="needless") if each.kept and each.name not in kept else each for each in tried)


def nested(photos: TuningPhotos, subset: Photos, steps: Sequence[str], *, on_progress: OnProgress = silent) -> Counts:
    """What the whole search is worth on photos that it has not seen: for each fold, all of it on the other folds.

    Nested cross-validation: Varma and Simon, "Bias in error estimation when using cross-validation for model
    selection", BMC Bioinformatics 7, 2006.

    Args:
        photos: all photos.
        subset: which of them may be looked at; they lie in at least two folds.
        steps: names of the settings to try.
        on_progress: told after each fold.

    Returns:
        `(N, C, C)`, the counts of each photo of the subset under the settings that were found without it; those of
        the others are as they were.
    """
    counts = photos.counts([PostProcess()])[0].copy()
    numbers = np.unique(photos.folds[subset])
    for done, fold in enumerate(numbers, start=1):
        held_out = subset & (photos.folds == fold)
        post, _ = search(photos, subset & ~held_out, steps)
        counts[held_out] = photos.counts([post])[0][held_out]
        on_progress(Progress("stage.tune_nested", done, len(numbers)))
    return counts


def fitted(photos: TuningPhotos, subset: Photos, post: PostProcess, name: str) -> PostProcess:
    """The settings with the best value of one of them: the highest mDice by which no class loses; off where none is.

    A setting with a value per class is fitted class by class, the first class left out: for offsets only their
    differences count, and its regions are holes.
    """
    off = PostProcess.model_fields[name].default
    best = post.with_settings(**{name: off})
    before = photos.counts([best])[0][subset].sum(axis=0)
    score = float(SUMMARIES["mDice"](before))
    for candidates in _coordinates(photos, before, name):
        posts = [best.with_settings(**{name: value}) for value in candidates(getattr(best, name))]
        sums = [counts[subset].sum(axis=0) for counts in photos.counts(posts)]
        for candidate, after in zip(posts, sums, strict=True):
            reached = float(SUMMARIES["mDice"](after))
            if reached > score and not _losers(before, after):
                best, score = candidate, reached
    return best


def fitted_temperature(photos: TuningPhotos, post: PostProcess) -> tuple[float, Tried]:
    """The temperature under which the labels are likeliest, and whether that holds on photos it was not fitted on.

    Args:
        photos: all photos.
        post: the settings before it.

    Returns:
        The temperature, 1 where it makes nothing likelier for certain, and what became of the step.
    """
    losses = photos.likelihoods(post)
    as_it_is = int(np.argmin(np.abs(np.log(SHARPNESS))))
    gains = np.zeros(len(losses))
    for fold in np.unique(photos.folds):
        held_out = photos.folds == fold
        best = int(np.argmin(losses[~held_out].sum(axis=0))) if not held_out.all() else as_it_is
        gains[held_out] = losses[held_out, as_it_is] - losses[held_out, best]
    gained, photo_counts = by_group(gains, photos.groups), by_group(np.ones(len(gains)), photos.groups)
    weights = resample_weights(len(gained))
    drawn = weights @ gained / (weights @ photo_counts)
    low, high = interval(float(gains.mean()), drawn, len(gained))
    # Never 0: what was observed counts as one resample (Phipson & Smyth 2010).
    p = min(1.0, 2 * (1 + np.count_nonzero(drawn <= 0)) / (1 + len(drawn)))
    gain = Difference(float(gains.mean()), low, high, float(drawn.std(ddof=1)), p)
    if low <= 0:
        return 1.0, Tried("temperature", "not_significant" if gains.mean() > 0 else "nothing", gain)
    return round(float(1 / SHARPNESS[int(np.argmin(losses.sum(axis=0)))]), 3), Tried("temperature", "kept", gain)


def _units(steps: Sequence[str]) -> list[tuple[str, ...]]:
    """What is tried one after the other: settings, and as one those of them that are tried together."""
    joint = tuple(name for name in steps if name in TOGETHER)
    return [joint if name in TOGETHER else (name,) for name in steps if name not in joint[1:]]


def _tried(
    photos: TuningPhotos, subset: Photos, post: PostProcess, names: tuple[str, ...], *, tests: int
) -> list[Tried]:
    """What becomes of a setting, or of several as one: the same of each, and where they are kept what each adds."""
    plain, given = photos.counts([post])[0], names[0] in SPOKEN_FOR
    if given:
        treated = photos.counts([post.with_settings(**{names[0]: VALUES[names[0]][0]})])[0]
    else:
        treated = _cross_validated(photos, subset, post, names)

    def gained(before: Counts) -> tuple[Difference, tuple[int, ...]]:
        old, new = (by_group(counts[subset], photos.groups[subset]) for counts in (before, treated))
        gain = difference(new, old, SUMMARIES["mDice"], resamples=RESAMPLES)
        return gain, _losers(old.sum(axis=0), new.sum(axis=0))

    gain, losers = gained(plain)
    # Each is tested at its share of the level, so that where none helps any is kept no more often (Bonferroni).
    significant = gain.low > 0 and gain.p * tests <= LEVEL
    why: Why = "spoken_for" if given else "kept" if significant else "not_significant"
    if not gain.value > 0:
        why, losers = "nothing", ()
    elif losers:
        why = "class_loses"
    if why != "kept" or len(names) == 1:
        return [Tried(name, why, gain, losers) for name in names]
    others = [tuple(each for each in names if each != name) for name in names]
    without = [_cross_validated(photos, subset, post, each) for each in others]
    return [Tried(name, why, gained(counts)[0]) for name, counts in zip(names, without, strict=True)]


def _fitted_together(photos: TuningPhotos, subset: Photos, post: PostProcess, names: tuple[str, ...]) -> PostProcess:
    """The settings with the best values of some of them, one after the other, and again given the others."""
    for name in names * (1 if len(names) == 1 else ROUNDS):
        post = fitted(photos, subset, post, name)
    return post


def _cross_validated(photos: TuningPhotos, subset: Photos, post: PostProcess, names: tuple[str, ...]) -> Counts:
    """The counts of each photo of the subset under the values of settings that were fitted without the photo's fold."""
    counts = photos.counts([post])[0].copy()
    for fold in np.unique(photos.folds[subset]):
        held_out = subset & (photos.folds == fold)
        if not np.array_equal(held_out, subset):
            chosen = _fitted_together(photos, subset & ~held_out, post, names)
            counts[held_out] = photos.counts([chosen])[0][held_out]
    return counts


def _coordinates(photos: TuningPhotos, counts: Counts, name: str) -> Iterator[Any]:
    """What to try one after the other: functions from a setting's value to the values that may take its place."""
    if name not in PER_CLASS:
        yield lambda _value: VALUES[name]
        return
    scored = np.nan_to_num(dice(counts)[1:], nan=1.0)
    for class_id in (1 + np.argsort(scored, kind="stable")[:MOST_CLASSES]).tolist():

        def replaced(value: tuple[float, ...], class_id: int = class_id) -> list[tuple[float, ...]]:
            value = value or (0.0,) * photos.classes
            return [(*value[:class_id], each, *value[class_id + 1 :]) for each in VALUES[name]]

        yield replaced


def _losers(before: Counts, after: Counts) -> tuple[int, ...]:
    return tuple(np.flatnonzero(dice(before) - dice(after) > TOLERANCE).tolist())
