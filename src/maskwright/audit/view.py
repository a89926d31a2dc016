"""One sample as the checks see it: photo and mask at a working size, with what several checks need of them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.audit.settings import AuditSettings
from maskwright.data.classes import IGNORE, Classes
from maskwright.data.pictures import fitted
from maskwright.data.sample import Image, Mask, Sample

SIDE_PX = 320
"""Longest side at which photos are looked at: an outline that is off is seen there, and time stays the same for all."""


@dataclass(frozen=True)
class Region:
    """One connected piece (8 neighbours) of a class.

    Args:
        class_id: which class.
        xywh: bounding box in pixels of the view.
        area_px: its pixels in the view.
        area: `(h, w) uint8`, 1 where the box belongs to it.
    """

    class_id: int
    xywh: tuple[int, int, int, int]
    area_px: int
    area: NDArray[np.uint8]


@dataclass(frozen=True)
class SampleView:
    """A sample at the working size.

    Args:
        sample: the sample itself.
        image: `(h, w, 3) uint8` RGB, at most `SIDE_PX` a side.
        mask: `(h, w) uint8` class ids, 255 for ignore; None without a label.
        classes: the classes.
        settings: the thresholds.
    """

    sample: Sample
    image: Image
    mask: Mask | None
    classes: Classes
    settings: AuditSettings

    @property
    def pixels(self) -> int:
        """How many pixels the view has."""
        return int(self.image.shape[0] * self.image.shape[1])

    @functools.cached_property
    def lab(self) -> NDArray[np.uint8]:
        """The photo in CIELAB (L times 2.55, a and b plus 128), a little blurred: noise is no edge."""
        return np.asarray(cv2.GaussianBlur(cv2.cvtColor(self.image, cv2.COLOR_RGB2LAB), (0, 0), 1.0), np.uint8)

    @functools.cached_property
    def regions(self) -> tuple[Region, ...]:
        """The connected pieces of each class, the first class included; not those to be ignored."""
        if self.mask is None:
            return ()
        present = np.flatnonzero(np.bincount(self.mask.ravel(), minlength=256)[:IGNORE]).tolist()
        return tuple(region for class_id in present for region in _regions(self.mask, class_id))

    def on_photo(self, xywh: tuple[int, int, int, int], margin_px: int = 0) -> tuple[int, int, int, int]:
        """A box of the view in pixels of the photo, with a margin, cut to the photo."""
        height, width = self.sample.size_hw
        scale_x, scale_y = width / self.image.shape[1], height / self.image.shape[0]
        x, y, w, h = xywh
        left, top = max(0, int((x - margin_px) * scale_x)), max(0, int((y - margin_px) * scale_y))
        right = min(width, int(np.ceil((x + w + margin_px) * scale_x)))
        bottom = min(height, int(np.ceil((y + h + margin_px) * scale_y)))
        return left, top, right - left, bottom - top


def view(sample: Sample, classes: Classes, settings: AuditSettings) -> SampleView:
    """A sample at the working size."""
    image, mask = fitted(sample.image(), SIDE_PX), sample.mask()
    if mask is not None and mask.shape != image.shape[:2]:
        size = image.shape[1], image.shape[0]
        mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    return SampleView(sample, image, mask, classes, settings)


def _regions(mask: Mask, class_id: int) -> list[Region]:
    inside = (mask == class_id).view(np.uint8)
    left, top, width, height = cv2.boundingRect(inside)
    box = inside[top : top + height, left : left + width]
    count, labels, measures, _ = cv2.connectedComponentsWithStats(box, connectivity=8, ltype=cv2.CV_16U)
    regions = []
    for place, (x, y, w, h, area) in enumerate(measures[1:count].tolist(), start=1):
        own = (labels[y : y + h, x : x + w] == place).view(np.uint8)
        regions.append(Region(class_id, (left + x, top + y, w, h), area, own))
    return regions
