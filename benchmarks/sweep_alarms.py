"""How often a sweep over settings without any effect says that one matters, as JSON.

    python benchmarks/sweep_alarms.py [SWEEPS]      # default: 200; needs pip install 'maskwright[optuna]'

Three settings, a score that is pure scatter, trials at random and by TPE. Nothing is trained: the study is asked and
told as a sweep does, but in memory.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np

from maskwright.errors import UsageError
from maskwright.experiments.importance import importances
from maskwright.experiments.space import Choice, Range, Space
from maskwright.experiments.study import Trial, check_optuna

SWEEPS, SIZES = 200, (12, 30)
SPACE = Space({"a": Range(0, 1), "b": Range(1e-4, 1, log=True), "c": Choice(("x", "y"))}, {})


def main() -> None:
    """Print the share of false alarms."""
    try:
        check_optuna()
    except UsageError as missing:
        print(json.dumps({"left_out": str(missing)}))
        return
    import optuna

    sweeps = int(sys.argv[1]) if len(sys.argv) > 1 else SWEEPS
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    samplers = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}
    found = {
        name: {
            str(count): sum(_alarm(sampler(seed=seed), count, seed) for seed in range(sweeps)) / sweeps
            for count in SIZES
        }
        for name, sampler in samplers.items()
    }
    print(json.dumps({"sweeps": sweeps, "share_with_an_alarm": found}, indent=1))


def _alarm(sampler: Any, count: int, seed: int) -> bool:
    import optuna

    study, rng, trials = optuna.create_study(sampler=sampler, direction="maximize"), np.random.default_rng(seed), []
    for number in range(count):
        asked = study.ask()
        settings = {
            "a": asked.suggest_float("a", 0, 1),
            "b": asked.suggest_float("b", 1e-4, 1, log=True),
            "c": asked.suggest_categorical("c", ["x", "y"]),
        }
        score = float(rng.normal())
        study.tell(asked, score)
        trials.append(Trial(number, settings, "complete", score))
    return any(entry.matters for entry in importances(trials, SPACE, seed=seed))


if __name__ == "__main__":
    main()
