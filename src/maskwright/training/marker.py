"""The file `format` that makes a folder a run. A module of its own, because a list of runs looks at many of them."""

from __future__ import annotations

from pathlib import Path

from maskwright.errors import RunError, shown

MARKER = "format"
FORMAT_TEXT = "maskwright run 1\n"


def check_marker(folder: Path, *, or_bundle: bool = False) -> None:
    """Refuse a folder that is no run of a version that is known here.

    Args:
        folder: of a run.
        or_bundle: say that a bundle would do too.

    Raises:
        RunError: the folder is missing, is no run, or is of another format version.
    """
    marker = folder / MARKER
    if not marker.is_file():
        runs = "a folder that maskwright run or train wrote"
        raise RunError(
            f"{shown(folder)}: {'neither a run folder nor a bundle' if or_bundle else 'not a run folder'}.",
            expected=f"{runs}, or a bundle of it: a folder or a zip" if or_bundle else runs,
            found=_found(folder),
            do="Give the folder that -o named.",
        )
    text = marker.read_text(encoding="utf-8", errors="replace")
    if text != FORMAT_TEXT:
        raise RunError(
            f"{shown(folder)}: a run of a version that is not known here.",
            expected=FORMAT_TEXT.strip(),
            found=text.strip()[:60],
            do="Use a newer Maskwright: pip install -U maskwright",
        )


def _found(folder: Path) -> str:
    if (folder / "bundle.json").is_file():
        return "a bundle, which is never changed"
    if folder.is_file():
        return "a file"
    return "no file named format in it" if folder.exists() else "no such folder"
