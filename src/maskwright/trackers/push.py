"""Sending a run to a tracker: what it does not have yet, noted down as soon as it has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from maskwright.errors import MaskwrightError, RunError, TrackerError, shown
from maskwright.storage import alone
from maskwright.trackers.address import absolute, without_password, without_secrets
from maskwright.trackers.destination import destination_of, project_of, refuse_missing
from maskwright.trackers.facts import Checkpoint, Fact
from maskwright.trackers.sent import Sent, read_sent, sent_path, write_sent
from maskwright.trackers.story import about, standing, story
from maskwright.trackers.table import tracker_named
from maskwright.trackers.tracker import Sink
from maskwright.training.run import Run, open_run

MAX_CHECKPOINT_MB = 200.0
"""The largest checkpoint that is sent unless another limit is given, in MB of 10^6 bytes."""

_TOGETHER = 500
"""Facts that are sent together, and come again together after a failure; MLflow takes 1000 in one request."""


@dataclass(frozen=True)
class Pushed:
    """What was sent.

    Args:
        tracker: its name.
        destination: where it was sent, without a password.
        place: where a person finds it.
        sent: how many facts the tracker did not have before.
        left_out: files of the run that were larger than the limit, with their size in MB.
    """

    tracker: str
    destination: str
    place: str
    sent: int
    left_out: tuple[tuple[str, float], ...]


def push(
    run: Path | str,
    to: str,
    *,
    uri: str = "",
    project: str = "",
    max_checkpoint_mb: float = MAX_CHECKPOINT_MB,
    compared: Sequence[Path | str] = (),
) -> Pushed:
    """Send a run to a tracker: all that it does not have yet.

    It may be repeated at any time: what a tracker has is noted down in `RUN/trackers/<name>.json`, and what was sent
    just before a kill comes again without becoming double.

    Args:
        run: a run folder, of a training that has ended, was stopped, or goes on.
        to: "clearml", "clearml-offline", "mlflow" or "tensorboard".
        uri: where to; empty takes where it was sent before, else the tracker's default.
        project: the ClearML project or MLflow experiment; empty takes the one that it was sent into before, else
            CLEARML_PROJECT or MLFLOW_EXPERIMENT_NAME, else one that is named after the data.
        max_checkpoint_mb: the best weights are sent unless they are larger, in MB of 10^6 bytes; 0 sends none.
        compared: other runs, for a table that compares them with this one on validation.

    Returns:
        What was sent, and where to.

    Raises:
        UsageError: no such tracker, or the network is forbidden and would be needed.
        TrackerError: it is not installed, does not answer, or refuses; what it took so far is noted down.
        RunError: not a run, or another process is sending it.
    """
    opened = open_run(Path(run))
    with connected(opened, to, uri, project) as connection:
        told = story(opened, compared=[Path(other) for other in compared])
        return connection.send(told, max_checkpoint_mb=max_checkpoint_mb)


@dataclass
class Connection:
    """A run and a tracker that takes its facts."""

    tracker: str
    sink: Sink
    sent: Sent
    path: Path
    address: str

    def send(self, facts: Iterable[Fact], *, max_checkpoint_mb: float) -> Pushed:
        """Send those of the facts that the tracker lacks.

        Raises:
            TrackerError: it did not take them.
        """
        left_out: list[tuple[str, float]] = []
        small = (fact for fact in facts if _small(fact, max_checkpoint_mb, left_out))
        lacking = (each for fact in small for each in self.sent.lacking([fact]))
        count = 0
        while batch := list(islice(lacking, _TOGETHER)):
            after = self.sent.with_facts(batch)
            self.sink.send([fact for fact, _ in batch])
            self.sent = replace(after, remote=dict(self.sink.remote))
            write_sent(self.sent, self.path)
            count += len(batch)
        place = without_secrets(self.sink.place, self.address)
        return Pushed(self.tracker, self.sent.destination, place, count, tuple(left_out))


@contextmanager
def connected(run: Run, to: str, uri: str, project: str = "") -> Iterator[Connection]:
    """A connection to a tracker, closed at the end.

    Args:
        run: what is sent.
        to: the tracker's name.
        uri: where to; empty as in `push`.
        project: into which; empty as in `push`.

    Raises:
        UsageError, TrackerError, RunError: as `push`; also for whatever goes wrong inside.
    """
    refuse_missing(to)
    path = sent_path(run.folder, to)
    path.parent.mkdir(exist_ok=True)
    with alone(path.with_suffix(".lock"), lambda: _occupied(path, to)):
        before = read_sent(path)
        asked = uri or before.asked
        wanted = destination_of(to, run.folder, asked)
        told = about(run)
        name = project_of(to, told.project, project, before.project)
        moved = name != before.project and bool(project or before.project)
        if moved or before.destination != without_password(wanted):
            before = Sent(without_password(absolute(asked)), without_password(wanted))
        before = replace(before, project=name)
        connection = None
        try:
            sink = tracker_named(to).open(replace(told, project=name or told.project), wanted, before.remote)
            connection = Connection(to, sink, replace(before, trouble=""), path, wanted)
            write_sent(connection.sent, path)
            yield connection
            sink.close(*standing(run))
        except Exception as error:
            trouble = without_secrets(f"{type(error).__name__}: {error}", wanted)
            write_sent(replace(connection.sent if connection else before, trouble=trouble), path)
            raise _refusal(error, to, run.folder, trouble) from error


def _small(fact: Fact, limit_mb: float, left_out: list[tuple[str, float]]) -> bool:
    if not isinstance(fact, Checkpoint):
        return True
    size_mb = fact.file.stat().st_size / 1e6
    if size_mb > limit_mb:
        left_out.append((fact.file.name, size_mb))
    return size_mb <= limit_mb


def _refusal(error: Exception, to: str, folder: Path, trouble: str) -> MaskwrightError:
    if isinstance(error, MaskwrightError):
        return error
    return TrackerError(
        f"{to}: not everything was sent.",
        found=" ".join(trouble.split())[:300],
        do=f"maskwright runs push {shown(folder)} --to {to} goes on where it stopped.",
    )


def _occupied(path: Path, to: str) -> RunError:
    return RunError(
        f"{shown(path.parent.parent)}: another process is sending this run to {to}.",
        do=f"Wait until it has ended; {shown(path.with_suffix('.log'))} may tell what it is at.",
    )
