"""The runs in a folder as a value that a notebook shows."""

from __future__ import annotations

from pathlib import Path

from maskwright.experiments.run_words import run_rows
from maskwright.experiments.runs import RunSummary, choose_runs, list_runs, sort_runs
from maskwright.sentences import say


class Runs(tuple[RunSummary, ...]):
    """Runs in their order; in a notebook a table."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        from maskwright.data.notebook import html_table, html_title  # it brings OpenCV along

        rows = run_rows(self)
        if not rows:
            return html_title(say("runs.none_here"))
        head = [say(f"runs.{column}") for column in rows[0]]
        return html_table(head, [list(row.values()) for row in rows])


def runs(folder: Path | str = ".", *, sort: str = "age", archived: bool = False) -> Runs:
    """The runs in a folder and below it.

    Args:
        folder: where to look; runs are found at any depth.
        sort: name, model, data, score, age, seconds or status, the smallest first; with a minus before it the largest.
        archived: whether those that were put away are told of too.

    Returns:
        What is known of each: its state, what was trained on what, the mDice of its weights on validation, time, tags,
        note. Runs that are damaged are among them, with what is wrong.

    Raises:
        UsageError: there is no such folder, or no such order.
    """
    return Runs(sort_runs(choose_runs(list_runs(folder), archived=archived), sort))
