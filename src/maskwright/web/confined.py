"""Files that may be served: those in the dataset's folder, wherever their names lead."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from maskwright.web.answers import Refusal


class Outside(Refusal):
    """A file that lies elsewhere than in the folder it was asked from."""


def confined(root: Path | None, file: str) -> None:
    """Raise where a file of a dataset is not in the dataset's folder, or return.

    Args:
        root: the dataset's folder; None for a dataset in memory.
        file: relative to it, "" for none.

    Raises:
        Outside: the path is absolute, goes up, or follows a symbolic link out of the folder.
    """
    if root is None or not file:
        return
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts or not (root / path).resolve().is_relative_to(root.resolve()):
        raise Outside("outside", file=file)
