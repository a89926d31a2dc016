"""Photos that are larger than a network should see at once: overlapping tiles with blended borders."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.data.sample import Image, Mask
from maskwright.errors import UsageError
from maskwright.inference.postprocess.predictor import PostProcessed
from maskwright.inference.predictor import Predictor, Probs, masks_of, most_probable, probs_of

GRID_PX = 32
"""Tiles begin at multiples of it: encoders look at every 32nd pixel at their coarsest, and so at the same ones."""

TILE_PX = 1024
"""Side of a tile, unless the model was trained on larger crops: 4 to 16 times the area of usual crops."""

ABOVE_PX = 16_000_000
"""Photos of more pixels are tiled unless said otherwise: what one batch has at most, so memory stays what it was."""


def tiled(predictor: Predictor, *, tile_px: int | None = None) -> Predictor:
    """A predictor that sees large photos in tiles; post-processing, which looks at the whole photo, comes after them.

    Args:
        predictor: as `load` gives it; its `recipe`, where it has one, says how large its crops were.
        tile_px: the side of a tile, and photos with a longer side are tiled. None takes `TILE_PX` or the recipe's crop,
            for photos of more than `ABOVE_PX` pixels; where the recipe scales all photos to one size, none is tiled.

    Raises:
        UsageError: as `Tiled`.
    """
    if isinstance(predictor, PostProcessed):
        return replace(predictor, predictor=tiled(predictor.predictor, tile_px=tile_px))
    if tile_px is not None:
        return Tiled(predictor, tile_px=tile_px, overlap_px=_quarter(tile_px))
    recipe: Any = getattr(predictor, "recipe", None)
    if recipe is not None and recipe.short_side_px:
        return predictor
    side = max(TILE_PX, *(recipe.crop_hw if recipe is not None else ()))
    side = -(-side // GRID_PX) * GRID_PX
    return Tiled(predictor, tile_px=side, overlap_px=_quarter(side), above_px=ABOVE_PX)


class Tiled:
    """A `Predictor` that asks another one about overlapping tiles of a photo and blends what it says.

    Of the overlap of two tiles the middle half is blended, linearly; the quarter at the border of each tile, where the
    network saw the tile's end instead of the photo, does not count. So the answer is that of the whole photo, but for
    rounding, where the predictor's answer for a pixel depends on no pixel farther away than a quarter of `overlap_px`.
    `mask` and `masks` hold the probabilities of one row of tiles at a time.

    Args:
        predictor: who is asked.
        tile_px: side of a tile, a multiple of 32; the last ones are up to 31 px longer.
        overlap_px: what two tiles have in common at least, a multiple of 32 and at most half of a tile.
        above_px: photos of up to so many pixels are not tiled, nor are those that fit into one tile.

    Raises:
        UsageError: sizes that cannot be.
    """

    def __init__(self, predictor: Predictor, *, tile_px: int, overlap_px: int, above_px: int = 0) -> None:
        if tile_px < 2 * GRID_PX or not 0 < overlap_px <= tile_px // 2 or tile_px % GRID_PX or overlap_px % GRID_PX:
            raise UsageError(
                f"Tiles of {tile_px} px that overlap by {overlap_px} px cannot be made.",
                expected=f"multiples of {GRID_PX}, tiles from {2 * GRID_PX} px on, an overlap of at most half of that",
                do=f"Take --tile-px {max(2, round(tile_px / GRID_PX)) * GRID_PX}.",
            )
        self.predictor, self.tile_px, self.overlap_px, self.above_px = predictor, tile_px, overlap_px, above_px

    def __call__(self, image: Image) -> Probs:
        """Probabilities `(C, H, W) float32` of a photo."""
        return self.many([image])[0]

    def many(self, images: Sequence[Image]) -> list[Probs]:
        """Probabilities of several photos."""
        if not any(map(self._is_large, images)):
            return list(probs_of(self.predictor, images))
        return [self._whole(image) if self._is_large(image) else self.predictor(image) for image in images]

    def mask(self, image: Image) -> Mask:
        """The most probable class of each pixel, `(H, W) uint8`."""
        return self.masks([image])[0]

    def masks(self, images: Sequence[Image]) -> list[Mask]:
        """The most probable classes of several photos."""
        if not any(map(self._is_large, images)):
            return list(masks_of(self.predictor, images))
        return [
            self._mask(image) if self._is_large(image) else next(masks_of(self.predictor, [image])) for image in images
        ]

    @property
    def digest(self) -> str:
        """Hex digest of what decides the predictions: the predictor's and the sizes."""
        sizes = f"{self.tile_px} {self.overlap_px} {self.above_px}"
        return hashlib.blake2b(f"{self._own('digest')}\0tiles {sizes}".encode(), digest_size=16).hexdigest()

    @property
    def classes(self) -> Any:
        """What the predictor tells apart."""
        return self._own("classes")

    @property
    def recipe(self) -> Any:
        """What the predictor's weights were trained by."""
        return self._own("recipe")

    def _own(self, name: str) -> Any:
        return getattr(self.predictor, name)

    def _is_large(self, image: Image) -> bool:
        height, width = image.shape[:2]
        return bool(height * width > self.above_px and max(height, width) > self.tile_px)

    def _whole(self, image: Image) -> Probs:
        whole: Probs | None = None
        for top, band in self._bands(image):
            if whole is None:
                whole = np.empty((len(band), *image.shape[:2]), np.float32)
            whole[:, top : top + band.shape[1]] = band
        assert whole is not None
        return whole

    def _mask(self, image: Image) -> Mask:
        return np.concatenate([most_probable(band) for _, band in self._bands(image)])

    def _bands(self, image: Image) -> Iterator[tuple[int, Probs]]:
        """The photo's probabilities from top to bottom: (first row, `(C, h, W)`)."""
        carried: Probs | None = None
        for rows in _spans(image.shape[0], self.tile_px, self.overlap_px):
            strip = self._strip(image, rows)
            strip *= rows.weights[:, None]
            if carried is not None:
                strip[:, : carried.shape[1]] += carried
            ready = rows.last_alone - rows.first
            yield rows.first, strip[:, :ready]
            carried = strip[:, ready:].copy()

    def _strip(self, image: Image, rows: _Span) -> Probs:
        """The probabilities of one row of tiles, blended from left to right, for the rows in which it counts."""
        columns = _spans(image.shape[1], self.tile_px, self.overlap_px)
        tiles = (np.ascontiguousarray(image[rows.start : rows.end, one.start : one.end]) for one in columns)
        strip: Probs | None = None
        # One at a time: eight together need a gigabyte more and are no faster on a CPU.
        for probs, one in zip(probs_of(self.predictor, tiles, batch=1), columns, strict=True):
            if strip is None:
                strip = np.zeros((len(probs), rows.last - rows.first, image.shape[1]), np.float32)
            inside = probs[
                :, rows.first - rows.start : rows.last - rows.start, one.first - one.start : one.last - one.start
            ]
            strip[:, :, one.first : one.last] += inside * one.weights
        assert strip is not None
        return strip


@dataclass(frozen=True, eq=False)
class _Span:
    """A tile along one axis.

    Args:
        start: where it begins.
        end: where it ends.
        first: from where on it counts.
        last: up to where it counts.
        last_alone: from where on the next tile counts too, or `last`.
        weights: how much it counts from `first` to `last`; with its neighbours' they sum to 1.
    """

    start: int
    end: int
    first: int
    last: int
    last_alone: int
    weights: NDArray[np.float32]


def _spans(length: int, tile: int, overlap: int) -> list[_Span]:
    if length <= tile:
        return [_Span(0, length, 0, length, length, np.ones(length, np.float32))]
    count = math.ceil((length - overlap) / (tile - overlap))
    starts = [place * (length - tile) // (count - 1) // GRID_PX * GRID_PX for place in range(count)]
    ends = [start + tile for start in starts[:-1]] + [length]
    reach = overlap // 4
    middles = [(end + start) // 2 for end, start in zip(ends[:-1], starts[1:], strict=True)]
    ramp = (np.arange(2 * reach, dtype=np.float32) + np.float32(0.5)) / np.float32(2 * reach)
    spans = []
    for place in range(count):
        first = middles[place - 1] - reach if place else 0
        last = middles[place] + reach if place < count - 1 else length
        weights = np.ones(last - first, np.float32)
        if place:
            weights[: 2 * reach] = ramp
        if place < count - 1:
            weights[-2 * reach :] = 1 - ramp
        alone = last - 2 * reach if place < count - 1 else last
        spans.append(_Span(starts[place], ends[place], first, last, alone, weights))
    return spans


def _quarter(tile_px: int) -> int:
    return max(1, round(tile_px / 4 / GRID_PX)) * GRID_PX
