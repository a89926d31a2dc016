"""Probabilities that know the colours which the things of their photo have."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from maskwright.data.sample import Image
from maskwright.inference.predictor import Probs, most_probable

SHADES = 16
"""Steps of each of the three parts of a colour: few enough for one photo to fill."""

SURE = 0.9
"""Probability above which a pixel tells of the colours of its class."""

LEAST_FRAC = 0.001
"""Of the photo: a class with fewer sure pixels has no colours that are known."""

NEAR_FRAC = 0.03
"""Of the photo's short side: how far from an outline colours count; deep within, a thing may have any."""

MOST = 3.0
"""Limit of the log-odds of a colour: some are told by a few pixels."""

FLOOR = 1e-5
"""Share that each colour has of every class, seen or not."""


def coloured(probs: Probs, image: Image, weight: float) -> Probs:
    """Move probabilities near outlines to the class that has such colours elsewhere in the same photo.

    The colours of a class are a histogram over the pixels that the network is sure of, as those of what a person marks
    are in Boykov and Jolly, "Interactive Graph Cuts for Optimal Boundary & Region Segmentation of Objects in N-D
    Images", ICCV 2001 (there the regional term; no graph is cut here). With h_c and h_-c the shares that a pixel's
    colour has of class c and of all others, `p_c exp(weight near_c ln(h_c / h_-c))` over their sum is the answer, where
    near_c is `4 s (1 - s)` for the share s that class c has of a window around the pixel: 1 on its outline.

    Args:
        probs: `(C, H, W) float32`, sums to 1 over `C`.
        image: the photo, `(H, W, 3) uint8` RGB.
        weight: of the colours beside the network; 1 takes them for as good as it.

    Returns:
        `(C, H, W) float32`, sums to 1 over `C`; `probs` itself where no class has enough sure pixels.
    """
    named, shades = most_probable(probs), _shades(image)
    sure = probs.max(axis=0) > SURE
    size = SHADES**3
    seen = np.bincount(named[sure] * np.int64(size) + shades[sure], minlength=len(probs) * size).reshape(-1, size)
    pixels, least = seen.sum(axis=1), max(1.0, LEAST_FRAC * named.size)
    known = np.flatnonzero((pixels >= least) & (pixels.sum() - pixels >= least))
    if not len(known):
        return probs
    total, moved = _smooth(seen.sum(axis=0)), probs.copy()
    for class_id in known:
        own = _smooth(seen[class_id])
        others = (total - own) / (pixels.sum() - pixels[class_id])
        odds = np.log((own / pixels[class_id] + FLOOR) / (np.maximum(others, 0) + FLOOR))
        step = (weight * np.clip(odds, -MOST, MOST)).astype(np.float32)[shades]
        moved[class_id] *= np.exp(step * _near_outline(named == class_id))
    return np.asarray(moved / moved.sum(axis=0), np.float32)


def _shades(image: Image) -> NDArray[np.int32]:
    """`(H, W)`: the number of each pixel's colour, in steps of luma and of the two differences from it."""
    parts = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2YCrCb).astype(np.int32) * SHADES // 256
    return np.asarray((parts[..., 0] * SHADES + parts[..., 1]) * SHADES + parts[..., 2], np.int32)


def _smooth(seen: NDArray[np.int64]) -> NDArray[np.float64]:
    """Counts of colours spread over those beside them."""
    cube = seen.reshape(SHADES, SHADES, SHADES).astype(np.float64)
    return np.asarray(gaussian_filter(cube, 1.0), np.float64).ravel()


def _near_outline(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """`(H, W)`: 1 where half of a window is in the mask, 0 where all or nothing is."""
    radius_px = max(1, round(NEAR_FRAC * min(mask.shape)))
    size = (2 * radius_px + 1, 2 * radius_px + 1)
    share = cv2.boxFilter(mask.astype(np.float32), -1, size, borderType=cv2.BORDER_REFLECT)
    return np.asarray(4 * share * (1 - share), np.float32)
