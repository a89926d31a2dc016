"""One self-contained page about an audit, to be leafed through."""

from __future__ import annotations

from pathlib import Path

from maskwright.audit.audit import Audit
from maskwright.data.dataset import Dataset
from maskwright.reports.audit_cards import MOST_CARDS, cards, shown_groups
from maskwright.reports.audit_concerns import MOST_TASKS, suspected, tasks
from maskwright.reports.audit_figures import statistics_figures
from maskwright.reports.audit_tables import (
    FORMULAS,
    commands,
    filters,
    moves,
    note_sentences,
    probability,
    quantity,
    threshold_rows,
)
from maskwright.reports.colours import page_colour
from maskwright.reports.language import Language
from maskwright.reports.rendering import page_text
from maskwright.storage import write_text

AREA = "audit_page"
"""Where the page's sentences stand in the table."""
TERMS = ("severity", "share", "objects", "object_area", "similarity", "agreement", "effect", "p", "p_holm")
"""Words of the page that are explained."""


def audit_report(audit: Audit, dataset: Dataset, path: Path, *, probs: Path | None = None, lang: str = "en") -> Path:
    """Write the page of an audit: one HTML file that needs no network and no other file.

    Args:
        audit: what was found.
        dataset: the samples; only those of the worst findings and of the first duplicates are decoded.
        path: the page.
        probs: the folder of a model's probabilities (`AuditFolder.probs`), which are shown beside the labels that
            the model disputes; None, or a folder that is not there, shows the photos instead.
        lang: "en" or "ru".

    Returns:
        `path`.

    Raises:
        UsageError: the language is not known.
    """
    language = Language(lang, AREA)
    language.t("findings")  # an unknown language is refused before any photo is decoded
    write_text(path, page(audit, dataset, language, folder=path.parent, probs=probs))
    return path


def page(audit: Audit, dataset: Dataset, language: Language, *, folder: Path, probs: Path | None = None) -> str:
    """The page as HTML text, as it lies in `folder`."""
    shown = cards(audit, dataset, language, probs)
    figures = statistics_figures(audit.statistics, language)
    return page_text(
        "audit.html.jinja",
        language,
        audit=audit,
        title=audit.name,
        cards=shown,
        left=len(audit.findings) - len(shown),
        most=MOST_CARDS,
        suspected=suspected(audit.findings, {sample.id for sample in dataset}),
        tasks=tasks(audit.findings)[:MOST_TASKS],
        filters=filters(shown, audit, language),
        groups=shown_groups(audit.duplicates, dataset),
        moves=moves(audit),
        thresholds=threshold_rows(audit.settings),
        notes=note_sentences(audit.statistics.data.notes, language),
        caveats=note_sentences(audit.notes, language),
        quantity=quantity,
        probability=probability,
        terms=TERMS,
        formulas=FORMULAS,
        commands=commands(audit, folder),
        colours=dict(zip(audit.classes.names, map(page_colour, audit.classes.colours), strict=True)),
        figures=figures,
        css=("page.css", "audit.css"),
        js=("reading.js", "figures.js", "audit.js"),
    )  # fmt: skip
