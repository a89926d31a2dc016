"""The decoded cache: pixels as they come out of the decoders, in one file per dataset, to be memory-mapped.

An entry is a folder `<key>.<chance>` with `pixels.bin` and `index.json`. It is built under a temporary name and
renamed when it is whole, never changed afterwards, and never replaced: two processes that build the same entry
make two folders and either is right. So no open map is ever renamed over, which Windows forbids.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from maskwright.errors import RunError
from maskwright.storage import read_json, write_json

LIMIT_GIB = 20.0
"""A quarter of the free disk, but never more than this for all datasets; MASKWRIGHT_CACHE_GIB sets another limit."""

KEPT_S = 24 * 3600.0
"""What was used within a day is never removed: another process may be reading it."""


@dataclass(frozen=True)
class Entry:
    """A whole entry of the cache.

    Args:
        index: what was written beside the pixels.
        blob: the file of the pixels.
    """

    index: Mapping[str, Any]
    blob: Path


def cache_folder() -> Path:
    """Where Maskwright keeps what can be made again: MASKWRIGHT_CACHE, else the platform's cache folder."""
    named = os.environ.get("MASKWRIGHT_CACHE")
    if named:
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "maskwright" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "maskwright"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "maskwright"


def find(key: str) -> Entry | None:
    """The entry of a key, or None; damaged ones are removed.

    Args:
        key: a hex digest of everything that the entry was made from.
    """
    for folder in sorted(_entries().glob(f"{key}.*")):
        try:
            index = read_json(folder / "index.json", format_version=1)
            if (folder / "pixels.bin").stat().st_size == index["blob_bytes"]:
                with contextlib.suppress(OSError):
                    os.utime(folder / "index.json")
                return Entry(index, folder / "pixels.bin")
        except (RunError, OSError, KeyError, TypeError):
            pass
        discard(folder)
    return None


def discard(folder: Path) -> None:
    """Remove an entry as far as that is possible; one that is still mapped stays, on Windows."""
    shutil.rmtree(folder, ignore_errors=True)


class Building:
    """An entry being written; a context manager that leaves nothing behind unless `finish` was called.

    A cache that cannot be written is no error: `append` then answers -1, and `problem` says why.

    Args:
        key: as in `find`.
        wanted: False for a cache that takes nothing.
    """

    def __init__(self, key: str, *, wanted: bool = True) -> None:
        self.problem = ""
        self._folder = _entries() / f".{key}.{uuid.uuid4().hex[:12]}.tmp"
        self._lock = threading.Lock()
        self._end, self._limit = 0, 0
        self._file: io.FileIO | None = None
        if not wanted:
            return
        try:
            self._folder.mkdir(parents=True)
            self._limit = limit_bytes(self._folder)
            self._file = (self._folder / "pixels.bin").open("w+b", buffering=0)
        except OSError as error:
            self.problem = str(error)

    def __enter__(self) -> Building:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        discard(self._folder)

    def append(self, *parts: bytes | memoryview) -> int:
        """Write the parts one after the other.

        Returns:
            Where they start, or -1 when the cache is full or cannot be written.
        """
        size = sum(len(part) for part in parts)
        if self._file is None or self.problem or self._end + size > self._limit:
            return -1
        start = self._end
        try:
            with self._lock:
                _write(self._file, start, *parts)
        except OSError as error:
            self.problem = str(error)
            return -1
        self._end += size
        return start

    def read(self, start: int, count: int) -> bytes:
        """Bytes written before."""
        if self._file is None:
            raise OSError(self.problem)
        with self._lock:
            self._file.seek(start)
            return self._file.read(count)

    def rewrite(self, start: int, part: bytes | memoryview) -> None:
        """Write over bytes written before."""
        if self._file is None or self.problem:
            return
        try:
            with self._lock:
                _write(self._file, start, part)
        except OSError as error:
            self.problem = str(error)

    def finish(self, index: Mapping[str, Any]) -> Path | None:
        """Make the entry whole and visible.

        Args:
            index: what stands beside the pixels; its "format" and "blob_bytes" are added.

        Returns:
            The file of the pixels, or None when the cache could not be written or nothing is in it.
        """
        if self._file is None or self.problem or self._end == 0:
            return None
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            write_json(self._folder / "index.json", {"format": 1, "blob_bytes": self._end, **index})
            final = self._folder.with_name(self._folder.name.removeprefix(".").removesuffix(".tmp"))
            self._folder.rename(final)
        except OSError as error:
            self.problem = str(error)
            return None
        prune(limit_bytes(final), keep=final)
        return final / "pixels.bin"


def limit_bytes(folder: Path) -> int:
    """How much the cache may hold, in bytes."""
    named = os.environ.get("MASKWRIGHT_CACHE_GIB")
    with contextlib.suppress(ValueError):
        return int(float(named) * 2**30) if named else _default_limit(folder)
    return _default_limit(folder)


def prune(limit: int, *, keep: Path) -> None:
    """Remove what was used longest ago until the cache fits its limit, and what crashed builders left behind.

    Args:
        limit: in bytes.
        keep: the entry just made.
    """
    now = time.time()
    entries = sorted(_used(), reverse=True)
    total = 0
    for used, size, folder in entries:
        total += size
        old = now - used > KEPT_S and folder != keep
        if old and (total > limit or folder.name.startswith(".")):
            discard(folder)


def _write(file: io.FileIO, start: int, *parts: bytes | memoryview) -> None:
    file.seek(start)
    for part in parts:
        rest = memoryview(part).cast("B")
        while rest:
            rest = rest[file.write(rest) :]


def _entries() -> Path:
    return cache_folder() / "decoded"


def _default_limit(folder: Path) -> int:
    return int(min(LIMIT_GIB * 2**30, shutil.disk_usage(folder).free / 4))


def _used() -> Iterator[tuple[float, int, Path]]:
    """When each entry was last used, its size in bytes, its folder."""
    for folder in _entries().iterdir():
        with contextlib.suppress(OSError):
            files = [file.stat() for file in folder.iterdir()] or [folder.stat()]
            yield max(file.st_mtime for file in files), sum(file.st_size for file in files), folder
