from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom

from maskwright.errors import UsageError
from maskwright.evaluation.resampling import (
    bootstrap,
    by_group,
    difference,
    interval,
    median_intervals,
    permutation_p,
    photos_needed,
    resample_weights,
    score_intervals,
)
from maskwright.metrics.scores import CLASS_SCORES, PER_CLASS, SUMMARIES, SUMMARY, dice, scores

M_DICE = SUMMARIES["mDice"]


def photos(count: int, quality: float, seed: int, classes: int = 3) -> np.ndarray:
    """Counts of photos with one object each, of which a share is found that varies around `quality`."""
    rng, labels = np.random.default_rng(seed), np.random.default_rng(99)
    counts = np.zeros((count, classes, classes), np.int64)
    for photo in counts:
        label, size = int(labels.integers(1, classes)), int(labels.integers(200, 4000))
        found = int(size * rng.beta(20 * quality, 20 * (1 - quality)))
        photo[label, label], photo[label, 0] = found, size - found
        photo[0, label] = rng.integers(0, 200)
        photo[0, 0] = 10_000 - size - photo[0, label]
    return counts


def test_weights_are_draws_with_replacement() -> None:
    weights = resample_weights(50, resamples=2000, seed=3)
    assert weights.shape == (2000, 50) and (weights.sum(axis=1) == 50).all()
    np.testing.assert_array_equal(weights, resample_weights(50, resamples=2000, seed=3))
    assert (weights != resample_weights(50, resamples=2000, seed=4)).any()
    shares = np.bincount(weights.ravel(), minlength=5)[:5] / weights.size
    np.testing.assert_allclose(shares, binom.pmf(range(5), 50, 1 / 50), atol=0.005)


def test_a_resample_scores_what_its_photos_score_together() -> None:
    counts = photos(30, 0.8, seed=1)
    weights = resample_weights(30, resamples=20)
    drawn = bootstrap(counts, M_DICE, weights)
    again = [scores(np.repeat(counts, row, axis=0)).mDice for row in weights]
    np.testing.assert_allclose(drawn, again, rtol=1e-12)
    per_class = bootstrap(counts, dice, weights)
    assert per_class.shape == (20, 3)
    np.testing.assert_allclose(per_class[7], scores(np.repeat(counts, weights[7], axis=0)).dice, rtol=1e-12)


def test_many_classes_are_summed_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    counts, weights = photos(40, 0.7, seed=2, classes=9), resample_weights(40, resamples=101)
    whole = bootstrap(counts, M_DICE, weights)
    monkeypatch.setattr("maskwright.evaluation.resampling._AT_ONCE", 1000)
    np.testing.assert_array_equal(bootstrap(counts, M_DICE, weights), whole)
    np.testing.assert_array_equal(resample_weights(40, resamples=101).sum(axis=1), 40)


@given(arrays(np.int64, (4, 3, 3), elements=st.integers(0, 500)))
def test_every_score_of_a_stack_is_that_of_each(stack: np.ndarray) -> None:
    for table in (SUMMARIES, CLASS_SCORES):
        for name, score in table.items():
            expected = [getattr(scores(counts), name) for counts in stack]
            np.testing.assert_array_equal(score(stack), expected, err_msg=name)


def test_a_clear_difference_is_seen_and_a_model_does_not_differ_from_itself() -> None:
    good, poor = photos(120, 0.9, seed=1), photos(120, 0.6, seed=2)
    found = difference(good, poor, M_DICE)
    assert found.value == pytest.approx(scores(good).mDice - scores(poor).mDice)
    assert 0 < found.low < found.value < found.high and found.p == pytest.approx(1 / 10_001)
    turned = difference(poor, good, M_DICE)
    assert (turned.value, turned.low, turned.high) == pytest.approx((-found.value, -found.high, -found.low), abs=1e-3)
    same = difference(good, good, M_DICE)
    assert same.value == same.low == same.high == same.se == 0 and same.p == 1


def test_what_is_common_to_both_does_not_widen_the_interval() -> None:
    one = photos(100, 0.8, seed=1)
    other = one.copy()
    other[:, 0, 1] += 20
    other[:, 0, 0] -= 20
    paired = difference(one, other, M_DICE)
    alone = np.std(bootstrap(one, M_DICE, resample_weights(100)))
    assert paired.se < alone / 5


def test_the_permutation_test_counts_all_arrangements_of_few_photos() -> None:
    one, other = photos(6, 0.9, seed=1), photos(6, 0.75, seed=2)
    observed = abs(M_DICE(one.sum(axis=0)) - M_DICE(other.sum(axis=0)))
    apart = []
    for swap in itertools.product((False, True), repeat=6):
        chosen = np.array(swap)[:, None, None]
        first, second = np.where(chosen, other, one).sum(axis=0), np.where(chosen, one, other).sum(axis=0)
        apart.append(abs(M_DICE(first) - M_DICE(second)) >= observed - 1e-12)
    assert permutation_p(one, other, M_DICE, resamples=20_000) == pytest.approx(np.mean(apart), abs=0.01)


def test_the_interval_is_that_of_student_and_wider_for_few_photos() -> None:
    drawn = np.random.default_rng(0).normal(size=100_000)
    few, many = interval(0.0, drawn, 8), interval(0.0, drawn, 8000)
    assert many == pytest.approx((-1.96, 1.96), abs=0.03)
    assert few == pytest.approx((-2.365, 2.365), abs=0.03)  # Student's quantile with 7 degrees of freedom
    assert interval(0.0, np.append(drawn, np.nan), 8000) == pytest.approx(many)
    assert all(map(math.isnan, interval(0.0, np.array([np.nan]), 10)))


def test_photos_needed_stand_two_point_eight_errors_out() -> None:
    assert photos_needed(0.028016, 0.01, 120) == pytest.approx(120, rel=1e-3)
    assert photos_needed(0.014008, 0.01, 120) == pytest.approx(480, rel=1e-3)
    assert photos_needed(0.0, 0.01, 120) == math.inf


def test_counts_of_other_photos_are_refused() -> None:
    with pytest.raises(UsageError, match=r"not judged on the same photos.*\n.*\n.*Evaluate both on the same split"):
        permutation_p(photos(5, 0.9, 1), photos(6, 0.9, 1), M_DICE)
    with pytest.raises(UsageError, match=r"other photos than the counts.*\n.*5 photos  found: 6\n.*resample_weights"):
        bootstrap(photos(5, 0.9, 1), M_DICE, resample_weights(6, resamples=3))


def test_a_class_that_a_resample_lacks_is_left_out_of_its_mean() -> None:
    counts = photos(10, 0.9, seed=1)
    counts[:, 2, :] = counts[:, :, 2] = 0
    counts[0, 2, 2] = 500
    drawn = bootstrap(counts, dice, resample_weights(10, resamples=200))
    assert np.isnan(drawn[:, 2]).any() and (drawn[~np.isnan(drawn[:, 2]), 2] == 1).all()
    assert not np.isnan(bootstrap(counts, M_DICE, resample_weights(10, resamples=200))).any()


def test_intervals_of_all_scores_hold_the_scores() -> None:
    counts = photos(40, 0.8, seed=3)
    ends, found = score_intervals(counts), scores(counts)
    assert list(ends) == [*SUMMARY, *PER_CLASS]
    for name in SUMMARY:
        assert ends[name][0] < getattr(found, name) < ends[name][1]
    np.testing.assert_array_equal(ends["dice"].shape, (3, 2))
    assert (ends["dice"][:, 0] < found.dice).all() and (found.dice < ends["dice"][:, 1]).all()
    alone = interval(found.mDice, bootstrap(counts, SUMMARIES["mDice"], resample_weights(40)), 40)
    np.testing.assert_allclose(ends["mDice"], alone)


def test_photos_of_a_group_are_drawn_and_swapped_together() -> None:
    one, other = photos(12, 0.9, seed=1), photos(12, 0.8, seed=2)
    groups = np.array(["b", "b", "a", "c", "c", "c", "d", "e", "f", "g", "h", "a"])
    sums = by_group(one, groups)
    np.testing.assert_array_equal(sums[0], one[2] + one[11])
    np.testing.assert_array_equal(sums[1], one[0] + one[1])
    assert len(sums) == 8 and sums.sum() == one.sum() and sums.dtype == np.int64
    assert by_group(one, np.arange(12)) is one  # nothing changes where each stands alone
    found = difference(sums, by_group(other, groups), M_DICE)
    assert found.value == difference(one, other, M_DICE).value


def test_copies_of_each_photo_tell_no_more_than_the_photos() -> None:
    one, other = photos(40, 0.85, seed=1), photos(40, 0.8, seed=2)
    copied, groups = [np.repeat(each, 6, axis=0) for each in (one, other)], np.repeat(np.arange(40), 6)
    alone, together = difference(one, other, M_DICE), difference(*(by_group(each, groups) for each in copied), M_DICE)
    assert (together.low, together.high, together.p) == pytest.approx((alone.low, alone.high, alone.p))
    fooled = difference(*copied, M_DICE)
    assert fooled.high - fooled.low < 0.5 * (alone.high - alone.low) and fooled.p < alone.p


def test_the_interval_of_a_median_is_that_of_the_medians_of_the_resamples() -> None:
    rng = np.random.default_rng(0)
    values = np.stack([rng.exponential(size=41), np.full(41, np.nan)], axis=1)
    values[::4, 0] = np.nan
    ends = median_intervals(values, np.arange(41))
    drawn = [np.nanmedian(np.repeat(values[:, 0], row)) for row in resample_weights(41)]
    expected = interval(float(np.nanmedian(values[:, 0])), np.array(drawn), 30)
    np.testing.assert_allclose(ends[0], expected, rtol=0.06)  # of an even number the lower middle is taken
    assert np.isnan(ends[1]).all()
    few = median_intervals(values[:, :1], np.arange(41) // 11)
    assert np.isnan(few).all(), "four groups say nothing of others"


def test_a_class_that_is_nowhere_has_no_interval() -> None:
    counts = np.zeros((20, 3, 3), np.int64)
    counts[:, 0, 0], counts[:, 1, 1] = 10, np.arange(20)
    assert np.isnan(score_intervals(counts)["dice"][2]).all()
