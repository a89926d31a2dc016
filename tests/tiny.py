"""Small datasets in memory, for tests."""

from __future__ import annotations

import numpy as np

from maskwright.data.classes import make_classes
from maskwright.data.dataset import Dataset
from maskwright.data.sample import ArrayPixels, Sample


def tiny_dataset(*, train: int = 6, val: int = 3, size_hw: tuple[int, int] = (64, 64), seed: int = 0) -> Dataset:
    """Bright squares (class 1) and dark discs (class 2) on noise."""
    rng = np.random.default_rng(seed)
    samples = [
        _sample(rng, f"{split}/{number}", split, size_hw)
        for split, count in (("train", train), ("val", val))
        for number in range(count)
    ]
    return Dataset(make_classes(["background", "square", "disc"]), tuple(samples))


def _sample(rng: np.random.Generator, name: str, split: str, size_hw: tuple[int, int]) -> Sample:
    height, width = size_hw
    image = rng.integers(90, 140, (height, width, 3), dtype=np.uint8)
    mask = np.zeros((height, width), np.uint8)
    y, x = rng.integers(16, height - 16), rng.integers(16, width - 16)
    rows, columns = np.mgrid[:height, :width]
    kind = int(rng.integers(1, 3))
    inside = (abs(rows - y) < 12) & (abs(columns - x) < 12) if kind == 1 else (rows - y) ** 2 + (columns - x) ** 2 < 144
    mask[inside] = kind
    image[inside] = (230, 220, 200) if kind == 1 else (20, 30, 60)
    return Sample(name, split, ArrayPixels(image, mask), size_hw, digest=name)
