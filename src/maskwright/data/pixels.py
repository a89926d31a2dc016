"""Where the pixels of samples come from: their files, or the decoded cache."""

from __future__ import annotations

import functools
import mmap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskwright.data.class_values import NO_CLASS, to_ids
from maskwright.data.classes import Classes
from maskwright.data.decode import read_image, read_raw_mask
from maskwright.data.sample import Image, Mask
from maskwright.errors import DataError


@dataclass(frozen=True)
class FilePixels:
    """Pixels decoded from their files each time they are asked for.

    Args:
        image_file: the photo.
        mask_file: the mask, or None.
        classes: what the mask's values mean.
    """

    image_file: Path
    mask_file: Path | None
    classes: Classes

    def image(self) -> Image:
        return read_image(self.image_file)

    def mask(self) -> Mask | None:
        if self.mask_file is None:
            return None
        mask = to_ids(read_raw_mask(self.mask_file, name=str(self.mask_file)), self.classes)
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


@functools.cache
def _mapped(blob: Path) -> mmap.mmap:
    with blob.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
