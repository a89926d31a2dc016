"""What chance does to a score and to the difference of two: the photos drawn anew, and the two models swapped.

Everything works on counts `(N, C, C)` of the same N photos, which are summed before a score is made of them, so that
what is resampled is the very number that is reported. Photos of one group (frames of a video, pictures of one patient)
say the same again: `by_group` sums them up first, and what is drawn and swapped are whole groups, one "photo" each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from maskwright.errors import UsageError
from maskwright.metrics.confusion import Counts
from maskwright.metrics.scores import CLASS_SCORES, SUMMARIES, Floats, ScoreOf

RESAMPLES = 10_000
"""The width of a 95 % interval then shakes by less than a hundredth from seed to seed."""
FEWEST_RESAMPLES = 1000
"""With less, an interval would say more of the draws than of the photos."""
FEWEST_PHOTOS = 5
"""With fewer photos the same few are drawn again and again, and an interval says nothing."""
CONFIDENCE = 0.95
LEVEL = 1 - CONFIDENCE
"""A difference is one where chance alone would do as much less often than this, over all that is tried together."""
POWER = 0.8
"""How often a difference is to be seen by as many photos as are said to be needed for it."""

Weights = NDArray[np.uint16]
"""`(R, N)`: how often each of N photos was drawn in each of R resamples."""

_AT_ONCE = 4_000_000
"""Numbers that a step holds: 32 MB of float64."""


@dataclass(frozen=True)
class Difference:
    """One score minus another on the same photos, as fractions.

    Args:
        value: the difference as measured; above 0 the first is better.
        low: lower end of the 95 % interval.
        high: upper end.
        se: standard error, the standard deviation over the resamples.
        p: how often chance alone gives a difference this large; two-sided.
    """

    value: float
    low: float
    high: float
    se: float
    p: float


def difference(one: Counts, other: Counts, score: ScoreOf, *, resamples: int = RESAMPLES, seed: int = 0) -> Difference:
    """How much better one model is than another on the same photos, and how sure that is.

    The interval is that of a paired bootstrap over photos, p that of a paired permutation test.

    Args:
        one: `(N, C, C)`, the counts of each photo.
        other: the other model's, of the same photos in the same order.
        score: of counts `(..., C, C)`, such as `maskwright.metrics.scores.SUMMARIES["mDice"]`; one number each.
        resamples: how many times the photos are drawn and the models swapped.
        seed: seed of both.

    Raises:
        UsageError: the counts are not of the same photos and classes.
    """
    weights = resample_weights(len(one), resamples=resamples, seed=seed)
    drawn = bootstrap(one, score, weights) - bootstrap(other, score, weights)
    value = float(score(one.sum(axis=0)) - score(other.sum(axis=0)))
    low, high = interval(value, drawn, len(one))
    p = permutation_p(one, other, score, resamples=resamples, seed=seed)
    return Difference(value, low, high, float(np.nanstd(drawn, ddof=1)), p)


def score_intervals(counts: Counts, *, seed: int = 0) -> dict[str, NDArray[np.float64]]:
    """The 95 % interval of every score over other photos like these.

    Args:
        counts: `(N, C, C)`, the counts of each photo.
        seed: seed of the draws.

    Returns:
        By name, `(2,)` lower and upper end of the summaries and `(C, 2)` of the scores of the classes; nan where a
        score is, and with fewer than five photos.
    """
    photos, classes = counts.shape[:2]
    resamples = affordable(photos, classes**2)
    summed = bootstrap(counts, np.asarray, resample_weights(photos, resamples=resamples, seed=seed))
    ends: dict[str, NDArray[np.float64]] = {}
    for name, score in {**SUMMARIES, **CLASS_SCORES}.items():
        drawn, found = np.atleast_2d(score(summed).T), np.atleast_1d(score(counts.sum(axis=0)))
        pairs = zip(found.tolist(), drawn, strict=True)
        each = np.array([fair_interval(*pair, photos) for pair in pairs]).clip(0, 1)
        ends[name] = each if name in CLASS_SCORES else each[0]
    return ends


def by_group(values: NDArray[Any], groups: NDArray[Any]) -> NDArray[Any]:
    """What photos have, summed over the groups that they come in.

    Resampled and swapped has to be what is independent: the cluster bootstrap (Field & Welsh, "Bootstrapping clustered
    data", JRSS B 69, 2007) draws whole groups, with all that is in them.

    Args:
        values: `(N, ...)` of each photo, something that may be added up.
        groups: `(N,)`, the group of each photo.

    Returns:
        `(G, ...)`, the groups in their order; `values` as they are where each photo stands alone.
    """
    names, places = np.unique(groups, return_inverse=True)
    if len(names) == len(values):
        return values
    sums = np.zeros((len(names), *values.shape[1:]), values.dtype)
    np.add.at(sums, places, values)
    return sums


def intervals(
    parts: NDArray[Any], score: ScoreOf, groups: NDArray[Any], *, there: NDArray[Any] | None = None, seed: int = 0
) -> Floats:
    """The 95 % interval of any scores that are made of sums over photos.

    Args:
        parts: `(N, ...)` of each photo, what is summed up.
        score: of sums `(..., *parts.shape[1:])` the K scores, `(..., K)`.
        groups: `(N,)`, the group of each photo.
        there: `(N, K)`, whether a photo has any part in a score; None where each has one in all.
        seed: seed of the draws.

    Returns:
        `(K, 2)`, lower and upper end; nan where fewer than five groups have a part in it.
    """
    own = by_group(parts, groups)
    weights = resample_weights(len(own), resamples=affordable(len(own), own[0].size), seed=seed)
    drawn, found = bootstrap(own, score, weights), score(parts.sum(axis=0))
    counts = np.full(len(found), len(own)) if there is None else (by_group(there.astype(int), groups) > 0).sum(axis=0)
    each = zip(found.tolist(), drawn.T, counts.tolist(), strict=True)
    return np.array([fair_interval(value, column, count) for value, column, count in each]).reshape(-1, 2)


def median_intervals(values: Floats, groups: NDArray[Any], *, seed: int = 0) -> Floats:
    """The 95 % interval of medians over photos.

    Args:
        values: `(N, K)`, nan where a photo has none.
        groups: `(N,)`, the group of each photo.
        seed: seed of the draws.

    Returns:
        `(K, 2)`, lower and upper end; nan where fewer than five groups have a value.
    """
    places = np.unique(groups, return_inverse=True)[1]
    drawn = resample_weights(int(places.max()) + 1, resamples=affordable(len(values), 1), seed=seed)
    ends = []
    for column in values.T:
        order = np.flatnonzero(~np.isnan(column))
        order = order[np.argsort(column[order], kind="stable")]
        if not len(order):
            ends.append((float("nan"), float("nan")))
            continue
        before = np.cumsum(drawn[:, places[order]], axis=1, dtype=np.int64)
        medians = column[order][(2 * before < before[:, -1:]).sum(axis=1).clip(0, len(order) - 1)]
        medians = np.where(before[:, -1] > 0, medians, np.nan)
        ends.append(fair_interval(float(np.median(column[order])), medians, len(np.unique(places[order]))))
    return np.array(ends).reshape(-1, 2)


def affordable(photos: int, numbers: int) -> int:
    """How many resamples of so many photos, with so many numbers each, take a moment: 10,000, of thousands fewer."""
    return min(RESAMPLES, max(FEWEST_RESAMPLES, _AT_ONCE * 4 // max(photos, numbers)))


def resample_weights(photos: int, *, resamples: int = RESAMPLES, seed: int = 0) -> Weights:
    """Draw as many photos as there are, with replacement, again and again (Efron 1979).

    Args:
        photos: `N`, at least 1.
        resamples: `R`.
        seed: seed of the draws; the same weights for all models make a comparison paired.

    Returns:
        `(R, N)`, how often each photo was drawn; each row sums to N.
    """
    rng = np.random.default_rng(seed)
    weights = np.empty((resamples, photos), np.uint16)
    step = max(1, _AT_ONCE // photos)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, photos, (rows, photos)) + photos * np.arange(rows)[:, None]
        weights[start : start + rows] = np.bincount(drawn.ravel(), minlength=rows * photos).reshape(rows, photos)
    return weights


def bootstrap(counts: Counts, score: ScoreOf, weights: NDArray[Any]) -> Floats:
    """A score in each resample: of the counts summed with the photos' weights, by one matrix product.

    Args:
        counts: `(N, C, C)`.
        score: of counts `(..., C, C)`.
        weights: `(R, N)` of `resample_weights`.

    Returns:
        `(R,)`, or `(R, C)` for a score per class; nan where a resample has no answer.

    Raises:
        UsageError: the weights are of another number of photos.
    """
    if weights.shape[1] != len(counts):
        raise UsageError(
            "The weights are of other photos than the counts.",
            expected=f"{len(counts)} photos",
            found=f"{weights.shape[1]}",
            do="Draw them with resample_weights(len(counts)).",
        )
    flat = counts.reshape(len(counts), -1).astype(np.float64)
    step = max(1, _AT_ONCE // (flat.shape[0] + flat.shape[1]))
    parts = [
        score((weights[start : start + step].astype(np.float64) @ flat).reshape(-1, *counts.shape[1:]))
        for start in range(0, len(weights), step)
    ]
    return np.concatenate(parts)


def interval(value: float, drawn: Floats, photos: int) -> tuple[float, float]:
    """The 95 % interval of what was measured: Student's quantile times the standard deviation of resamples either way.

    Percentiles of the resamples are too narrow here (89 instead of 95 % with 30 photos, BCa still less), since a few
    photos on which two models differ wildly make most of the difference: docs/compare.md. Student's interval with a
    bootstrap standard error is that of Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 12.

    Args:
        value: as measured, not as the resamples have it on the mean: their bias would count twice.
        drawn: `(R,)`, nan where a resample had no answer.
        photos: `N`.

    Returns:
        Its lower and its upper end.
    """
    there = drawn[~np.isnan(drawn)]
    if len(there) < 2 or value != value:
        return float("nan"), float("nan")
    half = -float(stdtrit(max(1, photos - 1), LEVEL / 2)) * float(there.std(ddof=1))
    return float(value) - half, float(value) + half


def fair_interval(value: float, drawn: Floats, photos: int) -> tuple[float, float]:
    """`interval`, or nan with fewer than five photos, which say nothing of others."""
    return (float("nan"), float("nan")) if photos < FEWEST_PHOTOS else interval(value, drawn, photos)


def permutation_p(one: Counts, other: Counts, score: ScoreOf, *, resamples: int = RESAMPLES, seed: int = 0) -> float:
    """How often two models of equal merit would differ as much as these: both swapped at random on each photo.

    The p-value of Fisher's paired permutation test by Monte Carlo, with the observed arrangement counted in, so that
    it is never 0 (Phipson & Smyth, "Permutation p-values should never be zero", 2010).

    Args:
        one: `(N, C, C)`.
        other: the same photos.
        score: of counts `(..., C, C)`; one number each.
        resamples: how many arrangements are drawn.
        seed: seed of the draws.

    Returns:
        In (0, 1], two-sided; nan where either has no score.

    Raises:
        UsageError: the counts are not of the same photos and classes.
    """
    _check_pair(one, other)
    total, gain = one.sum(axis=0), other - one
    both = total + other.sum(axis=0)
    observed = abs(float(score(total) - score(both - total)))
    if np.isnan(observed):
        return float("nan")
    swaps = np.random.default_rng(seed).integers(0, 2, (resamples, len(one)), dtype=np.uint8)
    apart = bootstrap(gain, lambda moved: np.abs(score(total + moved) - score(both - total - moved)), swaps)
    # As large up to rounding: two arrangements of the same sums may differ in the last bits.
    return float((1 + np.count_nonzero(apart >= observed - 1e-12)) / (1 + resamples))


def photos_needed(value: float, se: float, photos: int, *, pairs: int = 1) -> float:
    """How many photos would tell a difference from nothing, four times out of five.

    N ((z_0.975 + z_0.8) se / value)^2: the standard error falls with the root of the photos, and the difference has
    to stand out by 2.8 of it for a two-sided test at 5 % with a power of 80 % (Cohen 1988, chapter 2). With several
    pairs the 5 % are shared out among them.

    Args:
        value: the difference.
        se: its standard error on these photos.
        photos: how many they are, `N`.
        pairs: how many differences are tested together.

    Returns:
        A number of photos like these; infinite where there is no difference at all.
    """
    if value == 0:
        return float("inf")
    return float(photos * ((ndtri(1 - LEVEL / 2 / pairs) + ndtri(POWER)) * se / value) ** 2)


def _check_pair(one: Counts, other: Counts) -> None:
    if one.shape != other.shape:
        raise UsageError(
            "The two models were not judged on the same photos and classes.",
            expected=f"counts of shape {one.shape}",
            found=f"{other.shape}",
            do="Evaluate both on the same split of the same data.",
        )
