"""One photo with its mask."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""`(H, W, 3) uint8`, RGB."""
Mask = NDArray[np.uint8]
"""`(H, W) uint8` class ids, 255 where nothing is judged."""


class Pixels(Protocol):
    """Where a sample's pixels come from: files, the decoded cache, or arrays."""

    def image(self) -> Image:
        """The photo, `(H, W, 3) uint8` RGB; may be read-only."""
        ...

    def mask(self) -> Mask | None:
        """The mask, `(H, W) uint8` class ids, or None where there is no label; may be read-only."""
        ...


@dataclass(frozen=True)
class ArrayPixels:
    """Pixels held in memory."""

    image_array: Image
    mask_array: Mask | None = None

    def image(self) -> Image:
        return self.image_array

    def mask(self) -> Mask | None:
        return self.mask_array


@dataclass(frozen=True)
class Sample:
    """One photo, its mask or none, and where it belongs.

    Args:
        id: unique in the dataset, stable between reads, e.g. "train/000123" (POSIX path, no extension).
        split: "train", "val", "test", or another name that the folder uses.
        pixels: where the pixels come from.
        size_hw: height and width in pixels, after EXIF rotation.
        digest: hex digest of the pixels and the mask; equal digest = equal content.
        group: samples of one group stay in one split (duplicates, frames of one video).
        image_file: path of the photo relative to the dataset's root, "" for arrays.
        mask_file: path of the mask likewise, "" for none.
        labelled: whether there is a mask.
        photo_digest: hex digest of the photo's pixels alone; "" where it is not known.
    """

    id: str
    split: str
    pixels: Pixels
    size_hw: tuple[int, int]
    digest: str
    group: str = ""
    image_file: str = ""
    mask_file: str = ""
    labelled: bool = True
    photo_digest: str = ""

    @property
    def photo_key(self) -> str:
        """16 hex digits that tell its photo from all others, whatever its mask (of arrays: photo and mask together)."""
        return hashlib.blake2b((self.photo_digest or self.digest).encode(), digest_size=8).hexdigest()

    @property
    def mask_key(self) -> str:
        """16 hex digits that tell its photo with this mask from the same photo with another one."""
        return hashlib.blake2b(self.digest.encode(), digest_size=8).hexdigest()

    def image(self) -> Image:
        """The photo, `(H, W, 3) uint8` RGB."""
        return self.pixels.image()

    def mask(self) -> Mask | None:
        """The mask, `(H, W) uint8` class ids with 255 for ignore, or None."""
        return self.pixels.mask()
