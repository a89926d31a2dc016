"""One self-contained page about a sweep."""

from __future__ import annotations

from pathlib import Path
from statistics import mean, stdev
from typing import Any

from maskwright.evaluation.compare_words import interval_text, number, p_text
from maskwright.experiments.importance import judged_percent
from maskwright.experiments.sweep_words import counts_text, trial_number, verdicts
from maskwright.experiments.sweeps import Sweep
from maskwright.reports.colours import SERIES
from maskwright.reports.language import Language
from maskwright.reports.rendering import page_text
from maskwright.reports.sweep_figures import sweep_figures
from maskwright.storage import write_text

AREA = "sweep_page"
"""Where the page's sentences stand in the table."""
TERMS = ("score", "share", "p_holm", "spread", "noise", "pruned", "again", "interval", "seeds_share")
"""Words of the page that are explained."""


def sweep_report(sweep: Sweep, path: Path, *, lang: str = "en") -> Path:
    """Write the page of a sweep: one HTML file that needs no network and no other file.

    Args:
        sweep: what was found.
        path: the page.
        lang: "en" or "ru".

    Returns:
        `path`.

    Raises:
        UsageError: the language is not known.
    """
    write_text(path, page(sweep, Language(lang, AREA)))
    return path


def page(sweep: Sweep, language: Language) -> str:
    """The page as HTML text."""
    again, words = sweep.scores_again(), verdicts(sweep, language.code)
    return page_text(
        "sweep.html.jinja",
        language,
        sweep=sweep,
        title=sweep.folder.resolve().name,
        counts=counts_text(sweep, language.code),
        verdicts=words,
        importances=sweep.importances(),
        percent=judged_percent(sweep.trials),
        noise=sweep.noise,
        again=again,
        big=_big(sweep, again),
        trials=sweep.by_score,
        pairs=_pairs(sweep),
        mean=mean,
        stdev=stdev,
        points=lambda value, signed=False: number(100 * value, language.code, signed=signed),
        ends=lambda low, high: interval_text(low, high, language.code),
        p_text=lambda p: p_text(p, language.code),
        value=lambda value: setting_text(value, language),
        colour=SERIES[0],
        shade=lambda entry: SERIES[0] if entry.matters else "var(--soft)",
        terms=TERMS,
        figures=sweep_figures(sweep, language),
        css=("page.css", "compare.css", "sweep.css"),
        js=("reading.js", "figures.js", "compare.js"),
    )  # fmt: skip


def setting_text(value: Any, language: Language) -> str:
    """A setting's value as the page writes it: numbers with four digits that say something."""
    if isinstance(value, float):
        return f"{value:.4g}".replace(".", "," if language.code == "ru" else ".")
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _big(sweep: Sweep, again: dict[int, tuple[float, ...]]) -> tuple[float, float | None] | None:
    """The score that the page says first, and its scatter: what to expect of the best recipe, else the best trial's."""
    if again:
        scores = next(iter(again.values()))
        return mean(scores), stdev(scores) if len(scores) > 1 else None
    return None if sweep.best is None or sweep.best.value is None else (sweep.best.value, None)


def _pairs(sweep: Sweep) -> list[tuple[int, int, Any]]:
    """The pairs of recipes that were trained again, by the numbers of their trials."""
    if sweep.comparison is None:
        return []
    trial_of = {group.name: trial_number(group.runs[0]) for group in sweep.comparison.recipes}
    return [(trial_of[pair.one], trial_of[pair.other], pair) for pair in sweep.comparison.recipe_pairs]
