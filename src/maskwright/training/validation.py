"""Judging the weights while they train, with the definitions that `evaluate` uses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import nn

from maskwright.data.dataset import Dataset
from maskwright.data.grouping import same_size_groups
from maskwright.metrics.confusion import confusion
from maskwright.models.forward import probs_of_batch
from maskwright.recipe.recipe import Recipe


def validation_counts(model: nn.Module, samples: Dataset, recipe: Recipe) -> NDArray[np.int64]:
    """Confusion counts `(C, C)` of a model over labelled samples, [label, predicted].

    Args:
        model: its mode is kept; it is judged in eval mode.
        samples: labelled samples; neighbours of one size are judged together.
        recipe: see `probs_of_batch`.
    """
    count = len(samples.classes)
    total = np.zeros((count, count), np.int64)
    was_training = model.training
    model.eval()
    masks = (sample.mask() for sample in samples)
    for images in same_size_groups(sample.image() for sample in samples):
        probs = probs_of_batch(model, images, recipe)
        for predicted, mask in zip(probs.argmax(1).cpu().numpy(), masks, strict=False):
            assert mask is not None
            total += confusion(mask, predicted.astype(np.uint8), count)
    model.train(was_training)
    return total
