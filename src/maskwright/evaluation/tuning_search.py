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
"""How often at most steps are fitted anew, each given the others."""
MOST_CLASSES = 12
"""Classes that get a value of their own, those with the lowest Dice first: each costs a pass for each value."""

VALUES: Mapping[str, tuple[float, ...]] = {
    "colour_weight": (0.3, 0.6, 1.0),
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
"""Tried as one first: they mend the same outlines, and each takes away from what the other would win alone."""
SPOKEN_FOR: Mapping[str, str] = {"photo_vote_share": "one class", "object_score_share": "one object"}
"""Tried only where the training masks show that a photo, and with one value, so that nothing is fitted and nothing has
to be proved: they stay where mDice rises on the photos and no class loses."""

Why = Literal[
    "kept", "together", "spoken_for", "needless", "nothing", "not_significant", "class_loses", "not_in_the_data"
]
Photos = NDArray[np.bool_]
"""`(N,)`: which photos."""


@dataclass(frozen=True)
class Tried:
    """What became of one step.

    Args:
        name: its setting.
        why: "kept", because the gain is more than chance explains; "together", because that of this step and the other
            one is, and each adds to the other; "spoken_for", because the training data speaks for it and there is a
            gain; "needless" where it was kept and is nothing beside the steps kept after it; "nothing" where no value
            was better than off; "not_significant"; "class_loses"; or "not_in_the_data" where it was not tried, because
            the training data does not speak for it.
        gain: what it adds to the steps kept before it, on photos that its value was not fitted on; None where it was
            not tried. Of two that are kept together, what it adds to the other. In mDice; for the temperature, the
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
        return self.why in ("kept", "together", "spoken_for")


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
    Those of `TOGETHER` are judged as one first, and alone where that does not help or one adds nothing to the other.
    What the training masks speak for has one value, and stays where it gains anything and no class loses. With each
    step that stays the values of all are fitted anew, each given the others.

    Args:
        photos: all photos.
        subset: which of them may be looked at.
        steps: names of the settings to try.
        on_progress: told after each step.

    Returns:
        The settings, and what became of each step.
    """
    units = _units(steps)
    tests = sum(name not in SPOKEN_FOR for name in steps) + sum(len(names) > 1 for names in units)
    post, tried = PostProcess(), list[Tried]()
    for names in units:
        if verdicts := _together(photos, subset, post, names, tests=tests):
            post = _with(photos, subset, post, names)
        else:
            for name in names:
                verdicts.append(verdict := _tried(photos, subset, post, (name,), tests=tests))
                post = _with(photos, subset, post, (name,)) if verdict.kept else post
        tried += verdicts
        on_progress(Progress("stage.tune", len(tried), len(steps)))
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


def _with(photos: TuningPhotos, subset: Photos, post: PostProcess, names: tuple[str, ...]) -> PostProcess:
    """The settings with further ones, all fitted given each other: what comes next is judged beside their best."""
    return _refitted(photos, subset, post, [*(name for name, _ in post.steps()), *names])


def _refitted(photos: TuningPhotos, subset: Photos, post: PostProcess, names: Sequence[str]) -> PostProcess:
    """The settings with the best values of some of them, each given the others, over and over until none changes."""
    for _ in range(ROUNDS if len(names) > 1 else 1):
        before = post
        for name in names:
            post = fitted(photos, subset, post, name)
        if post == before:
            break
    return post


def _units(steps: Sequence[str]) -> list[tuple[str, ...]]:
    """What is tried one after the other: settings, and as one those of them that are tried together."""
    joint = tuple(name for name in steps if name in TOGETHER)
    return [joint if name in TOGETHER else (name,) for name in steps if name not in joint[1:]]


def _together(
    photos: TuningPhotos, subset: Photos, post: PostProcess, names: tuple[str, ...], *, tests: int
) -> list[Tried]:
    """The verdicts of settings that are kept as one, or none where each has to prove itself alone.

    So it is where there is but one, where they do not help together, and where one adds nothing to the others.
    """
    if len(names) == 1 or not _tried(photos, subset, post, names, tests=tests).kept:
        return []
    both, verdicts = _cross_validated(photos, subset, post, names), []
    for name in names:
        others = tuple(each for each in names if each != name)
        gain, _ = _gained(photos, subset, _cross_validated(photos, subset, post, others), both)
        if not gain.value > 0:
            return []
        verdicts.append(Tried(name, "together", gain))
    return verdicts


def _tried(photos: TuningPhotos, subset: Photos, post: PostProcess, names: tuple[str, ...], *, tests: int) -> Tried:
    """What becomes of a setting; of several as one it is told under the first one's name."""
    name, given = names[0], names[0] in SPOKEN_FOR
    if given:
        treated = photos.counts([post.with_settings(**{name: VALUES[name][0]})])[0]
    else:
        treated = _cross_validated(photos, subset, post, names)
    gain, losers = _gained(photos, subset, photos.counts([post])[0], treated)
    if not gain.value > 0:
        return Tried(name, "nothing", gain)
    if losers:
        return Tried(name, "class_loses", gain, losers)
    if given:
        return Tried(name, "spoken_for", gain)
    # Each test has its share of the level, so that where none helps any is kept no more often (Bonferroni).
    significant = gain.low > 0 and gain.p * tests <= LEVEL
    return Tried(name, "kept" if significant else "not_significant", gain)


def _gained(photos: TuningPhotos, subset: Photos, before: Counts, after: Counts) -> tuple[Difference, tuple[int, ...]]:
    """What one way wins over another in mDice, and the classes that lose by it."""
    old, new = (by_group(counts[subset], photos.groups[subset]) for counts in (before, after))
    return difference(new, old, SUMMARIES["mDice"], resamples=RESAMPLES), _losers(old.sum(axis=0), new.sum(axis=0))


def _cross_validated(photos: TuningPhotos, subset: Photos, post: PostProcess, names: tuple[str, ...]) -> Counts:
    """The counts of each photo of the subset under the values of settings that were fitted without the photo's fold."""
    counts = photos.counts([post])[0].copy()
    for fold in np.unique(photos.folds[subset]):
        held_out = subset & (photos.folds == fold)
        if not np.array_equal(held_out, subset):
            chosen = _refitted(photos, subset & ~held_out, post, names)
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
