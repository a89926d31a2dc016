"""The file `format` that makes a folder a run. A module of its own, because a list of runs looks at many of them."""

from __future__ import annotations

from pathlib import Path

from maskwright.errors import RunError, shown

MARKER = "format"
FORMAT_TEXT = "maskwright run 1\n"


def check_marker(folder: Path) -> None:
    """Refuse a folder that is no run of a version that is known here.

    Raises:
        RunError: the folder is missing, is no run, or is of another format version.
    """
    marker = folder / MARKER
    if not marker.is_file():
        raise RunError(
            f"{shown(folder)}: not a run folder.",
            expected="a folder that maskwright run or train wrote",
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
