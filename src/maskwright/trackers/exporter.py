"""The process that sends a run while it is trained: `python -m maskwright.trackers.exporter`, started by `follow`.

When the training's process ends in whatever way, the pipe to this one ends too: it sends the rest and ends. It has a
session of its own, so that Ctrl-C does not reach it, and the lowest priority, which it takes before it imports anything
large: it works when the training leaves a core free.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

from maskwright.errors import MaskwrightError

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


def main() -> int:
    """Send a run; which one and where to stands in the first line that comes through the pipe."""
    _lower_priority()
    told = json.loads(sys.stdin.buffer.readline())
    ended = threading.Event()
    threading.Thread(target=_wait_for_end, args=(ended,), daemon=True).start()
    return _send_all(Path(told["folder"]), told["tracker"], told["uri"], ended)


def _send_all(folder: Path, tracker: str, uri: str, ended: threading.Event) -> int:
    """Send what there is until the run has ended, then the rest.

    Returns:
        The exit code: 1 where the rest could not be sent.
    """
    from maskwright.trackers.push import MAX_CHECKPOINT_MB, connected
    from maskwright.trackers.story import story
    from maskwright.training.run import open_run

    run, pause_s, last_attempts = open_run(folder), INTERVAL_S, 0
    while last_attempts < LAST_ATTEMPTS:
        last_attempts += ended.is_set()
        try:
            with connected(run, tracker, uri) as connection:
                while not ended.is_set():
                    began = time.monotonic()
                    connection.send(story(run, whole=False), max_checkpoint_mb=0.0)
                    pause_s = INTERVAL_S
                    ended.wait(max(INTERVAL_S, REST * (time.monotonic() - began)))
                pushed = connection.send(story(run), max_checkpoint_mb=MAX_CHECKPOINT_MB)
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
