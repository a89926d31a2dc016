"""Predicting with an exported network, whatever computes it: what surrounds the network, in NumPy and OpenCV."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import Classes
from maskwright.data.sample import Image, Mask
from maskwright.inference.predictor import Probs, most_probable, photo_groups
from maskwright.models.scaling import looks, mean_hw, scaled
from maskwright.recipe.recipe import Recipe

Network = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Photos `(B, H, W, 3) uint8` to logits `(B, C, h, w) float32`, at the photos' size or smaller."""

LEAST_PX = 32
"""The shortest side that an exported network is sure to take: a smaller photo has no cell left in the deepest map.
Its last row and column are repeated up to that size."""


class GraphPredictor:
    """An exported network as a `Predictor` that says what torch would say.

    Args:
        network: what computes logits.
        recipe: what the weights were trained by.
        classes: what they tell apart.
        digest: hex digest of what decides the predictions.
        tta: whether photos are looked at in all ways that the recipe names, or once.
        runtime: the name of the export.
    """

    def __init__(
        self,
        network: Network,
        *,
        recipe: Recipe,
        classes: Classes,
        digest: str,
        tta: bool = True,
        runtime: str = "export",
    ) -> None:
        self._network, self._tta, self.runtime = network, tta, runtime
        self.recipe, self.classes, self.digest = recipe, classes, digest

    def __call__(self, image: Image) -> Probs:
        """Probabilities `(C, H, W) float32` of a photo."""
        return self.many([image])[0]

    def many(self, images: Sequence[Image]) -> list[Probs]:
        """Probabilities of several photos; neighbours of one size go through the network together."""
        return [probs for group in photo_groups(images) for probs in self._probs(group)]

    def mask(self, image: Image) -> Mask:
        """The most probable class of each pixel, `(H, W) uint8`."""
        return self.masks([image])[0]

    def masks(self, images: Sequence[Image]) -> list[Mask]:
        """The most probable classes of several photos."""
        once = len(looks(self.recipe, tta=self._tta)) == 1  # then the largest logit tells
        answers = (self._logits(group) if once else self._probs(group) for group in photo_groups(images))
        return [most_probable(planes) for group in answers for planes in group]

    def _probs(self, images: list[Image]) -> list[Probs]:
        height, width = images[0].shape[:2]
        answers = self._looked_at(images, mean_hw(height, width, self.recipe, tta=self._tta))
        sums = [np.ascontiguousarray(_softmax(planes)) for planes in next(answers)]
        for found in answers:
            for total, planes in zip(sums, found, strict=True):
                total += _softmax(planes)
        ways = np.float32(len(looks(self.recipe, tta=self._tta)))
        return [_resized(total / ways, (height, width)) for total in sums]

    def _logits(self, images: list[Image]) -> list[Probs]:
        return next(self._looked_at(images, images[0].shape[:2]))

    def _looked_at(self, images: list[Image], size_hw: tuple[int, ...]) -> Iterator[list[Probs]]:
        """The logits `(C, H, W)` of each photo at a size, look by look."""
        for scale, mirrored in looks(self.recipe, tta=self._tta):
            seen = scaled(images, self.recipe, scale)
            height, width = seen.shape[1:3]
            padded = _padded(np.ascontiguousarray(seen[:, :, ::-1]) if mirrored else seen)
            answers = (_resized(planes, padded.shape[1:3]) for planes in self._network(padded))
            found = [_resized(planes[:, :height, :width], size_hw) for planes in answers]
            yield [planes[:, :, ::-1] for planes in found] if mirrored else found


def _resized(planes: Probs, size_hw: tuple[int, ...]) -> Probs:
    """Bilinearly, corners not aligned, as torch does it."""
    if planes.shape[1:] == size_hw:
        return planes
    height, width = size_hw
    out = np.empty((len(planes), height, width), np.float32)
    for plane, place in zip(planes, out, strict=True):
        cv2.resize(plane, (width, height), dst=place, interpolation=cv2.INTER_LINEAR)
    return out


def _softmax(logits: Probs) -> Probs:
    raised: Probs = np.exp(logits - logits.max(axis=0))
    raised /= raised.sum(axis=0)
    return raised


def _padded(photos: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Photos `(B, H, W, 3)` with `LEAST_PX` on each side, their last row and column repeated."""
    low, right = (max(0, LEAST_PX - size) for size in photos.shape[1:3])
    return np.pad(photos, ((0, 0), (0, low), (0, right), (0, 0)), "edge") if low or right else photos
