"""Sending a run while it is trained, from a process of its own, which the training never waits for.

The training starts it and holds one end of a pipe. When the training's process ends in whatever way, the pipe ends too:
the exporter sends the rest and ends. It has a session of its own, so that Ctrl-C does not reach it, and the lowest
priority, so that it works when the training leaves a core free.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from maskwright.errors import MaskwrightError
from maskwright.trackers.push import MAX_CHECKPOINT_MB, connected, sent_path
from maskwright.trackers.sent import read_sent
from maskwright.trackers.story import story
from maskwright.training.run import Run, open_run

INTERVAL_S = 10.0
"""Seconds from one look at the run to the next."""

REST = 50
"""A look that took long is followed by as many times its duration without one: at most 2 % of a core."""

LONGEST_PAUSE_S = 300.0
"""The pause after a failure doubles from `INTERVAL_S` up to this."""

LAST_ATTEMPTS = 3
"""How often the rest is sent after the run's end before `maskwright runs push` has to do it."""

GRACE_S = 600.0
"""Seconds after the run's end at which the process ends, whatever hangs: 200 MB take 160 s at 10 Mbit/s."""


@dataclass(frozen=True)
class Follower:
    """A process that sends a run.

    Args:
        tracker: where to.
        folder: the run.
        process: has a pipe that is to stay open as long as the run goes on.
    """

    tracker: str
    folder: Path
    process: subprocess.Popen[bytes]

    def state(self) -> Literal["sent", "sending", "failed"]:
        """How it stands; nothing is waited for."""
        code = self.process.poll()
        if code is not None:
            return "failed" if code else "sent"
        return "failed" if read_sent(sent_path(self.folder, self.tracker)).trouble else "sending"


def follow(folder: Path, tracker: str, *, uri: str = "", max_checkpoint_mb: float = MAX_CHECKPOINT_MB) -> Follower:
    """Start a process that sends a run until this process ends.

    Args:
        folder: a run folder.
        tracker: the tracker's name.
        uri: where to, as in `push`; it goes through a pipe, where no other user of the computer sees a password in it.
        max_checkpoint_mb: as in `push`.

    Returns:
        The process. What it prints goes to `RUN/trackers/<name>.log`.
    """
    log = sent_path(folder, tracker).with_suffix(".log")
    log.parent.mkdir(exist_ok=True)
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with log.open("ab") as output:
        process = subprocess.Popen(
            # -P: a folder mlflow/ where the training was started is not the package.
            [sys.executable, "-P", "-m", "maskwright.trackers.follow"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **one_thread},
        )
    told = {"folder": str(folder.resolve()), "tracker": tracker, "uri": uri, "max_checkpoint_mb": max_checkpoint_mb}
    assert process.stdin is not None
    process.stdin.write(json.dumps(told).encode() + b"\n")
    process.stdin.flush()
    return Follower(tracker, folder, process)


def main() -> int:
    """The exporter's process."""
    _lower_priority()
    told = json.loads(sys.stdin.buffer.readline())
    ended = threading.Event()
    threading.Thread(target=_wait_for_end, args=(ended,), daemon=True).start()
    return _send_all(open_run(Path(told.pop("folder"))), ended=ended, **told)


def _send_all(run: Run, *, tracker: str, uri: str, max_checkpoint_mb: float, ended: threading.Event) -> int:
    """Send what there is until the run has ended, then the rest.

    Returns:
        The exit code: 1 where the rest could not be sent.
    """
    pause_s, last_attempts = INTERVAL_S, 0
    while last_attempts < LAST_ATTEMPTS:
        last_attempts += ended.is_set()
        try:
            with connected(run, tracker, uri) as connection:
                while not ended.is_set():
                    began = time.monotonic()
                    connection.send(story(run, whole=False), max_checkpoint_mb=0.0)
                    pause_s = INTERVAL_S
                    ended.wait(max(INTERVAL_S, REST * (time.monotonic() - began)))
                pushed = connection.send(story(run), max_checkpoint_mb=max_checkpoint_mb)
            _tell(f"{tracker}: all is sent; {pushed.place}")
            return 0
        except MaskwrightError as error:
            _tell(str(error))
        if ended.wait(pause_s):
            time.sleep(INTERVAL_S)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    return 1


def _wait_for_end(ended: threading.Event) -> None:
    """Wait until the training's process is gone; then end this one in time, whatever hangs."""
    sys.stdin.buffer.read()
    ended.set()
    time.sleep(GRACE_S)
    _tell(f"{GRACE_S:.0f} s after the run's end not everything was sent; this ends here.")
    os._exit(1)


def _lower_priority() -> None:
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    elif os.name == "posix":
        os.nice(19)


def _tell(text: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
