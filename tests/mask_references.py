"""What the canvas of review should do to a mask, written down a second time in NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Ids = NDArray[np.uint8]
Points = Sequence[tuple[float, float]]


def centres(shape_hw: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y of the centre of every pixel."""
    y, x = np.mgrid[: shape_hw[0], : shape_hw[1]]
    return x + 0.5, y + 0.5


def snapped(x: float, y: float, diameter: int) -> tuple[float, float]:
    """Where a brush stands: odd ones on centres of pixels, even ones on corners."""
    if diameter % 2:
        return np.floor(x) + 0.5, np.floor(y) + 0.5
    return np.floor(x + 0.5), np.floor(y + 0.5)


def stroke(shape_hw: tuple[int, int], points: Points, diameter: int) -> Flags:
    """Pixels whose centres are at most half a diameter away from a line through points that are snapped."""
    x, y = centres(shape_hw)
    covered = np.zeros(shape_hw, bool)
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[-1]], strict=True):
        length2 = (bx - ax) ** 2 + (by - ay) ** 2
        along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / (length2 or 1.0), 0, 1)
        apart2 = (x - ax - along * (bx - ax)) ** 2 + (y - ay - along * (by - ay)) ** 2
        covered |= apart2 <= (diameter / 2) ** 2 + 1e-9
    return covered


def polygon(shape_hw: tuple[int, int], corners: Points) -> Flags:
    """Pixels round whose centres a closed polygon winds."""
    x, y = centres(shape_hw)
    winding = np.zeros(shape_hw, int)
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        crosses = (ay <= y) != (by <= y)
        at = ax + (y - ay) * (bx - ax) / ((by - ay) or 1.0)
        winding += np.where(crosses & (at <= x), 1 if by > ay else -1, 0)
    return winding != 0


def smoothed(mask: Ids, radius: int, ignore: int) -> Ids:
    """Each pixel takes the class that most pixels of a disc have; in a tie its own, else the lowest."""
    result = mask.copy()
    height, width = mask.shape
    for y in range(height):
        for x in range(width):
            if mask[y, x] == ignore:
                continue
            votes = np.zeros(256, int)
            for dy in range(-radius, radius + 1):
                for dx in range(-radius, radius + 1):
                    inside = dx * dx + dy * dy <= radius * radius and 0 <= y + dy < height and 0 <= x + dx < width
                    if inside and mask[y + dy, x + dx] != ignore:
                        votes[mask[y + dy, x + dx]] += 1
            if votes[mask[y, x]] < votes.max():
                result[y, x] = votes.argmax()
    return result
