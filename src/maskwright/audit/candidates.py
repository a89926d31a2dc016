"""Which photos could be the same: pairs whose small grey pictures look alike, also mirrored, turned and cropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIDE = 16
"""Cells a side of a descriptor: coarse enough to bear a crop that is a little off."""

DIMENSIONS = 48
"""Principal components that are compared: more see noise, fewer confuse photos (measured, docs/audit.md)."""

DAMPING = 0.03
"""Added to each component's variance, as a share of the largest: weak components are not blown up."""

LEAST_COSINE = 0.8
"""Pairs below this are not looked at; planted copies had at least 0.86, 99 of 100 other photos less than this."""

PER_PHOTO = 4
"""Pairs looked at per photo at most, the best first: bounds the time where all photos look alike."""

FITTED_ON = 4000
"""Descriptors from which the components are taken."""

ROWS = 1024

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Cut:
    """A part of a photo, mirrored and turned.

    Args:
        side_frac: side of the part, as a share of the photo's.
        top_frac: where it begins from the top.
        left_frac: where it begins from the left.
        quarter_turns: by how many quarters it is turned to the left, after cutting.
        mirrored: whether it is mirrored left to right, after turning.
    """

    side_frac: float = 1.0
    top_frac: float = 0.0
    left_frac: float = 0.0
    quarter_turns: int = 0
    mirrored: bool = False


@dataclass(frozen=True)
class Candidate:
    """Two photos of which a part of the first looks like the second.

    Args:
        cosine: how alike, at most 1.
        first: position of the one that is cut.
        second: position of the other.
        cut: the part.
    """

    cosine: float
    first: int
    second: int
    cut: Cut


def _cuts() -> tuple[Cut, ...]:
    """Parts of 95, 87 and 80 % of a side, so close that every crop down to there is near one; mirrored or not."""
    places = [(1.0, 0.0, 0.0)]
    for side, count in ((0.95, 2), (0.87, 3), (0.8, 4)):
        steps = [place * (1 - side) / (count - 1) for place in range(count)]
        places += [(side, top, left) for top in steps for left in steps]
    upright = [Cut(*place, 0, mirrored) for place in places for mirrored in (False, True)]
    return (*upright, *(Cut(1, 0, 0, turns, mirrored) for turns in (1, 2, 3) for mirrored in (False, True)))


CUTS = _cuts()


def candidates(thumbs: NDArray[np.uint8]) -> list[Candidate]:
    """Pairs of photos that look alike, the most alike first.

    Each photo is a descriptor of 16 x 16 grey values with mean and contrast taken out, in the whitened principal
    components of all of them. Every cut of every photo is compared with every whole photo by one product of
    matrices per cut; the best match of each row is a candidate. Time grows with the square of the number of photos, at
    about 10^10 comparisons a minute on two cores.

    Args:
        thumbs: `(N, 64, 64) uint8` grey pictures.

    Returns:
        At most `PER_PHOTO` times N pairs, each once.
    """
    if len(thumbs) < 2:
        return []
    project = _components(thumbs)
    blocks = [thumbs[start : start + ROWS] for start in range(0, len(thumbs), ROWS)]
    whole = np.concatenate([_projected(block, Cut(), project) for block in blocks])
    best: dict[tuple[int, int], Candidate] = {}
    for cut in CUTS:
        for row, column, cosine in _matches(thumbs, cut, project, whole):
            pair = (min(row, column), max(row, column))
            if pair not in best or cosine > best[pair].cosine:
                best[pair] = Candidate(cosine, row, column, cut)
    ranked = sorted(best.values(), key=lambda each: (-each.cosine, each.first, each.second))
    return ranked[: PER_PHOTO * len(thumbs)]


@dataclass(frozen=True)
class _Components:
    matrix: Floats
    offset: Floats


def _matches(
    thumbs: NDArray[np.uint8], cut: Cut, project: _Components, whole: Floats
) -> Iterator[tuple[int, int, float]]:
    for start in range(0, len(thumbs), ROWS):
        rows = _projected(thumbs[start : start + ROWS], cut, project)
        cosines = rows @ whole.T
        places = np.arange(len(rows))
        cosines[places, start + places] = -1
        columns = cosines.argmax(axis=1)
        top = cosines[places, columns]
        for place in np.flatnonzero(top >= LEAST_COSINE).tolist():
            yield start + place, int(columns[place]), float(top[place])


def _projected(thumbs: NDArray[np.uint8], cut: Cut, project: _Components) -> Floats:
    return _unit(_descriptors(thumbs, cut) @ project.matrix - project.offset)


def _components(thumbs: NDArray[np.uint8]) -> _Components:
    """Whitened principal components, also of cut and turned photos: few photos would not tell enough alone."""
    cuts = CUTS[:: max(1, len(CUTS) * len(thumbs) // FITTED_ON)] if len(thumbs) < FITTED_ON else CUTS[:1]
    step = max(1, len(thumbs) * len(cuts) // FITTED_ON)
    seen = np.concatenate([_descriptors(thumbs[::step], cut) for cut in cuts])
    mean = seen.mean(axis=0)
    spread = (seen - mean).T @ (seen - mean) / len(seen)
    variances, axes = np.linalg.eigh(spread.astype(np.float64))
    variances, axes = variances[::-1][:DIMENSIONS], axes[:, ::-1][:, :DIMENSIONS]
    matrix = axes / np.sqrt(np.maximum(variances, 0) + DAMPING * max(float(variances[0]), 1e-9))
    return _Components(matrix.astype(np.float32), (mean @ matrix).astype(np.float32))


def _descriptors(thumbs: NDArray[np.uint8], cut: Cut) -> Floats:
    """`(N, 256)`: the cut as 16 x 16 means, without its mean and with unit length."""
    rows = _averaging(thumbs.shape[1], cut.top_frac, cut.side_frac)
    columns = _averaging(thumbs.shape[2], cut.left_frac, cut.side_frac)
    cells = np.matmul(np.matmul(rows, thumbs.astype(np.float32)), columns.T)
    cells = np.rot90(cells, cut.quarter_turns, axes=(1, 2))
    cells = cells[:, :, ::-1] if cut.mirrored else cells
    flat = cells.reshape(len(cells), -1)
    return _unit(flat - flat.mean(axis=1, keepdims=True))


def _averaging(pixels: int, start_frac: float, side_frac: float) -> Floats:
    """`(SIDE, pixels)`: each row averages the pixels that its cell covers, wholly or in part."""
    edges = pixels * (start_frac + side_frac * np.arange(SIDE + 1) / SIDE)
    left, right = np.maximum(edges[:-1, None], np.arange(pixels)), np.minimum(edges[1:, None], np.arange(pixels) + 1)
    covered = np.maximum(right - left, 0)
    return np.asarray(covered / covered.sum(axis=1, keepdims=True), np.float32)


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-3), np.float32)
