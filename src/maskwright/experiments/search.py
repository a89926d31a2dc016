"""Finding runs: all that lie in a folder, and the one that a name means."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from maskwright.errors import RunError, UsageError, nearest, shown
from maskwright.training.marker import FORMAT_TEXT, MARKER

DEEPEST = 6
"""Folders below the one that is searched: `runs/year/project/sweep/trials/7` and no whole disk."""
PASSED_OVER = ("img", "images", "labels", "masks", "annotations", "node_modules", "__pycache__")
"""Folders with thousands of files and no run."""
AUDITS = ".maskwright"
"""How the names of folders end in which an audit lies."""

_WORDS = FORMAT_TEXT.split()[:2]


def find_runs(folder: Path) -> tuple[Path, ...]:
    """The runs in a folder and below it, sorted by path, or the folder itself where it is one.

    Runs, bundles, audits, hidden folders and folders of photos are not looked into; each folder is looked at once,
    whatever links lead to it, and one that may not be read holds nothing.

    Args:
        folder: where to look.

    Raises:
        UsageError: there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(f"{shown(folder)}: no such folder.", do="Name the folder that your runs lie in.")
    return tuple(sorted(_below(folder, DEEPEST, set())))


def find_run(name: str, folder: Path) -> Path:
    """The run that a name means.

    Args:
        name: the path of a run, or the end of the path of one in `folder`: as much of it as no other run has.
        folder: where to look.

    Raises:
        RunError: no run is called so, or several are.
    """
    if is_run(Path(name)):
        return Path(name)
    wanted = Path(name).parts
    names = {run_name(run, folder): run for run in find_runs(folder)}
    found = [each for each in names if Path(each).parts[-len(wanted) :] == wanted] if wanted else []
    if name in found or len(found) == 1:
        return names[name if name in found else found[0]]
    if found:
        raise RunError(
            f"{name}: several runs in {shown(folder)} are called so.",
            found=", ".join(found),
            do="Name more of the path.",
        )
    ends = sorted({Path(each).name for each in names})
    raise RunError(
        f"{name}: no run is called so.",
        expected=f"a path, or the end of the name of a run in the folder {shown(folder)}",
        do=nearest(name, ends) if 0 < len(ends) < 20 else "maskwright runs FOLDER lists the runs of a folder.",
    )


def is_run(folder: Path) -> bool:
    """Whether a run of any version lies there."""
    marker = folder / MARKER
    try:
        if not marker.is_file():  # opening a pipe would wait for ever
            return False
        with marker.open("rb") as file:
            return file.read(64).decode("utf-8", errors="replace").split()[:2] == _WORDS
    except OSError:
        return False


def run_name(run: Path, folder: Path) -> str:
    """What a run in a folder is called: its path from there, or its own name where it is the folder."""
    if run == folder:
        return folder.resolve().name
    return os.fsencode(run.relative_to(folder).as_posix()).decode("utf-8", errors="backslashreplace")


def _below(folder: Path, depth: int, seen: set[tuple[int, int]]) -> Iterator[Path]:
    try:
        about = folder.stat()
        if (about.st_dev, about.st_ino) in seen:
            return
        seen.add((about.st_dev, about.st_ino))
        with os.scandir(folder) as entries:
            parts = {entry.name: entry for entry in entries}
    except OSError:
        return
    if MARKER in parts and is_run(folder):
        yield folder
    elif depth and "bundle.json" not in parts:
        for name, entry in parts.items():
            passed_over = name.startswith(".") or name.endswith(AUDITS) or name in PASSED_OVER
            if not passed_over and _is_folder(entry):
                yield from _below(folder / name, depth - 1, seen)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False
