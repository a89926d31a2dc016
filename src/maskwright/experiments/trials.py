"""Trainings that run beside the one who wants them: what one is, how far it is, and keeping some of them going."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from maskwright.errors import RunError
from maskwright.storage import read_if_there, read_json, write_json
from maskwright.training.presence import ask_to_stop, is_training
from maskwright.training.training_log import TrainingLog, read_training_log

ERROR = "error.json"
"""In the run folder of a training that failed: why."""
POLL_S = 0.5
STOPPING_S = 120.0
"""How long a training that was asked to stop may take to save: then it is stopped at once, and --resume goes on."""
MOST_DEATHS = 5
"""So often a process may die at the same iteration: more is no accident, as when memory does not suffice."""


@dataclass(frozen=True)
class Job:
    """One training, as plain values that can be sent to another process or machine.

    Args:
        data: the folder of the data, as every machine sees it.
        folder: the run folder; where a run was begun there, it goes on.
        settings: settings by name that are kept as given.
        recipe: all other settings; None plans them.
        budget_s: seconds of training that its length is adapted to; None trains the length that the settings give.
        threads: threads of torch; None takes all cores.
        device: "auto", "cpu", "cuda" or "cuda:N".
        judged: also judge it on "val" when it has ended, as a comparison wants.
        reading: `classes`, `strict` and `allow_leak` of `read`.
    """

    data: Path
    folder: Path
    settings: Mapping[str, Any]
    recipe: Path | None = None
    budget_s: float | None = None
    threads: int | None = None
    device: str = "auto"
    judged: bool = False
    reading: Mapping[str, Any] = field(default_factory=dict)

    @property
    def error(self) -> str:
        """Why it failed; "" where it did not."""
        path = self.folder / ERROR
        return str(read_json(path, format_version=1)["error"]) if path.is_file() else ""

    @property
    def is_complete(self) -> bool:
        """Whether all that was wanted is there."""
        judged = not self.judged or (self.folder / "evaluation" / "val" / "counts.npz").is_file()
        return judged and self.log().end is not None

    @property
    def log_bytes(self) -> int:
        """How long its log is: where that has not changed, nothing has happened."""
        path = self.folder / "log.jsonl"
        return path.stat().st_size if path.is_file() else 0

    def log(self) -> TrainingLog:
        """How far it is."""
        return read_training_log(self.folder / "log.jsonl")

    @property
    def may_go_again(self) -> bool:
        """Whether it failed for a reason outside of it, as a full disk is one."""
        return bool(read_if_there(self.folder / ERROR).get("again"))

    def fail(self, error: str, *, again: bool = False) -> None:
        """Write why it failed.

        Args:
            error: why.
            again: whether that is no fault of the job, so that --resume tries it again.
        """
        write_json(self.folder / ERROR, {"format": 1, "error": error, "again": again})

    def try_again(self) -> None:
        """Forget a failure whose reason lay outside of the job."""
        if self.may_go_again:
            (self.folder / ERROR).unlink()


class Started(Protocol):
    """A job under way."""

    def ended(self) -> bool:
        """Whether it is over, in whatever way."""

    def kill(self) -> None:
        """End it at once, and wait until it has ended."""


Start = Callable[[Job], Started]
"""Begins a job, or goes on with it, and returns at once."""


def carry_out(
    jobs: Iterator[Job],
    start: Start,
    *,
    workers: int,
    look: Callable[[Job], bool],
    ended: Callable[[Job], None],
) -> None:
    """Keep so many jobs going until there are none left; one whose process dies is taken up again.

    Args:
        jobs: the jobs; the next one is asked for when a worker is free.
        start: begins one.
        workers: how many run at the same time.
        look: called again and again for each job under way; True asks it to stop, as soon as it trains.
        ended: called once for each job, when it is complete, failed, or was asked to stop.

    Raises:
        KeyboardInterrupt: Ctrl-C, once all jobs under way have saved what they have.
    """
    running: dict[Path, tuple[Job, Started]] = {}
    stopping: set[Path] = set()
    deaths: dict[tuple[Path, int], int] = {}
    try:
        while True:
            while len(running) < workers and (job := next(jobs, None)) is not None:
                running[job.folder] = job, start(job)
            if not running:
                return
            time.sleep(POLL_S)
            for folder, (job, started) in list(running.items()):
                over = started.ended()  # before looking, so that the last look sees all of it
                if look(job) and (over or _asked_to_stop(folder)):
                    stopping.add(folder)
                if not over:
                    continue
                if not (job.is_complete or job.error or folder in stopping) and not _given_up(job, deaths):
                    running[folder] = job, start(job)
                    continue
                del running[folder]
                ended(job)
    finally:
        _stop(running)


def _asked_to_stop(folder: Path) -> bool:
    """Ask a job to stop; False where it does not train now."""
    try:
        ask_to_stop(folder)
    except RunError:
        return False
    return True


def _given_up(job: Job, deaths: dict[tuple[Path, int], int]) -> bool:
    """Whether a job whose process died is not tried again, and that is written."""
    last = job.log().last
    place = job.folder, 0 if last is None else int(last["iteration"])
    deaths[place] = deaths.get(place, 0) + 1
    if deaths[place] < MOST_DEATHS:
        return False
    job.fail(f"Its process died {MOST_DEATHS} times at iteration {place[1]}, as when memory does not suffice.")
    return True


def _stop(running: Mapping[Path, tuple[Job, Started]]) -> None:
    """Ask all jobs under way to save and stop, and wait for them."""
    for folder in running:
        _asked_to_stop(folder)
    until = time.monotonic() + STOPPING_S
    for folder, (_, started) in running.items():
        while not started.ended() and is_training(folder) and time.monotonic() < until:
            time.sleep(POLL_S)
        started.kill()
