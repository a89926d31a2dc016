"""A sweep: the folder in which many settings are tried, and what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

import yaml

from maskwright.errors import RunError, UsageError, nearest, shown
from maskwright.evaluation.comparison import Comparison
from maskwright.experiments.importance import Importance, importances, pooled_sd
from maskwright.experiments.space import Space
from maskwright.experiments.study import Pruner, Sampler, Trial
from maskwright.metrics.scores import SUMMARIES
from maskwright.storage import json_text, write_text

FILE, SPACE_FILE, RECIPE_FILE = "sweep.yaml", "space.yaml", "recipe.yaml"
FORMAT = 1
MAY_CHANGE = ("trials", "budget_s", "workers", "threads", "finalists", "seeds")
"""What --resume takes as it is given now: none of it changes what a trial is."""


@dataclass(frozen=True)
class SweepPlan:
    """How a sweep goes about it.

    Args:
        data: digests of "train" and "val".
        metric: the score that is searched for, of the validation whose weights are kept.
        sampler: see `Study`.
        pruner: see `Study`.
        settings: settings that are the same in all trials, by name.
        trial_budget_s: seconds of a trial; None where its length is given.
        trials: how many; None as many as the time allows, or as a grid has.
        budget_s: seconds for all of it, over all resumes; None is no limit.
        workers: trials at the same time.
        threads: threads of torch of each; None divides the cores.
        device: "auto", "cpu", "cuda" or "cuda:N".
        finalists: how many of the best are trained again.
        seeds: with how many seeds each.
        seed: of the draws and of all trials; the finalists take those that follow.
    """

    data: Mapping[str, str]
    metric: str = "mDice"
    sampler: Sampler = "tpe"
    pruner: Pruner = "none"
    settings: Mapping[str, Any] = field(default_factory=dict)
    trial_budget_s: float | None = None
    trials: int | None = None
    budget_s: float | None = None
    workers: int = 1
    threads: int | None = None
    device: str = "auto"
    finalists: int = 3
    seeds: int = 3
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Sweep:
    """What a sweep has found.

    Args:
        folder: where it lies.
        plan: how it went about it.
        space: what was tried.
        trials: in the order in which they were begun.
        finalists: by the number of a trial the run folders that trained its recipe again, each with another seed.
        comparison: of these runs; None where there are fewer than two.
        seconds: how long it was worked on.
    """

    folder: Path
    plan: SweepPlan
    space: Space
    trials: tuple[Trial, ...]
    finalists: Mapping[int, tuple[Path, ...]]
    comparison: Comparison | None
    seconds: float

    @property
    def best(self) -> Trial | None:
        """The complete trial with the best score."""
        return next(iter(ranked(self.trials)), None)

    @property
    def by_score(self) -> list[Trial]:
        """All trials, the best score first, those without one last."""
        return sorted(self.trials, key=lambda trial: (trial.value is None, -(trial.value or 0.0), trial.number))

    def importances(self) -> tuple[Importance, ...]:
        """How much each setting matters, the one that matters most first."""
        return importances(self.trials, self.space, seed=self.plan.seed)

    def scores_again(self) -> dict[int, tuple[float, ...]]:
        """By the number of a trial the scores of its recipe with each new seed, the best mean first."""
        if self.comparison is None:
            return {}
        scores = {run.folder: run.evaluation.scores.summary()[self.plan.metric] for run in self.comparison.runs}
        again = {number: tuple(scores[run] for run in runs) for number, runs in self.finalists.items() if runs}
        return dict(sorted(again.items(), key=lambda entry: -mean(entry[1])))

    @property
    def noise(self) -> float | None:
        """How far one recipe scatters from seed to seed: a standard deviation; None where that was not measured."""
        return pooled_sd(list(self.scores_again().values()))

    def to_json(self) -> dict[str, Any]:
        """The sweep as `maskwright sweep --json` prints it: scores as fractions in [0, 1]."""
        best = self.best
        return {
            "folder": str(self.folder),
            "metric": self.plan.metric,
            "seconds": self.seconds,
            "trials": [asdict(trial) for trial in self.trials],
            "best": None if best is None else best.number,
            "importances": [asdict(each) for each in self.importances()],
            "finalists": {number: [str(run) for run in runs] for number, runs in self.finalists.items()},
            "scores_again": self.scores_again(),
            "noise": self.noise,
            "comparison": None if self.comparison is None else self.comparison.to_json(),
        }


def trial_folder(sweep: Path, number: int) -> Path:
    """The run folder of a trial."""
    return sweep / "trials" / f"{number:04}"


def finalist_folder(sweep: Path, number: int, seed: int) -> Path:
    """The run folder of a finalist."""
    return sweep / "finalists" / f"{number:04}-seed{seed}"


def ranked(trials: tuple[Trial, ...]) -> list[Trial]:
    """The complete trials, the best first, each setting of settings once."""
    best: dict[str, Trial] = {}
    for trial in sorted(trials, key=lambda each: -(each.value or 0.0)):
        if trial.state == "complete":
            best.setdefault(repr(trial.settings), trial)
    return list(best.values())


def check_plan(plan: SweepPlan) -> None:
    """Refuse a plan that cannot be meant.

    Raises:
        UsageError: the score is not known.
    """
    if plan.metric not in SUMMARIES:
        raise UsageError(f"--metric {plan.metric}: no such score.", do=nearest(plan.metric, tuple(SUMMARIES)))


def write_plan(plan: SweepPlan, folder: Path) -> None:
    """Write `sweep.yaml`."""
    write_text(folder / FILE, yaml.safe_dump({"format": FORMAT, **asdict(plan)}, sort_keys=False, allow_unicode=True))


def read_plan(folder: Path) -> SweepPlan:
    """Read `sweep.yaml`.

    Raises:
        RunError: there is none, or it is of another format version.
    """
    path = folder / FILE
    try:
        about = yaml.safe_load(path.read_text(encoding="utf-8"))
        version = about.pop("format", None)
    except (OSError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise RunError(
            f"{shown(folder)}: not the folder of a sweep.",
            expected=f"a folder with a {FILE}",
            found=" ".join(str(error).split())[:200] if folder.is_dir() else "no such folder",
            do="Give the folder that -o named.",
        ) from None
    if version != FORMAT:
        raise RunError(
            f"{shown(path)}: this format version is not known here.",
            expected=f"format {FORMAT}",
            found=f"format {version}",
            do="Use a newer Maskwright: pip install -U maskwright",
        )
    return SweepPlan(**about)


def refuse_other_plan(was: SweepPlan, now: SweepPlan, *, files: Mapping[str, bool]) -> None:
    """Refuse to go on with a sweep in another way: its trials could not be compared.

    Args:
        was: how it was begun.
        now: how it is to go on.
        files: by its option, whether a file says the same as before.

    Raises:
        UsageError: something else was given.
    """
    one, two = asdict(was), asdict(now)
    names = [
        name.removesuffix("_s")
        for name in one
        if name not in MAY_CHANGE and json_text(one[name]) != json_text(two[name])
    ]
    names += [name for name, same in files.items() if not same]
    if not names:
        return
    raise UsageError(
        f"--resume goes on with a sweep as it was begun; changed: {', '.join(names)}.",
        do=f"Give what {FILE} says, or begin another sweep: -o OUT. "
        "--trials, --budget, --workers, --threads, --finalists and --seeds may change.",
    )
