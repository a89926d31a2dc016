"""How many trials ASHA trains to their end, as JSON: only these can be trained again.

    python benchmarks/sweep_finalists.py [SWEEPS]      # default: 200; needs pip install 'maskwright[optuna]'

Trials two at a time whose scores keep their order throughout, without scatter. Nothing is trained: the study is told
a validation at each tenth of a training, as a sweep does, but in memory.
"""

from __future__ import annotations

import json
import sys
from functools import partial

import numpy as np

from maskwright.errors import UsageError
from maskwright.experiments.study import FIRST_RUNG_PERCENT, REDUCTION, check_optuna

SWEEPS, SIZES, WORKERS, WANTED = 200, (6, 12, 20, 30, 45, 60, 90), 2, 3


def main() -> None:
    """Print how many trials are complete, and how often they suffice for the finalists."""
    try:
        check_optuna()
    except UsageError as missing:
        print(json.dumps({"left_out": str(missing)}))
        return
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sweeps = int(sys.argv[1]) if len(sys.argv) > 1 else SWEEPS
    pruners = {
        "asha": partial(
            optuna.pruners.SuccessiveHalvingPruner, min_resource=FIRST_RUNG_PERCENT, reduction_factor=REDUCTION
        ),
        "hyperband": partial(
            optuna.pruners.HyperbandPruner,
            min_resource=FIRST_RUNG_PERCENT,
            max_resource=100,
            reduction_factor=REDUCTION,
        ),
    }
    found = {name: {str(size): _told(make, size, sweeps) for size in SIZES} for name, make in pruners.items()}
    print(json.dumps({"sweeps": sweeps, "workers": WORKERS, "finalists_wanted": WANTED, "found": found}, indent=1))


def _told(make_pruner: partial[object], size: int, sweeps: int) -> dict[str, float]:
    counts = np.array([_complete(make_pruner, size, seed) for seed in range(sweeps)])
    return {"median_complete": float(np.median(counts)), "share_with_enough": float((counts >= WANTED).mean())}


def _complete(make_pruner: partial[object], size: int, seed: int) -> int:
    """How many of so many trials reach their end."""
    import optuna

    study = optuna.create_study(
        direction="maximize",
        pruner=make_pruner(),  # type: ignore[arg-type]
        study_name=str(seed),
        sampler=optuna.samplers.RandomSampler(seed=seed),
    )
    scores = np.random.default_rng(seed).uniform(0.6, 0.9, size)
    running: dict[int, tuple[optuna.Trial, int]] = {}
    begun = complete = 0
    while begun < size or running:
        while begun < size and len(running) < WORKERS:
            running[begun] = study.ask(), 0
            begun += 1
        for number, (trial, percent) in list(running.items()):
            trial.report(float(scores[number]) * (percent + 10) / 100, percent + 10)
            running[number] = trial, percent + 10
            if percent + 10 < 100 and not trial.should_prune():
                continue
            del running[number]
            complete += percent + 10 == 100
            state = "COMPLETE" if percent + 10 == 100 else "PRUNED"
            study.tell(trial, float(scores[number]) if percent + 10 == 100 else None,
                       state=optuna.trial.TrialState[state])  # fmt: skip
    return complete


if __name__ == "__main__":
    main()
