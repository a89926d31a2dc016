"""Judging the weights while they train, with the definitions that `evaluate` uses."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from maskwright.data.dataset import Dataset
from maskwright.data.grouping import same_size_groups
from maskwright.metrics.confusion import confusion
from maskwright.models.forward import probs_of_batch
from maskwright.recipe.recipe import Recipe
from maskwright.training.sharing import ALONE, Share


def validation_counts(model: nn.Module, samples: Dataset, recipe: Recipe, share: Share = ALONE) -> NDArray[np.int64]:
    """Confusion counts `(C, C)` of a model over labelled samples, [label, predicted].

    Args:
        model: its mode is kept; it is judged in eval mode.
        samples: labelled samples; neighbours of one size are judged together.
        recipe: see `probs_of_batch`.
        share: this process's part of the samples; the counts are those of all of them.
    """
    count, mine = len(samples.classes), share.of(len(samples))
    samples = samples[mine.start : mine.stop]
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
    return share.total(torch.from_numpy(total)).numpy()
