"""Predicting with torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from maskwright.data.classes import Classes
from maskwright.data.sample import Image, Mask
from maskwright.inference.predictor import most_probable, photo_groups
from maskwright.models import build_for
from maskwright.models.forward import probs_of_batch, settled_device
from maskwright.models.loading import load_into
from maskwright.recipe.recipe import GIVEN, Recipe, with_settings


class TorchPredictor:
    """A model of ours as a `Predictor`.

    Args:
        weights: a safetensors file.
        recipe: what the weights were trained by.
        classes: what they tell apart.
        digest: hex digest of what decides the predictions.
        device: "cpu", "cuda" or "cuda:N".
        tta: whether photos are looked at in all ways that the recipe names, or once.
    """

    runtime = "torch"

    def __init__(
        self,
        weights: Path,
        *,
        recipe: Recipe,
        classes: Classes,
        digest: str,
        device: str = "cpu",
        tta: bool = True,
    ) -> None:
        self._tta = tta
        self.recipe, self.classes, self.digest = recipe, classes, digest
        self._model = build_for(recipe, classes=len(classes)).eval()
        load_into(self._model, weights)
        self._model.to(torch.device(settled_device(device)))

    def __call__(self, image: Image) -> NDArray[np.float32]:
        """Probabilities `(C, H, W) float32` of a photo."""
        return self.many([image])[0]

    def many(self, images: Sequence[Image]) -> list[NDArray[np.float32]]:
        """Probabilities of several photos; neighbours of one size go through the network together."""
        return [probs for batch in self._batches(images) for probs in batch.cpu().numpy()]

    def mask(self, image: Image) -> Mask:
        """The most probable class of each pixel, `(H, W) uint8`."""
        return self.masks([image])[0]

    def masks(self, images: Sequence[Image]) -> list[Mask]:
        """The most probable classes of several photos."""
        return [most_probable(probs) for probs in self.many(images)]

    def compute_in(self, precision: str) -> None:
        """Compute in another precision than the recipe's, "fp32" or "bf16"."""
        self.recipe = with_settings(self.recipe, {"precision": precision}, source="compute_in", reason=GIVEN)

    def _batches(self, images: Sequence[Image]) -> list[torch.Tensor]:
        return [
            probs_of_batch(self._model, same_size, self.recipe, tta=self._tta) for same_size in photo_groups(images)
        ]
