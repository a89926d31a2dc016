"""Sending a run while it is trained, from a process of its own, which the training never waits for.

The training starts it and holds one end of a pipe: see `trackers/exporter.py`. Of all that trackers need, its process
imports hardly more than this module.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from maskwright.errors import MaskwrightError
from maskwright.trackers.sent import read_sent, sent_path

MOMENT_S = 3.0
"""Seconds after the run's end that all trackers together are waited for."""


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
        """How it stands; nothing is waited for, and nothing raised."""
        code = self.process.poll()
        if code is not None:
            return "failed" if code else "sent"
        try:
            return "failed" if read_sent(sent_path(self.folder, self.tracker)).trouble else "sending"
        except (MaskwrightError, OSError):
            return "failed"


def let_go(followers: Sequence[Follower]) -> None:
    """Tell processes that the run has ended, and give them a moment to send the rest if they can.

    Args:
        followers: of one run; those in trouble are not waited for.
    """
    for follower in followers:
        assert follower.process.stdin is not None
        with contextlib.suppress(OSError):
            follower.process.stdin.close()
    until = time.monotonic() + MOMENT_S
    for follower in followers:
        if follower.state() == "sending":
            with contextlib.suppress(subprocess.TimeoutExpired):
                follower.process.wait(max(0.0, until - time.monotonic()))


def follow(folder: Path, tracker: str, *, uri: str = "") -> Follower:
    """Start a process that sends a run until this process ends.

    Args:
        folder: a run folder.
        tracker: the tracker's name.
        uri: where to, as in `push`; it goes through a pipe, where no other user of the computer sees a password in it.

    Returns:
        The process. What it prints goes to `RUN/trackers/<name>.log`.

    Raises:
        OSError: the system has no room for another process or file.
    """
    log = sent_path(folder, tracker).with_suffix(".log")
    log.parent.mkdir(exist_ok=True)
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with log.open("ab") as output:
        process = subprocess.Popen(
            # -P: a folder mlflow/ where the training was started is not the package.
            [sys.executable, "-P", "-m", "maskwright.trackers.exporter"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **one_thread},
        )
    told = {"folder": str(folder.resolve()), "tracker": tracker, "uri": uri}
    assert process.stdin is not None
    process.stdin.write(json.dumps(told).encode() + b"\n")
    process.stdin.flush()
    return Follower(tracker, folder, process)
