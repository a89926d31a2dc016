"""Photos in zip and tar archives, read where they lie: nothing is ever unpacked onto a disk.

An archive may come from anyone. So links in it are not followed, names that lead out of it are not taken, and what
would fill the memory when unpacked is not unpacked; each is named in the results.
"""

from __future__ import annotations

import bz2
import functools
import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from maskwright.data.decode import read_image
from maskwright.data.sample import Image
from maskwright.errors import DataError, shown
from maskwright.inference.photo import PhotoFile
from maskwright.sentences import say

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
"""What archives are called, in lower case."""

PHOTO_BYTES = 1 << 30
"""The largest file in an archive that is unpacked, into memory: twice what the largest photo has as RGB."""

HEADER_BYTES = 16 << 20
"""The longest header of a tar archive that is read: names have 4 KB."""

RATIO, FREE_BYTES = 100, 1 << 30
"""An archive may unpack to so many times its size, since photos hardly shrink, or to this many bytes in any case."""

_BROKEN: tuple[type[Exception], ...] = (OSError, EOFError, ValueError, RuntimeError, struct.error)
_BROKEN += (zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError)


@dataclass(frozen=True)
class Archive:
    """An archive as what its photos lie in.

    Args:
        path: the file.
    """

    path: str

    def image(self, photo: PhotoFile) -> Image:
        """One of its photos, decoded.

        Raises:
            DataError: it cannot be unpacked or decoded.
        """
        content = self._content(photo)
        return read_image(Path(photo.relative), name=photo.shown, extract=lambda *_: content)

    def _content(self, photo: PhotoFile) -> bytes:
        try:
            if self.path.lower().endswith(".zip"):
                holder = _zip(self.path, photo.mtime_ns)
                with holder.open(holder.infolist()[photo.entry]) as file:
                    content = file.read(photo.size)
            else:
                content = _from_tar(self.path, photo)
        except _BROKEN as error:
            raise DataError(say("archive.damaged", file=photo.shown, error=_plain(error))) from None
        if len(content) < photo.size:
            raise DataError(say("archive.damaged", file=photo.shown, error=f"{len(content)} of {photo.size} bytes"))
        return content


def is_archive(path: Path) -> bool:
    """Whether a file is called like an archive that is read."""
    return path.name.lower().endswith(ARCHIVES)


def photos_in(path: Path) -> Iterator[tuple[str, PhotoFile]]:
    """All files of an archive, whatever they are called, but hidden ones.

    Args:
        path: the archive.

    Returns:
        Extension in lower case, and the file; its `relative` is its path in the archive. What may not be opened has a
        `problem`, and where the archive itself is damaged or a bomb the last one is about that.
    """
    archive, below = Archive(path.as_posix()), len(path.as_posix()) + 2
    mtime_ns = path.stat().st_mtime_ns
    listed = _in_zip(path) if path.name.lower().endswith(".zip") else _in_tar(path)
    try:
        for name, entry, size, problem in listed:
            inner, leads_out = _inner(name)
            if not inner or any(part[0] == "." or part == "__MACOSX" for part in inner.split("/")):
                continue
            source = f"{path.as_posix()}!/{inner}"
            why = "outside" if leads_out else "large" if not problem and size > PHOTO_BYTES else problem
            told = say(f"archive.{why}", file=f"{shown(path)}!/{name}", limit_mb=PHOTO_BYTES >> 20) if why else ""
            yield PurePosixPath(inner).suffix.lower(), PhotoFile(source, below, size, mtime_ns, told, archive, entry)
    except _Bomb:
        told = say("archive.bomb", file=shown(path), ratio=RATIO)
        yield "", PhotoFile(path.as_posix(), len(path.parent.as_posix()) + 1, problem=told)
    except _BROKEN as error:
        told = say("archive.damaged", file=shown(path), error=_plain(error))
        yield "", PhotoFile(path.as_posix(), len(path.parent.as_posix()) + 1, problem=told)


class _Bomb(Exception):
    """An archive that unpacks to far more than its size."""


_UTF8 = 0x800
"""The flag of an entry of a zip whose name is in UTF-8; others are read as code page 437."""

_Listed = tuple[str, int, int, str]
"""Name, where it lies, bytes, and the key of why it may not be opened or ""."""


def _in_zip(path: Path) -> Iterator[_Listed]:
    with zipfile.ZipFile(path) as holder:
        if sum(one.file_size for one in holder.infolist()) > _limit(path):
            raise _Bomb
        for entry, one in enumerate(holder.infolist()):
            if not one.is_dir():
                link = stat.S_ISLNK(one.external_attr >> 16)
                problem = "link" if link else "locked" if one.flag_bits & 1 else ""
                yield _zip_name(one), entry, one.file_size, problem


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """What an entry is called: many programs write UTF-8 without the flag that says so."""
    if entry.flag_bits & _UTF8:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode()
    except UnicodeError:
        return entry.filename


def _in_tar(path: Path) -> Iterator[_Listed]:
    compression = _compression(path.as_posix())
    with (compression or open)(path, "rb") as stream:
        careful: Any = _Careful(stream, None if compression is None else _limit(path))
        with tarfile.open(fileobj=careful, mode="r:") as holder:
            while (one := holder.next()) is not None:
                holder.members.clear()  # type: ignore[attr-defined]  # it would keep them all
                if not one.isdir():
                    problem = (
                        "link" if one.issym() or one.islnk() else "" if one.isreg() and not one.issparse() else "odd"
                    )
                    yield one.name, one.offset_data, one.size, problem


class _Careful:
    """A stream for listing a tar archive, which needs headers only: no long reads, and not beyond a limit."""

    def __init__(self, stream: IO[bytes], limit: int | None) -> None:
        self._stream, self._limit, self.tell = stream, limit, stream.tell

    def read(self, size: int) -> bytes:
        if size > HEADER_BYTES:
            raise _Bomb
        return self._stream.read(size)

    def seek(self, place: int) -> int:
        if self._limit is not None and place > self._limit:
            raise _Bomb
        return self._stream.seek(place)


def _limit(path: Path) -> int:
    return max(FREE_BYTES, RATIO * path.stat().st_size)


def _from_tar(path: str, photo: PhotoFile) -> bytes:
    if _compression(path) is None:
        with open(path, "rb") as file:  # noqa: PTH123
            file.seek(photo.entry)
            return file.read(photo.size)
    stream = _stream(path, photo.mtime_ns)
    stream.seek(photo.entry)
    return stream.read(photo.size)


def _compression(path: str) -> Callable[..., Any] | None:
    with open(path, "rb") as file:  # noqa: PTH123
        start = file.read(6)
    return next((opener for magic, opener in _COMPRESSED if start.startswith(magic)), None)


_COMPRESSED = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open))


@functools.lru_cache(maxsize=2)
def _zip(path: str, _mtime_ns: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)  # its list is read once and not for each photo


@functools.lru_cache(maxsize=2)
def _stream(path: str, _mtime_ns: int) -> IO[bytes]:
    opener = _compression(path) or open
    stream: IO[bytes] = opener(path, "rb")  # kept, since it can only be read from its beginning
    return stream


def _inner(name: str) -> tuple[str, bool]:
    """A name in an archive as a path below it, and whether it leads out of it."""
    parts = name.replace("\\", "/").split("/")
    leads_out = ".." in parts or name[:1] in ("/", "\\") or ":" in parts[0]
    return "/".join(part for part in parts if part not in ("", ".", "..")), leads_out


def _plain(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
