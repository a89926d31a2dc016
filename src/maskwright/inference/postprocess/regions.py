"""Decisions about whole regions of a predicted mask."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.sample import Mask
from maskwright.inference.predictor import Probs, most_probable

NUDGE = np.float32(1e-3)
"""Probability that a decided class gets beyond what the swap gives it, so that equals are told apart."""


def decided(probs: Probs, mask: Mask) -> Probs:
    """Probabilities whose most probable class is that of a mask.

    Where the mask says another class than they do, the two classes' probabilities are swapped: the model's doubt stays
    as large as it was, under the name that the region was given.

    Args:
        probs: `(C, H, W) float32`, sums to 1 over `C`.
        mask: `(H, W) uint8` class ids.

    Returns:
        `(C, H, W) float32`, sums to 1 over `C`; `probs` itself where nothing differs.
    """
    was = most_probable(probs)
    rows, columns = np.nonzero(was != mask)
    if not len(rows):
        return probs
    probs, old, new = probs.copy(), was[rows, columns], mask[rows, columns]
    highest, other = probs[old, rows, columns], probs[new, rows, columns]
    probs[old, rows, columns], probs[new, rows, columns] = other, highest
    probs[:, rows, columns] *= 1 - NUDGE
    probs[new, rows, columns] += NUDGE
    return probs


def object_regions(mask: Mask) -> NDArray[np.int32]:
    """`(H, W) int32`: the number from 1 of the object of each pixel, pixels of all classes but the first that touch."""
    _, regions = cv2.connectedComponents((mask > 0).astype(np.uint8), connectivity=8)
    return np.asarray(regions, np.int32)


def voted(probs: Probs, mask: Mask, regions: NDArray[np.int32], share: float) -> Mask:
    """A mask in which regions have one class: the one with most probability in them, the first class left out.

    Args:
        probs: `(C, H, W) float32`.
        mask: `(H, W) uint8` class ids.
        regions: `(H, W) int32`, from 1; where it is 0 the mask stays.
        share: what the class must have of the probability of all but the first, in [0.5, 1]; else the region stays.

    Returns:
        `(H, W) uint8`.
    """
    count, places = int(regions.max()) + 1, regions.ravel()
    votes = np.stack([np.bincount(places, plane.ravel(), minlength=count) for plane in probs[1:]], axis=1)
    winners = (1 + votes.argmax(axis=1)).astype(np.uint8)
    wins = votes.max(axis=1) >= share * votes.sum(axis=1)
    wins[0] = False
    return np.where(wins[regions], winners[regions], mask)


def without_unsure(mask: Mask, probs: Probs, regions: NDArray[np.int32], share: float) -> Mask:
    """A mask without the objects that are doubtful beside the surest one: what looks like part of one, mostly.

    Args:
        mask: `(H, W) uint8` class ids.
        probs: `(C, H, W) float32`.
        regions: `(H, W) int32`, from 1; 0 belongs to no object.
        share: the least score over the best one's, in [0, 1]; a score is the mean of `1 - probs[0]` in a region.

    Returns:
        `(H, W) uint8`; the object with the best score stays.
    """
    places = regions.ravel()
    sizes = np.bincount(places)
    scores = np.bincount(places, 1 - probs[0].ravel()) / np.maximum(sizes, 1)
    unsure = scores < share * scores[1:].max(initial=0.0)
    unsure[0] = False
    return np.where(unsure[regions], 0, mask).astype(mask.dtype)


def without_specks(mask: Mask, smallest_px: list[float]) -> Mask:
    """A mask whose small regions take the class around them.

    Args:
        mask: `(H, W) uint8` class ids.
        smallest_px: per class, what a region (8 neighbours) must have to stay.

    Returns:
        `(H, W) uint8`.
    """
    kept = mask
    for class_id, smallest in enumerate(smallest_px):
        if smallest > 0:
            same = (kept == class_id).astype(np.uint8)
            _, regions, measures, _ = cv2.connectedComponentsWithStats(same, connectivity=8)
            small = measures[:, cv2.CC_STAT_AREA] < smallest
            kept = _absorbed(kept, regions, small, len(smallest_px))
    return kept


def filled(mask: Mask, largest_px: float, classes: int) -> Mask:
    """A mask whose holes take the class around them: regions of the first class that touch no border of the photo.

    Args:
        mask: `(H, W) uint8` class ids.
        largest_px: larger holes (4 neighbours) stay.
        classes: how many there are.

    Returns:
        `(H, W) uint8`.
    """
    height, width = mask.shape
    _, regions, measures, _ = cv2.connectedComponentsWithStats((mask == 0).astype(np.uint8), connectivity=4)
    left, top = measures[:, cv2.CC_STAT_LEFT], measures[:, cv2.CC_STAT_TOP]
    right, bottom = left + measures[:, cv2.CC_STAT_WIDTH], top + measures[:, cv2.CC_STAT_HEIGHT]
    inside = (left > 0) & (top > 0) & (right < width) & (bottom < height)
    return _absorbed(mask, regions, inside & (measures[:, cv2.CC_STAT_AREA] <= largest_px), classes)


def _absorbed(mask: Mask, regions: NDArray[np.int32], chosen: NDArray[np.bool_], classes: int) -> Mask:
    """The mask with the chosen regions given the class that most of the pixels beside them have."""
    chosen[0] = False  # what belongs to no region
    if not chosen.any():
        return mask
    beside = np.zeros(len(chosen) * classes, np.int64)
    upper, lower, left, right = np.s_[:-1], np.s_[1:], np.s_[:, :-1], np.s_[:, 1:]
    for here, there in ((upper, lower), (lower, upper), (left, right), (right, left)):
        edge = chosen[regions[here]] & (regions[here] != regions[there])
        beside += np.bincount(regions[here][edge] * classes + mask[there][edge], minlength=len(beside))
    votes = beside.reshape(-1, classes)
    chosen &= votes.any(axis=1)
    return np.where(chosen[regions], votes.argmax(axis=1).astype(np.uint8)[regions], mask)
