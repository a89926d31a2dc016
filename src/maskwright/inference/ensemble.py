"""Several predictors as one: the mean of what they say."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from maskwright.data.classes import Classes
from maskwright.data.sample import Image, Mask
from maskwright.errors import UsageError
from maskwright.inference.predictor import Predictor, Probs, most_probable, probs_of


class Ensemble:
    """A `Predictor` that answers with the mean of other predictors' probabilities.

    Args:
        predictors: one or more that tell the same classes apart, in the same order and with the same values on disk.

    Raises:
        UsageError: there is none, or they tell other classes apart, or do not say which; all that differ are named.
    """

    def __init__(self, predictors: Sequence[Predictor]) -> None:
        self.predictors = tuple(predictors)
        self.classes = _common_classes(self.predictors)

    def __call__(self, image: Image) -> Probs:
        """Probabilities `(C, H, W) float32` of a photo."""
        return self.many([image])[0]

    def many(self, images: Sequence[Image]) -> list[Probs]:
        """Probabilities of several photos; neighbours of one size go through each network together."""
        first, *others = self.predictors
        sums = [np.array(probs, np.float32) for probs in probs_of(first, images)]
        for predictor in others:
            for total, probs in zip(sums, probs_of(predictor, images), strict=True):
                total += probs
        for total in sums:
            total /= np.float32(len(self.predictors))
        return sums

    def mask(self, image: Image) -> Mask:
        """The most probable class of each pixel, `(H, W) uint8`."""
        return most_probable(self(image))

    def masks(self, images: Sequence[Image]) -> list[Mask]:
        """The most probable classes of several photos."""
        return [most_probable(probs) for probs in self.many(images)]

    @property
    def digest(self) -> str:
        """Hex digest of what decides the predictions: the predictors', in any order."""
        known: list[str] = sorted(_own(predictor, "digest") for predictor in self.predictors)
        return hashlib.blake2b("\0".join(["mean", *known]).encode(), digest_size=16).hexdigest()

    @property
    def recipe(self) -> Any:
        """What the first one's weights were trained by."""
        return _own(self.predictors[0], "recipe")


def together(predictors: Sequence[Predictor]) -> Predictor:
    """One predictor as it is, several as an `Ensemble`.

    Raises:
        UsageError: as `Ensemble`.
    """
    return predictors[0] if len(predictors) == 1 else Ensemble(predictors)


def _own(predictor: Predictor, name: str) -> Any:
    return getattr(predictor, name)


def _common_classes(predictors: Sequence[Predictor]) -> Classes:
    if not predictors:
        raise UsageError(
            "Ensemble: there is no predictor in it.", do="Give it one or more: Ensemble([load(RUN), ...])."
        )
    known: list[Classes | None] = [getattr(predictor, "classes", None) for predictor in predictors]
    first = known[0]
    differing = [
        f"number {place}: {_told(classes)}"
        for place, classes in enumerate(known, start=1)
        if classes is None or first is None or (classes.names, classes.values) != (first.names, first.values)
    ]
    if differing or first is None:
        raise UsageError(
            "Ensemble: its predictors tell other classes apart.",
            expected=_told(first),
            found="; ".join(differing),
            do="Take runs of the same classes, in the same order and with the same values.",
        )
    return first


def _told(classes: Classes | None) -> str:
    if classes is None:
        return "classes that it does not name"
    return ", ".join(f"{value} {name}" for value, name in zip(classes.values, classes.names, strict=True))
