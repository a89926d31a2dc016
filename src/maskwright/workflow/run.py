"""The main job in one command."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from maskwright.audit.folder import AuditFolder
from maskwright.data.classes import Classes
from maskwright.data.dataset import Dataset
from maskwright.data.reading import read
from maskwright.data.statistics import Statistics, describe
from maskwright.progress import OnProgress, Progress, silent
from maskwright.recipe.recipe import Recipe, make_recipe
from maskwright.reports.report import report
from maskwright.storage import refuse_inside
from maskwright.training.presence import training_in
from maskwright.training.run import Run, is_begun, refuse_begun, refuse_lost_state
from maskwright.workflow.audit import audit_for_run
from maskwright.workflow.bundle import bundle
from maskwright.workflow.doubted import with_doubted_set_aside
from maskwright.workflow.exporting import export_installed, exporting_s
from maskwright.workflow.judge import judge, network_of
from maskwright.workflow.plan import after_training_s, check_splits, plan, tuning_s
from maskwright.workflow.train import (
    imported_recipe,
    prepared,
    refuse_changes,
    reopened,
    start_run,
    what_was_asked,
)
from maskwright.workflow.tune import tune_run

FOLDS_SHARE = 0.25
"""Share of the budget for models that judge the masks before the one that is wanted is trained."""


def run(
    data: Path | str | Dataset,
    out: Path | str,
    *,
    classes: Classes | Sequence[str] | None = None,
    budget_s: float | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int | None = None,
    threads: int | None = None,
    device: str = "auto",
    strict: bool = False,
    allow_leak: bool = False,
    resume: bool = False,
    lang: str = "en",
    on_progress: OnProgress = silent,
) -> Run:
    """Check the data, plan, train, tune, judge on validation (and on test where it is labelled), report, bundle.

    Args:
        data: a folder in any known layout, or a dataset.
        out: the run folder, new or empty; with `resume`, the run to go on with.
        classes: names of the classes where the folder does not tell them.
        budget_s: seconds for all of it; None takes 20 minutes, and with `resume` the length that the run has.
        settings: settings by name that the plan keeps as given.
        seed: seed of every random draw.
        threads: threads of torch; None takes all cores.
        device: "auto", "cpu", "cuda" or "cuda:N".
        strict: refuse data with any unusable sample.
        allow_leak: accept the same photo in two splits.
        resume: go on where the run in `out` stopped, with the settings that it was started with, or none; begin anew
            where it was killed before training.
        lang: language of the report, "en" or "ru".
        on_progress: told how far each stage is.

    Returns:
        The run.

    Raises:
        MaskwrightError: the data, a setting or the folder cannot be used; the message says why and the way out.
    """
    clock = _Clock(1200.0 if budget_s is None else budget_s)
    out = Path(out)
    refuse_inside(out, data.root if isinstance(data, Dataset) else Path(data))
    make_recipe(settings or {}, source="--set")  # a wrong one is refused before anything is read
    refuse_lost_state(out) if resume else refuse_begun(out)
    with clock.stage("read"):
        if not isinstance(data, Dataset):
            data = read(data, classes=classes, strict=strict, allow_leak=allow_leak, on_progress=on_progress)
        dataset = data
        check_splits(dataset)
        statistics = describe(dataset)
    given = {**(settings or {}), **({} if seed is None else {"seed": seed})}
    asked = what_was_asked(None, given, threads, device)
    begun, imported = resume and is_begun(out), imported_recipe(out, given) if resume else None
    if begun:
        refuse_changes(asked, out=out)
        made = reopened(out, dataset)
    else:
        timed = budget_s is not None or "iterations" not in given
        with clock.stage("audit"):
            audited = audit_for_run(
                dataset,
                out,
                folds_s=FOLDS_SHARE * clock.budget_s if timed else 0.0,
                training={name: given[name] for name in ("model", "weights", "seed") if name in given},
                threads=threads,
                device=device,
                lang=lang,
                on_progress=on_progress,
            )
        with clock.stage("plan"):
            recipe = _recipe(imported, dataset, clock, statistics, given, threads, device, on_progress)
            if recipe.set_aside == "doubted":
                journal = AuditFolder(Path(audited[1]["folder"])).journal
                recipe = with_doubted_set_aside(recipe, audited[0], journal, dataset, statistics)
            made = start_run(dataset, recipe, out, statistics, asked=asked, audit=audited, again=resume)
        made.add_timings(clock.seconds)
    has_length = begun or imported is not None
    train_s = _fit(dataset, made, None if has_length and budget_s is None else clock, statistics, on_progress)
    with training_in(out):  # or another --resume would write these files at the same time
        made.add_timings({"train": train_s})
        _finish(made, dataset, statistics, clock, lang, on_progress)
    return made


def _recipe(
    imported: Recipe | None,
    dataset: Dataset,
    clock: _Clock,
    statistics: Statistics,
    given: Mapping[str, Any],
    threads: int | None,
    device: str,
    on_progress: OnProgress,
) -> Recipe:
    """What is trained by: planned for the time that is left, or what was imported."""
    if imported is not None:
        return prepared(imported, dataset, statistics, given, on_progress)
    return plan(
        dataset,
        budget_s=clock.left_s(),
        follows_s=lambda recipe, step_s: after_training_s(recipe, statistics, step_s, clock.budget_s),
        settings=given,
        threads=threads,
        device=device,
        statistics=statistics,
        on_progress=on_progress,
    )


def _finish(
    made: Run, dataset: Dataset, statistics: Statistics, clock: _Clock, lang: str, on_progress: OnProgress
) -> None:
    """All that follows training."""
    recipe = made.recipe
    network = network_of(made, threads=recipe.threads)
    if tuning_s(statistics, clock.budget_s):
        with clock.stage("tune"):
            tune_run(
                made,
                dataset,
                device=recipe.device,
                threads=recipe.threads,
                network=network,
                on_progress=on_progress,
            )
        made.add_timings({"tune": clock.seconds["tune"]})
    with clock.stage("evaluate"):
        judge(made, dataset, threads=recipe.threads, network=network, on_progress=on_progress)
    if exporting_s(clock.budget_s):
        with clock.stage("export"):
            export_installed(made, on_progress=on_progress)
        made.add_timings({"export": clock.seconds["export"]})
    on_progress(Progress("stage.bundle", 0, 1))
    with clock.stage("bundle"):
        bundle(made, lang=lang)
    made.add_timings({name: clock.seconds[name] for name in ("evaluate", "bundle")})
    on_progress(Progress("stage.report", 0, 1))
    report(made, lang=lang)
    on_progress(Progress("stage.report", 1, 1))


def _fit(dataset: Dataset, made: Run, clock: _Clock | None, statistics: Statistics, on_progress: OnProgress) -> float:
    """Train, and give the seconds that it took, over all resumes."""
    from maskwright.training.loop import fit
    from maskwright.training.measure import step_seconds

    deadline = None
    if clock is not None:
        step_s = step_seconds(made.recipe, classes=len(dataset.classes), limit_s=0.0)
        deadline = clock.deadline - after_training_s(made.recipe, statistics, step_s, clock.budget_s)
    return fit(dataset, made.recipe, made, deadline=deadline, on_progress=on_progress).seconds


class _Clock:
    """The time that is left, and what each stage took of it."""

    def __init__(self, budget_s: float) -> None:
        self.budget_s = budget_s
        self.deadline = time.monotonic() + budget_s
        self.seconds: dict[str, float] = {}

    def left_s(self) -> float:
        return self.deadline - time.monotonic()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - began
