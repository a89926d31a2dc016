"""Whether one model, or one recipe, is better than another: differences with their intervals, and what they allow."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri, stdtrit

from maskwright.evaluation.evaluate import Evaluation
from maskwright.evaluation.resampling import (
    LEVEL,
    POWER,
    RESAMPLES,
    Difference,
    bootstrap,
    interval,
    permutation_p,
    photos_needed,
    resample_weights,
)
from maskwright.metrics.holm import holm
from maskwright.metrics.scores import SUMMARIES, Floats, dice, mean

FEWEST_SEEDS = 3
"""Two seeds say next to nothing of how much seeds scatter: Student's quantile is 12.7 for two and 4.3 for three."""
MOST_SEEDS = 1000
"""More are the same as none: nobody trains so many."""
ARRANGEMENTS_PER_PAIR = 40
"""The smallest p of a permutation test is one over its arrangements; times the pairs it has to stay below 5 %."""

Verdict = Literal["better", "worse", "undecided"]
Interval = tuple[float, float, float]
"""A difference with the lower and the upper end of its 95 % interval."""


@dataclass(frozen=True)
class Pair:
    """Two trained models on the same photos. What is said holds for these weights.

    Args:
        one: name of the first run.
        other: name of the second.
        same_recipe: whether they differ in nothing but the seed, so that a difference is the seed's luck.
        difference: mDice of the first minus that of the second, paired over photos or their groups.
        per_class: the same for the Dice of each class, without a test.
        p_holm: p corrected for all pairs (Holm 1979).
        photos_needed: about how many photos like these, in as large groups, would tell such a difference from nothing.
    """

    one: str
    other: str
    same_recipe: bool
    difference: Difference
    per_class: tuple[Interval, ...]
    p_holm: float
    photos_needed: float

    @property
    def verdict(self) -> Verdict:
        """What may be said of the first."""
        return _verdict(self.difference.value, self.p_holm)


@dataclass(frozen=True)
class RecipePair:
    """Two recipes, each trained with several seeds. What is said holds for new seeds and new photos.

    Args:
        one: name of the first recipe.
        other: name of the second.
        difference: the mean mDice of the first's runs minus that of the second's.
        seeds_share: how much of the variance of the difference comes from the seeds, in [0, 1].
        p_holm: p corrected for all pairs of recipes.
        seeds_needed: about how many seeds of each would tell such a difference; infinite where photos are too few.
        photos_needed: about how many photos would do so, however many the seeds.
    """

    one: str
    other: str
    difference: Difference
    seeds_share: float
    p_holm: float
    seeds_needed: float
    photos_needed: float

    @property
    def verdict(self) -> Verdict:
        """What may be said of the first."""
        return _verdict(self.difference.value, self.p_holm)


def pairs_of(
    evaluations: Mapping[str, Evaluation], groups: Mapping[str, str], drawn: Mapping[str, Floats]
) -> list[Pair]:
    """Each run against each later one.

    Args:
        evaluations: by the runs' names, of the same photos.
        groups: the recipe of each run.
        drawn: of each run the Dice per class in each resample, as `dice_drawn` gives it.
    """
    named = list(itertools.combinations(evaluations, 2))
    found = [_pair(one, other, evaluations, groups[one] == groups[other], drawn) for one, other in named]
    corrected = holm([1.0 if math.isnan(pair.difference.p) else pair.difference.p for pair in found])
    return [replace(pair, p_holm=p) for pair, p in zip(found, corrected, strict=True)]


def recipe_pairs_of(
    evaluations: Mapping[str, Evaluation], recipes: Mapping[str, Sequence[str]], drawn: Mapping[str, Floats]
) -> list[RecipePair]:
    """Each recipe of at least three runs against each later one.

    Args:
        evaluations: by the runs' names, of the same photos.
        recipes: the runs of each recipe.
        drawn: as for `pairs_of`.
    """
    many = [name for name, runs in recipes.items() if len(runs) >= FEWEST_SEEDS]
    found = []
    for one, other in itertools.combinations(many, 2):
        scores = [np.array([evaluations[run].scores.mDice for run in recipes[name]]) for name in (one, other)]
        means = [np.mean([mean(drawn[run]) for run in recipes[name]], axis=0) for name in (one, other)]
        judged = next(iter(evaluations.values()))
        photos, groups = len(judged.counts), len(judged.independent)
        photo_se = float(np.nanstd(means[0] - means[1], ddof=1))
        pairs = math.comb(len(many), 2)
        found.append(recipe_pair(one, other, scores[0], scores[1], photo_se, photos, groups=groups, pairs=pairs))
    corrected = holm([pair.difference.p for pair in found])
    return [replace(pair, p_holm=p) for pair, p in zip(found, corrected, strict=True)]


def dice_drawn(evaluation: Evaluation, *, resamples: int = RESAMPLES, seed: int = 0) -> Floats:
    """`(R, C)`, the Dice of each class in each resample of the photos; paired between runs of equal seed."""
    weights = resample_weights(len(evaluation.independent), resamples=resamples, seed=seed)
    return bootstrap(evaluation.independent, dice, weights)


def recipe_pair(
    one: str,
    other: str,
    scores: Floats,
    others: Floats,
    photo_se: float,
    photos: int,
    *,
    groups: int | None = None,
    pairs: int = 1,
) -> RecipePair:
    """Two recipes from the scores of their runs.

    The difference of the means has three sources of chance: the seeds of either recipe, and the photos. Each enters
    with its own Student quantile, so that the half-width is

        sqrt(t_{a-1}^2 s_A^2 / a + t_{b-1}^2 s_B^2 / b + t_{N-1}^2 se_photos^2)

    with `s` the standard deviation over the `a` and `b` runs and `se_photos` from the bootstrap over the N photos, or
    over their N groups.
    Such an interval never covers less than it says (Banerjee, "Approximate confidence interval for linear functions
    of means of k populations when the population variances are not equal", Sankhya 22, 1960). Resampling three seeds
    would: three that are drawn from three scatter by a third less than the seeds do.

    Args:
        one: name of the first recipe.
        other: name of the second.
        scores: `(a,)`, of the first's runs on all photos, at least two.
        others: `(b,)`, of the second's.
        photo_se: standard error of the difference of the means over photos.
        photos: how many they are.
        groups: how many independent groups they come in; None where each stands alone.
        pairs: how many pairs of recipes are tested together.

    Returns:
        The pair, `p_holm` being that of one pair alone.
    """
    groups = photos if groups is None else groups
    value = float(scores.mean() - others.mean())
    variances = np.array([scores.var(ddof=1) / len(scores), others.var(ddof=1) / len(others), photo_se**2])
    freedom = np.array([len(scores) - 1, len(others) - 1, max(1, groups - 1)])
    half = _half_width(LEVEL, variances, freedom)
    p = _p(value, variances, freedom)
    whole = float(variances.sum())
    spread = float(scores.var(ddof=1) + others.var(ddof=1))
    return RecipePair(
        one,
        other,
        Difference(value, value - half, value + half, math.sqrt(whole), p),
        seeds_share=float(variances[:2].sum()) / whole if whole else 0.0,
        p_holm=p,
        seeds_needed=_seeds_needed(value, spread, photo_se, groups, LEVEL / pairs),
        photos_needed=photos_needed(value, photo_se, photos, pairs=pairs),
    )


def _pair(one: str, other: str, evaluations: Mapping[str, Evaluation], same: bool, drawn: Mapping[str, Floats]) -> Pair:
    first, second = evaluations[one], evaluations[other]
    groups = len(first.independent)
    apart = mean(drawn[one]) - mean(drawn[other])
    value, se = first.scores.mDice - second.scores.mDice, float(np.nanstd(apart, ddof=1))
    pairs = math.comb(len(evaluations), 2)
    arrangements = max(RESAMPLES, ARRANGEMENTS_PER_PAIR * pairs)
    p = permutation_p(first.independent, second.independent, SUMMARIES["mDice"], resamples=arrangements)
    by_class = zip(first.scores.dice - second.scores.dice, (drawn[one] - drawn[other]).T, strict=True)
    return Pair(
        one,
        other,
        same,
        Difference(value, *interval(value, apart, groups), se, p),
        tuple((float(each), *interval(each, column, groups)) for each, column in by_class),
        p,
        photos_needed(value, se, len(first.counts), pairs=pairs),
    )


def _verdict(value: float, p: float) -> Verdict:
    if not p < LEVEL or value == 0:
        return "undecided"
    return "better" if value > 0 else "worse"


def _seeds_needed(value: float, spread: float, photo_se: float, groups: int, level: float) -> float:
    """The fewest seeds of each with which the difference would be seen four times out of five."""
    seeds = np.arange(FEWEST_SEEDS, MOST_SEEDS + 1)
    by_seeds, by_photos = spread / seeds, photo_se**2
    half = np.sqrt(
        stdtrit(seeds - 1, level / 2) ** 2 * by_seeds + stdtrit(max(1, groups - 1), level / 2) ** 2 * by_photos
    )
    enough = seeds[half + ndtri(POWER) * np.sqrt(by_seeds + by_photos) <= abs(value)]
    return float(enough[0]) if len(enough) else math.inf


def _half_width(level: float, variances: Floats, freedom: Floats) -> float:
    return math.sqrt(float(np.sum(stdtrit(freedom, level / 2) ** 2 * variances)))


def _p(value: float, variances: Floats, freedom: Floats) -> float:
    """The level at which the interval just ends at nothing."""
    lowest, highest = 1e-12, 1 - 1e-9
    if not abs(value) > _half_width(highest, variances, freedom):
        return 1.0
    if abs(value) >= _half_width(lowest, variances, freedom):
        return lowest
    return float(brentq(lambda level: _half_width(level, variances, freedom) - abs(value), lowest, highest))
