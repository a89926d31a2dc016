"""Datasets in memory with any masks, and masks compared by the names of their classes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import IGNORE, Classes, make_classes
from maskwright.data.dataset import Dataset
from maskwright.data.sample import ArrayPixels, Mask, Sample
from small_folders import photo

NAMES = ("background", "cat", "dog", "tree")


def dataset_of(masks: Sequence[Mask | None], *, split: str = "train", names: Sequence[str] = NAMES) -> Dataset:
    """One sample per mask; each photo is other noise."""
    samples = []
    for number, mask in enumerate(masks):
        size_hw = mask.shape if mask is not None else (9, 11)
        image = photo(number, size_hw)
        digest = hashlib.blake2b(image.tobytes() + (b"" if mask is None else mask.tobytes())).hexdigest()
        name = f"{split}/{number:03d}"
        samples.append(Sample(name, split, ArrayPixels(image, mask), size_hw, digest, labelled=mask is not None))
    return Dataset(make_classes(names), tuple(samples))


def named(mask: Mask, classes: Classes) -> NDArray[np.str_]:
    """The name of each pixel's class, "ignore" where nothing is judged."""
    table = np.array([*classes.names, *[""] * (256 - len(classes))], dtype="<U20")
    table[IGNORE] = "ignore"
    return table[mask]


def faulty_masks() -> list[Mask]:
    """Masks with what polygons find hard: holes, holes in holes, thin lines, touching objects, single pixels, edges."""
    rings = np.zeros((40, 48), np.uint8)
    for inset, class_id in ((2, 1), (6, 0), (9, 2), (12, 255), (14, 1)):
        rings[inset : 40 - inset, inset : 48 - inset] = class_id
    thin = np.zeros((30, 37), np.uint8)
    thin[4, :] = thin[:, 9] = 1
    for step in range(20):
        thin[8 + step, 12 + step] = 2
    thin[20, 3] = 3
    sieve = np.ones((33, 41), np.uint8)
    sieve[::3, ::4] = 0
    sieve[10:20, 10:20] = 2
    halves = np.zeros((16, 20), np.uint8)
    halves[:, :10], halves[:8, 10:] = 1, 2
    return [rings, thin, sieve, halves, np.full((8, 9), 3, np.uint8), np.zeros((8, 9), np.uint8)]
