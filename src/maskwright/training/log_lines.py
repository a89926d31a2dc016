"""One line of a `log.jsonl`, read strictly: what stands in it is what a training writes, or it is left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

LATEST = 1e11
"""Unix time of the year 5138: what is later is no time."""

Event = dict[str, Any]


def event_of(line: bytes) -> Event | None:
    """A line as an event; None for one that was cut off by a kill, or says something else."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    sound = isinstance(event, dict) and "event" in event and "iteration" in event
    return event if sound and all(_FITS[name](event[name]) for name in _FITS.keys() & event.keys()) else None


def events_of(content: bytes) -> list[Event]:
    """The events in the lines of a log; what is none is left out."""
    return [event for line in content.splitlines() if (event := event_of(line)) is not None]


def length_of(events: Iterable[Event]) -> int | None:
    """How long a training is to be, as last decided in these events; None where they do not tell."""
    told = [event["iterations"] for event in events if event["event"] in ("start", "length") and "iterations" in event]
    return told[-1] if told else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53


def _is_time(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= LATEST


def _is_known_or_not(value: Any) -> bool:
    return value is None or _is_number(value)


def _are_scores(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_known_or_not, value.values()))


def _are_classes(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(row, dict) and isinstance(row.get("name"), str) and _is_known_or_not(row.get("dice"))
        for row in value
    )


_FITS: Mapping[str, Callable[[Any], bool]] = {
    "event": lambda value: isinstance(value, str),
    "iteration": _is_count,
    "iterations": _is_count,
    "best_iteration": _is_count,
    "best_mDice": lambda value: _is_number(value) and -1 <= value <= 1,
    "time": _is_time,
    "seconds": _is_time,
    "iteration_s": _is_time,
    "loss": _is_known_or_not,
    "lr": _is_known_or_not,
    "metrics": _are_scores,
    "per_class": _are_classes,
}
