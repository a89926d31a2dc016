"""How well the outline of a labelled object lies on the edges of the photo, and how it was drawn."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.audit.view import Region, SampleView

REACH_PX = 8
"""How far inside and outside of an outline colours are looked at; shifts and wrong widths of that size are seen."""

BORDER_PX = 3
"""An outline this close to the photo's border ends there because the photo does."""

LEAST_LENGTH_PX = 40
"""Shorter outlines give too few places to judge."""

STRAIGHT_PX = 1.5
"""An outline that stays this close to a line is straight there."""

LEAST_STRAIGHT_PX = 12
"""Shorter straight pieces are natural."""

LEVEL = 0.5
"""Added to gradients before they are divided, in CIELAB units per pixel: below it there is only noise."""

Floats = NDArray[np.float32]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Outline:
    """What was measured along the outline of one region.

    Args:
        length_px: its length in pixels of the view.
        free_frac: the share of it that is not at the photo's border, in [0, 1].
        edge_log: log of the photo's gradient across the outline over that further inside and outside: about 1 for an
            outline on an edge, 0 for one that lies anywhere.
        cut: how much of the outline is one straight piece without an edge in the photo, in [0, 1].
        cut_xywh: where that piece is, in pixels of the view; None where there is none.
        corner_gap_px: mean distance from one corner to the next (a polygon within 1 px), in pixels of the view.
        roughness: the share of a 3 px wide band along the outline that smoothing moves to the other side.
    """

    length_px: int
    free_frac: float
    edge_log: float
    cut: float
    cut_xywh: Box | None
    corner_gap_px: float
    roughness: float


def measure_outline(view: SampleView, region: Region) -> Outline | None:
    """Measure the outer outline of a region against its photo.

    Colours are read along the normal of the (smoothed) outline, from 8 px inside to 8 px outside; their central
    difference is the gradient across the outline. A straight piece counts as cut by its share of the outline times
    `exp(-max(r, 0) - c / 8)`, where r is its `edge_log` and c the gradient of its mean profile, in CIELAB units.

    Args:
        view: the sample.
        region: one of its regions.

    Returns:
        The measures, or None where the outline is too short or lies at the photo's border.
    """
    x, y, _, _ = region.xywh
    padded = np.pad(region.area, 1)
    found, _ = cv2.findContours(padded, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(x - 1, y - 1))
    points = max(found, key=len)[:, 0, :].astype(np.int32)
    height, width = view.image.shape[:2]
    free = _free(points, width, height)
    if len(points) < LEAST_LENGTH_PX or free.sum() < LEAST_LENGTH_PX / 2:
        return None
    colours = _profiles(view.lab, points)
    steps = colours[:, 2:] - colours[:, :-2]
    gradient = np.sqrt(np.einsum("ptc,ptc->pt", steps, steps))
    near_and_far = _near_and_far(gradient)
    cut, where = _cut(points, free, colours, near_and_far)
    corners = len(cv2.approxPolyDP(points[:, None, :], 1.0, True))
    return Outline(
        length_px=len(points),
        free_frac=float(free.mean()),
        edge_log=float(_edge_log(near_and_far[free].mean(axis=0))),
        cut=cut,
        cut_xywh=where,
        corner_gap_px=len(points) / max(1, corners),
        roughness=_roughness(padded, len(points)),
    )


def _free(points: NDArray[np.int32], width: int, height: int) -> NDArray[np.bool_]:
    x, y = points[:, 0], points[:, 1]
    inner = (x >= BORDER_PX) & (x < width - BORDER_PX) & (y >= BORDER_PX) & (y < height - BORDER_PX)
    return np.asarray(inner)


def _profiles(lab: NDArray[np.uint8], points: NDArray[np.int32]) -> Floats:
    """Colours across the outline, `(points, 2 REACH + 1, 3)` in CIELAB units, from inside to outside."""
    line = _smoothed(points.astype(np.float32))
    along = np.roll(line, -2, axis=0) - np.roll(line, 2, axis=0)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)  # findContours runs so that this points outwards
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    steps = np.arange(-REACH_PX, REACH_PX + 1, dtype=np.float32)
    places = line[:, None, :] + steps[None, :, None] * normal[:, None, :]
    read = cv2.remap(lab, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return read.astype(np.float32) * np.array([100 / 255, 1, 1], np.float32)


def _smoothed(line: Floats) -> Floats:
    around = np.concatenate([line[-6:], line, line[:6]])
    smooth = cv2.GaussianBlur(around, (1, 9), 0, sigmaY=2.0, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smooth[6:-6], np.float32)


def _near_and_far(gradient: Floats) -> Floats:
    """`(points, 2)`: mean gradient within 1 px of the line, and from 5 px away; columns run from 7 px inside."""
    middle = gradient.shape[1] // 2
    near = gradient[:, middle - 1 : middle + 2].sum(axis=1) / 3
    far = (gradient[:, :3].sum(axis=1) + gradient[:, -3:].sum(axis=1)) / 6
    return np.stack([near, far], axis=1)


def _edge_log(near_and_far: Floats) -> Floats:
    return np.asarray(np.log((near_and_far[..., 0] + LEVEL) / (near_and_far[..., 1] + LEVEL)), np.float32)


def _cut(
    points: NDArray[np.int32], free: NDArray[np.bool_], colours: Floats, near_and_far: Floats
) -> tuple[float, Box | None]:
    """The longest straight piece without an edge: its weighted share of the outline, and its box."""
    starts, ends = _straight_pieces(points)
    counts = _sums(free[:, None].astype(np.float32), starts, ends)[:, 0]
    long = counts >= LEAST_STRAIGHT_PX
    if not long.any():
        return 0.0, None
    starts, ends, counts = starts[long], ends[long], counts[long]
    weights = free[:, None].astype(np.float32)
    edge_log = _edge_log(_sums(near_and_far * weights, starts, ends) / counts[:, None])
    flat = colours.reshape(len(points), -1) * weights
    mean = (_sums(flat, starts, ends) / counts[:, None]).reshape(len(counts), *colours.shape[1:])
    coherent = np.linalg.norm(mean[:, 2:] - mean[:, :-2], axis=2)
    middle = coherent.shape[1] // 2
    edge = coherent[:, middle - 2 : middle + 3].max(axis=1)
    shares = counts / len(points) * np.exp(-np.maximum(edge_log, 0) - edge / 8)
    best = int(shares.argmax())
    piece = points[np.arange(starts[best], ends[best]) % len(points)]
    x, y, w, h = cv2.boundingRect(piece[:, None, :])
    return float(shares[best]), (int(x), int(y), int(w), int(h))


def _straight_pieces(points: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where straight pieces start and end, end exclusive; the last one may run past the first point."""
    corners = cv2.approxPolyDP(points[:, None, :], STRAIGHT_PX, True)[:, 0].astype(np.int64)
    numbered = points.astype(np.int64)
    places = np.flatnonzero(np.isin(numbered[:, 0] << 16 | numbered[:, 1], corners[:, 0] << 16 | corners[:, 1]))
    return places, np.append(places[1:], places[0] + len(points)) + 1


def _sums(rows: Floats, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Floats:
    """Sums of rows from each start to its end, the rows going round."""
    around = np.concatenate([np.zeros_like(rows[:1]), rows, rows, rows[:1]]).cumsum(axis=0, dtype=np.float64)
    return np.asarray(around[ends] - around[starts], np.float32)


def _roughness(area: NDArray[np.uint8], length_px: int) -> float:
    smooth = cv2.medianBlur(np.pad(area, 3), 7)
    return float((smooth != np.pad(area, 3)).sum() / (3 * length_px))
