"""Letting a run go on in a process of its own, which outlives the page and its server."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.experiments.runs import summarise

LOG = Path("state") / "resume.log"
"""Where in the run the process writes what it would say on a terminal."""
_TAIL_BYTES = 20_000
_APART: dict[str, Any]
if sys.platform == "win32":
    _APART = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    _APART = {"start_new_session": True}  # Ctrl-C of the server is not meant for it
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

    @property
    def waits(self) -> bool:
        """Whether its run lies where it lay, and neither trains nor has ended since."""
        run = self.log.parents[1]
        return self.log.is_file() and summarise(run, name=run.name).status not in ("training", "ended")

    def said(self) -> str:
        """Why it failed: its error, or the last that it said where it was killed."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode("utf-8", errors="replace").splitlines()
        for line in reversed(lines):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                return str(json.loads(line)["error"]["message"])
        return "\n".join(lines[-3:])


def resume(run: Path, data: Path, *, lang: str) -> Resumed:
    """Go on with a run by the command that began it.

    Args:
        run: its folder.
        data: the photos.
        lang: of its report.
    """
    verb = "run" if (run / "audit.json").is_file() else "train"  # only `maskwright run` audits first
    options = ["-o", str(run.resolve()), "--resume", "--json", "--lang", lang]
    command = [sys.executable, "-m", "maskwright", verb, str(data.resolve()), *options]
    log = run / LOG
    log.parent.mkdir(exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **_APART)
    return Resumed(process, log)
