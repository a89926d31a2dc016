"""What is wrong with a dataset: found, written beside it, and reported."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from maskwright.audit.audit import Audit, with_label_issues
from maskwright.audit.checks import SampleCheck
from maskwright.audit.duplicates import grouped
from maskwright.audit.folder import AuditFolder, beside, refuse_foreign
from maskwright.audit.settings import make_settings
from maskwright.audit.split_lists import write_split_lists
from maskwright.audit.survey import survey
from maskwright.audit.widening import WIDENED, earlier_audit, widened
from maskwright.data.classes import Classes
from maskwright.data.dataset import Dataset
from maskwright.data.reading import look_over
from maskwright.errors import UsageError
from maskwright.progress import OnProgress, silent
from maskwright.reports.audit_cards import MOST_CARDS
from maskwright.reports.audit_report import audit_report
from maskwright.storage import refuse_inside
from maskwright.workflow.label_issues import (
    FEWEST_PHOTOS,
    LEAST_FOLDS_S,
    judge_by_folds,
    judge_by_run,
    least_folds_s,
    ranked,
    refuse_budget,
)

SUSPECTS = 1000
"""How many samples a run's `audit.json` names, worst first."""

CARD_S = 0.04
"""Seconds that a card of the report takes on a core that others use too: its pictures are compressed."""


def audit(
    data: Path | str | Dataset,
    *,
    split: str | None = None,
    out: Path | str | None = None,
    classes: Classes | Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    checks: Sequence[SampleCheck] = (),
    run: Path | str | None = None,
    budget_s: float | None = None,
    training: Mapping[str, Any] | None = None,
    threads: int | None = None,
    device: str = "auto",
    model: str | None = None,
    lang: str = "en",
    on_progress: OnProgress = silent,
) -> Audit:
    """Say what is wrong with a dataset, worst first, and write it beside the data.

    Nothing is refused for what is wrong with it: what `read` refuses data for are findings here. Where one split is
    looked at and an audit of others lies in `out`, the files keep what that one found in the others.

    Args:
        data: a folder in any known layout, or a dataset that was read from one; nothing in it is changed.
        split: look at this split only; None looks at all.
        out: where findings, statistics, duplicates and the report go; None means `DATA.maskwright` beside the data.
        classes: classes or their names; None takes what the folder says.
        settings: thresholds by name (docs/audit-thresholds.md); those left out take their defaults.
        checks: checks of your own: each takes a `SampleView` and gives findings.
        run: a run or bundle that judges the masks of photos that it was not trained on; the others are left out.
        budget_s: seconds for all of it, in which models are trained that each have not seen a part of the photos, and
            judge it. Without either, what models said of these very photos before is taken, where it lies in `out`.
        training: settings of that training by name, e.g. weights and seed.
        threads: threads of torch; None takes all cores.
        device: "auto", "cpu", "cuda" or "cuda:N".
        model: code of your own that `run` may import, `package.module:function`.
        lang: language of the report, "en" or "ru".
        on_progress: told how far each stage is.

    Returns:
        The audit.

    Raises:
        DataError: the folder is missing, no layout fits, or there is no such split.
        RecipeError: a threshold or a setting is unknown or out of its range.
        RunError: the run has been trained on all that it is to judge.
        Interrupted: the user pressed Ctrl-C; the same call goes on where it stopped.
    """
    began = time.monotonic()
    if run is not None and budget_s is not None:
        raise UsageError("--run and --budget: either a run judges the masks, or models that are trained for it.")
    if budget_s is not None and budget_s < LEAST_FOLDS_S:
        refuse_budget(budget_s, LEAST_FOLDS_S)
    thresholds = make_settings(settings)
    if out is not None:
        refuse_foreign(AuditFolder(Path(out)))
    dataset = data if isinstance(data, Dataset) else look_over(data, classes=classes, on_progress=on_progress)
    if out is None and dataset.root is None:
        raise UsageError("This dataset lies in memory: where shall the audit go?", do="Name a folder: out=...")
    folder = AuditFolder(Path(out)) if out is not None else beside(dataset.root or Path())
    refuse_inside(folder.path, dataset.root)
    made = survey(dataset, split=split, settings=thresholds, checks=checks, on_progress=on_progress)
    judged = grouped(dataset, made.duplicates)
    targets = [sample.id for sample in dataset.labelled if split in (None, sample.split)]
    if run is not None:
        judge_by_run(
            judged, targets, folder, Path(run), threads=threads, device=device, model=model, on_progress=on_progress
        )
    elif budget_s is not None:
        judge_by_folds(
            judged,
            targets,
            folder,
            budget_s=budget_s,
            spent_s=time.monotonic() - began + report_s(made),
            settings=training,
            threads=threads,
            device=device,
            on_progress=on_progress,
        )
    known = ranked(judged, targets, folder, made.settings)
    made = replace(with_label_issues(made, known.issues), trust=known.trust, notes=known.notes)
    whole = widened(made, earlier_audit(folder), dataset)
    whole = keep(whole, dataset, folder, began=began, lang=lang)
    return replace(made, notes=whole.notes, seconds=whole.seconds)


def audit_for_run(
    dataset: Dataset,
    out: Path,
    *,
    folds_s: float,
    training: Mapping[str, Any],
    threads: int | None,
    device: str,
    lang: str,
    on_progress: OnProgress = silent,
) -> tuple[Audit, dict[str, Any]]:
    """The audit that a run contains, and what the run's `audit.json` says of it.

    An audit of these very data that lies there already, perhaps with checks of the user's own, is taken as it is.

    Args:
        dataset: the samples.
        out: the run folder; the audit goes beside the data, or beside the run where that cannot be written.
        folds_s: seconds for models that judge the masks; with fewer than `least_folds_s` none are trained. What they
            said of these very photos before is taken.
        training: settings of their training by name.
        threads: as in `audit`.
        device: likewise.
        lang: likewise.
        on_progress: told how far each stage is.
    """
    began = time.monotonic()
    folder = _writable(dataset, out)
    earlier = earlier_audit(folder)
    there = earlier if earlier is not None and earlier.holds(dataset) else None
    made = there or survey(dataset, on_progress=on_progress)
    judged, targets = grouped(dataset, made.duplicates), [sample.id for sample in dataset.labelled]
    known = ranked(judged, targets, folder, made.settings)
    if len(known.issues) < len(targets) and folds_s >= least_folds_s(len(targets)) and len(targets) >= FEWEST_PHOTOS:
        judge_by_folds(
            judged,
            targets,
            folder,
            budget_s=folds_s,
            settings=training,
            threads=threads,
            device=device,
            on_progress=on_progress,
        )
        known = ranked(judged, targets, folder, made.settings)
    if known.issues:
        notes = (*(each for each in made.notes if each[0] == WIDENED), *known.notes)
        made = replace(with_label_issues(made, known.issues), trust=known.trust, notes=notes)
    if made != there or not folder.report.is_file():
        made = keep(made, dataset, folder, began=began, lang=lang)
    return made, {
        "format": 1,
        "folder": str(folder.path),
        "report": str(folder.report),
        "findings": len(made.findings),
        "judged": len(made.label_issues),
        "suspects": list(made.suspects[:SUSPECTS]),
    }


def report_s(made: Audit) -> float:
    """About how many seconds the report of an audit takes."""
    return 2.0 + CARD_S * min(MOST_CARDS, len(made.findings))


def _writable(dataset: Dataset, out: Path) -> AuditFolder:
    """Beside the data, or beside the run where nothing can be written there."""
    if dataset.root is not None:
        folder = beside(dataset.root)
        with contextlib.suppress(OSError):
            folder.path.mkdir(parents=True, exist_ok=True)
        if os.access(folder.path, os.W_OK):
            return folder
    return beside(out)


def keep(made: Audit, dataset: Dataset, folder: AuditFolder, *, began: float, lang: str = "en") -> Audit:
    """Write an audit with its report.

    Args:
        made: the audit.
        dataset: the samples that it is about.
        folder: where.
        began: `time.monotonic()` when its making began.
        lang: language of the report, "en" or "ru".

    Returns:
        The audit with the seconds that all of it took; the page itself can only say those until it was written.
    """
    made = replace(made, seconds=time.monotonic() - began)
    made.save(folder)  # the page takes its time, and nothing of this may be lost with it
    write_split_lists(dataset, made.resplit, folder.splits)
    probs = folder.probs if made.believed else None
    audit_report(made, dataset, folder.report, probs=probs, lang=lang)
    made = replace(made, seconds=time.monotonic() - began)
    made.save(folder)
    return made
