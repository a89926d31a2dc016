"""The drawn scenes that other tools write and read: two objects of which one has a hole, a line, and an overlap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NAMES = ("background", "cat", "dog")
SIZE_HW = (24, 32)
SCENES = (("train", "t0"), ("train", "t1"), ("val", "v0"), ("val", "v1"))
"""Split and name of each photo."""


def scene_photo(number: int) -> NDArray[np.uint8]:
    """A photo of flat colours that compresses well, `(H, W, 3) uint8`."""
    image = np.zeros((*SIZE_HW, 3), np.uint8)
    image[...] = (20 * number, 90, 200 - 20 * number)
    image[number : number + 6, 3:12] = (250, 10 * number, 30)
    return image


def scene_objects(number: int) -> list[tuple[int, NDArray[np.bool_]]]:
    """Class id and pixels of each object, the lowest first."""
    cat = np.zeros(SIZE_HW, bool)
    cat[4:14, 5 + number : 20] = True
    cat[7:10, 10:13] = False
    cat[20, :] = True
    dog = np.zeros(SIZE_HW, bool)
    dog[12:19, 15 : 28 + number] = True
    return [(1, cat), (2, dog)]


def scene_mask(number: int) -> NDArray[np.uint8]:
    """The mask of a scene, `(H, W) uint8`."""
    mask = np.zeros(SIZE_HW, np.uint8)
    for class_id, pixels in scene_objects(number):
        mask[pixels] = class_id
    return mask
