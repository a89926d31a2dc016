"""Small photos with one object each, whose outline is known exactly, for tests of the audit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import make_classes
from maskwright.data.dataset import Dataset
from maskwright.data.sample import ArrayPixels, Sample

SIDE_PX = 160
CLASSES = ("background", "ball", "leaf")

Picture = NDArray[np.uint8]


def scenes(train: int = 24, val: int = 12, *, first: int = 0) -> Dataset:
    """Photos of balls and leaves in turn; each number gives another photo.

    Args:
        train: how many to train on.
        val: how many to judge on.
        first: number of the first one.
    """
    names = [*(("train", number) for number in range(train)), *(("val", train + number) for number in range(val))]
    samples = [scene(f"{split}/{number:03d}", split, first + number) for split, number in names]
    return Dataset(make_classes(CLASSES), tuple(samples))


def scene(name: str, split: str, number: int) -> Sample:
    """One photo: a textured ground with soft blotches, and an object with another colour and texture on it."""
    rng = np.random.default_rng([number, 7])
    mask = np.where(blob(rng) > 0, 1 + number % 2, 0).astype(np.uint8)
    ground = _texture(rng, rng.uniform(60, 150, 3), 18)
    thing = _texture(rng, np.clip(np.array([200, 170, 60]) + rng.uniform(-30, 30, 3), 0, 255), 10)
    inside = cv2.GaussianBlur((mask > 0).astype(np.float32), (0, 0), 0.8)[..., None]
    image = np.clip(thing * inside + ground * (1 - inside), 0, 255).astype(np.uint8)
    return sample(name, split, image, mask)


def sample(name: str, split: str, image: Picture, mask: Picture) -> Sample:
    """A sample held in memory."""
    size_hw = (image.shape[0], image.shape[1])
    return Sample(name, split, ArrayPixels(image, mask), size_hw, digest=name, image_file=f"img/{name}.png")


def blob(rng: np.random.Generator) -> Picture:
    """A rounded shape without a straight piece, `(160, 160) uint8`."""
    angles = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    waves = sum(rng.uniform(0, 0.22 / k) * np.cos(k * angles + rng.uniform(0, 6.3)) for k in (2, 3, 5, 7))
    centre, radius = rng.uniform(62, 98, 2), rng.uniform(30, 46) * (1 + waves)
    points = np.stack([centre[0] + radius * np.cos(angles), centre[1] + radius * np.sin(angles)], axis=1)
    drawn = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    cv2.fillPoly(drawn, [np.round(points * 16).astype(np.int32)], 1, shift=4)
    return drawn


def changed(data: Dataset, change: Callable[[Picture, Picture], tuple[Picture, Picture]], *places: int) -> Dataset:
    """The dataset with the photos and masks at some places changed; all of them where none is named."""
    samples = list(data.samples)
    for place in places or range(len(samples)):
        old = samples[place]
        image, mask = change(old.image().copy(), mask_of(old).copy())
        samples[place] = replace(old, pixels=ArrayPixels(image, mask), size_hw=(image.shape[0], image.shape[1]))
    return replace(data, samples=tuple(samples))


def with_samples(data: Dataset, more: Sequence[Sample]) -> Dataset:
    """The dataset with more samples."""
    return replace(data, samples=(*data.samples, *more))


def mask_of(one: Sample) -> Picture:
    """The mask of a labelled sample."""
    mask = one.mask()
    assert mask is not None
    return mask


def _texture(rng: np.random.Generator, colour: NDArray[np.float64], strength: float) -> NDArray[np.float32]:
    coarse = cv2.resize(
        rng.normal(0, 1, (9, 9, 3)).astype(np.float32), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC
    )
    fine = cv2.GaussianBlur(rng.normal(0, 1, (SIDE_PX, SIDE_PX, 1)).astype(np.float32), (0, 0), 1.0)[..., None]
    return np.asarray(colour + strength * coarse + 2 * strength * fine, np.float32)
