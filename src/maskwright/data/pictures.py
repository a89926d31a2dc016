"""Pictures of samples: what a person looks at to see whether the labels are right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import IGNORE, Classes
from maskwright.data.dataset import Dataset
from maskwright.data.encode import write_jpeg
from maskwright.data.sample import Image, Mask, Sample
from maskwright.storage import write_json

SIDE_PX = 320
"""Longest side of a sample's picture: large enough to judge an outline, about 20 kB as JPEG."""


def overlay(image: Image, mask: Mask, classes: Classes, opacity: float = 0.45) -> Image:
    """A photo with its mask's colours on it and an outline around each region.

    Classes with the colour black stay as they are in the photo, pixels that are not judged are hatched in white.

    Args:
        image: `(H, W, 3) uint8` RGB.
        mask: `(H, W) uint8` class ids, 255 where nothing is judged.
        classes: gives each id its colour.
        opacity: in [0, 1], how much of the colour is seen; the outline is always full.

    Returns:
        `(H, W, 3) uint8` RGB, a new array.
    """
    tint = classes.palette[mask]
    strength = np.where(tint.any(axis=2), np.float32(opacity), np.float32(0))
    strength = np.where(mask == IGNORE, _hatching(mask.shape) * np.float32(0.8), strength)
    strength = np.where(_outline(mask) & tint.any(axis=2), np.float32(1), strength)[..., None]
    blended = image.astype(np.float32) * (1 - strength) + tint.astype(np.float32) * strength
    return np.asarray(np.rint(blended), np.uint8)


def fitted(image: Image, side_px: int) -> Image:
    """A picture made smaller until its longest side has at most `side_px` pixels.

    Args:
        image: `(H, W, 3) uint8`.
        side_px: the most pixels of the longest side.

    Returns:
        `(h, w, 3) uint8` with the same proportions; the picture itself when it is small enough.
    """
    height, width = image.shape[:2]
    scale = side_px / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def write_sample_pictures(dataset: Dataset, folder: Path, k: int = 12) -> list[dict[str, Any]]:
    """Write samples with their masks drawn on, chosen so that every split and every class is seen.

    Args:
        dataset: the samples.
        folder: where `samples_00.jpg` ... and `samples.json` go.
        k: the most pictures.

    Returns:
        One {"file", "id", "split"} per picture, as in `samples.json`.
    """
    chosen = choose(dataset, k)
    entries = []
    for position, sample in enumerate(chosen):
        file = f"samples_{position:02d}.jpg"
        write_jpeg(folder / file, picture(sample, dataset.classes))
        entries.append({"file": file, "id": sample.id, "split": sample.split})
    write_json(folder / "samples.json", {"format": 1, "samples": entries})
    return entries


def picture(sample: Sample, classes: Classes, *, side_px: int = SIDE_PX) -> Image:
    """A sample as a small picture: its photo with the mask drawn on where there is one."""
    image, mask = fitted(sample.image(), side_px), sample.mask()
    if mask is None:
        return image
    size = image.shape[1], image.shape[0]
    return overlay(image, cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST).astype(np.uint8), classes)


def choose(dataset: Dataset, k: int) -> list[Sample]:
    """At most `k` samples that show every split and every class, the same ones for the same samples.

    Splits take turns; each turn takes the sample that shows most of the class seen least so far, out of a few
    dozen per split, in the order of the samples' digests, which is as good as chance and never changes.
    """
    pools = [sorted(dataset.split(name), key=lambda sample: sample.digest)[: 4 * k] for name in dataset.splits]
    shares = {sample.id: _shares(sample, len(dataset.classes)) for pool in pools for sample in pool}
    seen = [np.zeros(len(dataset.classes)) for _ in pools]
    chosen: list[Sample] = []
    while len(chosen) < k and any(pools):
        for pool, counts in zip(pools, seen, strict=True):
            if pool and len(chosen) < k:
                best = _least_seen(pool, shares, counts)
                pool.remove(best)
                counts += shares[best.id] > 0.01
                chosen.append(best)
    return chosen


def _least_seen(pool: Sequence[Sample], shares: dict[str, NDArray[np.float64]], seen: NDArray[np.float64]) -> Sample:
    for place in np.argsort(seen, kind="stable"):
        best = max(pool, key=lambda sample: min(shares[sample.id][place], 0.3))
        if shares[best.id][place] > 0.01:
            return best
    return pool[0]


def _shares(sample: Sample, count: int) -> NDArray[np.float64]:
    mask = sample.mask()
    if mask is None:
        return np.zeros(count)
    return np.bincount(mask.ravel(), minlength=256)[:count] / mask.size


def _outline(mask: Mask) -> NDArray[np.bool_]:
    width_px = 1 if max(mask.shape) <= 640 else 2 * (max(mask.shape) // 640) + 1
    kernel = np.ones((width_px + 1, width_px + 1), np.uint8)
    return np.asarray(cv2.dilate(mask, kernel) != cv2.erode(mask, kernel))


def _hatching(shape: tuple[int, ...]) -> NDArray[np.float32]:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return ((rows + columns) % 8 < 2).astype(np.float32)
