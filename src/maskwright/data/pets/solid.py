"""Solids made of balls strung along curves, and how they look from the camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]
HIDDEN = np.float32(-1e9)
"""The depth of a pixel in which there is nothing."""


class Part(IntEnum):
    """What a ball is part of; coats colour by it."""

    TORSO = 0
    LEG = 1
    PAW = 2
    TAIL = 3
    NECK = 4
    HEAD = 5
    MUZZLE = 6
    EAR = 7
    INNER_EAR = 8
    EYE = 9
    NOSE = 10
    MOUTH = 11
    TONGUE = 12
    COLLAR = 13


@dataclass(frozen=True)
class Solid:
    """Balls in space: x to the front of the animal, y up, z to its side; the unit is the length of a torso.

    Args:
        centres: `(N, 3)`.
        radii: `(N,)`.
        parts: `(N,) uint8`, what each ball is part of.
        along: `(N,)`, how far along its curve a ball lies, in [0, 1].
        flow: `(N, 3)`, the direction in which hair lies there, length 1 or 0.
        hair: `(N,)`, the length of the hair there, in units of space.
    """

    centres: Floats
    radii: Floats
    parts: NDArray[np.uint8]
    along: Floats
    flow: Floats
    hair: Floats

    def __len__(self) -> int:
        return len(self.radii)


@dataclass(frozen=True)
class Surface:
    """What the camera sees of a solid.

    Args:
        depth: `(H, W)`, towards the camera, in pixels; `HIDDEN` where there is nothing.
        owner: `(H, W) int32`, the ball that is seen, -1 where there is none.
    """

    depth: Floats
    owner: NDArray[np.int32]


def floats(values: ArrayLike) -> Floats:
    """Numbers as an array of the drawing's precision."""
    return np.asarray(values, np.float32)


def tube(points: ArrayLike, radii: ArrayLike, part: Part, *, hair: float = 0.0, spacing: float = 0.22) -> Solid:
    """A smooth tube through `points` with a radius at each of them.

    Args:
        points: `(K, 3)`, K >= 1; the curve is a Catmull-Rom spline (E. Catmull, R. Rom, 1974).
        radii: `(K,)` or one for all.
        part: what it is part of.
        hair: length of the hair.
        spacing: distance of the balls in radii.
    """
    knots = np.asarray(points, np.float32).reshape(-1, 3)
    thick = np.broadcast_to(np.asarray(radii, np.float32), (len(knots),))
    if len(knots) == 1:
        return balls(knots, thick, part, hair=hair)
    fine = _spline(np.column_stack([knots, thick]), 12)
    steps = np.linalg.norm(np.diff(fine[:, :3], axis=0), axis=1) / np.maximum(fine[1:, 3], 1e-3)
    travelled = np.concatenate([[0.0], np.cumsum(steps)])
    count = max(2, int(travelled[-1] / spacing) + 1)
    at = np.linspace(0.0, travelled[-1], count)
    line = np.column_stack([np.interp(at, travelled, fine[:, axis]) for axis in range(4)]).astype(np.float32)
    flow = np.gradient(line[:, :3], axis=0)
    flow /= np.maximum(np.linalg.norm(flow, axis=1, keepdims=True), 1e-6)
    return Solid(
        centres=line[:, :3],
        radii=line[:, 3],
        parts=np.full(count, part, np.uint8),
        along=np.linspace(0.0, 1.0, count, dtype=np.float32),
        flow=flow.astype(np.float32),
        hair=np.full(count, hair, np.float32),
    )


def balls(
    centres: ArrayLike,
    radii: ArrayLike,
    part: Part,
    *,
    hair: float = 0.0,
    flow: ArrayLike = (0.0, 0.0, 0.0),
) -> Solid:
    """Single balls."""
    where = np.asarray(centres, np.float32).reshape(-1, 3)
    count = len(where)
    return Solid(
        centres=where,
        radii=np.broadcast_to(np.asarray(radii, np.float32), (count,)).copy(),
        parts=np.full(count, part, np.uint8),
        along=np.linspace(0.0, 1.0, count, dtype=np.float32),
        flow=np.broadcast_to(np.asarray(flow, np.float32), (count, 3)).copy(),
        hair=np.full(count, hair, np.float32),
    )


def sheet(corners: ArrayLike, radius: float, part: Part, *, rows: int = 9, hair: float = 0.0) -> Solid:
    """A thin triangle with its tip at the third corner, bulging a little: an ear.

    Args:
        corners: `(3, 3)`: the two ends of the base and the tip.
        radius: half its thickness.
        part: what it is part of.
        rows: rows of balls from base to tip.
        hair: length of the hair, which lies towards the tip.
    """
    first, second, tip = np.asarray(corners, np.float32).reshape(3, 3)
    centres, along = [], []
    for row in range(rows):
        up = row / (rows - 1)
        across = (np.arange(rows - row) + 0.5) / (rows - row) - 0.5
        middle = (first + second) / 2 * (1 - up) + tip * up
        centres.append(middle + across[:, None] * (second - first) * (1.0 - up**1.35))
        along.append(np.full(rows - row, up))
    flow = tip - (first + second) / 2
    flow = flow / max(float(np.linalg.norm(flow)), 1e-6)
    made = balls(np.concatenate(centres), radius, part, hair=hair, flow=flow)
    return replace(made, along=np.concatenate(along).astype(np.float32))


def together(solids: Sequence[Solid]) -> Solid:
    """Several solids as one."""
    return Solid(
        centres=np.concatenate([solid.centres for solid in solids]),
        radii=np.concatenate([solid.radii for solid in solids]),
        parts=np.concatenate([solid.parts for solid in solids]),
        along=np.concatenate([solid.along for solid in solids]),
        flow=np.concatenate([solid.flow for solid in solids]),
        hair=np.concatenate([solid.hair for solid in solids]),
    )


def moved(solid: Solid, turn: Floats, by: ArrayLike = (0.0, 0.0, 0.0), scale: float = 1.0) -> Solid:
    """The solid scaled, turned by a `(3, 3)` rotation and shifted, in that order."""
    return replace(
        solid,
        centres=turned(solid.centres * np.float32(scale), turn) + np.asarray(by, np.float32),
        radii=solid.radii * np.float32(scale),
        flow=turned(solid.flow, turn),
        hair=solid.hair * np.float32(scale),
    )


def turned(points: Floats, turn: Floats) -> Floats:
    """Each of `(K, 3)` points turned by a `(3, 3)` matrix."""
    if not len(points):
        return points
    return np.asarray(cv2.transform(np.ascontiguousarray(points[:, None]), turn)[:, 0], np.float32)


def rotation(axis: int, degrees: float) -> Floats:
    """The `(3, 3)` rotation about axis 0 (x), 1 (y) or 2 (z)."""
    angle = np.deg2rad(degrees)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    turn = np.eye(3, dtype=np.float32)
    turn[first, first] = turn[second, second] = np.cos(angle)
    turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
    return turn


def look(solid: Solid, size_hw: tuple[int, int]) -> Surface:
    """Which ball is seen in each pixel, and how near.

    Args:
        solid: in camera space: x right, y down, z towards the camera, in pixels.
        size_hw: height and width of the picture.
    """
    height, width = size_hw
    depth = np.full(size_hw, HIDDEN, np.float32)
    owner = np.full(size_hw, -1, np.int32)
    columns = np.arange(width, dtype=np.float32)
    rows = np.arange(height, dtype=np.float32)[:, None]
    for number, ((x, y, z), radius) in enumerate(zip(solid.centres.tolist(), solid.radii.tolist(), strict=True)):
        left, right = max(0, int(x - radius)), min(width, int(x + radius) + 2)
        top, bottom = max(0, int(y - radius)), min(height, int(y + radius) + 2)
        if left >= right or top >= bottom:
            continue
        bulge = (radius * radius - (rows[top:bottom] - y) ** 2) - (columns[left:right] - x) ** 2
        nearer = np.sqrt(np.maximum(bulge, 0.0)) + np.float32(z)
        area = depth[top:bottom, left:right]
        seen = (bulge > 0.0) & (nearer > area)
        np.copyto(area, nearer, where=seen)
        np.copyto(owner[top:bottom, left:right], number, where=seen)
    return Surface(depth, owner)


def _spline(knots: Floats, pieces: int) -> Floats:
    """Points of the Catmull-Rom spline through `(K, D)` knots, `pieces` per stretch."""
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    at = np.arange(pieces, dtype=np.float32)[:, None] / pieces
    stretches = []
    for before, start, end, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        stretches.append(
            0.5
            * (
                2 * start
                + (end - before) * at
                + (2 * before - 5 * start + 4 * end - after) * at**2
                + (3 * start - before - 3 * end + after) * at**3
            )
        )
    return np.concatenate([*stretches, knots[-1:]]).astype(np.float32)
