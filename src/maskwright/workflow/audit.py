"""What is wrong with a dataset: found, written beside it, and reported."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from maskwright.audit.audit import Audit
from maskwright.audit.checks import SampleCheck
from maskwright.audit.folder import AuditFolder, beside
from maskwright.audit.settings import make_settings
from maskwright.audit.split_lists import write_split_lists
from maskwright.audit.survey import survey
from maskwright.data.classes import Classes
from maskwright.data.dataset import Dataset
from maskwright.data.reading import look_over
from maskwright.progress import OnProgress, silent
from maskwright.reports.audit_report import audit_report


def audit(
    data: Path | str,
    *,
    split: str | None = None,
    out: Path | str | None = None,
    classes: Classes | Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    checks: Sequence[SampleCheck] = (),
    lang: str = "en",
    on_progress: OnProgress = silent,
) -> Audit:
    """Say what is wrong with a dataset, worst first, and write it beside the data.

    Nothing is refused for what is wrong with it: what `read` refuses data for are findings here.

    Args:
        data: a folder in any known layout; nothing in it is changed.
        split: look at this split only; None looks at all.
        out: where findings, statistics, duplicates and the report go; None means `DATA.maskwright` beside the data.
        classes: classes or their names; None takes what the folder says.
        settings: thresholds by name (docs/audit.md); those left out take their defaults.
        checks: checks of your own: each takes a `SampleView` and gives findings.
        lang: language of the report, "en" or "ru".
        on_progress: told how far each stage is.

    Returns:
        The audit.

    Raises:
        DataError: the folder is missing, no layout fits, or there is no such split.
        RecipeError: a threshold is unknown or out of its range.
    """
    began = time.monotonic()
    thresholds = make_settings(settings)
    dataset = look_over(data, classes=classes, on_progress=on_progress)
    made = survey(dataset, split=split, settings=thresholds, checks=checks, on_progress=on_progress)
    folder = beside(Path(data)) if out is None else AuditFolder(Path(out))
    made = replace(made, seconds=time.monotonic() - began)
    keep(made, dataset, folder, lang=lang)
    return made


def keep(made: Audit, dataset: Dataset, folder: AuditFolder, *, lang: str = "en") -> None:
    """Write an audit with its report.

    Args:
        made: the audit.
        dataset: the samples that it is about.
        folder: where.
        lang: language of the report, "en" or "ru".
    """
    made.save(folder)
    write_split_lists(dataset, made.resplit, folder.splits)
    audit_report(made, dataset, folder.report, probs=folder.probs, lang=lang)
