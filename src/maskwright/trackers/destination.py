"""Where a run's facts go, and what forbids it; nothing of a tracker's package is imported here."""

from __future__ import annotations

import importlib.util
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
