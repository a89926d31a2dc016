"""Reading a zip that somebody else made: what could do harm is refused before anything of it is written."""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from maskwright.errors import RunError, shown

MOST_TIMES = 200
"""How many times larger than the zip its files may be; text shrinks to a tenth, weights hardly at all."""
SMALL_BYTES = 64 * 2**20
"""Up to this size it does not matter how much larger they are."""
_PIECE = 1 << 20
_END, _END_BYTES, _END64 = b"PK\x05\x06", 22, b"PK\x06\x07"
_WAYS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}


class Zipped:
    """A zip, of which only named files are read; a context manager.

    Args:
        path: the file.
        most_files: how many entries it may have.

    Raises:
        RunError: it is no zip, is damaged, or holds names that lead out of it, links, the same name twice, encrypted
            files, or more than it may.
    """

    def __init__(self, path: Path, *, most_files: int) -> None:
        self.path = path
        try:
            _check_end(path, most_files)
            self._archive = zipfile.ZipFile(path)
        except (OSError, ValueError, NotImplementedError, struct.error, zipfile.BadZipFile) as error:
            raise self.refused(f"no zip, or not a whole one: {error}") from None
        try:
            self._entries = self._named(most_files)
        except RunError:
            self._archive.close()
            raise

    def __enter__(self) -> Zipped:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._archive.close()

    def read(self, name: str, most_bytes: int) -> bytes:
        """The content of a file.

        Raises:
            RunError: it is not there, is larger, or is damaged.
        """
        entry = self._entry(name)
        if entry.file_size > most_bytes:
            raise self.refused(f"{name} has {entry.file_size} bytes", expected=f"up to {most_bytes}")
        return b"".join(self._pieces(entry))

    def check_sizes(self, sizes: Mapping[str, int | None], most_bytes: int) -> None:
        """Refuse a zip whose files have other sizes than they should, or are too large together.

        Args:
            sizes: bytes by name; None where any will do.
            most_bytes: all of them together.

        Raises:
            RunError: see above.
        """
        total = 0
        for name, size in sizes.items():
            entry = self._entry(name)
            total += entry.file_size
            if size is not None and entry.file_size != size:
                raise self.refused(f"{name} has {entry.file_size} bytes", expected=f"{size} bytes")
        whole = self.path.stat().st_size
        if total > most_bytes or (total > SMALL_BYTES and total > MOST_TIMES * whole):
            raise self.refused(f"{total} bytes in a zip of {whole}", expected="files that fit in memory")

    def extract(self, name: str, target: Path) -> None:
        """Write a file, never more of it than the zip's list says.

        Raises:
            RunError: it is damaged.
        """
        with target.open("xb") as file:
            for piece in self._pieces(self._entry(name)):
                file.write(piece)

    def refused(self, found: str, *, expected: str = "") -> RunError:
        """What is said of a zip that is not read."""
        found = " ".join(found.split())[:200]
        return RunError(
            f"{shown(self.path)}: cannot be opened as a bundle.",
            expected=expected or "a zip that maskwright bundle wrote, or a run folder, or the folder of a bundle",
            found=found,
            do="Copy the file again, whole.",
        )

    def _entry(self, name: str) -> zipfile.ZipInfo:
        if name not in self._entries:
            raise self.refused(f"no {name} in it")
        return self._entries[name]

    def _pieces(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        """The content, at most as much as the list says."""
        left = entry.file_size
        try:
            with self._archive.open(entry) as file:
                while piece := file.read(min(_PIECE, left + 1)):
                    left -= len(piece)
                    if left < 0:
                        raise zipfile.BadZipFile("it goes on behind its end")
                    yield piece
        except (OSError, ValueError, EOFError, RuntimeError, zlib.error, struct.error, zipfile.BadZipFile) as error:
            raise self.refused(f"{entry.filename}: {error}") from None
        if left:
            raise self.refused(f"{entry.filename}: it ends too early")

    def _named(self, most_files: int) -> dict[str, zipfile.ZipInfo]:
        """The files by name; where all lie in one folder, as when a folder was packed, without that one."""
        entries = [entry for entry in self._archive.infolist() if not entry.filename.startswith("__MACOSX/")]
        if len(entries) > most_files:
            raise self.refused(f"{len(entries)} files", expected=f"at most {most_files}")
        for entry in entries:
            problem = _problem(entry)
            if problem:
                raise self.refused(f"{entry.filename[:80]!r} {problem}")
        names = [entry.filename for entry in entries]
        if len({name.casefold() for name in names}) < len(names):
            raise self.refused("the same name twice")
        files = [entry for entry in entries if not entry.is_dir()]
        tops = {entry.filename.split("/")[0] for entry in files if "/" in entry.filename}
        packed = len(tops) == 1 and all("/" in entry.filename for entry in files)
        return {entry.filename.split("/", 1)[1] if packed else entry.filename: entry for entry in files}


def _problem(entry: zipfile.ZipInfo) -> str:
    """Why an entry is refused; "" for a sound one."""
    name, kind = entry.orig_filename, stat.S_IFMT(entry.external_attr >> 16)
    parts = name.removesuffix("/").split("/")
    if "\0" in name or "\\" in name or re.match(r"[A-Za-z]:", name) or any(part in ("", ".", "..") for part in parts):
        return "leads out of the zip"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if entry.flag_bits & 0x1:
        return "is encrypted"
    return "" if entry.compress_type in _WAYS else "is packed in a way that bundles are not"


def _check_end(path: Path, most_files: int) -> None:
    """Refuse a list of files that would take more memory than it may, before it is read."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 65_536 - _END_BYTES))
        tail = file.read()
    place = tail.rfind(_END)
    if place < 0 or len(tail) - place < _END_BYTES:
        raise zipfile.BadZipFile("it has no end")
    count, list_bytes = struct.unpack("<HI", tail[place + 10 : place + 16])
    if _END64 in tail[max(0, place - 20) : place] or count > most_files or list_bytes > 1000 * most_files:
        raise zipfile.BadZipFile(f"{count} files, which are listed in {list_bytes} bytes")
