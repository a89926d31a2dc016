"""How much each setting of a sweep matters, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.experiments.space import Choice, Range, Space
from maskwright.experiments.study import Trial
from maskwright.metrics.holm import holm

PERMUTATIONS = 4999
LEVEL = 0.05
"""Below it a setting counts as mattering: where none does, one sweep in twenty says that some do."""


@dataclass(frozen=True)
class Importance:
    """How much one setting matters.

    Args:
        name: of the setting.
        share: of the variance between the trials that it explains by itself beyond what a setting without any effect
            would, in [0, 1].
        p: how often a setting without any effect would explain as much.
        p_holm: the same, corrected for all settings together (Holm 1979).
        spread: how far its best value lies above its worst one, as a fraction, by the fitted curve.
        best: the tried value that the curve puts first.
        curve: (value, fitted score) of each value that was tried, in order of the values.
    """

    name: str
    share: float
    p: float
    p_holm: float
    spread: float
    best: Any
    curve: tuple[tuple[Any, float], ...] = ()

    @property
    def matters(self) -> bool:
        """Whether it explains more than chance would."""
        return self.p_holm < LEVEL


def judged_percent(trials: Sequence[Trial]) -> int:
    """The percent of a training at which trials are compared: what the first pruned one reached, else 100."""
    pruned = [trial.course[-1][0] for trial in trials if trial.state == "pruned" and trial.course]
    return min(pruned, default=100)


def judged(trials: Sequence[Trial]) -> list[tuple[Trial, float]]:
    """The trials that can be compared, each with its score at `judged_percent`."""
    percent = judged_percent(trials)
    if percent == 100:
        return [(each, each.value) for each in trials if each.state == "complete" and each.value is not None]
    found = [(each, each.value_at(percent)) for each in trials if each.state in ("complete", "pruned")]
    return [(trial, value) for trial, value in found if value is not None]


def importances(trials: Sequence[Trial], space: Space, *, seed: int = 0) -> tuple[Importance, ...]:
    """How much each setting matters by itself, the one that explains most first.

    A parabola (over the logarithm, where the range is logarithmic) or the means of the values are fitted to the
    trials' scores. The share of the variance is `R2` adjusted for the `k` numbers that were fitted to `n` trials
    (Ezekiel 1930): `1 - (1 - R2) (n - 1) / (n - 1 - k)`. The chance comes from the same fit to scores that were
    exchanged at random between the trials, 4999 times (Fisher 1935). What two settings do only together is not seen.

    Args:
        trials: of a sweep.
        space: what was tried.
        seed: seed of the exchanges.

    Returns:
        Those settings whose effect can be fitted: with more trials than numbers to fit, and two values or more.
    """
    compared = judged(trials)
    scores = np.array([value for _, value in compared])
    if len(scores) < 2 or not np.ptp(scores):
        return ()
    rng = np.random.default_rng(seed)
    centred = scores - scores.mean()
    exchanged = rng.permuted(np.tile(centred, (PERMUTATIONS, 1)), axis=1)
    total = float(centred @ centred)
    found = []
    for name, each in space.searched.items():
        values = [trial.settings[name] for trial, _ in compared]
        basis = _basis(values, each)
        count = basis.shape[1]
        if not count or len(scores) - 1 - count < 1:
            continue
        weights = basis.T @ centred
        explained = float(weights @ weights) / total
        by_chance = ((exchanged @ basis) ** 2).sum(axis=1) / total
        p = (1 + int((by_chance >= explained * (1 - 1e-9)).sum())) / (PERMUTATIONS + 1)
        adjusted = 1 - (1 - explained) * (len(scores) - 1) / (len(scores) - 1 - count)
        fitted = basis @ weights
        best = values[int(fitted.argmax())]
        curve = _curve(values, fitted + scores.mean(), each)
        found.append(Importance(name, max(0.0, adjusted), p, p, float(np.ptp(fitted)), best, curve))
    corrected = holm([entry.p for entry in found])
    entries = [replace(entry, p_holm=p_holm) for entry, p_holm in zip(found, corrected, strict=True)]
    return tuple(sorted(entries, key=lambda entry: (entry.p_holm, -entry.share)))


def place(value: Any, each: Range) -> float:
    """Where a value lies in its range, from 0 to 1."""
    low, high, value = np.log([each.low, each.high, value]) if each.log else (each.low, each.high, value)
    return float((value - low) / (high - low))


def _curve(values: Sequence[Any], fitted: NDArray[np.float64], each: Range | Choice) -> tuple[tuple[Any, float], ...]:
    """Each value that was tried with its fitted score."""
    pairs = {repr(value): (value, float(score)) for value, score in zip(values, fitted, strict=True)}
    if isinstance(each, Range):
        return tuple(sorted(pairs.values()))
    return tuple(pairs[repr(option)] for option in each.options if repr(option) in pairs)


def _basis(values: Sequence[Any], each: Range | Choice) -> NDArray[np.float64]:
    """`(n, k)`: orthonormal columns of what can be fitted to a setting, without a constant."""
    if isinstance(each, Range):
        x = np.array([place(value, each) for value in values]) - 0.5
        columns = [x, x**2][: len(set(values)) - 1]
    else:
        columns = [np.array([value == option for value in values], float) for option in each.options]
    if not columns:
        return np.zeros((len(values), 0))
    design = np.stack(columns, axis=1)
    left, sizes, _ = np.linalg.svd(design - design.mean(axis=0), full_matrices=False)
    return np.asarray(left[:, sizes > 1e-9 * max(sizes.max(), 1e-300)])


def pooled_sd(groups: Sequence[Sequence[float]]) -> float | None:
    """The standard deviation within groups, pooled over them; None where none has two values."""
    several = [each for each in groups if len(each) > 1]
    free = sum(len(each) - 1 for each in several)
    return float(np.sqrt(sum((len(each) - 1) * np.var(each, ddof=1) for each in several) / free)) if free else None
