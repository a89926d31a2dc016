"""How many pixels and photos each class has, and what leaving one photo out would change."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.dataset import Dataset
from maskwright.data.sample import Mask
from maskwright.progress import OnProgress, Progress, silent


@dataclass(frozen=True)
class Balance:
    """The classes of some photos.

    Args:
        shares: share of the labelled pixels per class, each in [0, 1]; all 0 where nothing is labelled.
        images: photos that show each class.
    """

    shares: tuple[float, ...]
    images: tuple[int, ...]


def count_pixels(dataset: Dataset, *, on_progress: OnProgress = silent) -> NDArray[np.int64]:
    """How many pixels of each class each sample has, `(N, C) int64`; zeros without a mask."""
    counts = np.zeros((len(dataset), len(dataset.classes)), np.int64)

    def count(index: int) -> None:
        mask = dataset[index].mask()
        if mask is not None:
            counts[index] = pixels_of(mask, len(dataset.classes))

    with ThreadPoolExecutor(2) as pool:
        for done, _ in enumerate(pool.map(count, range(len(dataset))), start=1):
            on_progress(Progress("stage.count_pixels", done, len(dataset)))
    return counts


def pixels_of(mask: Mask, class_count: int) -> NDArray[np.int64]:
    """How many pixels of each class a mask has, `(C,) int64`."""
    # cv2 counts bytes in place; numpy.bincount would make eight bytes of each first
    histogram = cv2.calcHist([np.ascontiguousarray(mask)], [0], None, [256], [0, 256])
    return np.rint(histogram.ravel()[:class_count]).astype(np.int64)


def balance(counts: NDArray[np.int64]) -> Balance:
    """The balance of the classes over some samples.

    Args:
        counts: `(N, C)` pixels of each class in each sample.
    """
    pixels = counts.sum(axis=0)
    total = max(1, int(pixels.sum()))
    return Balance(tuple((pixels / total).tolist()), tuple((counts > 0).sum(axis=0).tolist()))
