"""How long work tells its caller where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Progress:
    """One report of work under way.

    Args:
        stage: key of the sentence that names the work, e.g. "stage.read".
        done: how many units are finished.
        total: how many there will be; None where that is not known.
        facts: numbers worth showing beside the bar, e.g. {"loss": 0.31, "mDice": 0.62}.
        seconds_left: time left where it is known better than from done / total.
        note: gives what has to be said before the work begins, in a language ("en" or "ru").
    """

    stage: str
    done: int
    total: int | None = None
    facts: Mapping[str, float] = field(default_factory=dict)
    seconds_left: float | None = None
    note: Callable[[str], str] | None = None


OnProgress = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Ignore progress."""
