"""The folder that a dataset is written to, and what every format does there alike."""

from __future__ import annotations

import collections
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from maskwright.data.annotation import IGNORE_NAMES, background_of
from maskwright.data.classes import IGNORE, Classes
from maskwright.data.encode import photo_png
from maskwright.data.pixels import photo_file
from maskwright.data.sample import Mask, Sample
from maskwright.errors import DataError, shown
from maskwright.progress import OnProgress, Progress, silent

T = TypeVar("T")

AHEAD = 16
"""Samples that are worked on ahead of the one that is written, so that memory stays small."""


@dataclass(frozen=True)
class Written:
    """What a format could not say.

    Args:
        left_out: samples without a mask that were left out, since the format would take them for empty ones.
        changed_px: pixels that the shapes, drawn again, give to another class.
    """

    left_out: int = 0
    changed_px: int = 0


@dataclass(frozen=True)
class Target:
    """Where a dataset is written to.

    Args:
        folder: a new folder.
        classes: the dataset's classes with the values 0, 1, 2, ... and 255 for ignore.
        splits: split -> its samples.
        ignored: whether any pixel is not judged.
        link: whether photos are hard links to the originals instead of copies.
        on_progress: is told how many samples are done.
        done: the samples done so far.
        photos: split -> how many photos were written.
    """

    folder: Path
    classes: Classes
    splits: Mapping[str, Sequence[Sample]]
    ignored: bool = False
    link: bool = False
    on_progress: OnProgress = silent
    done: list[str] = field(default_factory=list)
    photos: collections.Counter[str] = field(default_factory=collections.Counter)

    def put_photo(self, sample: Sample, folder: str, *, before: str = "") -> str:
        """Copy or link a sample's photo, byte by byte.

        Args:
            sample: whose photo; one that was never a file is written as PNG.
            folder: where to, relative to the target.
            before: what is put before its name.

        Returns:
            The photo's path below that folder.

        Raises:
            DataError: the photo cannot be linked from another drive.
        """
        self.photos[sample.split] += 1
        file, extract = photo_file(sample.pixels)
        stem = before + stem_of(sample)
        if file is None:
            return self._put(folder, stem + ".png", photo_png(sample.image()))
        if extract is not None:
            content = extract(file, sample.image_file)
            return self._put(folder, stem + _extension(content), content)
        name = stem + file.suffix
        path = self.folder / folder / name
        if not self.link:
            return self._put(folder, name, file.read_bytes())
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file.resolve(), path)
        except OSError as error:
            raise DataError(
                f"{shown(file)}: cannot be linked into the new folder.",
                found=str(error.strerror),
                do="Links need both folders on one drive. Leave out --link, or name an OUT on the drive of the photos.",
            ) from None
        return name

    def put(self, name: str, content: bytes | str) -> None:
        """Write a file; not under another name first, since the whole folder gets its name only when it is complete.

        Args:
            name: its path below the target.
            content: bytes, or text that is written as UTF-8.
        """
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def _put(self, folder: str, name: str, content: bytes) -> str:
        self.put(f"{folder}/{name}", content)
        return name

    def each(self, samples: Sequence[Sample], act: Callable[[Sample, Mask], T]) -> Iterator[tuple[Sample, T | None]]:
        """What `act(sample, mask)` gives for each sample, in order, several at once; None where there is no mask."""
        total = sum(len(each) for each in self.splits.values())
        waiting: collections.deque[tuple[Sample, Future[T | None]]] = collections.deque()
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for sample in [*samples, *[None] * AHEAD]:
                if sample is not None:
                    waiting.append((sample, pool.submit(_act, act, sample)))
                if waiting and (sample is None or len(waiting) > AHEAD):
                    first, future = waiting.popleft()
                    yield first, future.result()
                    self.done.append(first.id)
                    self.on_progress(Progress("stage.convert", len(self.done), total))


def stem_of(sample: Sample) -> str:
    """A sample's name inside of its split."""
    return sample.id.removeprefix(f"{sample.split}/")


def shape_classes(target: Target) -> dict[int, str]:
    """class id -> label of everything that is drawn as a shape: all but the background; ignored pixels if any."""
    ground = background_of(target.classes)
    labels = {place: name for place, name in enumerate(target.classes.names) if place != ground}
    return labels | ({IGNORE: IGNORE_NAMES[0]} if target.ignored else {})


def _act(act: Callable[[Sample, Mask], T], sample: Sample) -> T | None:
    mask = sample.mask()
    return None if mask is None else act(sample, mask)


def _extension(content: bytes) -> str:
    return ".png" if content.startswith(b"\x89PNG") else ".jpg"
