"""Which photos are meant by files, folders and patterns."""

from __future__ import annotations

import glob
import hashlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from maskwright.data.decode import EXTENSIONS
from maskwright.data.listing import NOT_READ
from maskwright.data.tree import list_tree
from maskwright.errors import UsageError, shown
from maskwright.inference.archives import PHOTO_BYTES, is_archive, photos_in
from maskwright.inference.films import frames_in, is_film
from maskwright.inference.photo import Given, PhotoFile
from maskwright.sentences import say

NO_PHOTOS = (".svg", ".npy", ".npz", ".pdf")
"""Lie beside photos without being meant; other formats that are not read are reported."""

NAMED = 10
"""Paths without photos that a message names."""


def find_photos(
    paths: Sequence[str | Path] | str | Path, *, every: int = 1, outside: Sequence[Path] = ()
) -> list[PhotoFile]:
    """The photos that are meant.

    A file is taken whatever it is called; folders, with all folders below them, and patterns give the files that are
    called like pictures, in upper or lower case. Hidden files are passed over.

    Args:
        paths: files, folders and patterns with `*`, `?`, `[...]` and `**`, also as addresses of an object store that
            fsspec knows: `s3://bucket/photos`, `gs://bucket/photos/**.jpg`; zip and tar archives and films, which are
            not looked for in folders; "-" for the bytes of one photo on standard input.
        every: of films every n-th frame is a photo.
        outside: folders whose files are left out: where the predictions go.

    Returns:
        Each photo once, in the order of the paths and by name within one.

    Raises:
        UsageError: some of the paths are not there or hold no photo; all of them are named. Or an object store cannot
            be reached.
    """
    given = [paths] if isinstance(paths, (str, Path)) else list(paths)
    own = tuple(f"{_absolute(folder)}/" for folder in outside)
    photos: dict[str, PhotoFile] = {}
    empty: list[str] = []
    for path in given:
        found = 0
        for photo in _expanded(path, every):
            if not photo.source.startswith(own):
                photos.setdefault(photo.source, photo)
                found += 1
        if not found:
            empty.append(str(path))
    if empty or not photos:
        raise UsageError(
            f"{_some(empty) or 'Nothing'}: no photo there.",
            expected=f"files, folders or patterns of {', '.join(EXTENSIONS)}",
            found="nothing of the kind" if empty else "no path at all",
            do='Check the spelling; a pattern stands in quotes: "photos/**/*.jpg"',
        )
    return list(photos.values())


def _some(paths: Sequence[str]) -> str:
    more = len(paths) - NAMED
    return ", ".join(paths[:NAMED]) + (f" and {more} more" if more > 0 else "")


def paths_of(paths: Sequence[str], listed: str | None = None) -> list[str]:
    """Paths, and those of a list.

    Args:
        paths: as for `find_photos`.
        listed: a file with one path a line, or with zero bytes between them, as `find -print0` writes; "-" is standard
            input.

    Raises:
        UsageError: there is no such list, it is no UTF-8 text, or standard input is wanted twice.
    """
    if listed is None:
        return list(paths)
    if listed == "-" and "-" in paths:
        raise UsageError("--from-list - and the photo -: both want standard input.", do="Leave one out.")
    try:
        content = sys.stdin.buffer.read() if listed == "-" else Path(listed).read_bytes()
        lines = content.decode().split("\0" if b"\0" in content else "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"--from-list {listed}: this is no list of paths.",
            expected="UTF-8 text, one path a line",
            found=getattr(error, "strerror", None) or str(error),
        ) from None
    return [*paths, *(line.rstrip("\r") for line in lines if line.strip())]


def _expanded(path: str | Path, every: int) -> Iterator[PhotoFile]:
    if str(path) == "-":
        yield _standard_input()
        return
    if "://" in str(path):
        yield from _in_store(str(path))
        return
    place = Path(path).expanduser()
    if place.is_file():
        yield from _held(place, every) or [_photo(place, place.parent)]
    elif place.is_dir():
        yield from _in_folder(place, place)
    elif glob.has_magic(str(place)):
        root = _fixed_part(place)
        for name in sorted(glob.glob(str(place), recursive=True)):  # noqa: PTH207  Path.glob takes no absolute pattern
            match = Path(name)
            if match.is_dir():
                yield from _in_folder(match, root)
            elif match.is_file():
                yield from _held(match, every) or ([_photo(match, root)] if _is_photo(match.suffix) else [])


def _in_folder(folder: Path, root: Path) -> Iterator[PhotoFile]:
    start, below = _slashed(folder), len(_slashed(root))
    for file in list_tree(folder, links_out=True).files:
        if not _is_photo(file.extension) or file.kind == "folder":
            continue
        source = f"{start}{file.path}"
        problem = "" if file.kind == "file" else say(f"finding.{file.kind}", file=shown(source))
        yield PhotoFile(source, below, file.size, file.mtime_ns, problem)


def _held(place: Path, every: int) -> Iterator[PhotoFile] | None:
    """The photos in a file that holds several; None where it is called like none."""
    if is_film(place):
        return frames_in(Path(_absolute(place)), every)
    if not is_archive(place):
        return None
    inside = photos_in(Path(_absolute(place)))
    return (photo for extension, photo in inside if _is_photo(extension) or photo.inside is None)


def _standard_input() -> PhotoFile:
    content = sys.stdin.buffer.read(PHOTO_BYTES + 1)
    if len(content) > PHOTO_BYTES:
        raise UsageError(
            f"-: standard input gives more than {PHOTO_BYTES >> 20} MB.", expected="the bytes of one photo"
        )
    mark = int.from_bytes(hashlib.blake2b(content, digest_size=7).digest(), "big")
    return PhotoFile("stdin", 0, len(content), mark, inside=Given(content))


def _in_store(address: str) -> Iterator[PhotoFile]:
    import fsspec

    try:
        store, place = fsspec.url_to_fs(address)
        magic = glob.has_magic(place)
        found: dict[str, dict[str, Any]] = (store.glob if magic else store.find)(place, detail=True)
    except Exception as error:  # each store has errors of its own
        raise UsageError(
            f"{address}: this object store cannot be read.",
            found=f"{type(error).__name__}: {' '.join(str(error).split())[:300]}",
            do="Is its package installed (s3fs for s3://, gcsfs for gs://), and may you read there?",
        ) from error
    fixed = PurePosixPath(_fixed_part(Path(place)) if magic else place)
    for name in sorted(found):
        file = PurePosixPath(name)
        parts = file.relative_to(fixed).parts or (file.name,)
        if _is_photo(file.suffix) and found[name]["type"] == "file" and not any(part[0] == "." for part in parts):
            source = store.unstrip_protocol(name)
            below = len(source) - len("/".join(parts))
            yield PhotoFile(source, below, found[name]["size"], _changed_ns(found[name]))


def _changed_ns(about: Mapping[str, Any]) -> int:
    """When a file of an object store was changed, under whatever name the store says it; 0 where it says nothing."""
    stamp = next((about[key] for key in ("mtime", "LastModified", "updated", "last_modified") if about.get(key)), 0)
    if isinstance(stamp, str):
        stamp = datetime.fromisoformat(stamp)
    return int((stamp.timestamp() if isinstance(stamp, datetime) else float(stamp)) * 1e9)


def _photo(place: Path, root: Path) -> PhotoFile:
    status = place.stat()
    return PhotoFile(_absolute(place), len(_slashed(root)), status.st_size, status.st_mtime_ns)


def _absolute(place: Path) -> str:
    return Path(os.path.abspath(place)).as_posix()  # noqa: PTH100  resolve() would follow links


def _slashed(folder: Path) -> str:
    return f"{_absolute(folder).rstrip('/')}/"


def _is_photo(extension: str) -> bool:
    return extension.lower() in EXTENSIONS or extension.lower() in set(NOT_READ) - set(NO_PHOTOS)


def _fixed_part(pattern: Path) -> Path:
    parts = pattern.parts
    first = next(position for position, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:first])
