"""A run's log as curves, from any byte on: what a page that has drawn the rest still lacks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.training.log_lines import Event, events_of, length_of

BUCKETS = 500
"""Parts that the steps of a long log are thinned to; a screen has about as many pixels for a curve."""
_MARK_BYTES = 64
_STEP = ("iteration", "seconds", "loss", "lr", "iteration_s")


def log_part(path: Path, *, since: int = 0, mark: str = "") -> dict[str, Any]:
    """The curves in the whole lines of a `log.jsonl` from a byte on.

    Args:
        path: the log; one that is not there yet is empty.
        since: `next` of the answer before, 0 for the beginning.
        mark: `mark` of that answer: where the log is another one before `since`, as after a resume that cut it, the
            answer begins anew.

    Returns:
        `next` and `mark` for the question after this one; `anew`, whether what was drawn before is void; `iterations`,
        the length as last decided, or None; `steps`, columns of single steps, see `_thinned`; `means`, columns of
        the mean loss of each part with its `count`; `validations`, every one of them.
    """
    before, content = _read(path, since)
    anew = since > 0 and _mark(before) != mark
    if anew:
        since, (before, content) = 0, _read(path, 0)
    end = content.rfind(b"\n") + 1
    events = events_of(content[:end])
    steps = [event for event in events if event["event"] == "train"]
    return {
        "next": since + end,
        "mark": _mark((before + content[:end])[-_MARK_BYTES:]),
        "anew": anew,
        "iterations": length_of(events),
        **_curves(steps),
        "validations": [_validation(event) for event in events if event["event"] == "validation"],
    }


def _read(path: Path, since: int) -> tuple[bytes, bytes]:
    """The few bytes before a place, and all after it; nothing where there is no log."""
    if not path.is_file():
        return b"", b""
    with path.open("rb") as file:
        file.seek(max(0, since - _MARK_BYTES))
        return file.read(min(since, _MARK_BYTES)), file.read()


def _mark(before: bytes) -> str:
    """A key of the last bytes before a place; lines tell their time, so no two logs have the same."""
    return hashlib.blake2b(before, digest_size=8).hexdigest()


def _curves(steps: Sequence[Event]) -> dict[str, Any]:
    columns = {name: np.array([_number(step.get(name)) for step in steps], float) for name in _STEP}
    parts = np.array_split(np.arange(len(steps)), min(BUCKETS, len(steps))) if steps else []
    loss, kept = columns["loss"], _thinned(parts, columns)
    middles = [part[len(part) // 2] for part in parts]
    known = [loss[part][~np.isnan(loss[part])] for part in parts]
    return {
        "steps": {name: _listed(column[kept]) for name, column in columns.items()},
        "means": {
            "iteration": _listed(columns["iteration"][middles]),
            "seconds": _listed(columns["seconds"][middles]),
            "loss": [float(f"{each.mean():.6g}") if len(each) else None for each in known],
            "count": [len(each) for each in known],
        },
    }


def _thinned(parts: Sequence[NDArray[np.int64]], columns: dict[str, NDArray[np.float64]]) -> list[int]:
    """Of each part the first step, and those with the least and the greatest loss and the longest time; and the last.

    What is drawn between them hides nothing: every peak and every dip of the loss is the one that was logged.
    """
    if not len(parts):
        return []
    kept = {int(parts[-1][-1])}
    for part in parts:
        loss, slow = columns["loss"][part], columns["iteration_s"][part]
        kept.add(int(part[0]))
        if not np.isnan(loss).all():
            kept |= {int(part[np.nanargmin(loss)]), int(part[np.nanargmax(loss)])}
        if not np.isnan(slow).all():
            kept.add(int(part[np.nanargmax(slow)]))
    return sorted(kept)


def _validation(event: Event) -> dict[str, Any]:
    return {
        "iteration": event.get("iteration"),
        "seconds": event.get("seconds"),
        "best": bool(event.get("best")),
        "metrics": _rounded(event.get("metrics") or {}),
        "dice": _rounded({entry["name"]: entry.get("dice") for entry in event.get("per_class") or ()}),
    }


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else np.nan


def _rounded(values: dict[str, Any]) -> dict[str, float | None]:
    return {name: None if value is None else round(float(value), 5) for name, value in values.items()}


def _listed(column: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(value) else float(f"{value:.6g}") for value in column]
