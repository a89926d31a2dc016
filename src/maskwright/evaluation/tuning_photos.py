"""The photos that post-processing is fitted on: predicted once, counted under many settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import IGNORE
from maskwright.data.dataset import Dataset, spread_places
from maskwright.data.sample import Image, Mask, Sample
from maskwright.data.split import Drawable, draw_splits
from maskwright.data.workers import in_order, workers
from maskwright.evaluation.evaluate import mask_of
from maskwright.inference.postprocess.settings import PostProcess
from maskwright.inference.postprocess.steps import MASK_STEPS, PROBS_STEPS, processed
from maskwright.inference.predictor import Predictor, Probs, most_probable, probs_of
from maskwright.metrics.calibration import calibration
from maskwright.metrics.confusion import Counts, confusion
from maskwright.metrics.scores import Floats

WORKING_SIDE_PX = 384
"""Longer photos are thinned to at most this side while settings are tried; all of them are shares of the photo."""
CACHE_BYTES = 1 << 30
"""What the probabilities of all photos, also smoothed, may take; of more photos an evenly spread part is fitted on."""
SMOOTHING = "edge_radius_frac"
"""The step whose answers are kept: it costs most."""
KEPT_TIMES = 6
"""How often the probabilities of a photo are kept: as they are, and as they were smoothed the latest few times."""
FOLDS = 5
"""Parts that settings are fitted without and then judged on."""

Chain = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, eq=False)
class TuningPhoto:
    """One photo: `(h, w, 3) uint8`, its label `(h, w) uint8` and the model's probabilities `(C, h, w) float16`.

    `smoothed` keeps them after the costly step, by the steps up to it and with it; the oldest ones make room.
    """

    image: Image
    mask: Mask
    probs: NDArray[np.float16]
    smoothed: dict[Chain, NDArray[np.float16]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TuningPhotos:
    """All photos that settings are tried on, with what is known of them so far.

    Args:
        photos: N of them.
        folds: `(N,)`, the fold of each photo; those of a group share one.
        groups: `(N,)`, the group of each photo, or a name of its own.
    """

    photos: tuple[TuningPhoto, ...]
    folds: NDArray[np.intp]
    groups: NDArray[np.str_]
    known: dict[Chain, Counts] = field(default_factory=dict)

    @property
    def classes(self) -> int:
        """`C`."""
        return len(self.photos[0].probs)

    def counts(self, posts: Sequence[PostProcess]) -> list[Counts]:
        """The pixels of each photo by [label, predicted] under each of some settings.

        Args:
            posts: the settings; what was asked before is remembered.

        Returns:
            `(N, C, C) int64` for each of them.
        """
        chains = [tuple(post.steps()) for post in posts]
        new = sorted(set(chains) - set(self.known), key=repr)  # neighbours share their first steps
        if new:
            with ThreadPoolExecutor(workers()) as pool:
                counted = list(in_order(pool, lambda photo: list(_counted(photo, new)), self.photos))
            self.known.update(zip(new, np.stack(counted, axis=1), strict=True))
        return [self.known[chain] for chain in chains]

    def likelihoods(self, post: PostProcess) -> Floats:
        """`(N, 41)`: each photo's mean negative log-likelihood at each of `calibration.SHARPNESS`."""

        def judged(photo: TuningPhoto) -> Floats:
            found = calibration(photo.mask, processed(photo.probs.astype(np.float32), photo.image, post))
            return found.likelihood / max(1, int(found.sharpened[0, 0].sum()))

        with ThreadPoolExecutor(workers()) as pool:
            return np.stack(list(in_order(pool, judged, self.photos)))


class Listening:
    """A predictor that keeps, small, what another one says of the samples that it is asked about in their order.

    Args:
        predictor: who is asked.
        samples: labelled ones; those of them that fit into `CACHE_BYTES` are kept, evenly spread.
    """

    def __init__(self, predictor: Predictor, samples: Dataset) -> None:
        self._predictor, self._samples = predictor, samples
        self.classes = getattr(predictor, "classes", None)
        self._steps = [_step(sample.size_hw) for sample in samples]
        thin_px = [
            h * w // step**2 for (h, w), step in zip((each.size_hw for each in samples), self._steps, strict=True)
        ]
        most = CACHE_BYTES * len(samples) // max(1, 2 * KEPT_TIMES * len(samples.classes) * sum(thin_px))
        self._places = spread_places(len(samples), max(1, most))
        self._kept: list[TuningPhoto] = []
        self._asked = 0

    def __call__(self, image: Image) -> Probs:
        return self.many([image])[0]

    def many(self, images: Sequence[Image]) -> list[Probs]:
        answers = list(probs_of(self._predictor, images))
        for image, probs in zip(images, answers, strict=True):
            if self._asked in self._places:
                self._keep(self._samples[self._asked], image, probs, self._steps[self._asked])
            self._asked += 1
        return answers

    def photos(self) -> TuningPhotos:
        """What was kept, once all samples were asked about."""
        samples = [self._samples[place] for place in self._places]
        return TuningPhotos(tuple(self._kept), _folds(samples), np.array([_group(sample) for sample in samples]))

    def _keep(self, sample: Sample, image: Image, probs: Probs, step: int) -> None:
        mask = mask_of(sample)
        thin = np.ascontiguousarray(image[::step, ::step])
        small = probs[:, ::step, ::step].astype(np.float16)
        self._kept.append(TuningPhoto(thin, thinned(mask), small))


def thinned(mask: Mask) -> Mask:
    """A mask with at most `WORKING_SIDE_PX` pixels a side: every so many rows and columns of it."""
    step = _step(mask.shape)
    return np.ascontiguousarray(mask[::step, ::step])


def _step(size_hw: tuple[int, ...]) -> int:
    return -(-max(size_hw) // WORKING_SIDE_PX)


def _group(sample: Sample) -> str:
    return sample.group or sample.id


def _folds(samples: Sequence[Sample]) -> NDArray[np.intp]:
    """The fold of each sample, each with its share of every class; the samples of a group share one."""
    drawn = []
    for sample in samples:
        present = np.flatnonzero(np.bincount(mask_of(sample).ravel(), minlength=256)[:IGNORE])
        drawn.append(Drawable(sample.id, _group(sample), tuple(present.tolist())))
    room = {str(fold): len(range(fold, len(samples), FOLDS)) for fold in range(FOLDS)}
    chosen = draw_splits(drawn, places=room)
    return np.asarray([int(chosen[each.id]) for each in drawn])


def _counted(photo: TuningPhoto, chains: Sequence[Chain]) -> Iterator[Counts]:
    """The counts after each chain of steps; steps that it begins like the one before it are not taken again."""
    taken: list[tuple[Chain, Probs, Mask]] = [((), probs := photo.probs.astype(np.float32), most_probable(probs))]
    for chain in chains:
        while chain[: len(taken[-1][0])] != taken[-1][0]:
            taken.pop()
        done = len(taken[-1][0])
        first = next((length for length in range(len(chain), done, -1) if chain[:length] in photo.smoothed), done + 1)
        for length in range(first, len(chain) + 1):
            taken.append((chain[:length], *_taken(chain[:length], taken[-1], photo)))
        yield confusion(photo.mask, taken[-1][2], len(photo.probs))


def _taken(chain: Chain, before: tuple[Chain, Probs, Mask], photo: TuningPhoto) -> tuple[Probs, Mask]:
    """Probabilities and mask after the last step of a chain, from those after all before it unless they are kept."""
    (name, value), (_, probs, mask) = chain[-1], before
    if name not in PROBS_STEPS:
        return probs, MASK_STEPS[name](mask, probs, value)
    if name != SMOOTHING:
        return (probs := PROBS_STEPS[name](probs, photo.image, value)), most_probable(probs)
    if chain not in photo.smoothed:
        if len(photo.smoothed) == KEPT_TIMES - 1:
            del photo.smoothed[next(iter(photo.smoothed))]
        photo.smoothed[chain] = PROBS_STEPS[name](probs, photo.image, value).astype(np.float16)
    return (probs := photo.smoothed[chain].astype(np.float32)), most_probable(probs)
