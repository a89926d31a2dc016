"""Calibration: whether a probability of 0.8 is right in eight pixels of ten. Streamed: memory does not grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import UsageError
from maskwright.metrics.confusion import IGNORED
from maskwright.metrics.scores import Floats, ratio

BINS = 15
"""Bins of the reliability diagram and of both errors, as in Guo et al. 2017."""

FINE = 256
"""Parts of each bin, of which the bins of equal mass are put together."""

SHARPNESS = np.geomspace(0.1, 10, 41)
"""The values of 1 / temperature at which the likelihood is summed up; between them it is interpolated."""

THINNED_PX = 4096
"""Pixels of a photo that the temperature is fitted on, drawn by lot, the same of photos of one size: neighbours say
nearly the same, and every so many in a row would be the same columns in each row."""

LEAST_PROB = 1e-7
"""Probabilities below are taken for this: a float32 that was rounded to 0 would say that a label is impossible."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Pixels by the probability that they were given; sums, so that those of two photos may be added.

    Row 0 of the histograms is about the most probable class of each pixel: `hits` are the pixels where it is the
    labelled one. Row 1 + c is about the probability of class c in every pixel: `hits` are those labelled c.

    Args:
        pixels: `(1 + C, BINS * FINE) int64`, pixels by probability, each bin of equal width.
        probability: the same shape, sums of their probabilities.
        hits: the same shape, how many of them were right.
        likelihood: `(41,)`, sums of the negative log-likelihood at each of `SHARPNESS`.
        sharpened: `(41, 3, BINS)`, pixels, probability and hits of the most probable class at each of them.
    """

    pixels: NDArray[np.int64]
    probability: Floats
    hits: NDArray[np.int64]
    likelihood: Floats
    sharpened: Floats

    def __add__(self, other: Calibration) -> Calibration:
        return Calibration(
            self.pixels + other.pixels,
            self.probability + other.probability,
            self.hits + other.hits,
            self.likelihood + other.likelihood,
            self.sharpened + other.sharpened,
        )

    @staticmethod
    def none(n_classes: int) -> Calibration:
        """Nothing counted yet."""
        shape = (1 + n_classes, BINS * FINE)
        sharpened = np.zeros((len(SHARPNESS), 3, BINS))
        return Calibration(
            np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape, np.int64), np.zeros(len(SHARPNESS)), sharpened
        )

    def reliability(self, class_id: int | None = None) -> Floats:
        """The reliability diagram: `(BINS, 3)`: pixels, mean probability and share of hits; nan in empty bins.

        Args:
            class_id: whose probability; None is about the most probable class.
        """
        pixels, probability, hits = (each.reshape(BINS, FINE).sum(axis=1) for each in self._row(class_id))
        return np.stack([pixels, ratio(probability, pixels), ratio(hits, pixels)], axis=1)

    def ece(self, class_id: int | None = None) -> float:
        """Expected calibration error in [0, 1], in bins of equal width; nan where nothing was judged.

        Guo, Pleiss, Sun, Weinberger: "On Calibration of Modern Neural Networks", ICML 2017, equation 3. For a class it
        is its part of the static calibration error of Nixon et al. 2019, equation 3.

        Args:
            class_id: whose probability; None is about the most probable class.
        """
        return _error(*(each.reshape(BINS, FINE).sum(axis=1) for each in self._row(class_id)))

    def adaptive_ece(self, class_id: int | None = None) -> float:
        """The same in bins of equal mass, as near to it as the fine bins allow.

        Nixon, Dusenberry, Zhang, Jerfel, Tran: "Measuring Calibration in Deep Learning", CVPR workshops 2019,
        equation 4.

        Args:
            class_id: as in `ece`.
        """
        pixels, probability, hits = self._row(class_id)
        before = np.cumsum(pixels) - pixels / 2
        which = np.minimum((BINS * before / max(1, pixels.sum())).astype(int), BINS - 1)
        return _error(*(np.bincount(which, each, minlength=BINS) for each in (pixels, probability, hits)))

    @property
    def gaps(self) -> NDArray[np.float32]:
        """`(1 + C, BINS)`, probability minus hits in each bin: summed over photos, what `ece` is made of."""
        apart = (self.probability - self.hits).reshape(len(self.hits), BINS, FINE)
        return np.asarray(apart.sum(axis=-1), np.float32)

    @property
    def temperature(self) -> float:
        """What logits are divided by to give the likeliest probabilities; above 1 they were too sure.

        The minimum of the negative log-likelihood (Guo et al. 2017, section 4.2) within [0.1, 10]; nan where nothing
        was judged. Class by class nothing changes its place: masks stay the same.
        """
        if not self.likelihood.any():
            return float("nan")
        from scipy.interpolate import CubicSpline  # here, since who only predicts would wait a third of a second for it
        from scipy.optimize import minimize_scalar

        logs = np.log(SHARPNESS)
        curve = CubicSpline(logs, self.likelihood)
        found = minimize_scalar(lambda log: float(curve(log)), bounds=(logs[0], logs[-1]), method="bounded")
        return float(np.exp(-found.x))

    def thinned_ece(self, temperature: float = 1.0) -> float:
        """What `ece` would be with a temperature, on the pixels that `temperature` is fitted on; nan where none are.

        Args:
            temperature: what logits are divided by, in [0.1, 10]; with 1 it is what the others compare with.
        """
        errors = [_error(*each) for each in self.sharpened]
        return float(np.interp(-np.log(temperature), np.log(SHARPNESS), errors))

    def _row(self, class_id: int | None) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        row = 0 if class_id is None else 1 + class_id
        return self.pixels[row], self.probability[row], self.hits[row]


def calibration(mask: NDArray[np.uint8], probs: NDArray[np.float32]) -> Calibration:
    """Count the pixels of one photo by the probabilities that they were given.

    Args:
        mask: `(H, W) uint8` class ids, 255 where nothing is judged.
        probs: `(C, H, W) float32`, sums to 1 over `C`.

    Returns:
        The counts of the photo.

    Raises:
        UsageError: the shapes differ.
    """
    if probs.ndim != 3 or probs.shape[1:] != mask.shape:
        raise UsageError(
            "These probabilities belong to another photo.",
            expected=f"(C, {', '.join(map(str, mask.shape))})",
            found=str(probs.shape),
            do="Predict at the photo's own size.",
        )
    judged = mask != IGNORED
    labels = mask[judged].astype(np.intp)
    values = np.stack([plane[judged] for plane in probs])
    top = values.argmax(axis=0)
    rows = [_histogram(np.take_along_axis(values, top[None], axis=0)[0], top == labels)]
    rows += [_histogram(row, labels == class_id) for class_id, row in enumerate(values)]
    pixels, probability, hits = (np.stack(each) for each in zip(*rows, strict=True))
    thinned = _thinned(labels.size)
    likelihood, sharpened = _sharpened(values[:, thinned], labels[thinned])
    return Calibration(pixels.astype(np.int64), probability, hits.astype(np.int64), likelihood, sharpened)


def _histogram(probability: NDArray[np.float32], hit: NDArray[np.bool_]) -> tuple[NDArray[Any], Floats, NDArray[Any]]:
    count = BINS * FINE
    place = np.minimum((probability * np.float32(count)).astype(np.intp), count - 1)
    sums = np.bincount(place, probability, minlength=count).astype(np.float64)
    return np.bincount(place, minlength=count), sums, np.bincount(place[hit], minlength=count)


def _thinned(count: int) -> NDArray[np.intp]:
    drawn = np.random.default_rng(0).choice(count, min(count, THINNED_PX), replace=False, shuffle=False)
    return np.sort(drawn)


def _sharpened(values: NDArray[np.float32], labels: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """What the thinned pixels of a photo say at each of `SHARPNESS`."""
    logs = np.log(np.maximum(values, LEAST_PROB))
    logs -= logs.max(axis=0)
    right = np.take_along_axis(logs, labels[None], axis=0)[0]
    hits = (right == 0).astype(np.float64)  # the label is the most probable class
    likelihood, counts = np.zeros(len(SHARPNESS)), np.zeros((len(SHARPNESS), 3, BINS))
    for place, sharpness in enumerate(SHARPNESS):
        norm = np.exp(np.float32(sharpness) * logs).sum(axis=0)
        likelihood[place] = float((np.log(norm) - sharpness * right).sum())
        which = np.minimum((BINS / norm).astype(np.intp), BINS - 1)
        counts[place] = [np.bincount(which, weights, minlength=BINS) for weights in (None, 1 / norm, hits)]
    return likelihood, counts


def _error(pixels: NDArray[Any], probability: NDArray[Any], hits: NDArray[Any]) -> float:
    return float(ratio(np.abs(probability - hits).sum(), pixels.sum()))
