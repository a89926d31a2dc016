"""Letting a run go on in a process of its own, which outlives the page and its server."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

LOG = Path("state") / "resume.log"
"""Where in the run the process writes what it would say on a terminal."""
_TAIL_BYTES = 2000
_STOPPED = (0, 130)
"""Exit codes of a training that ended, and of one that was asked to stop."""


@dataclass(frozen=True)
class Resumed:
    """A process that was started to go on with a run.

    Args:
        process: the process.
        log: what it says.
    """

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def goes_on(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    @property
    def failed(self) -> bool:
        """Whether it ended, and not because it was done or asked to stop."""
        return self.process.poll() not in (None, *_STOPPED)

    def said(self) -> str:
        """The last paragraph that it said."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
        return text.strip().rpartition("\n\n")[2]


def resume(run: Path, data: Path) -> Resumed:
    """Go on with a run by the command that began it.

    Args:
        run: its folder.
        data: the photos.
    """
    verb = "run" if (run / "audit.json").is_file() else "train"  # only `maskwright run` audits first
    command = [sys.executable, "-m", "maskwright", verb, str(data.resolve()), "-o", str(run.resolve()), "--resume"]
    log = run / LOG
    log.parent.mkdir(exist_ok=True)
    apart = (
        {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
        if sys.platform == "win32"
        else {"start_new_session": True}  # Ctrl-C of the server is not meant for it
    )
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **apart)
    return Resumed(process, log)
