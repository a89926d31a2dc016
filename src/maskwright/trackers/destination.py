"""Where a run's facts go, and what forbids it; nothing of a tracker's package is imported here."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from maskwright.errors import TrackerError, UsageError
from maskwright.trackers.address import is_here, refuse_unreadable, without_password
from maskwright.trackers.table import tracker_named
from maskwright.weights.download import offline


def destination_of(to: str, folder: Path, uri: str) -> str:
    """Where a run's facts go, in full.

    Args:
        to: the tracker's name.
        folder: the run.
        uri: what was said of it; empty where nothing was.

    Raises:
        UsageError: the tracker is not known, its address cannot be read, or it lies on the network where that is
            forbidden.
        TrackerError: its package is not installed.
    """
    refuse_missing(to)
    wanted = tracker_named(to).where(folder, uri)
    refuse_unreadable(to, wanted)
    refuse_network(to, wanted)
    return wanted


def project_of(to: str, data: str, asked: str, before: str) -> str:
    """The project of a tracker that a run belongs into; "" where the tracker has none.

    Args:
        to: the tracker's name.
        data: the name of the run's data.
        asked: what was said of it now; empty where nothing was, and then it is what it was, else what the environment
            says, else named after the data.
        before: the one that the run was sent into; empty before the first time.

    Raises:
        UsageError: the tracker has no projects, or the name could be taken for another folder.
    """
    tracker = tracker_named(to)
    if not tracker.project_variable:
        if asked:
            raise UsageError(f"{to}: it knows no projects.", found=f"--project {asked}", do="Leave --project out.")
        return ""
    name = asked or before or os.environ.get(tracker.project_variable, "") or tracker.project.format(data)
    if "\\" in name or any(part.strip() in ("", ".", "..") for part in name.split("/")):
        raise UsageError(f"{to}: not a name for a project.", expected="NAME or NAME/NAME", found=repr(name))
    return name


def refuse_missing(to: str) -> None:
    """Refuse a tracker that is not known or not installed; nothing of it is imported.

    Raises:
        UsageError: it is not known.
        TrackerError: its package is not installed.
    """
    package = tracker_named(to).package
    if importlib.util.find_spec(package) is None:
        raise TrackerError(f"{to}: the package {package} is not installed.", do=f"pip install 'maskwright[{package}]'")


def refuse_network(to: str, uri: str) -> None:
    """Refuse an address on the network where the network is forbidden.

    Raises:
        UsageError: it is.
    """
    if offline() == "MASKWRIGHT_OFFLINE" and not is_here(uri):
        raise UsageError(
            f"{to}: the network is forbidden by --offline or MASKWRIGHT_OFFLINE.",
            found=without_password(uri),
            do="Push it later: maskwright runs push RUN --to " + to,
        )
