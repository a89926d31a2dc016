"""How fast this machine trains."""

from __future__ import annotations

import time
from statistics import median

import numpy as np
import torch

from maskwright.recipe.recipe import Recipe
from maskwright.training.batches import Batch
from maskwright.training.loop import make_learner, train_step
from maskwright.training.memory import keep_freed_memory


def step_seconds(recipe: Recipe, *, classes: int, limit_s: float) -> float:
    """Median seconds of one training iteration of a recipe, its data at hand.

    Args:
        recipe: what is trained.
        classes: number of classes.
        limit_s: seconds to spend: after one iteration to warm up, at least one and at most six are timed.
    """
    torch.set_num_threads(recipe.threads)
    keep_freed_memory()
    learner = make_learner(recipe, classes)
    rng = np.random.default_rng(0)
    shape = (recipe.batch_size, *recipe.crop_hw)
    batch = Batch(rng.integers(0, 256, (*shape, 3), dtype=np.uint8), rng.integers(0, classes, shape, dtype=np.uint8))
    seconds: list[float] = []
    while len(seconds) < 2 or (len(seconds) < 7 and sum(seconds) < limit_s):
        began = time.perf_counter()
        train_step(learner, batch, recipe, len(seconds), lr=1e-6)
        seconds.append(time.perf_counter() - began)
    return median(seconds[1:])
