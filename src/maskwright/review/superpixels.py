"""Small regions of one colour that a brush fills at once."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.sample import Image

REGIONS = 900
"""Regions of a photo: 8 px across at 256 x 256, small enough for an ear, large enough to be worth it."""


def superpixels(image: Image, *, regions: int = REGIONS) -> NDArray[np.uint16]:
    """Divide a photo into compact regions that end at its edges.

    A watershed from a grid of seeds, each moved to the flattest place near it: Hu et al., "Watershed Superpixel",
    ICIP 2015, with the flooding of OpenCV (Meyer 1992), which goes by colour difference.

    Args:
        image: `(H, W, 3) uint8` RGB.
        regions: about how many, at most 60000.

    Returns:
        `(H, W) uint16` region ids from 0; every pixel belongs to one.
    """
    height, width = image.shape[:2]
    step = max(2.0, float(np.sqrt(height * width / regions)))
    smooth = np.asarray(cv2.bilateralFilter(np.ascontiguousarray(image), 5, 30, 3), np.uint8)
    labels = np.zeros((height, width), np.int32)
    for number, (y, x) in enumerate(_seeds(smooth, step), start=1):
        labels[y, x] = number
    cv2.watershed(smooth, labels)
    return _without_lines(labels)


def _seeds(image: Image, step: float) -> list[tuple[int, int]]:
    """The flattest place near each point of a grid."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    steepness = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).astype(np.int32)
    height, width = grey.shape
    reach = max(0, int(step / 4))
    seeds = []
    for middle_y in np.arange(step / 2, height, step).astype(int):
        for middle_x in np.arange(step / 2, width, step).astype(int):
            top, left = max(0, middle_y - reach), max(0, middle_x - reach)
            window = steepness[top : middle_y + reach + 1, left : middle_x + reach + 1]
            y, x = np.unravel_index(int(window.argmin()), window.shape)
            seeds.append((top + int(y), left + int(x)))
    return seeds


def _without_lines(labels: NDArray[np.int32]) -> NDArray[np.uint16]:
    """Give the watershed's lines, one pixel wide, to a region beside them, and count from 0."""
    filled = np.maximum(labels, 0).astype(np.uint16)
    while not filled.all():
        filled = np.where(filled > 0, filled, cv2.dilate(filled, np.ones((3, 3), np.uint8))).astype(np.uint16)
    return np.unique(filled, return_inverse=True)[1].reshape(filled.shape).astype(np.uint16)
