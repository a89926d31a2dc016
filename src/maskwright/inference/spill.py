"""Values that come in any order and are read in theirs: on disk, since there may be a million of them."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

import numpy as np

T = TypeVar("T")


class Spill(Sequence[T], Generic[T]):
    """A sequence of JSON values in a file without a name, which is gone with the last process that holds it.

    Args:
        folder: on whose disk it lies; it must be there.
        read: what makes a value of what was put.
    """

    def __init__(self, folder: Path, read: Callable[[Any], T]) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  it lives as long as this
        self._read = read
        self._starts, self._sizes = np.zeros(1024, np.int64), np.zeros(1024, np.int32)
        self._count = self._end = 0

    def put(self, place: int, value: Any) -> None:
        """Keep the value of a place; a later one of the same place counts.

        Args:
            place: from 0; all places up to the highest must have been put when the sequence is read.
            value: what JSON can say, nan included.
        """
        content = json.dumps(value).encode()
        while place >= len(self._starts):
            self._starts = np.append(self._starts, np.zeros_like(self._starts))
            self._sizes = np.append(self._sizes, np.zeros_like(self._sizes))
        self._file.seek(self._end)
        self._file.write(content)
        self._starts[place], self._sizes[place] = self._end, len(content)
        self._end += len(content)
        self._count = max(self._count, place + 1)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | slice) -> T | list[T]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(self._count))]
        if not -self._count <= place < self._count:
            raise IndexError(place)
        place %= self._count
        self._file.seek(int(self._starts[place]))
        return self._read(json.loads(self._file.read(int(self._sizes[place]))))

    def __iter__(self) -> Iterator[T]:
        return (self[place] for place in range(self._count))

    def __del__(self) -> None:
        with contextlib.suppress(AttributeError):
            self._file.close()
