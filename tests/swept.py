"""A sweep as it lies in memory, made in a moment: trials by a formula, finalists by counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from compared_runs import counts_of, judged_run
from maskwright.evaluation.compare import compare
from maskwright.experiments.space import Choice, Range, Space
from maskwright.experiments.study import Trial
from maskwright.experiments.sweeps import Sweep, SweepPlan, finalist_folder, ranked

SPACE = Space(
    {
        "lr": Range(1e-5, 1e-2, log=True),
        "model": Choice(("segformer-b0", "mlp-mobilenetv2")),
        "weight_decay": Range(0.0, 0.1),
    },
    {"iterations": 2000},
)


def trials_of(count: int, *, effect: float = 0.25, scatter: float = 0.01, pruned: bool = False) -> tuple[Trial, ...]:
    """Trials at random: best at lr 1e-3, where `effect` is what the ends of the range lose; the rest is scatter."""
    rng = np.random.default_rng(5)
    made = []
    for number in range(count):
        lr = float(10 ** rng.uniform(-5, -2))
        settings = {
            "lr": lr,
            "model": SPACE.searched["model"].values()[int(rng.integers(2))],
            "weight_decay": float(rng.uniform(0, 0.1)),
        }
        value = 0.85 - effect * ((np.log10(lr) + 3) / 2) ** 2 + float(rng.normal(0, scatter))
        course = tuple((percent, value - 0.2 * (1 - percent / 100) ** 2) for percent in (11, 22, 33, 50, 75, 100))
        trial = Trial(number, settings, "complete", value, course, 300.0)
        if pruned and value < 0.83 and number:
            trial = replace(trial, state="pruned", value=None, course=course[:3], seconds=100.0)
        made.append(trial)
    return tuple(made)


def swept(folder: Path, trials: Sequence[Trial], *, seeds: int = 3, finalists: int = 3, luck: float = 0.01) -> Sweep:
    """A sweep whose best trials were trained again."""
    plan = SweepPlan({"train": "t1", "val": "d1"}, pruner="asha", workers=2, seeds=seeds, finalists=finalists)
    again = {}
    for place, trial in enumerate(ranked(tuple(trials))[:finalists]):
        again[trial.number] = tuple(
            judged_run(
                finalist_folder(folder, trial.number, seed),
                counts_of(0.72 - 0.01 * place, 10 * place + seed, luck=luck),
                settings={**trial.settings, "seed": seed},
            )
            for seed in range(1, seeds + 1)
        )
    runs = [run for each in again.values() for run in each]
    return Sweep(folder, plan, SPACE, tuple(trials), again, compare(runs) if len(runs) > 1 else None, 5400.0)
