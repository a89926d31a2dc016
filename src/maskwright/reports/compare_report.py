"""One self-contained page about a comparison of runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from maskwright.evaluation.compare_words import (
    MOST_NEEDED,
    data_words,
    doubts_words,
    interval_text,
    number,
    overfit_words,
    p_text,
    rounded,
    run_label,
)
from maskwright.evaluation.comparison import Comparison
from maskwright.evaluation.contenders import Contender
from maskwright.evaluation.verdicts import Pair, RecipePair
from maskwright.reports.compare_figures import compare_figures, recipe_colour, shown_pairs
from maskwright.reports.language import Language
from maskwright.reports.rendering import page_text
from maskwright.storage import write_text

AREA = "compare_page"
"""Where the page's sentences stand in the table."""
MOST_BARS = 10
"""Runs whose score stands beside the verdict: as many as fit without scrolling."""
TERMS = (
    "mDice", "aAcc", "mIoU", "dice", "difference", "interval", "p", "p_holm", "needed", "recipe", "seeds_share",
    "iteration", "best_iteration", "lost", "iteration_s", "size", "latency",
)  # fmt: skip
"""Words of the page that are explained."""


def compare_report(comparison: Comparison, path: Path, *, lang: str = "en", doubts: Sequence[str] = ()) -> Path:
    """Write the page of a comparison: one HTML file that needs no network and no other file.

    Args:
        comparison: what was compared.
        path: the page.
        lang: "en" or "ru".
        doubts: what speaks against the verdicts, beside what the comparison knows itself; in that language.

    Returns:
        `path`.

    Raises:
        UsageError: the language is not known.
    """
    write_text(path, page(comparison, Language(lang, AREA), doubts))
    return path


def page(comparison: Comparison, language: Language, doubts: Sequence[str] = ()) -> str:
    """The page as HTML text."""
    return page_text(
        "compare.html.jinja",
        language,
        comparison=comparison,
        title=" · ".join(run.name for run in comparison.runs[:3]) + (" …" if len(comparison.runs) > 3 else ""),
        headline=headline(comparison),
        verdicts=comparison.verdicts(language.code),
        doubts=[*doubts, *doubts_words(comparison.runs, language.code)],
        overfits=[overfit_words(each, language.code) for each in comparison.overfits],
        data=[data_words(each, language.code) for each in comparison.data],
        bars=sorted(comparison.runs, key=lambda run: -run.evaluation.scores.mDice)[:MOST_BARS],
        pairs=shown_pairs(comparison),
        points=lambda value: number(100 * value, language.code, signed=True),
        ends=lambda low, high: interval_text(low, high, language.code),
        p_text=lambda p: p_text(p, language.code),
        needed=lambda count: language.count(rounded(count)) if count <= MOST_NEEDED else "∞",
        colour=lambda name: recipe_colour(comparison, name),
        label=lambda run: run_label(run, language.code),
        speed=lambda run: speed(run, language),
        plain=lambda value: ", ".join(map(str, value)) if isinstance(value, tuple) else str(value),
        terms=TERMS,
        figures=compare_figures(comparison, language),
        css=("page.css", "compare.css"),
        js=("reading.js", "figures.js", "compare.js"),
    )  # fmt: skip


def headline(comparison: Comparison) -> Pair | RecipePair | None:
    """The one difference that the page says first: of recipes where there is one, else of two runs."""
    if len(comparison.recipe_pairs) == 1:
        return comparison.recipe_pairs[0]
    return comparison.pairs[0] if len(comparison.pairs) == 1 else None


def speed(run: Contender, language: Language) -> dict[str, Any]:
    """How fast and how large a run is, as the table writes it."""
    return {
        "iteration_s": language.decimal(run.log.iteration_s, 3),
        "size": language.decimal(None if run.weights_bytes is None else run.weights_bytes / 1e6, 1),
        "latency": language.decimal(run.latency_ms, 0),
    }
