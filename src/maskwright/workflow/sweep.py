"""Trying many settings: trainings beside each other, the best of them again with other seeds, and a report."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from maskwright.cgroups import usable_cores
from maskwright.data.dataset import Dataset
from maskwright.data.reading import read
from maskwright.errors import Interrupted, RecipeError, RunError, shown
from maskwright.evaluation.compare import compare
from maskwright.evaluation.comparison import Comparison
from maskwright.experiments.driving import Work, search, train_again
from maskwright.experiments.space import Space, grid_points, read_space
from maskwright.experiments.study import FILE as STUDY_FILE
from maskwright.experiments.study import Pruner, Sampler, Study, check_optuna
from maskwright.experiments.sweeps import (
    FILE,
    RECIPE_FILE,
    SPACE_FILE,
    Sweep,
    SweepPlan,
    check_plan,
    read_plan,
    refuse_other_plan,
    write_plan,
)
from maskwright.experiments.trials import Job, Start
from maskwright.progress import OnProgress, silent
from maskwright.recipe.files import read_recipe, write_recipe
from maskwright.recipe.recipe import Recipe, make_recipe
from maskwright.reports.sweep_report import sweep_report
from maskwright.storage import alone, refuse_inside, refuse_occupied, write_bytes
from maskwright.workflow.plan import check_splits
from maskwright.workflow.sweep_checks import check_class_weights_of, check_trials
from maskwright.workflow.trial import start_process

LOCK_FILE = "sweep.lock"

TRIAL_BUDGET_S = 300.0
"""Seconds of a trial where nothing says how long one is."""
TRIALS = 20
"""Where neither their number nor the time is given."""


def sweep(
    data: Path | str,
    space: Path | str,
    out: Path | str,
    *,
    classes: Sequence[str] | None = None,
    recipe: Path | str | None = None,
    settings: Mapping[str, Any] | None = None,
    sampler: Sampler = "tpe",
    pruner: Pruner = "none",
    metric: str = "mDice",
    trials: int | None = None,
    budget_s: float | None = None,
    trial_budget_s: float | None = None,
    workers: int = 1,
    finalists: int = 3,
    seeds: int = 3,
    seed: int = 0,
    threads: int | None = None,
    device: str = "auto",
    strict: bool = False,
    allow_leak: bool = False,
    resume: bool = False,
    lang: str = "en",
    start: Start = start_process,
    on_progress: OnProgress = silent,
) -> Sweep:
    """Try settings, train the best ones again with other seeds, and say which settings matter.

    Args:
        data: a folder in any known layout.
        space: the file that says what is tried, see docs/sweep.md.
        out: the sweep's folder, new or empty; with `resume`, the sweep to go on with.
        classes: names of the classes where the folder does not tell them.
        recipe: a file with all other settings; None plans them for each trial.
        settings: settings by name that are the same in all trials.
        sampler: what is tried next: "grid", "random" or "tpe".
        pruner: which trials are stopped early: "none", "asha" or "hyperband".
        metric: the score that is searched for: mDice, mDice_foreground, mIoU, mAcc or aAcc on "val".
        trials: how many; None as many as `budget_s` allows or as the grid has, without either 20.
        budget_s: seconds for all of it, finalists included and over all resumes; None is no limit.
        trial_budget_s: seconds of a trial, to which its length is adapted; None takes the `iterations` that the space,
            the settings or the recipe give, without them 300.
        workers: trials at the same time, each in a process of its own.
        finalists: how many of the best are trained again.
        seeds: with how many new seeds each; from 3 on they are compared as recipes.
        seed: of the draws, and of all trials.
        threads: threads of torch of each trial; None divides the cores.
        device: "auto", "cpu", "cuda" or "cuda:N".
        strict: refuse data with any unusable sample.
        allow_leak: accept the same photo in two splits.
        resume: go on with the sweep in `out`.
        lang: language of the report, "en" or "ru".
        start: begins a trial: in a process of its own unless something else is given, as for other machines.
        on_progress: told how many trials have ended.

    Returns:
        The sweep; trials, finalists and `report.html` lie in its folder.

    Raises:
        UsageError: Optuna is not installed, or an option cannot be meant.
        RecipeError: the space or a setting is wrong.
        RunError: three trials in a row failed with the same words, or another process works on this sweep.
        Interrupted: Ctrl-C; nothing is lost.
    """
    check_optuna()
    data, space, out = Path(data), Path(space), Path(out)
    refuse_inside(out, data)
    if resume and not _killed_at_once(out):
        read_plan(out)
    tried, same, base, points = _what_is_tried(space, settings or {}, recipe, sampler)
    reading: dict[str, Any] = {"classes": classes and list(classes), "strict": strict, "allow_leak": allow_leak}
    has_length = recipe is not None or "iterations" in {*same, *tried.searched}
    dataset = read(data, **reading, on_progress=on_progress)
    check_class_weights_of(tried, same, dataset, space)
    plan = SweepPlan(
        data=_digests(dataset),
        metric=metric,
        sampler=sampler,
        pruner=pruner,
        settings=same,
        trial_budget_s=trial_budget_s or (None if has_length else TRIAL_BUDGET_S),
        trials=TRIALS if trials is None and budget_s is None and sampler != "grid" else trials,
        budget_s=budget_s,
        workers=workers,
        threads=threads,
        device=device,
        finalists=finalists,
        seeds=seeds,
        seed=seed,
    )
    check_plan(plan)
    with _begun(plan, tried, space, base, out, resume=resume):
        template = _template(plan, data, recipe and out / RECIPE_FILE, reading)
        found = _searched(out, plan, tried, points, template, start, on_progress)
    sweep_report(found, out / "report.html", lang=lang)
    return found


def _what_is_tried(
    space: Path, settings: Mapping[str, Any], recipe: Path | str | None, sampler: Sampler
) -> tuple[Space, dict[str, Any], Recipe | None, list[dict[str, Any]]]:
    """The space, what is the same in all trials, the recipe with all other settings, and a grid's points, checked."""
    tried = read_space(space)
    same = _same_in_all(tried, settings, space)
    base = None if recipe is None else read_recipe(Path(recipe))
    check_trials(tried, same, base, space)
    return tried, same, base, grid_points(tried, space) if sampler == "grid" else []


def _searched(
    out: Path,
    plan: SweepPlan,
    tried: Space,
    points: Sequence[Mapping[str, Any]],
    template: Job,
    start: Start,
    on_progress: OnProgress,
) -> Sweep:
    """All trials and finalists, trained."""
    study = Study(out / STUDY_FILE, tried, sampler=plan.sampler, pruner=plan.pruner, seed=plan.seed, points=points)
    again = _carried_out(Work(out, plan, study, template, start, on_progress, time.monotonic() - study.seconds))
    return Sweep(out, plan, tried, study.trials(), again, _compared(again), study.seconds)


def _same_in_all(tried: Space, settings: Mapping[str, Any], space: Path) -> dict[str, Any]:
    """The settings that are the same in all trials, checked.

    Raises:
        RecipeError: one is wrong, or is to be varied as well.
    """
    twice = sorted(set(settings) & set(tried.searched))
    if twice:
        raise RecipeError(
            f"--set {twice[0]}: {shown(space)} varies it.", do="Leave it out here, or take it out of the space."
        )
    same = {**tried.fixed, **settings}
    make_recipe({name: value for name, value in same.items() if name != "weights"}, source="--set")
    return same


def _digests(dataset: Dataset) -> dict[str, str]:
    """What the trials are trained and judged on."""
    check_splits(dataset)
    return {name: dataset.digest(name) for name in ("train", "val")}


@contextlib.contextmanager
def _begun(
    plan: SweepPlan, tried: Space, space: Path, base: Recipe | None, out: Path, *, resume: bool
) -> Iterator[None]:
    """The sweep's folder with all that does not change, held for this process alone.

    Raises:
        UsageError: something lies there already, or the sweep there was begun in another way.
        RunError: there is none to go on with, or another process works on it.
    """
    going_on = resume and not _killed_at_once(out)
    if going_on:
        kept = read_recipe(out / RECIPE_FILE) if (out / RECIPE_FILE).is_file() else None
        same_recipe = (kept and kept.model_dump()) == (base and base.model_dump())
        same_space = read_space(out / SPACE_FILE) == tried
        refuse_other_plan(read_plan(out), plan, files={"space": same_space, "recipe": same_recipe})
    elif (out / FILE).is_file():
        refuse_occupied(out, holds="a sweep", do="Name another folder, or go on with that sweep: --resume.")
    elif not resume:
        refuse_occupied(out)
    out.mkdir(parents=True, exist_ok=True)
    with alone(out / LOCK_FILE, lambda: _occupied(out), timeout_s=1.0):
        if not going_on:
            write_bytes(out / SPACE_FILE, space.read_bytes())
            if base is not None:
                write_recipe(base, out / RECIPE_FILE)
        write_plan(plan, out)  # last: a folder with it can be gone on with
        yield


def _occupied(out: Path) -> RunError:
    return RunError(f"{shown(out)}: another process works on this sweep.", do="Wait until it has ended.")


def _killed_at_once(out: Path) -> bool:
    """Whether nothing lies there but what a sweep writes before its plan."""
    first = (SPACE_FILE, RECIPE_FILE, LOCK_FILE)
    return out.is_dir() and all(path.name in first or path.name.endswith(".tmp") for path in out.iterdir())


def _template(plan: SweepPlan, data: Path, recipe: Path | str | None, reading: Mapping[str, Any]) -> Job:
    """A trial without its folder and its own settings."""
    return Job(
        data=data.resolve(),
        folder=Path(),
        settings={**plan.settings, "seed": plan.seed},
        recipe=None if recipe is None else Path(recipe),
        budget_s=plan.trial_budget_s,
        threads=plan.threads or max(1, usable_cores() // plan.workers),
        device=plan.device,
        reading=reading,
    )


def _carried_out(work: Work) -> dict[int, tuple[Path, ...]]:
    """Search, and train the best again; the runs of these."""
    try:
        search(work)
        return train_again(work)
    except KeyboardInterrupt:
        raise Interrupted(
            "Stopped; nothing is lost.",
            do=f"Go on with the same command and --resume; the sweep lies in {shown(work.folder)}.",
        ) from None
    finally:
        work.study.keep_seconds(work.seconds)


def _compared(again: Mapping[int, Sequence[Path]]) -> Comparison | None:
    runs = [run for each in again.values() for run in each]
    return compare(runs) if len(runs) > 1 else None
