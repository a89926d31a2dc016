"""Training batches. Every draw is a function of (seed, iteration, place in the batch), whoever makes them."""

from __future__ import annotations

import functools
import itertools
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.cgroups import usable_cores
from maskwright.data.dataset import Dataset
from maskwright.data.sample import Sample
from maskwright.errors import DataError, RecipeError
from maskwright.recipe.recipe import Recipe
from maskwright.training.augment import Pair, augment
from maskwright.training.sharing import ALONE, Share

WORKERS = 4
"""Threads that make batches ahead, at most: beyond it they wait for the interpreter's lock."""

_ORDER, _AUGMENT = 1, 2  # which kind of draw: keeps the streams apart


@dataclass(frozen=True)
class Batch:
    """`images` `(B, h, w, 3) uint8` and `masks` `(B, h, w) uint8`, 255 where nothing is judged."""

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]


def batches(samples: Dataset, recipe: Recipe, *, start: int, share: Share = ALONE) -> Generator[Batch]:
    """Batches from iteration `start` on, without end: ahead in threads, or each in its turn.

    Where torch's threads take every core, a batch made meanwhile is not made for nothing: it takes a core from one of
    the threads, and the others wait for that one. Such a batch costs three times what it costs between two iterations.

    Args:
        samples: labelled samples.
        recipe: see `augment`; `device` and `threads` tell whether cores are left over.
        start: first iteration, from 0.
        share: this process's part of each batch.
    """
    cv2.setNumThreads(0)  # these threads are the parallelism
    cores = usable_cores()
    spare = cores - 1 if recipe.device.startswith("cuda") else cores - recipe.threads
    if spare > 0:
        return batches_ahead(samples, recipe, start=start, workers=min(spare, WORKERS), share=share)
    return (make_batch(samples, recipe, iteration, share) for iteration in itertools.count(start))


def batches_ahead(
    samples: Dataset, recipe: Recipe, *, start: int, workers: int, ahead: int = 3, share: Share = ALONE
) -> Generator[Batch]:
    """Batches from iteration `start` on, made in threads before they are asked for.

    OpenCV and NumPy release the interpreter lock in what they do to pixels, so that threads are enough and no sample is
    copied between processes.

    Args:
        samples: labelled samples.
        recipe: see `augment`.
        start: first iteration, from 0.
        workers: threads that make them.
        ahead: batches made beyond one for each worker.
        share: this process's part of each batch.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="batches") as pool:
        waiting: deque[Future[Batch]] = deque()
        iteration = start
        try:
            while True:
                while len(waiting) < workers + ahead:
                    waiting.append(pool.submit(make_batch, samples, recipe, iteration, share))
                    iteration += 1
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def training_photos(dataset: Dataset, recipe: Recipe) -> Dataset:
    """The labelled samples of "train", without those that the recipe sets aside.

    Raises:
        RecipeError: it names a rule, for which it takes an audit.
    """
    if isinstance(recipe.set_aside, str):
        raise RecipeError(
            f"set_aside: {recipe.set_aside} wants an audit, and nothing here makes one.",
            do="Use maskwright run, or name the photos: set_aside=[train/a, train/b]",
        )
    aside = frozenset(recipe.set_aside)
    return dataset.split("train").labelled.filter(lambda sample: sample.id not in aside)


def make_batch(samples: Dataset, recipe: Recipe, iteration: int, share: Share = ALONE) -> Batch:
    """The batch of one iteration, or a process's part of it, the same whenever and wherever it is made."""
    size = recipe.batch_size
    pairs = []
    for place in share.of(size):
        rng = np.random.default_rng((recipe.seed, _AUGMENT, iteration, place))
        sample = samples[_index(len(samples), recipe.seed, iteration * size + place)]
        donor = samples[int(rng.integers(len(samples)))] if recipe.copy_paste_prob else None
        pairs.append(augment(_pair(sample), recipe, rng, donor=_pair(donor) if donor else None))
    return Batch(np.stack([image for image, _ in pairs]), np.stack([mask for _, mask in pairs]))


def _index(count: int, seed: int, position: int) -> int:
    """Which sample stands at a position of the endless sequence of shuffled epochs."""
    epoch, place = divmod(position, count)
    return int(_order(count, seed, epoch)[place])


@functools.lru_cache(maxsize=2)  # the epoch, and the next one where a batch spans both
def _order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, _ORDER, epoch)).permutation(count)


def _pair(sample: Sample) -> Pair:
    mask = sample.mask()
    if mask is None:
        raise DataError(f"{sample.id}: has no mask.", expected="labelled samples to train on", do="Leave it out.")
    return sample.image(), mask
