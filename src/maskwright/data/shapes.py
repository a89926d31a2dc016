"""Between masks and shapes: connected objects, their outlines, rings with holes, and the way back to pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from PIL import ImageDraw
from pycocotools import mask as coco_mask

from maskwright.data.annotation import Canvas
from maskwright.data.sample import Mask

Points = NDArray[np.float64]
"""`(K, 2)`: x to the right and y down, in pixels; the middle of the first pixel is (0.5, 0.5) unless said otherwise."""


@dataclass(frozen=True)
class MaskObject:
    """One connected region of a class (8 neighbours).

    Args:
        class_id: which class.
        offset_xy: the left and the upper edge of its box, in pixels.
        pixels: `(h, w) uint8`, 1 inside, cut to its box.
    """

    class_id: int
    offset_xy: tuple[int, int]
    pixels: NDArray[np.uint8]

    @property
    def area_px(self) -> int:
        return int(self.pixels.sum())


def objects(mask: Mask, class_ids: Sequence[int]) -> Iterator[MaskObject]:
    """The connected regions of some classes, class by class.

    Args:
        mask: `(H, W) uint8` class ids.
        class_ids: which classes.
    """
    for class_id in class_ids:
        chosen = (mask == class_id).astype(np.uint8)
        if not chosen.any():
            continue
        count, labels, boxes, _ = cv2.connectedComponentsWithStats(chosen, connectivity=8)
        for place in range(1, count):
            left, top, width, height = boxes[place, :4].tolist()
            inside = labels[top : top + height, left : left + width] == place
            yield MaskObject(class_id, (left, top), inside.astype(np.uint8))


def pixel_rings(one: MaskObject) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """The outline of an object and of its holes, from pixel to pixel, all on the object's own pixels.

    Returns:
        The outer ring and the rings around the holes, `(K, 2)` pixel positions in the photo. Filled with its edge, the
        outer ring gives the object with its holes closed.
    """
    return _rings(one.pixels, np.array(one.offset_xy))


def edge_ring(one: MaskObject) -> NDArray[np.int64]:
    """The outline of an object along the edges of its pixels; holes are closed.

    Every pixel whose middle lies inside is the object's: with twice as many pixels, the outline from pixel to pixel
    tells on which side of a pixel's edge it runs.

    Returns:
        `(K, 2)`, corners of pixels in the photo.
    """
    doubled = one.pixels.repeat(2, axis=0).repeat(2, axis=1)
    outer, _ = _rings(doubled, np.zeros(2, np.int64), cv2.CHAIN_APPROX_NONE)
    return np.asarray(_without_middles((outer + 1) // 2) + np.array(one.offset_xy), np.int64)


def edge_polygons(one: MaskObject) -> list[list[NDArray[np.int64]]]:
    """An object as polygons with holes along the edges of its pixels, as GeoJSON wants them.

    Pixels that touch at a corner only belong to polygons of their own, so that no ring touches itself; a hole may touch
    its outer ring at a corner.

    Returns:
        For each polygon its outer ring, with x to the right and y down turning from x to y, and the rings of its
        holes, turning the other way. `(K, 2)`, corners of pixels in the photo; the first is not repeated at the end.
    """
    count, parts, boxes, _ = cv2.connectedComponentsWithStats(one.pixels, connectivity=4)
    polygons = []
    for place in range(1, count):
        left, top, width, height = boxes[place, :4].tolist()
        part = (parts[top : top + height, left : left + width] == place).astype(np.uint8)
        doubled = part.repeat(2, axis=0).repeat(2, axis=1)
        outer, holes = _rings(doubled, np.zeros(2, np.int64), cv2.CHAIN_APPROX_NONE)
        offset = np.array(one.offset_xy) + np.array((left, top))
        rings = [np.asarray(_without_middles((ring + 1) // 2) + offset, np.int64) for ring in (outer, *holes)]
        polygons.append([_turning(ring, outside=ring is rings[0]) for ring in rings])
    return polygons


def bridged(outer: NDArray[np.int64], holes: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """One ring out of an outline and its holes, for formats that have no holes.

    The hole nearest to what is joined so far is joined next, there and back over the shortest bridge, which therefore
    runs inside the object. Filled by the even-odd rule, holes stay open.

    Args:
        outer: `(K, 2)`.
        holes: likewise, one ring per hole.
    """
    from scipy.spatial import cKDTree  # half a second, for two formats only

    ring, waiting = outer, list(holes)
    while waiting:
        tree = cKDTree(ring)
        nearest = [tuple(map(np.asarray, tree.query(hole))) for hole in waiting]
        chosen = min(range(len(waiting)), key=lambda place: float(nearest[place][0].min()))
        hole, (distances, places) = waiting.pop(chosen), nearest[chosen]
        start = int(distances.argmin())
        at = int(places[start])
        loop = np.concatenate([hole[start:], hole[: start + 1]])
        ring = np.concatenate([ring[: at + 1], loop, ring[at:]])
    return ring


def has_holes(one: MaskObject) -> bool:
    """Whether an object has holes (4 neighbours)."""
    return bool(pixel_rings(one)[1])


def paint_pixel_ring(canvas: Canvas, ring: Points, value: int) -> None:
    """Fill a ring of pixel positions by the even-odd rule, its edge included, as OpenCV and YOLO's loaders do."""
    cv2.fillPoly(canvas, [np.floor(ring).astype(np.int32)], value)


def paint_area(canvas: Canvas, rings: Sequence[Points], value: int) -> None:
    """Paint the pixels whose middles lie in any of some rings, as pycocotools does."""
    height, width = canvas.shape
    flat = [ring.ravel().tolist() for ring in rings]
    runs = coco_mask.merge(coco_mask.frPyObjects(flat, height, width))
    paint_runs(canvas, unpacked_counts(runs["counts"].decode("ascii")), value)


def paint_runs(canvas: Canvas, counts: Sequence[int], value: int) -> None:
    """Paint COCO's runs of pixels: lengths of 0, 1, 0, ..., column by column, as many as the canvas has pixels."""
    inside = (np.arange(len(counts)) % 2).astype(bool).repeat(counts)
    canvas.T[inside.reshape(canvas.shape[1], canvas.shape[0])] = value


def unpacked_counts(text: str) -> list[int]:
    """The lengths in COCO's compressed runs (`rleFrString` in its maskApi.c).

    Each letter holds 5 bits and whether more follow; from the fourth on, lengths are differences to the last but one.
    pycocotools' own decoder believes whatever it is told, and reads beyond the end.

    Raises:
        ValueError: a letter is none of theirs, the text ends too early, or a length is negative.
    """
    counts: list[int] = []
    value, shift = 0, 0
    for letter in text.encode("latin-1", "replace"):
        bits = letter - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError(f"{chr(letter)!r} is no letter of COCO's compressed runs")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            value -= (1 << shift) if bits & 16 else 0
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value, shift = 0, 0
    if shift or any(count < 0 for count in counts):
        raise ValueError("the compressed runs end too early or run backwards")
    return counts


def paint_drawn(canvas: Canvas, draw: str, points: Points, value: int, width_px: int = 1) -> None:
    """Paint with Pillow, as LabelMe does: positions are pixels, and the outline belongs to the shape.

    Args:
        canvas: `(H, W) uint8`.
        draw: "polygon", "ellipse", "rectangle" or "line".
        points: `(K, 2)`; of an ellipse or rectangle the corners of its box, the smaller ones first.
        value: what to paint with.
        width_px: of a line.
    """
    picture = PilImage.new("1", (canvas.shape[1], canvas.shape[0]))
    brush, xy = ImageDraw.Draw(picture), [(float(x), float(y)) for x, y in points]
    if draw == "line":
        brush.line(xy, fill=1, width=width_px)
    else:
        getattr(brush, draw)(xy, outline=1, fill=1)
    canvas[np.asarray(picture)] = value


def paint_pixels(canvas: Canvas, offset_xy: tuple[int, int], pixels: NDArray[np.uint8], value: int) -> None:
    """Paint where `pixels` are not 0, as far as they lie on the canvas."""
    x, y = offset_xy
    height, width = canvas.shape
    cut = pixels[max(0, -y) : max(0, height - y), max(0, -x) : max(0, width - x)]
    part = canvas[max(0, y) : max(0, y) + cut.shape[0], max(0, x) : max(0, x) + cut.shape[1]]
    part[cut > 0] = value


def ring_area(ring: Points) -> float:
    """The area inside a ring (the shoelace formula)."""
    x, y = ring[:, 0], ring[:, 1]
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)


def within_reach(points: Points, size_hw: tuple[int, int]) -> Points:
    """Points moved to at most one photo's size outside of the photo, so that no rasteriser is asked for miles."""
    height, width = size_hw
    return np.clip(points, (-width, -height), (2 * width, 2 * height))


def _rings(
    pixels: NDArray[np.uint8], offset: NDArray[np.int64], how: int = cv2.CHAIN_APPROX_SIMPLE
) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    padded = np.pad(pixels, 1)
    contours, tree = cv2.findContours(padded, cv2.RETR_CCOMP, how)
    rings = [contour[:, 0].astype(np.int64) - 1 + offset for contour in contours]
    outer = next(ring for ring, links in zip(rings, tree[0], strict=True) if links[3] < 0)
    return outer, [ring for ring, links in zip(rings, tree[0], strict=True) if links[3] >= 0]


def _turning(ring: NDArray[np.int64], *, outside: bool) -> NDArray[np.int64]:
    """A ring so that its signed area (the shoelace formula) is positive where it is an outer one."""
    x, y = ring[:, 0], ring[:, 1]
    positive = bool(np.dot(x, np.roll(y, -1)) > np.dot(y, np.roll(x, -1)))
    return ring if positive == outside else ring[::-1]


def _without_middles(ring: NDArray[np.int64]) -> NDArray[np.int64]:
    """A ring without repeated points and without those between two others on one straight line."""
    ring = ring[(ring != np.roll(ring, 1, axis=0)).any(axis=1)]
    before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    straight = (before[:, 0] * after[:, 1] == before[:, 1] * after[:, 0]) & ((before * after).sum(axis=1) > 0)
    return np.asarray(ring[~straight], np.int64)
