"""Masks that a person may take instead of painting them: a proposal is a function (image, mask, region) -> mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import IGNORE
from maskwright.data.pictures import fitted
from maskwright.data.sample import Image, Mask
from maskwright.errors import UsageError
from maskwright.review.snapping import snapped


@dataclass(frozen=True)
class Region:
    """Where in a photo something is proposed, and which class it has.

    Args:
        class_id: the class of the object.
        box_xywh: a box around it in pixels, or None.
        points: clicks as (x, y, 1 on the object or 0 beside it).
    """

    class_id: int = 0
    box_xywh: tuple[int, int, int, int] | None = None
    points: tuple[tuple[int, int, int], ...] = ()


Proposal = Callable[[Image, Mask, Region], Mask]
"""Takes the photo, the mask as it is and a region; gives a whole mask, `(H, W) uint8` class ids."""

GRABCUT_SIDE_PX = 512
"""Longest side that GrabCut works on: a second at that size, minutes at the size of a camera."""

GRABCUT_ROUNDS = 4
"""Where the outline of the drawn pets moves by less than a pixel."""

SURE_SHARE = 0.35
"""Share of an object's largest inner distance that is surely object: a seed that survives an outline far off."""


def of_model(probs: NDArray[np.float32]) -> Proposal:
    """The proposal of a model that has not seen the photo.

    Args:
        probs: `(C, H, W) float32`, its probabilities.

    Returns:
        A proposal that snaps them to the photo's edges; it takes the whole photo, but for what is not judged.
    """

    def propose(image: Image, mask: Mask, region: Region) -> Mask:  # noqa: ARG001
        return np.where(mask == IGNORE, mask, snapped(image, probs))

    return propose


def grabcut(image: Image, mask: Mask, region: Region) -> Mask:
    """The object of a class, cut out along the photo's colours.

    Inside of a box whatever differs from its outside is taken. Without one the present mask of the class is the seed:
    its inner part is surely object, what lies far from it surely is not, and the outline in between is sought. Clicks
    are sure in both cases. Rother, Kolmogorov and Blake, "GrabCut", SIGGRAPH 2004.

    Args:
        image: `(H, W, 3) uint8` RGB.
        mask: `(H, W) uint8` class ids.
        region: the class, a box or none, clicks.

    Returns:
        The mask with the object replaced: its new pixels have the class, pixels that it lost are background (0).

    Raises:
        UsageError: there is neither a box nor a mask of the class to begin with.
    """
    seeds = _from_box(mask.shape, region.box_xywh) if region.box_xywh else _from_mask(mask == region.class_id)
    for x, y, on_object in region.points:
        cv2.circle(seeds, (x, y), max(2, max(mask.shape) // 200), cv2.GC_FGD if on_object else cv2.GC_BGD, -1)
    if len(np.unique(seeds % 2)) < 2:
        raise UsageError("Nothing to begin with.", do="Draw a box that leaves some of the photo outside.")
    around = _around(seeds != cv2.GC_BGD)
    found = np.zeros(mask.shape, bool)
    found[around] = _cut(image[around], seeds[around])
    return replaced(mask, found, region)


def replaced(mask: Mask, found: NDArray[np.bool_], region: Region) -> Mask:
    """The mask with an object in it replaced.

    Args:
        mask: `(H, W) uint8` class ids.
        found: `(H, W)`, the object's pixels.
        region: the object's class. In a box only the box changes. With a box or clicks, other objects of the class
            stay: only those that the new one touches lose their remaining pixels; without, all of the class does.

    Returns:
        The new mask; lost pixels are background (0), pixels that are not judged stay so.
    """
    within = np.zeros(mask.shape, bool)
    within[_box(region.box_xywh)] = True
    result = np.array(mask)
    if region.class_id != 0:
        old = mask == region.class_id
        if region.box_xywh is not None or region.points:
            _, parts = cv2.connectedComponents(old.astype(np.uint8))
            old &= np.isin(parts, np.unique(np.asarray(parts)[found & within]))
        result[within & old & ~found] = 0
    result[within & found & (mask != IGNORE)] = region.class_id
    return result


def _around(inside: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns of a region and some of what is beside it, which is enough to tell their colours apart."""
    slices = []
    for axis in (1, 0):
        places = np.flatnonzero(inside.any(axis=axis))
        margin = max(16, (places[-1] - places[0]) // 3)
        slices.append(slice(max(0, int(places[0] - margin)), int(places[-1] + margin + 1)))
    return slices[0], slices[1]


def _cut(image: Image, seeds: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """GrabCut on a part of the photo, at `GRABCUT_SIDE_PX` where it is larger."""
    small = np.ascontiguousarray(fitted(image, GRABCUT_SIDE_PX))
    small_seeds = np.array(cv2.resize(seeds, small.shape[1::-1], interpolation=cv2.INTER_NEAREST))
    cv2.setRNGSeed(0)  # its colour models begin with a draw
    background, object_ = np.zeros((1, 65)), np.zeros((1, 65))
    cut, _, _ = cv2.grabCut(
        small, small_seeds, (0, 0, 1, 1), background, object_, GRABCUT_ROUNDS, cv2.GC_INIT_WITH_MASK
    )
    found = np.asarray(np.asarray(cut) % 2 * 255, np.uint8)  # what is object has an odd number
    return np.asarray(cv2.resize(found, seeds.shape[::-1], interpolation=cv2.INTER_LINEAR)) > 127


def _from_box(shape: tuple[int, ...], box_xywh: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    seeds = np.full(shape, cv2.GC_BGD, np.uint8)
    seeds[_box(box_xywh)] = cv2.GC_PR_FGD
    return seeds


def _from_mask(inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    if not inside.any() or inside.all():
        raise UsageError("There is no mask of this class to begin with.", do="Draw a box around the object.")
    depth = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5)
    distance = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5)
    deepest = float(depth.max())
    seeds = np.where(inside, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[depth > SURE_SHARE * deepest] = cv2.GC_FGD
    seeds[distance > max(8.0, deepest)] = cv2.GC_BGD
    return seeds


def _box(box_xywh: tuple[int, int, int, int] | None) -> tuple[slice, slice]:
    if box_xywh is None:
        return slice(None), slice(None)
    x, y, width, height = box_xywh
    return slice(max(0, y), max(0, y + height)), slice(max(0, x), max(0, x + width))
