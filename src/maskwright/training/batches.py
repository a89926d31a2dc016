"""Training batches, made ahead in threads. Every draw is a function of (seed, iteration, place in the batch)."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.dataset import Dataset
from maskwright.data.sample import Sample
from maskwright.errors import DataError
from maskwright.recipe.recipe import Recipe
from maskwright.training.augment import Pair, augment

_ORDER, _AUGMENT = 1, 2  # which kind of draw: keeps the streams apart


@dataclass(frozen=True)
class Batch:
    """`images` `(B, h, w, 3) uint8` and `masks` `(B, h, w) uint8`, 255 where nothing is judged."""

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]


def batches(samples: Dataset, recipe: Recipe, *, start: int, ahead: int = 3, workers: int = 1) -> Generator[Batch]:
    """Batches from iteration `start` on, without end.

    OpenCV and NumPy release the interpreter lock in what they do to pixels, so that threads are enough and no sample is
    copied between processes.

    Args:
        samples: labelled samples.
        recipe: see `augment`.
        start: first iteration, from 0.
        ahead: batches made before they are asked for.
        workers: threads that make them.
    """
    cv2.setNumThreads(0)  # the worker is the parallelism; more threads would take torch's cores
    with ThreadPoolExecutor(workers, thread_name_prefix="batches") as pool:
        waiting: deque[Future[Batch]] = deque()
        iteration = start
        try:
            while True:
                while len(waiting) <= ahead:
                    waiting.append(pool.submit(make_batch, samples, recipe, iteration))
                    iteration += 1
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def make_batch(samples: Dataset, recipe: Recipe, iteration: int) -> Batch:
    """The batch of one iteration, the same whenever and wherever it is made."""
    size = recipe.batch_size
    pairs = []
    for place in range(size):
        rng = np.random.default_rng((recipe.seed, _AUGMENT, iteration, place))
        sample = samples[_index(len(samples), recipe.seed, iteration * size + place)]
        donor = samples[int(rng.integers(len(samples)))] if recipe.copy_paste_prob else None
        pairs.append(augment(_pair(sample), recipe, rng, donor=_pair(donor) if donor else None))
    return Batch(np.stack([image for image, _ in pairs]), np.stack([mask for _, mask in pairs]))


def _index(count: int, seed: int, position: int) -> int:
    """Which sample stands at a position of the endless sequence of shuffled epochs."""
    epoch, place = divmod(position, count)
    return int(np.random.default_rng((seed, _ORDER, epoch)).permutation(count)[place])


def _pair(sample: Sample) -> Pair:
    mask = sample.mask()
    if mask is None:
        raise DataError(f"{sample.id}: has no mask.", expected="labelled samples to train on", do="Leave it out.")
    return sample.image(), mask
