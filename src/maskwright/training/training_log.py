"""What `log.jsonl` tells about the course of one training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from maskwright.training.log_lines import length_of
from maskwright.training.run import read_log

Event = dict[str, Any]


@dataclass(frozen=True)
class TrainingLog:
    """The course of one training; everything is empty or None before it has begun.

    Args:
        iterations: how long the training is to be, as last decided.
        steps: the "train" events.
        validations: the "validation" events.
        resumes: how often the training was resumed.
        end: the "end" event, or None while the training goes on or where it was broken off.
        started: unix time of the first start.
    """

    iterations: int | None = None
    steps: tuple[Event, ...] = ()
    validations: tuple[Event, ...] = ()
    resumes: int = 0
    end: Event | None = None
    started: float | None = None

    @property
    def best(self) -> Event | None:
        """The validation whose weights were kept: the latest that was better than all before it, or a larger soup."""
        marked = [event for event in self.validations if event.get("best")]
        return marked[-1] if marked else None

    @property
    def lost(self) -> float:
        """How much mDice the last validation is below that of the weights kept, as a fraction; nan before the first."""
        if self.best is None:
            return math.nan
        return float(self.best["metrics"]["mDice"]) - float(self.validations[-1]["metrics"]["mDice"])

    @property
    def iteration_s(self) -> float:
        """Seconds of an iteration, the median over the training; nan before the first."""
        return median(float(step["iteration_s"]) for step in self.steps) if self.steps else math.nan

    @property
    def last(self) -> Event | None:
        """The latest step or validation: where training stands."""
        return max((*self.steps[-1:], *self.validations[-1:]), key=lambda event: float(event["seconds"]), default=None)


def read_training_log(path: Path) -> TrainingLog:
    """Read `log.jsonl`; where there is none, nothing has begun."""
    events = read_log(path)
    ended = bool(events) and events[-1]["event"] == "end"
    return TrainingLog(
        iterations=length_of(events),
        steps=tuple(event for event in events if event["event"] == "train"),
        validations=tuple(
            event for event in events if event["event"] == "validation" and "mDice" in event.get("metrics", {})
        ),
        resumes=sum(event["event"] == "resume" for event in events),
        end=events[-1] if ended else None,
        started=next((event.get("time") for event in events if event["event"] == "start"), None),
    )
