from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import ttest_ind

from compared_runs import counts_of, evaluation_of
from maskwright.evaluation.evaluate import Evaluation
from maskwright.evaluation.verdicts import dice_drawn, pairs_of, recipe_pair, recipe_pairs_of
from maskwright.metrics.scores import mean


def told(evaluations: dict[str, Evaluation], groups: dict[str, str]) -> list:
    drawn = {name: dice_drawn(each, resamples=2000) for name, each in evaluations.items()}
    return pairs_of(evaluations, groups, drawn)


def test_a_better_model_is_called_better_and_the_order_turns_the_verdict() -> None:
    good, poor = evaluation_of(counts_of(0.9, 1)), evaluation_of(counts_of(0.6, 2))
    (pair,) = told({"good": good, "poor": poor}, {"good": "A", "poor": "B"})
    assert pair.verdict == "better" and not pair.same_recipe
    assert pair.difference.value == pytest.approx(good.scores.mDice - poor.scores.mDice)
    assert pair.difference.low > 0 and pair.p_holm == pair.difference.p < 0.001
    for (value, low, high), one, other in zip(pair.per_class, good.scores.dice, poor.scores.dice, strict=True):
        assert value == pytest.approx(one - other) and low < value < high
    (turned,) = told({"poor": poor, "good": good}, {"good": "A", "poor": "B"})
    assert turned.verdict == "worse"


def test_equal_models_are_not_distinguishable_and_more_photos_are_named() -> None:
    evaluations = {name: evaluation_of(counts_of(0.8, seed)) for name, seed in (("a", 3), ("b", 4))}
    (pair,) = told(evaluations, {"a": "A", "b": "A"})
    assert pair.verdict == "undecided" and pair.same_recipe
    expected = 60 * (2.8015853 * pair.difference.se / pair.difference.value) ** 2
    assert pair.photos_needed == pytest.approx(expected, rel=1e-5)
    same = evaluations["a"]
    (pair,) = told({"a": same, "b": same}, {"a": "A", "b": "A"})
    assert pair.verdict == "undecided" and pair.photos_needed == math.inf and pair.difference.p == 1


def test_many_pairs_are_corrected_together() -> None:
    evaluations = {str(seed): evaluation_of(counts_of(0.8, seed)) for seed in range(6)}
    pairs = told(evaluations, dict.fromkeys(evaluations, "A"))
    assert len(pairs) == 15
    assert all(pair.p_holm >= pair.difference.p for pair in pairs)
    smallest = min(pairs, key=lambda pair: pair.difference.p)
    assert smallest.p_holm == pytest.approx(min(1, 15 * smallest.difference.p))


def test_many_pairs_leave_the_smallest_p_room_for_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskwright.evaluation.verdicts.RESAMPLES", 20)
    evaluations = {str(seed): evaluation_of(counts_of(0.8, seed, photos=24)) for seed in range(3)}
    evaluations["poor"] = evaluation_of(counts_of(0.1, 50, photos=24))
    drawn = {name: dice_drawn(each, resamples=100) for name, each in evaluations.items()}
    pairs = pairs_of(evaluations, dict.fromkeys(evaluations, "A"), drawn)
    assert all(pair.verdict == "better" for pair in pairs if pair.other == "poor")


def test_without_photo_noise_and_with_equal_seeds_the_interval_is_wider_than_students() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(0.8, 0.01, 4), rng.normal(0.83, 0.01, 4)
    pair = recipe_pair("A", "B", one, other, 0.0, 100)
    theirs = ttest_ind(one, other, equal_var=False)
    assert pair.difference.p > theirs.pvalue
    half = 3.182446 * math.sqrt(one.var(ddof=1) / 4 + other.var(ddof=1) / 4)
    assert pair.difference.high - pair.difference.value == pytest.approx(half, rel=1e-5)
    assert pair.seeds_share == 1


def test_p_is_the_level_at_which_the_interval_ends_at_nothing() -> None:
    scores = np.array([0.80, 0.82, 0.81])
    others = np.array([0.77, 0.79, 0.76])
    for photo_se in (0.0, 0.004, 0.02):
        pair = recipe_pair("A", "B", scores, others, photo_se, 120)
        ends_beyond = pair.difference.low > 0 or pair.difference.high < 0
        assert (pair.difference.p < 0.05) == ends_beyond
    assert recipe_pair("A", "B", scores, scores, 0.01, 120).difference.p == 1
    assert recipe_pair("A", "B", scores, scores - 0.5, 0.0, 120).difference.p < 1e-3


def test_what_is_needed_follows_the_larger_source_of_chance() -> None:
    scores, others = np.array([0.80, 0.82, 0.81]), np.array([0.80, 0.80, 0.79])
    by_seeds = recipe_pair("A", "B", scores, others, 0.001, 120)
    assert by_seeds.verdict == "undecided" and 4 <= by_seeds.seeds_needed <= 12
    mean_of, spread = by_seeds.difference.value, np.array([scores.std(ddof=1), others.std(ddof=1)])
    seen = _share_seen(mean_of, spread, int(by_seeds.seeds_needed))
    assert 0.7 < seen < 0.97  # meant is four times out of five
    assert recipe_pair("A", "B", scores, others, 0.001, 120, pairs=10).seeds_needed > by_seeds.seeds_needed
    by_photos = recipe_pair("A", "B", scores, others, 0.02, 120)
    assert by_photos.seeds_needed == math.inf and by_photos.photos_needed > 120


def _share_seen(difference: float, spread: np.ndarray, seeds: int) -> float:
    rng = np.random.default_rng(3)
    seen = 0
    for _ in range(300):
        one, other = rng.normal(difference, spread[0], seeds), rng.normal(0, spread[1], seeds)
        seen += recipe_pair("A", "B", one, other, 0.001, 120).verdict == "better"
    return seen / 300


def test_three_seeds_of_each_are_compared_as_recipes_and_two_are_not() -> None:
    evaluations = {f"a{seed}": evaluation_of(counts_of(0.9, seed, luck=0.01)) for seed in range(3)}
    evaluations |= {f"b{seed}": evaluation_of(counts_of(0.6, 10 + seed, luck=0.01)) for seed in range(3)}
    evaluations |= {f"c{seed}": evaluation_of(counts_of(0.5, 20 + seed)) for seed in range(2)}
    recipes = {letter: tuple(name for name in evaluations if name[0] == letter) for letter in "abc"}
    drawn = {name: dice_drawn(each, resamples=1000) for name, each in evaluations.items()}
    (pair,) = recipe_pairs_of(evaluations, recipes, drawn)
    assert (pair.one, pair.other, pair.verdict) == ("a", "b", "better")
    means = [np.mean([evaluations[run].scores.mDice for run in recipes[letter]]) for letter in "ab"]
    assert pair.difference.value == pytest.approx(means[0] - means[1])
    photo_var = np.var(
        np.mean([mean(drawn[run]) for run in recipes["a"]], 0) - np.mean([mean(drawn[run]) for run in recipes["b"]], 0),
        ddof=1,
    )
    seed_var = sum(np.var([evaluations[run].scores.mDice for run in recipes[letter]], ddof=1) / 3 for letter in "ab")
    assert pair.difference.se == pytest.approx(math.sqrt(photo_var + seed_var))


def test_seeds_of_one_recipe_raise_few_false_alarms() -> None:
    """The whole of it is in benchmarks/comparison_coverage.py; here normal seeds of unequal scatter."""
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(600):
        one, other, photos = rng.normal(0, 1, 3), rng.normal(0, 4, 3), rng.normal(0, 2)
        alarms += recipe_pair("A", "B", one + photos, other, 2.0, 120).difference.p < 0.05
    assert alarms / 600 < 0.05
