"""Whether two photos are the same picture: one is laid over the other, then compared detail by detail."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.audit.candidates import Cut
from maskwright.data.classes import IGNORE
from maskwright.data.sample import Image, Mask

SIDE_PX = 128
"""Side at which photos are laid over each other: hair and whiskers are gone, everything else is there."""

QUICK = 0.9
"""Pairs whose thumbnails correlate less after alignment are given up; planted copies had at least 0.97."""

Floats = NDArray[np.float32]
Warp = NDArray[np.float32]
"""`(2, 3)`: pixel of the second photo -> pixel of the first, both stretched to one square."""


@dataclass(frozen=True)
class Alignment:
    """How a photo lies over another.

    Args:
        similarity: correlation of their details where both are, in [-1, 1]. Details are what lies between a blur of
            1 px and one of 6 px at 128 px a side, so that brightness, contrast and compression hardly count.
        warp: from the unit square of the second photo to that of the first, `(2, 3)`.
        covered_frac: the share of the second photo that the first covers.
        area_frac: the share of the first photo that the second shows.
    """

    similarity: float
    warp: Warp
    covered_frac: float
    area_frac: float


def quickly_alike(first: NDArray[np.uint8], second: NDArray[np.uint8], cut: Cut) -> bool:
    """Whether two thumbnails are worth a closer look."""
    found = _aligned(first, second, cut)
    return found is not None and found[0] >= QUICK


def align(first: Image, second: Image, cut: Cut) -> Alignment | None:
    """Lay the first photo over the second.

    The affine map is refined from the cut by maximising the enhanced correlation coefficient (Evangelidis and
    Psarakis, "Parametric image alignment using enhanced correlation coefficient maximization", PAMI 2008).

    Args:
        first: `(H, W, 3) uint8` RGB.
        second: likewise, of any size.
        cut: about which part of the first the second shows.

    Returns:
        The alignment, or None where none is found.
    """
    one, other = _grey(first), _grey(second)
    found = _aligned(one, other, cut)
    if found is None:
        return None
    _, warp = found
    laid = _warped(one, warp, cv2.INTER_LINEAR)
    both = _warped(np.full_like(one, 255), warp, cv2.INTER_NEAREST) > 0
    if both.mean() < 0.3:
        return None
    similarity = _correlation(_details(laid)[both], _details(other)[both])
    return Alignment(similarity, warp, float(both.mean()), abs(float(np.linalg.det(warp[:, :2]))))


def mask_agreement(first: Mask, second: Mask, warp: Warp) -> float:
    """IoU of two masks of one photo, mean over the classes but the first that either has; nan where neither has one.

    Args:
        first: `(H, W) uint8` class ids.
        second: likewise, of any size.
        warp: the photos' alignment.
    """
    one, other = (_square(mask) for mask in (first, second))
    laid = _warped(one, _scaled(warp), cv2.INTER_NEAREST)
    judged = _warped(np.full_like(one, 255), _scaled(warp), cv2.INTER_NEAREST) > 0
    judged &= (laid != IGNORE) & (other != IGNORE)
    laid, other = laid[judged], other[judged]
    present = [class_id for class_id in np.union1d(laid, other).tolist() if class_id != 0]
    ious = [((laid == c) & (other == c)).sum() / ((laid == c) | (other == c)).sum() for c in present]
    return float(np.mean(ious)) if ious else float("nan")


MASK_SIDE_PX = 256


def _square(mask: Mask) -> Mask:
    return np.asarray(cv2.resize(mask, (MASK_SIDE_PX, MASK_SIDE_PX), interpolation=cv2.INTER_NEAREST), np.uint8)


def _scaled(warp: Warp) -> Warp:
    """The warp at the side of masks instead of that of photos."""
    scaled = warp.copy()
    ratio = MASK_SIDE_PX / SIDE_PX
    scaled[:, 2] = warp[:, 2] * ratio + (ratio - 1) / 2 * (1 - warp[:, :2].sum(axis=1))
    return scaled


def _grey(image: Image) -> NDArray[np.uint8]:
    small = cv2.resize(image, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def _aligned(first: NDArray[np.uint8], second: NDArray[np.uint8], cut: Cut) -> tuple[float, Warp] | None:
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-4)
    try:
        found, warp = cv2.findTransformECC(
            second, first, _start(cut, first.shape[0]), cv2.MOTION_AFFINE, criteria, np.ones_like(first), 5
        )
    except cv2.error:  # nothing to hold on to: a photo of one colour, or no overlap
        return None
    return float(found), np.asarray(warp, np.float32)


def _start(cut: Cut, side: int) -> Warp:
    """The map of a cut: from pixels of what it gives to pixels of the photo."""
    rows, columns = np.mgrid[0:2, 0:2].astype(np.float32)
    if cut.quarter_turns:
        rows, columns = np.rot90(rows, cut.quarter_turns), np.rot90(columns, cut.quarter_turns)
    if cut.mirrored:
        rows, columns = rows[:, ::-1], columns[:, ::-1]
    most = side - 1
    corners = [(0, 0), (0, 1), (1, 0)]
    there = [
        (most * (cut.left_frac + cut.side_frac * columns[at]), most * (cut.top_frac + cut.side_frac * rows[at]))
        for at in corners
    ]
    here = [(most * x, most * y) for y, x in corners]
    return cv2.getAffineTransform(np.asarray(here, np.float32), np.asarray(there, np.float32)).astype(np.float32)


def _warped(picture: NDArray[np.uint8], warp: Warp, way: int) -> NDArray[np.uint8]:
    size = (picture.shape[1], picture.shape[0])
    return np.asarray(cv2.warpAffine(picture, warp, size, flags=way | cv2.WARP_INVERSE_MAP), np.uint8)


def _details(grey: NDArray[np.uint8]) -> Floats:
    picture = grey.astype(np.float32)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1) - cv2.GaussianBlur(picture, (0, 0), 6), np.float32)


def _correlation(first: Floats, second: Floats) -> float:
    first, second = first - first.mean(), second - second.mean()
    return float((first * second).sum() / (np.sqrt((first**2).sum() * (second**2).sum()) + 1e-6))
