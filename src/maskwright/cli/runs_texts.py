"""Runs as a person reads them on a terminal."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from maskwright.cli.screen import duration
from maskwright.cli.texts import percent, table
from maskwright.errors import shown
from maskwright.experiments.runs import RunSummary
from maskwright.sentences import say

WIDTH = 100
"""Columns of a terminal that a list takes at most."""
SHORTENED = ("name", "model", "data", "tags")
"""Columns that give way where a line would be longer, the widest first; the end of a text stays."""
SHORTEST = 8


def list_text(runs: Sequence[RunSummary], of: Sequence[RunSummary], folder: Path, lang: str) -> str:
    """The list of runs.

    Args:
        runs: what is shown, in its order.
        of: all that lie in the folder.
        folder: that was looked into.
        lang: "en" or "ru".
    """
    if not of:
        return say("runs.none", lang, folder=shown(folder))
    hidden = len({run.name for run in of if run.archived} - {run.name for run in runs})
    rows = _rows(runs, lang)
    lines = [
        table(_fitted(rows, lang)) if runs else say("runs.none_fits", lang),
        *([say("runs.marked", lang)] if any(row["mdice"].endswith("*") for row in rows) else []),
        say("runs.count", lang, shown=len(runs), all=len(of), folder=shown(folder)),
        *([say("runs.hidden", lang, count=hidden)] if hidden else []),
        *[f"{run.name}: {run.trouble}" for run in runs if run.trouble],
    ]
    return "\n".join(lines)


def age(started: float | None, lang: str) -> str:
    """How long ago a moment was: "5 min ago", or its date.

    Args:
        started: unix time; None where nobody knows.
        lang: "en" or "ru".
    """
    if started is None:
        return "–"
    minutes = int(time.time() - started) // 60
    if minutes < 1:
        return say("runs.age_now", lang)
    if minutes < 60:
        return say("runs.age_min", lang, n=minutes)
    if minutes < 48 * 60:
        return say("runs.age_h", lang, n=minutes // 60)
    if minutes < 100 * 24 * 60:
        return say("runs.age_d", lang, n=minutes // (24 * 60))
    return f"{datetime.fromtimestamp(started):%Y-%m-%d}"


def _rows(runs: Sequence[RunSummary], lang: str) -> list[dict[str, str]]:
    """A row for each run, by column; without columns that are empty throughout."""
    best, labels = _best(runs), data_labels(runs)
    rows = [
        {
            "name": run.name,
            "status": say(f"runs.is_{run.status}", lang),
            "model": run.model,
            "data": labels[run.val_digest, run.data],
            "mdice": percent(run.best_mdice) + (" *" if run.name in best else "  " if best else ""),
            "iterations": _iterations(run),
            "time": duration(run.seconds) if run.seconds else "–",
            "age": age(run.started, lang),
            "tags": " ".join(run.tags),
        }
        for run in runs
    ]
    return [{column: text for column, text in row.items() if any(each[column] for each in rows)} for row in rows]


def data_labels(runs: Iterable[RunSummary]) -> dict[tuple[str, str], str]:
    """How the data of runs are called, by (validation digest, name).

    Where one name stands for several, the digest's beginning follows: such scores cannot be compared.
    """
    digests = defaultdict[str, set[str]](set)
    for run in runs:
        digests[run.data].add(run.val_digest)
    return {
        (digest, name): f"{name} {digest[:4]}".strip() if len(known) > 1 else name
        for name, known in digests.items()
        for digest in known
    }


def _best(runs: Iterable[RunSummary]) -> set[str]:
    """The names of those with the best score of all that were judged on the same photos, where these are several."""
    judged = defaultdict[str, list[RunSummary]](list)
    for run in runs:
        if run.best_mdice is not None and run.val_digest:
            judged[run.val_digest].append(run)
    return {max(group, key=lambda run: run.best_mdice or 0.0).name for group in judged.values() if len(group) > 1}


def _iterations(run: RunSummary) -> str:
    done = run.iteration == run.iterations or run.iterations is None
    return str(run.iteration) if done else f"{run.iteration}/{run.iterations}"


def _fitted(rows: Sequence[dict[str, str]], lang: str) -> list[list[str]]:
    """The rows with their header, shortened where a line would be wider than the terminal."""
    columns = list(rows[0])
    head = {column: say(f"runs.{column}", lang) for column in columns}
    widths = {column: max(len(row[column]) for row in (head, *rows)) for column in columns}
    while sum(widths.values()) + 2 * (len(widths) - 1) > WIDTH:
        widest = max((column for column in SHORTENED if column in widths), key=lambda column: widths[column])
        if widths[widest] <= SHORTEST:
            break
        widths[widest] -= 1
    return [[_ended(row[column], widths[column]) for column in columns] for row in (head, *rows)]


def _ended(text: str, width: int) -> str:
    return text if len(text) <= width else "…" + text[len(text) - width + 1 :]
