"""Probabilities moved to the edges of the photo."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.sample import Image, Mask

RADIUS_SHARE = 1 / 32
"""Radius of the filter's window as a share of the photo's longest side: of those tried on drawn pets, the one with the
best outlines that cost no more than 0.002 mIoU (docs/review.md, "Proposals")."""

EPSILON = 1e-5
"""How much colour has to vary in a window to count as an edge, as a variance of channels in [0, 1]."""

SIDE_PX = 768
"""Longest side at which the filter looks for its coefficients: they vary slowly, and at the size of a camera they would
take GiB."""


def snapped(image: Image, probs: NDArray[np.float32]) -> Mask:
    """The likeliest class of each pixel after the probabilities were smoothed along the photo's edges.

    Args:
        image: `(H, W, 3) uint8` RGB.
        probs: `(C, H, W) float32`.

    Returns:
        `(H, W) uint8` class ids.
    """
    radius_px = max(2, round(RADIUS_SHARE * max(image.shape[:2])))
    return np.asarray(guided(image, probs, radius_px=radius_px, epsilon=EPSILON).argmax(axis=0), np.uint8)


def guided(image: Image, planes: NDArray[np.float32], *, radius_px: int, epsilon: float) -> NDArray[np.float32]:
    """Planes smoothed as the photo is smooth: in each window they are a linear function of its colour.

    The guided filter with a colour guide: He, Sun and Tang, "Guided Image Filtering", TPAMI 2013, equations 19 to 21;
    of large photos the coefficients are found on smaller copies: He and Sun, "Fast Guided Filter", arXiv 1505.00996.

    Args:
        image: `(H, W, 3) uint8` RGB, the guide.
        planes: `(C, H, W) float32`.
        radius_px: half a window without its middle.
        epsilon: see `EPSILON`; larger is smoother.

    Returns:
        `(C, H, W) float32`.
    """
    guide = image.astype(np.float32) / np.float32(255)
    scale = min(1.0, SIDE_PX / max(image.shape[:2]))
    small = _resized(guide, scale)
    radius = max(1, round(scale * radius_px))
    mean = _mean(small, radius)
    inverse = _inverse(_covariance(small, mean, radius) + np.float32(epsilon) * np.eye(3, dtype=np.float32))
    smooth = np.empty_like(planes)
    for plane, out in zip(planes, smooth, strict=True):
        coefficients = _coefficients(small, _resized(plane, scale), mean, inverse, radius)
        slope_offset = cv2.resize(coefficients, plane.shape[::-1], interpolation=cv2.INTER_LINEAR)
        out[:] = np.einsum("hwi,hwi->hw", slope_offset[..., :3], guide) + slope_offset[..., 3]
    return smooth


def _coefficients(
    guide: NDArray[np.float32],
    plane: NDArray[np.float32],
    mean: NDArray[np.float32],
    inverse: NDArray[np.float32],
    radius: int,
) -> NDArray[np.float32]:
    """Slope per channel and offset of the linear function at each pixel, `(h, w, 4)`: equations 19 and 20, averaged."""
    plane_mean = _mean(plane, radius)
    shared = _mean(guide * plane[..., None], radius) - mean * plane_mean[..., None]
    slope = np.einsum("hwij,hwj->hwi", inverse, shared)
    offset = plane_mean - np.einsum("hwi,hwi->hw", slope, mean)
    return _mean(np.dstack([slope, offset]), radius)


def _covariance(guide: NDArray[np.float32], mean: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Of the three channels in the window around each pixel, `(h, w, 3, 3)`."""
    covariance = np.empty((*guide.shape, 3), np.float32)
    for row in range(3):
        for column in range(3):
            product = _mean(guide[..., row] * guide[..., column], radius)
            covariance[..., row, column] = product - mean[..., row] * mean[..., column]
    return covariance


def _inverse(matrices: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of symmetric 3 x 3 matrices by cofactors: ten times as fast as a factorisation of each."""
    wide = matrices.astype(np.float64)  # where the photo is flat the determinant is 1e-12
    a, b, c, d, e, f = (wide[..., row, column] for row in range(3) for column in range(row, 3))
    rows = ((d * f - e * e, c * e - b * f, b * e - c * d), (a * f - c * c, b * c - a * e), (a * d - b * b,))
    determinant = a * rows[0][0] + b * rows[0][1] + c * rows[0][2]
    inverse = np.empty_like(matrices)
    for row, cofactors in enumerate(rows):
        for column, cofactor in enumerate(cofactors, start=row):
            inverse[..., row, column] = inverse[..., column, row] = cofactor / determinant
    return inverse


def _mean(planes: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    side = 2 * radius + 1
    return np.asarray(cv2.blur(planes, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)


def _resized(planes: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    if scale == 1:
        return planes
    return np.asarray(cv2.resize(planes, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
