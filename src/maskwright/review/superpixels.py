"""Small regions of one colour that a brush fills at once."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.pictures import fitted
from maskwright.data.sample import Image

SIDE_PX = 1024
"""Longest side that is flooded: a tenth of a second at that size, five at the size of a camera."""

REGION_PX, REGION_SHARE = 8, 1 / 64
"""A region is about so many pixels across, or that share of the longest side where it is more: an ear takes a few."""


def superpixels(image: Image) -> NDArray[np.uint16]:
    """Divide a photo into compact regions that end at its edges.

    A watershed from a grid of seeds, each moved to the flattest place near it: Hu et al., "Watershed Superpixel",
    ICIP 2015, with the flooding of OpenCV (Meyer 1992), which goes by colour difference.

    Args:
        image: `(H, W, 3) uint8` RGB.

    Returns:
        `(H, W) uint16` region ids from 0 without gaps; every pixel belongs to one.
    """
    small = np.array(fitted(image, SIDE_PX))
    smooth = np.asarray(cv2.bilateralFilter(small, 5, 30, 3), np.uint8)
    labels = np.zeros(smooth.shape[:2], np.int32)
    step_px = max(REGION_PX, REGION_SHARE * max(labels.shape))
    for number, (y, x) in enumerate(_seeds(smooth, step_px), start=1):
        labels[y, x] = number
    cv2.watershed(smooth, labels)
    regions = _without_lines(labels)
    return np.asarray(cv2.resize(regions, image.shape[1::-1], interpolation=cv2.INTER_NEAREST), np.uint16)


def _seeds(image: Image, step_px: float) -> list[tuple[int, int]]:
    """The flattest place near each point of a grid."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    steepness = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).astype(np.int32)
    height, width = grey.shape
    reach = max(0, int(step_px / 4))
    seeds = []
    for middle_y in np.arange(step_px / 2, height, step_px).astype(int):
        for middle_x in np.arange(step_px / 2, width, step_px).astype(int):
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
