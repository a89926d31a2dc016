"""Where the pixels of samples come from: their files, or the decoded cache."""

from __future__ import annotations

import functools
import mmap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskwright.data.annotation import Annotation, Embedded, rasterise
from maskwright.data.class_values import NO_CLASS, to_ids
from maskwright.data.classes import Classes
from maskwright.data.decode import Extract, RawMask, read_image, read_raw_mask
from maskwright.data.listing import Pair
from maskwright.data.sample import Image, Mask, Pixels
from maskwright.errors import DataError


@dataclass(frozen=True)
class FilePixels:
    """Pixels decoded from their files each time they are asked for.

    Args:
        image_file: the photo.
        mask_file: the mask, or None.
        classes: what the mask's values mean.
        extract: gives the photo's bytes where `image_file` holds more than the photo.
        annotation: what the mask is drawn from, where `mask_file` is no picture.
        size_hw: height and width of a drawn mask.
    """

    image_file: Path
    mask_file: Path | None
    classes: Classes
    extract: Extract | None = None
    annotation: Annotation | None = None
    size_hw: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, root: Path, pair: Pair, classes: Classes, size_hw: tuple[int, int]) -> FilePixels:
        """The pixels of a listed pair.

        Args:
            root: the dataset's folder.
            pair: the photo and its mask.
            classes: what the mask's values mean.
            size_hw: height and width of the photo.
        """
        extract = pair.image.extract if isinstance(pair.image, Embedded) else None
        annotation = pair.mask if isinstance(pair.mask, Annotation) else None
        mask_file = root / pair.mask.path if pair.mask else None
        return cls(root / pair.image.path, mask_file, classes, extract, annotation, size_hw)

    def image(self) -> Image:
        return read_image(self.image_file, extract=self.extract)

    def raw_mask(self) -> RawMask:
        """The mask before its values are made class ids; there must be one."""
        assert self.mask_file is not None
        if self.annotation is None:
            return read_raw_mask(self.mask_file, name=str(self.mask_file))
        return rasterise(self.annotation.drawing(self.mask_file), self.size_hw, name=self.annotation.where)

    def mask(self) -> Mask | None:
        if self.mask_file is None:
            return None
        mask = to_ids(self.raw_mask(), self.classes)
        if (mask == NO_CLASS).any():
            raise DataError(f"{self.mask_file}: changed since the dataset was read.", do="Read the dataset again.")
        return mask


@dataclass(frozen=True)
class CachedPixels:
    """Pixels out of the decoded cache's memory map; out of the files when the cache is gone.

    The map is opened by each process when it first needs it, so samples can be sent to other processes.

    Args:
        blob: the cache's file.
        offset: where the photo starts in it, in bytes; its mask follows.
        size_hw: height and width.
        files: the files themselves.
    """

    blob: Path
    offset: int
    size_hw: tuple[int, int]
    files: FilePixels

    def image(self) -> Image:
        height, width = self.size_hw
        view = self._view(self.offset, 3 * height * width)
        return self.files.image() if view is None else view.reshape(height, width, 3)

    def mask(self) -> Mask | None:
        if self.files.mask_file is None:
            return None
        height, width = self.size_hw
        view = self._view(self.offset + 3 * height * width, height * width)
        return self.files.mask() if view is None else view.reshape(height, width)

    def _view(self, offset: int, count: int) -> NDArray[np.uint8] | None:
        try:
            return np.frombuffer(_mapped(self.blob), np.uint8, count, offset)
        except (OSError, ValueError):
            return None


def photo_file(pixels: Pixels) -> tuple[Path | None, Extract | None]:
    """The file of a sample's photo, and how the photo is taken out of one that holds more; (None, None) for arrays."""
    files = pixels.files if isinstance(pixels, CachedPixels) else pixels
    return (files.image_file, files.extract) if isinstance(files, FilePixels) else (None, None)


def let_go() -> None:
    """Give back the memory of mapped pixels: who passes over a whole dataset once would hold all of it in the end.

    The pixels stay where they are, and the next look at them reads them again. Windows has no such call.
    """
    if hasattr(mmap, "MADV_DONTNEED"):
        for opened in _OPENED:
            opened.madvise(mmap.MADV_DONTNEED)


_OPENED: list[mmap.mmap] = []


@functools.cache
def _mapped(blob: Path) -> mmap.mmap:
    with blob.open("rb") as file:
        _OPENED.append(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        return _OPENED[-1]
