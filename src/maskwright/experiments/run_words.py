"""What a list tells of runs, in words."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime

from maskwright.experiments.runs import RunSummary
from maskwright.sentences import percent, say


def run_rows(runs: Sequence[RunSummary], lang: str = "en") -> list[dict[str, str]]:
    """A row for each run, by column; without columns that are empty throughout.

    Args:
        runs: in their order; the best of those that were judged on the same photos gets a star.
        lang: "en" or "ru".
    """
    best, labels = best_runs(runs), data_labels(runs)
    rows = [
        {
            "name": run.name,
            "status": say(f"runs.is_{run.status}", lang),
            "model": run.model,
            "data": labels[run.val_digest, run.data],
            "mdice": percent(run.best_mdice) + (" *" if run.name in best else "  " if best else ""),
            "iterations": _iterations(run),
            "age": age(run.started, lang),
            "tags": " ".join(run.tags),
        }
        for run in runs
    ]
    empty = {column for column in (rows[0] if rows else ()) if not any(row[column] for row in rows)}
    return [{column: text for column, text in row.items() if column not in empty} for row in rows]


def data_labels(runs: Iterable[RunSummary]) -> dict[tuple[str, str], str]:
    """How the data of runs are called, by (validation digest, name).

    Where one name stands for several, the digest's beginning follows: such scores cannot be compared.
    """
    digests: dict[str, set[str]] = {}
    for run in runs:
        digests.setdefault(run.data, set()).add(run.val_digest)
    return {
        (digest, name): f"{name} {digest[:4]}".strip() if len(known) > 1 else name
        for name, known in digests.items()
        for digest in known
    }


def best_runs(runs: Iterable[RunSummary]) -> set[str]:
    """Those with the best score of several that were judged on the same photos, equals too, by their names."""
    judged: dict[str, list[RunSummary]] = {}
    for run in runs:
        if run.best_mdice is not None and run.val_digest:
            judged.setdefault(run.val_digest, []).append(run)
    several = [group for group in judged.values() if len(group) > 1]
    bests = [(group, max(run.best_mdice or 0.0 for run in group)) for group in several]
    return {run.name for group, best in bests for run in group if run.best_mdice == best}


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


def _iterations(run: RunSummary) -> str:
    done = run.iteration == run.iterations or run.iterations is None
    return str(run.iteration) if done else f"{run.iteration}/{run.iterations}"
