"""Whether a training goes on in a run folder, and how another process asks it to stop."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from maskwright.errors import RunError, shown
from maskwright.storage import alone, read_json, write_json, writing

WAIT_S = 3.0
"""How long a training waits for the lock of its run: one that was told to stop is still saving."""


@contextlib.contextmanager
def training_in(folder: Path) -> Iterator[Callable[[], bool]]:
    """Hold a run for the training of this process, or for what follows it: two would spoil each other's files.

    The system lets go of the lock when its process dies, and a copy of the folder does not hold it.

    Args:
        folder: of the run.

    Returns:
        A context manager giving a function that tells whether `ask_to_stop` was called since.

    Raises:
        RunError: another process holds this run.
        DiskError: the disk is full.
    """
    with contextlib.ExitStack() as held:
        with writing(_lock(folder)):
            _lock(folder).parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(alone(_lock(folder), lambda: _occupied(folder), timeout_s=WAIT_S))
        holder, stop = _holder(folder), _stop(folder)
        try:
            stop.unlink(missing_ok=True)  # asked of a training that was killed
            write_json(holder, {"format": 1, "process": os.getpid(), "host": socket.gethostname()})
            yield stop.exists
        finally:
            holder.unlink(missing_ok=True)
            held.close()  # before the last look for a request: whoever asks from here on finds that nothing trains
            stop.unlink(missing_ok=True)


def is_training(folder: Path) -> bool:
    """Whether a process trains this run now.

    Nothing is written, and a training that begins at this moment is not kept from it. Of a folder on a disk without
    locks nothing is known: False.

    Args:
        folder: of the run.
    """
    try:
        return _is_held(_lock(folder))
    except OSError:  # most often there is no such file
        return False


def ask_to_stop(folder: Path) -> None:
    """Ask the process that trains this run to save and to stop, as Ctrl-C there would.

    Args:
        folder: of the run.

    Raises:
        RunError: none does.
    """
    if not is_training(folder):
        raise RunError(f"{shown(folder)}: no process trains this run.", do="There is nothing to stop.")
    _stop(folder).touch()
    if not is_training(folder):  # it ended meanwhile, and the next training is not meant
        _stop(folder).unlink(missing_ok=True)


def _lock(folder: Path) -> Path:
    return folder / "state" / "training.lock"


def _holder(folder: Path) -> Path:
    return folder / "state" / "training.json"


def _stop(folder: Path) -> Path:
    return folder / "state" / "stop"


if sys.platform == "win32":
    import filelock

    def _is_held(path: Path) -> bool:
        if not path.exists():
            return False
        try:
            with filelock.FileLock(path, timeout=0.2):  # long enough for another look to be over
                return False
        except filelock.Timeout:
            return True

else:
    import fcntl

    def _is_held(path: Path) -> bool:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two looks do not take each other for one
            except (BlockingIOError, PermissionError):
                return True
            return False  # closing lets go


def _occupied(folder: Path) -> RunError:
    try:
        holder = read_json(_holder(folder), format_version=1)
        who = f"process {holder['process']} on {holder['host']}"
    except (RunError, KeyError):
        who = "another process"
    return RunError(
        f"{shown(folder)}: another process is at work on this run already.",
        found=who,
        do="Wait until it has ended, or stop it there with Ctrl-C: nothing is lost.",
    )
