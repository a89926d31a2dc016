"""Which photos are meant by files, folders and patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from maskwright.data.decode import EXTENSIONS
from maskwright.data.listing import NOT_READ
from maskwright.data.tree import list_tree
from maskwright.errors import UsageError, shown
from maskwright.sentences import say

NO_PHOTOS = (".svg", ".npy", ".npz", ".pdf")
"""Lie beside photos without being meant; other formats that are not read are reported."""


@dataclass(frozen=True)
class PhotoFile:
    """One photo to predict, not yet opened.

    Args:
        source: its absolute path; links are not followed, so a link is a photo of its own.
        relative: POSIX path below the folder that was given, or below the fixed part of a pattern, or the name.
        size: in bytes.
        mtime_ns: time of the last change.
        problem: why it cannot even be opened, as a sentence, or "".
    """

    source: Path
    relative: str
    size: int = 0
    mtime_ns: int = 0
    problem: str = ""

    @property
    def stem(self) -> str:
        """`relative` without its extension."""
        return PurePath(self.relative).with_suffix("").as_posix()


def find_photos(paths: Sequence[str | Path] | str | Path, *, outside: Sequence[Path] = ()) -> list[PhotoFile]:
    """The photos that are meant.

    A file is taken whatever it is called; folders, with all folders below them, and patterns give the files that are
    called like pictures, in upper or lower case. Hidden files are passed over.

    Args:
        paths: files, folders and patterns with `*`, `?`, `[...]` and `**`.
        outside: folders whose files are left out: where the predictions go.

    Returns:
        Each photo once, in the order of the paths and by name within one.

    Raises:
        UsageError: some of the paths are not there or hold no photo; all of them are named.
    """
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    own = [_absolute(folder) for folder in outside]
    photos: dict[Path, PhotoFile] = {}
    empty: list[str] = []
    for path in given:
        found = [photo for photo in _expanded(path) if not any(photo.source.is_relative_to(one) for one in own)]
        if not found:
            empty.append(str(path))
        for photo in found:
            photos.setdefault(photo.source, photo)
    if empty or not photos:
        raise UsageError(
            f"{', '.join(empty) or 'Nothing'}: no photo there.",
            expected=f"files, folders or patterns of {', '.join(EXTENSIONS)}",
            found="nothing of the kind" if empty else "no path at all",
            do='Check the spelling; a pattern stands in quotes: "photos/**/*.jpg"',
        )
    return list(photos.values())


def _expanded(path: str | Path) -> Iterator[PhotoFile]:
    place = Path(path).expanduser()
    if place.is_file():
        yield _photo(place, place.name)
    elif place.is_dir():
        yield from _in_folder(place, place)
    elif glob.has_magic(str(place)):
        root = _fixed_part(place)
        for name in sorted(glob.glob(str(place), recursive=True)):  # noqa: PTH207  Path.glob takes no absolute pattern
            match = Path(name)
            if match.is_dir():
                yield from _in_folder(match, root)
            elif _is_photo(match.suffix) and match.is_file():
                yield _photo(match, match.relative_to(root).as_posix())


def _in_folder(folder: Path, root: Path) -> Iterator[PhotoFile]:
    for file in list_tree(folder, links_out=True).files:
        if not _is_photo(file.extension) or file.kind == "folder":
            continue
        place = folder / file.path
        relative = place.relative_to(root).as_posix()
        problem = "" if file.kind == "file" else say(f"finding.{file.kind}", file=shown(place))
        yield PhotoFile(_absolute(place), relative, file.size, file.mtime_ns, problem)


def _photo(place: Path, relative: str) -> PhotoFile:
    status = place.stat()
    return PhotoFile(_absolute(place), relative, status.st_size, status.st_mtime_ns)


def _absolute(place: Path) -> Path:
    return Path(os.path.abspath(place))  # noqa: PTH100  resolve() would follow links


def _is_photo(extension: str) -> bool:
    return extension.lower() in EXTENSIONS or extension.lower() in set(NOT_READ) - set(NO_PHOTOS)


def _fixed_part(pattern: Path) -> Path:
    parts = pattern.parts
    first = next(position for position, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:first])
