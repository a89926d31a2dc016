"""Which settings matter: what is planted is found, and what is not there is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maskwright.experiments.importance import importances, judged_percent, pooled_sd
from maskwright.experiments.space import Choice, Range, Space
from maskwright.experiments.study import Trial
from swept import SPACE, trials_of


def test_a_planted_effect_is_found_and_nothing_else() -> None:
    lr, *others = importances(trials_of(24), SPACE)
    assert lr.name == "lr" and lr.matters and lr.share > 0.9
    assert 3e-4 < lr.best < 3e-3 and lr.spread == pytest.approx(0.25, abs=0.06)
    assert [value for value, _ in lr.curve] == sorted(value for value, _ in lr.curve)
    assert not any(entry.matters for entry in others)


def test_a_choice_is_told_by_its_means() -> None:
    space = Space({"model": Choice(("a", "b", "c"))}, {})
    scores = {"a": (0.5, 0.52), "b": (0.7, 0.72), "c": (0.6, 0.62)}
    trials = [
        Trial(number, {"model": name}, "complete", value)
        for number, (name, value) in enumerate((name, value) for name, values in scores.items() for value in values)
    ]
    (entry,) = importances(trials, space)
    assert entry.best == "b" and dict(entry.curve) == pytest.approx({"a": 0.51, "b": 0.71, "c": 0.61})
    explained = 1 - 6 * 0.01**2 / sum((value - 0.61) ** 2 for values in scores.values() for value in values)
    assert entry.share == pytest.approx(1 - (1 - explained) * 5 / 3)
    assert entry.spread == pytest.approx(0.2)
    # Of the 90 ways to deal three pairs out to three names, 6 explain as much.
    assert entry.p == pytest.approx(6 / 90, abs=0.012)


def test_settings_without_effect_are_called_mattering_one_time_in_twenty() -> None:
    rng = np.random.default_rng(0)
    space = Space({name: Range(0, 1) for name in "abc"}, {})
    alarms = 0
    for _ in range(100):
        trials = [
            Trial(number, dict(zip("abc", rng.uniform(size=3).tolist(), strict=True)), "complete", float(rng.normal()))
            for number in range(12)
        ]
        alarms += any(entry.matters for entry in importances(trials, space))
    assert alarms <= 11  # 5 are expected, and more than 11 come in one of 100 such tests


def test_pruned_trials_are_compared_where_all_have_come() -> None:
    trials = trials_of(24, pruned=True)
    assert judged_percent(trials) == 33
    assert importances(trials, SPACE)[0].name == "lr" and importances(trials, SPACE)[0].matters
    stopped = replace(trials[0], state="stopped", value=None, course=((11, 0.1),))
    assert judged_percent((stopped, *trials[1:])) == 33


def test_where_too_little_is_known_nothing_is_said() -> None:
    assert importances((), SPACE) == ()
    assert importances(trials_of(3), SPACE)[0].name == "model"  # a parabola has no room in three trials
    same = [replace(trial, value=0.5) for trial in trials_of(8)]
    assert importances(same, SPACE) == ()
    one = [replace(trial, settings={**trial.settings, "model": "segformer-b0"}) for trial in trials_of(8)]
    assert {entry.name for entry in importances(one, SPACE)} == {"lr", "weight_decay"}


def test_the_scatter_of_seeds_is_pooled() -> None:
    assert pooled_sd([(1.0, 3.0), (5.0, 5.0, 5.0), (9.0,)]) == pytest.approx((2 / 3) ** 0.5)
    assert pooled_sd([(1.0,), (2.0,)]) is None
