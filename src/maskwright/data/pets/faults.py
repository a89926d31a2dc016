"""Label faults planted on purpose, each saying exactly what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import IGNORE
from maskwright.data.sample import Mask

SHIFT_PX = 8
"""Least shift of a shifted object, on a photo of up to 256 pixels; larger photos have it in proportion."""
EDGE_PX = 6
"""Least width by which an object is grown or shrunk, likewise."""


@dataclass(frozen=True)
class Planted:
    """A fault that was planted.

    Args:
        sample: id of the sample, or path of the file within the dataset.
        kind: a key of `FAULTS`, or how a file was broken.
        detail: what exactly was done, by name.
    """

    sample: str
    kind: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Faulty:
    """A mask with a fault.

    Args:
        mask: the faulty mask; the given one is as it was.
        detail: what exactly was done, by name.
    """

    mask: Mask
    detail: Mapping[str, Any]


def plant(mask: Mask, kind: str, rng: np.random.Generator, *, class_count: int) -> Faulty | None:
    """Plant one fault into a mask.

    Args:
        mask: `(H, W) uint8` class ids, 255 for ignore, which stays as it is.
        kind: a key of `FAULTS`.
        rng: draws the object (all pixels of one class but 0) and how far it goes.
        class_count: number of classes; "swapped" needs two besides background.

    Returns:
        The faulty mask, or None where the mask has nothing to plant this fault into.
    """
    present = [int(value) for value in np.unique(mask) if value not in (0, IGNORE)]
    if not present:
        return None
    class_id = present[int(rng.integers(len(present)))]
    faulty = FAULTS[kind](mask, class_id, rng, class_count)
    if faulty is None or np.array_equal(faulty.mask, mask):
        return None
    return Faulty(faulty.mask, {"class_id": class_id, **faulty.detail})


def _dropped(mask: Mask, class_id: int, _rng: np.random.Generator, _count: int) -> Faulty:
    """The object is not labelled at all."""
    return Faulty(np.where(mask == class_id, np.uint8(0), mask), {"lost_px": int((mask == class_id).sum())})


def _halved(mask: Mask, class_id: int, rng: np.random.Generator, _count: int) -> Faulty:
    """40 to 60 % of the object, on one side of a straight line, are not labelled."""
    rows, columns = np.nonzero(mask == class_id)
    share, angle = rng.uniform(0.42, 0.58), rng.uniform(0, 2 * np.pi)
    order = np.argsort(columns * np.cos(angle) + rows * np.sin(angle), kind="stable")
    lost = order[: round(share * len(order))]
    made = mask.copy()
    made[rows[lost], columns[lost]] = 0
    return Faulty(made, {"lost_px": len(lost), "lost_frac": len(lost) / len(order)})


def _shifted(mask: Mask, class_id: int, rng: np.random.Generator, _count: int) -> Faulty | None:
    """The object is labelled beside where it is."""
    least = _at_least(SHIFT_PX, mask)
    area = mask == class_id
    for _ in range(12):
        angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(least + 1, 2 * least)
        x, y = round(far * float(np.cos(angle))), round(far * float(np.sin(angle)))
        moved = np.asarray(_moved(area, x, y))
        if np.hypot(x, y) >= least and moved.sum() > 0.6 * area.sum():
            return Faulty(_painted(mask, class_id, moved), {"shift_xy": [x, y]})
    return None


def _resized(mask: Mask, class_id: int, rng: np.random.Generator, _count: int) -> Faulty:
    """The outline runs outside the object, or within it where enough is left of it then."""
    least = _at_least(EDGE_PX, mask)
    area = (mask == class_id).astype(np.uint8)
    wide = int(rng.integers(least, least + max(2, least // 3)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * wide + 1, 2 * wide + 1))
    eroded = cv2.erode(area, disc)
    if rng.random() < 0.5 and eroded.sum() > 0.15 * area.sum():
        return Faulty(_painted(mask, class_id, eroded > 0), {"shrunk_px": wide})
    return Faulty(_painted(mask, class_id, cv2.dilate(area, disc) > 0), {"grown_px": wide})


def _swapped(mask: Mask, class_id: int, rng: np.random.Generator, count: int) -> Faulty | None:
    """The object has the name of another class."""
    others = [other for other in range(1, count) if other != class_id]
    if not others:
        return None
    other = others[int(rng.integers(len(others)))]
    return Faulty(np.where(mask == class_id, np.uint8(other), mask), {"labelled_as": other})


def _at_least(pixels: int, mask: Mask) -> int:
    smaller_side = int(min(mask.shape))
    return max(pixels, round(pixels * smaller_side / 256))


def _moved(area: NDArray[np.bool_], x: int, y: int) -> NDArray[np.bool_]:
    """An area shifted to the right by x and down by y; what leaves the picture is gone."""
    shift = np.array([[1, 0, x], [0, 1, y]], np.float32)
    size = (area.shape[1], area.shape[0])
    return np.asarray(cv2.warpAffine(area.astype(np.uint8), shift, size, flags=cv2.INTER_NEAREST) > 0)


def _painted(mask: Mask, class_id: int, area: NDArray[np.bool_]) -> Mask:
    """The mask with `class_id` in `area` only; other classes and ignored pixels stay."""
    made = np.where(mask == class_id, np.uint8(0), mask)
    made[area & (made == 0)] = class_id
    return made


FAULTS: dict[str, Callable[[Mask, int, np.random.Generator, int], Faulty | None]] = {
    "dropped": _dropped,
    "halved": _halved,
    "shifted": _shifted,
    "resized": _resized,
    "swapped": _swapped,
}
