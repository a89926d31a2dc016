"""What is kept of each sample once it has been looked at: a few kilobytes, whatever its size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.audit.outlines import Outline, measure_outline
from maskwright.audit.statistics import GRID
from maskwright.audit.view import Region, SampleView
from maskwright.data.classes import IGNORE
from maskwright.data.sample import Image, Mask

LEAST_OBJECT_FRAC = 0.004
"""Outlines of objects below this share of the photo are not judged: 16 x 16 px on 256 x 256."""

THUMB_PX = 64
"""Side of the grey picture by which photos are recognised again."""

BINS = 32


@dataclass(frozen=True)
class PhotoMeasures:
    """A photo in numbers.

    Args:
        size_hw: height and width in pixels.
        brightness: mean of the grey values, in [0, 255].
        saturation: mean of (max - min) / max over the pixels, in [0, 1].
        sharpness: log10 of the variance of the Laplacian at the working size.
        dark_frac: share of pixels below 6 of 255.
        bright_frac: share of pixels above 249.
        rgb_counts: `(3, 32)` histograms of the thinned photo.
        mean_rgb: mean colour.
        thumb: `(64, 64) uint8`, the photo in grey.
    """

    size_hw: tuple[int, int]
    brightness: float
    saturation: float
    sharpness: float
    dark_frac: float
    bright_frac: float
    rgb_counts: NDArray[np.uint16]
    mean_rgb: tuple[float, float, float]
    thumb: NDArray[np.uint8]


@dataclass(frozen=True)
class ObjectMeasures:
    """One connected piece of a class.

    Args:
        class_id: which class.
        area_frac: its share of the photo.
        region_xywh: bounding box in pixels of the photo.
        centre_xy: its centre of mass as shares of width and height.
        border_frac: the share of the photo's border that it covers.
        mean_lab: mean colour of its pixels, in CIELAB units.
        outline: what was measured along its outline; None for the first class and for small ones.
        cut_xywh: where it is cut, in pixels of the photo.
    """

    class_id: int
    area_frac: float
    region_xywh: tuple[int, int, int, int]
    centre_xy: tuple[float, float]
    border_frac: float
    mean_lab: tuple[float, float, float]
    outline: Outline | None
    cut_xywh: tuple[int, int, int, int] | None


@dataclass(frozen=True)
class MaskMeasures:
    """A mask in numbers.

    Args:
        class_px: pixels of each class, and of what is ignored as the last one.
        objects: its connected pieces, specks left out.
        grids: class -> `(16, 16) uint8`: the share of each cell that is the class, in 1/255.
        rgb_sums: class -> sums of red, green and blue over its thinned pixels, and their number.
        luma_counts: class -> histogram of 16 bins of its thinned pixels.
    """

    class_px: tuple[int, ...]
    objects: tuple[ObjectMeasures, ...]
    grids: dict[int, NDArray[np.uint8]]
    rgb_sums: dict[int, tuple[float, float, float, int]]
    luma_counts: dict[int, NDArray[np.uint16]]


def measure_photo(view: SampleView) -> PhotoMeasures:
    """Measure a photo at the working size."""
    image = view.image
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    thin = _thin(image)
    high, low = thin.max(axis=2).astype(np.float32), thin.min(axis=2)
    counts = [np.bincount(thin[..., channel].ravel() >> 3, minlength=BINS) for channel in range(3)]
    red, green, blue, _ = cv2.mean(image)
    return PhotoMeasures(
        size_hw=view.sample.size_hw,
        brightness=float(cv2.mean(grey)[0]),
        saturation=float(np.mean((high - low) / np.maximum(high, 1))),
        sharpness=float(np.log10(cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))[1][0, 0] ** 2 + 1)),
        dark_frac=float((high < 6).mean()),
        bright_frac=float((low > 249).mean()),
        rgb_counts=np.asarray(counts, np.uint16),
        mean_rgb=(red, green, blue),
        thumb=np.asarray(cv2.resize(grey, (THUMB_PX, THUMB_PX), interpolation=cv2.INTER_AREA), np.uint8),
    )


def measure_mask(view: SampleView) -> MaskMeasures | None:
    """Measure a mask at the working size; its pixels are counted as they are. None without a mask."""
    mask, whole = view.mask, view.sample.mask()
    if mask is None or whole is None:
        return None
    count = len(view.classes)
    pixels = np.bincount(whole.ravel(), minlength=256)
    thin_mask, thin = _thin(mask), _thin(view.image)
    luma = np.asarray(cv2.cvtColor(thin, cv2.COLOR_RGB2GRAY), np.uint8) >> 4
    present = np.flatnonzero(pixels[:IGNORE]).tolist()
    inside = {class_id: (thin_mask == class_id).view(np.uint8) for class_id in present}
    return MaskMeasures(
        class_px=(*pixels[:count].tolist(), int(pixels[IGNORE])),
        objects=tuple(_object(view, mask, region) for region in view.regions if _is_object(view, region)),
        grids={class_id: _grid(mask, class_id) for class_id in present},
        rgb_sums={class_id: _rgb_sum(thin, where) for class_id, where in inside.items()},
        luma_counts={
            class_id: np.bincount(luma[where > 0], minlength=16).astype(np.uint16) for class_id, where in inside.items()
        },
    )


def _thin(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every fourth pixel: 6400 of them tell a histogram."""
    return np.ascontiguousarray(picture[::4, ::4])


def _is_object(view: SampleView, region: Region) -> bool:
    return region.area_px >= view.settings.speck_frac * view.pixels


def _object(view: SampleView, mask: Mask, region: Region) -> ObjectMeasures:
    x, y, w, h = region.xywh
    height, width = mask.shape
    moments = cv2.moments(region.area, binaryImage=True)
    judged = region.class_id != 0 and region.area_px >= LEAST_OBJECT_FRAC * mask.size
    outline = measure_outline(view, region) if judged else None
    light, green_red, blue_yellow, _ = cv2.mean(view.lab[y : y + h, x : x + w], mask=region.area)
    return ObjectMeasures(
        class_id=region.class_id,
        area_frac=region.area_px / mask.size,
        region_xywh=view.on_photo(region.xywh),
        centre_xy=(
            (x + moments["m10"] / moments["m00"]) / width,
            (y + moments["m01"] / moments["m00"]) / height,
        ),
        border_frac=_on_border(region, height, width),
        mean_lab=(light * 100 / 255, green_red - 128, blue_yellow - 128),
        outline=outline,
        cut_xywh=view.on_photo(outline.cut_xywh, margin_px=8) if outline and outline.cut_xywh else None,
    )


def _on_border(region: Region, height: int, width: int) -> float:
    x, y, w, h = region.xywh
    sides = (
        region.area[0].sum() * (y == 0)
        + region.area[-1].sum() * (y + h == height)
        + region.area[:, 0].sum() * (x == 0)
        + region.area[:, -1].sum() * (x + w == width)
    )
    return float(sides / (2 * (height + width)))


def _grid(mask: Mask, class_id: int) -> NDArray[np.uint8]:
    share = (mask == class_id).astype(np.uint8) * np.uint8(255)
    return np.asarray(cv2.resize(share, (GRID, GRID), interpolation=cv2.INTER_AREA), np.uint8)


def _rgb_sum(image: Image, inside: NDArray[np.uint8]) -> tuple[float, float, float, int]:
    red, green, blue, _ = cv2.mean(image, mask=inside)
    pixels = cv2.countNonZero(inside)
    return red * pixels, green * pixels, blue * pixels, pixels
