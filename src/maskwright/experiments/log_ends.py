"""What the first and the last lines of a `log.jsonl` tell, without reading what lies between them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from maskwright.errors import RunError, shown
from maskwright.training.log_lines import Event, event_of

HEAD_BYTES = 1 << 12
TAIL_BYTES = (1 << 13, 1 << 17, 1 << 21)
"""How much of the end is read until a line tells the time. The line of a validation has 250 bytes for each class: the
first suffices for 20 classes, the last for 8000."""


@dataclass(frozen=True)
class LogEnds:
    """What the two ends of a log tell.

    Args:
        started: unix time of the first start; None where the log does not tell it.
        iteration: iterations done.
        seconds: time spent training, over all resumes.
        ended: whether the last event is the end.
        best_mdice: of the weights kept, as the end tells it, a fraction; None before it, or where none was validated.
        best_iteration: where that was.
    """

    started: float | None
    iteration: int
    seconds: float
    ended: bool
    best_mdice: float | None = None
    best_iteration: int | None = None


def read_log_ends(path: Path) -> LogEnds | None:
    """Read both ends of a log.

    Args:
        path: `log.jsonl`.

    Returns:
        What they tell; None where nothing was logged yet.

    Raises:
        RunError: what lies at its end are no events of a training.
    """
    try:
        with path.open("rb") as file:
            first = file.readline(HEAD_BYTES)
            latest = _latest(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunError(f"{shown(path)}: cannot be read.", found=str(error)) from None
    if not latest and not first.endswith(b"\n"):  # empty, or killed while the first line was written
        return None
    try:
        last = latest[0]
        start = {} if len(first) == HEAD_BYTES else _whole(first)
        ends = LogEnds(
            started=start.get("time"),
            iteration=last["iteration"],
            seconds=latest[-1].get("seconds", 0.0),
            ended=last["event"] == "end",
        )
        if not ends.ended or last["best_mDice"] < 0:
            return ends
        return replace(ends, best_mdice=last["best_mDice"], best_iteration=last["best_iteration"])
    except (LookupError, ValueError):
        raise RunError(
            f"{shown(path)}: its lines are no events of a training.",
            expected='{"event": "train", "iteration": 20, ...} in each line',
            do="Restore the file from a copy.",
        ) from None


def _latest(file: BinaryIO) -> list[Event]:
    """The last events, the latest first, back to the one that tells the time; all where none does."""
    size = os.fstat(file.fileno()).st_size
    events: list[Event] = []
    for length in TAIL_BYTES:
        start = max(0, size - length)
        file.seek(start)
        events = _back_to_time(file.read(size - start).split(b"\n")[1 if start else 0 :])
        if not start or (events and "seconds" in events[-1]):
            break
    return events


def _back_to_time(lines: Sequence[bytes]) -> list[Event]:
    events = []
    for line in reversed(lines):
        event = event_of(line)
        if event is not None:
            events.append(event)
            if "seconds" in event:
                break
    return events


def _whole(line: bytes) -> Event:
    event = event_of(line)
    if event is None:
        raise ValueError(line)
    return event
