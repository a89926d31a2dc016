"""Runs as a person reads them on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from maskwright.cli.screen import duration
from maskwright.cli.texts import ended, table, width_of
from maskwright.errors import shown
from maskwright.experiments.run_words import run_rows
from maskwright.experiments.runs import RunSummary
from maskwright.sentences import say

COLUMNS = ("name", "status", "model", "data", "mdice", "iterations", "time", "age", "tags")
WIDTH = 100
"""Columns of a terminal that a list takes at most."""
SHORTENED = ("name", "model", "data", "tags")
"""Columns that give way where a line would be longer, the widest first; the end of a text stays."""
SHORTEST = 8


def list_text(runs: Sequence[RunSummary], folder: Path, lang: str, *, there: int, hidden: int) -> str:
    """The list of runs.

    Args:
        runs: what is shown, in its order.
        folder: that was looked into.
        lang: "en" or "ru".
        there: how many runs lie in the folder.
        hidden: how many of them are archived and left out for that.
    """
    if not there:
        return say("runs.none", lang, folder=shown(folder))
    rows = run_rows(runs, lang)
    for row, run in zip(rows, runs, strict=True):
        row["time"] = duration(run.seconds) if run.seconds else "–"
    lines = [
        table(_fitted(rows, lang)) if runs else say("runs.none_fits", lang),
        *([say("runs.marked", lang)] if any(row["mdice"].endswith("*") for row in rows) else []),
        say("runs.count", lang, shown=len(runs), all=there, folder=shown(folder)),
        *([say("runs.hidden", lang, count=hidden)] if hidden else []),
        *[f"{run.name}: {run.trouble}" for run in runs if run.trouble],
    ]
    return "\n".join(lines)


def _fitted(rows: Sequence[dict[str, str]], lang: str) -> list[list[str]]:
    """The rows with their header, shortened where a line would be wider than the terminal."""
    columns = [column for column in COLUMNS if column in rows[0]]
    head = {column: say(f"runs.{column}", lang) for column in columns}
    widths = {column: max(width_of(row[column]) for row in (head, *rows)) for column in columns}
    while sum(widths.values()) + 2 * (len(widths) - 1) > WIDTH:
        widest = max((column for column in SHORTENED if column in widths), key=lambda column: widths[column])
        if widths[widest] <= SHORTEST:
            break
        widths[widest] -= 1
    return [[ended(row[column], widths[column]) for column in columns] for row in (head, *rows)]
