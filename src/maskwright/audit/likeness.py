"""Which class a labelled piece looks like, by its size, place and colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from maskwright.audit.measures import ObjectMeasures

Floats = NDArray[np.float64]

SHRINKAGE = 0.1
"""Share of the pooled variances in each class's covariance: a few pieces do not make it singular."""


@dataclass(frozen=True)
class Likeness:
    """A normal distribution per class.

    Args:
        classes: the class ids.
        means: `(K, D)`.
        precisions: `(K, D, D)`, inverse covariances.
        log_scales: `(K,)`, half the log determinants of the covariances.
    """

    classes: tuple[int, ...]
    means: Floats
    precisions: Floats
    log_scales: Floats


def features(pieces: Sequence[ObjectMeasures]) -> Floats:
    """`(N, 8)`: log of area, place, distance from the middle, share of the photo's border, colour."""
    rows = [
        (
            np.log(each.area_frac),
            *each.centre_xy,
            np.hypot(each.centre_xy[0] - 0.5, each.centre_xy[1] - 0.5),
            each.border_frac,
            *(channel / 100 for channel in each.mean_lab),
        )
        for each in pieces
    ]
    return np.asarray(rows, np.float64).reshape(len(rows), 8)


def fit(values: Floats, labels: NDArray[np.int64], classes: Sequence[int]) -> Likeness:
    """Describe each class by the mean and the covariance of its pieces (quadratic discriminant analysis).

    Args:
        values: `(N, D)`, see `features`.
        labels: `(N,)` class ids.
        classes: which classes.
    """
    pooled = np.diag(values.var(axis=0) + 1e-6)
    groups = [values[labels == class_id] for class_id in classes]
    spreads = [(1 - SHRINKAGE) * np.cov(group, rowvar=False, bias=True) + SHRINKAGE * pooled for group in groups]
    return Likeness(
        tuple(classes),
        np.stack([group.mean(axis=0) for group in groups]),
        np.stack([np.linalg.inv(spread) for spread in spreads]),
        np.array([0.5 * np.linalg.slogdet(spread)[1] for spread in spreads]),
    )


def likeliest(values: Floats, likeness: Likeness) -> NDArray[np.int64]:
    """`(N,)` class ids: which class each piece looks like most, all classes being equally frequent."""
    off = values[:, None, :] - likeness.means[None]
    distances = np.einsum("nkd,kde,nke->nk", off, likeness.precisions, off)
    best = np.argmin(0.5 * distances + likeness.log_scales, axis=1)
    return np.asarray(np.take(likeness.classes, best), np.int64)


def held_out(values: Floats, labels: NDArray[np.int64], classes: Sequence[int]) -> dict[tuple[int, int], float]:
    """How the classes are told apart by a description made from the other half of the data.

    Returns:
        (class, other) -> the share of the class's pieces that look like the other one, or like the class itself.
    """
    half = np.zeros(len(values), np.bool_)
    for class_id in classes:
        half[np.flatnonzero(labels == class_id)[::2]] = True
    guessed = np.empty(len(values), np.int64)
    for here in (half, ~half):
        guessed[here] = likeliest(values[here], fit(values[~here], labels[~here], classes))
    return {(one, other): float((guessed[labels == one] == other).mean()) for one in classes for other in classes}
