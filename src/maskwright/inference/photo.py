"""A photo that is meant but not opened yet, wherever it lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from maskwright.data.decode import read_image
from maskwright.data.sample import Image
from maskwright.errors import DataError, shown


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """One photo to predict, not yet opened; small, since there may be a million of them.

    Args:
        source: its absolute POSIX path, where links are not followed, so that a link is a photo of its own; or its
            address in an object store, such as `s3://bucket/photos/a.jpg`; or what its container calls it.
        below: where in `source` its path below the folder that was given begins, or below the fixed part of a pattern,
            or its name.
        size: in bytes.
        mtime_ns: time of the last change.
        problem: why it cannot even be opened, as a sentence, or "".
        inside: what it lies in, shared by all photos in there; None for a file of its own.
        entry: where it lies in there.
    """

    source: str
    below: int
    size: int = 0
    mtime_ns: int = 0
    problem: str = ""
    inside: Container | None = None
    entry: int = 0

    @property
    def relative(self) -> str:
        """POSIX path below what was given."""
        return self.source[self.below :]

    @property
    def stem(self) -> str:
        """`relative` without its extension."""
        return PurePosixPath(self.relative).with_suffix("").as_posix()

    @property
    def in_store(self) -> bool:
        """Whether it lies in an object store; no absolute path holds two slashes."""
        return "://" in self.source

    @property
    def shown(self) -> str:
        """`source` as messages show it."""
        return self.source if self.in_store else shown(self.source)

    def image(self) -> Image:
        """The photo, decoded.

        Raises:
            DataError: it cannot be read; the message says why.
        """
        if self.problem:
            raise DataError(self.problem)
        if self.inside is not None:
            return self.inside.image(self)
        if self.in_store:
            return read_image(Path(self.relative), name=self.shown, extract=lambda *_: _fetched(self.source))
        return read_image(Path(self.source), name=self.shown)


class Container(Protocol):
    """What holds several photos in one file. It can be sent to other processes."""

    def image(self, photo: PhotoFile, /) -> Image:
        """One of its photos, decoded.

        Raises:
            DataError: it cannot be read.
        """
        ...


@dataclass(frozen=True)
class Given:
    """The bytes of one photo, as standard input gives them.

    Args:
        content: what was given.
    """

    content: bytes

    def image(self, photo: PhotoFile) -> Image:
        """The photo, decoded."""
        return read_image(Path(photo.relative), name=photo.source, extract=lambda *_: self.content)


def _fetched(address: str) -> bytes:
    """A file of an object store."""
    import fsspec

    with fsspec.open(address, "rb") as file:
        content: bytes = file.read()
    return content
