"""What a tracker is: where it lies, and what takes the facts of one run there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from maskwright.trackers.facts import Fact

Status = Literal["training", "stopped", "ended"]


@dataclass(frozen=True)
class About:
    """What tells a run from others.

    Args:
        folder: where it lies.
        name: the folder's name.
        project: the tracker's project that it belongs into; the name of the data unless said otherwise.
        identity: hex digest that stays when the folder is copied or moved; equal only for the same training.
        started: unix time of its first start, in seconds; 0 where it is not known.
    """

    folder: Path
    name: str
    project: str
    identity: str
    started: float


class Sink(Protocol):
    """One run in one tracker, open for facts.

    A fact may come twice where the process was killed between sending and noting it down: the sink sees to it that the
    tracker has it once.
    """

    @property
    def remote(self) -> Mapping[str, Any]:
        """What finds the run in the tracker again, as JSON values; asked for after each `send`."""

    @property
    def place(self) -> str:
        """Where a person finds the run: an address, or a command that opens it."""

    def send(self, facts: Sequence[Fact]) -> None:
        """Give facts to the tracker; it has them when this returns.

        Raises:
            Exception: whatever the package raises; the facts come again.
        """

    def close(self, status: Status, at: float) -> None:
        """Tell the tracker how the run stands since a unix time in seconds, and let go of it."""


@dataclass(frozen=True)
class Tracker:
    """A tracker.

    Args:
        package: the Python package that it needs, which is also the name of the extra.
        where: gives in full where the facts of a run folder go, from what was said: "" where nothing was.
        open: takes a run, where to (an address or a folder), and what `remote` gave in an earlier process (empty the
            first time); imports the package, and finds the run in the tracker or makes it there.
        project_variable: of the environment, names the project of runs; "" where the tracker has no projects.
        project: what the project is called where nobody says; "{}" stands for the name of the data.
    """

    package: str
    where: Callable[[Path, str], str]
    open: Callable[[About, str, Mapping[str, Any]], Sink]
    project_variable: str = ""
    project: str = "{}"
