"""The same photos across runs: what each run made of each, and where runs disagree most."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import IGNORE
from maskwright.data.dataset import Dataset
from maskwright.data.sample import Mask
from maskwright.errors import MaskwrightError
from maskwright.evaluation.evaluate import Evaluation
from maskwright.metrics.scores import SUMMARIES, dice


def photos_value(dataset: Dataset, runs: Mapping[str, Path], split: str) -> dict[str, Any]:
    """The labelled photos of a split with the Dice that each run reached on each.

    Args:
        dataset: the photos.
        runs: folders by name.
        split: of the photos.

    Returns:
        The classes, the splits that there are, the photos' ids and sizes, and for each run `scores` (mDice of each
        photo as a fraction, or None), `dice` (of each class) and `trouble`, why there are none; `differ` is the least
        share of each photo on which two of the runs must answer differently, by their counts.
    """
    samples = dataset.filter(lambda sample: sample.split == split and sample.labelled)
    ids = [sample.id for sample in samples]
    digest = samples.digest(split) if ids else ""
    judged, troubles = {}, {}
    for name, folder in runs.items():
        try:
            judged[name] = Evaluation.load(folder / "evaluation" / split)
        except MaskwrightError as error:
            troubles[name] = str(error)
    counts = {name: _counts(evaluation, ids) for name, evaluation in judged.items()}
    classes = dataset.classes
    return {
        "classes": [
            {"id": place, "name": name, "rgb": list(rgb)}
            for place, (name, rgb) in enumerate(zip(classes.names, classes.colours, strict=True))
        ],
        "ignore": IGNORE,
        "splits": [name for name in dataset.splits if len(dataset.split(name).labelled)],
        "split": split,
        "ids": ids,
        "sizes_hw": [list(sample.size_hw) for sample in samples],
        "runs": {name: _scores(counts.get(name), troubles.get(name, "")) for name in runs},
        "differ": _listed(_differ(list(counts.values()))) if len(counts) > 1 else None,
        "others": [name for name, each in judged.items() if each.eval_digest != digest],
    }


def small_mask(mask: Mask, side_px: int | None) -> Mask:
    """A mask as large as its photo is shown, each pixel one of its own.

    Args:
        mask: `(H, W) uint8`.
        side_px: the most pixels of the longest side; None leaves it.
    """
    height, width = mask.shape
    scale = 1.0 if side_px is None else side_px / max(height, width)
    if scale >= 1:
        return mask
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def _counts(evaluation: Evaluation, ids: Sequence[str]) -> NDArray[np.float64]:
    """`(N, C, C)` in the order of the photos; nan where a photo was not judged."""
    place = {sample: position for position, sample in enumerate(evaluation.sample_ids)}
    found = np.full((len(ids), *evaluation.counts.shape[1:]), np.nan)
    for position, sample in enumerate(ids):
        if sample in place:
            found[position] = evaluation.counts[place[sample]]
    return found


def _scores(counts: NDArray[np.float64] | None, trouble: str) -> dict[str, Any]:
    if counts is None:
        return {"scores": None, "dice": None, "trouble": trouble}
    per_class = [_listed(column) for column in dice(counts).T]
    return {"scores": _listed(SUMMARIES["mDice"](counts)), "dice": per_class, "trouble": ""}


def _differ(counts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """`(N,)`, the least share of pixels on which some two runs differ.

    Two predictions of a photo with the confusion counts `A` and `B` differ on at least `sum |A - B| / 2` pixels: a
    pixel that both answer alike is counted in the same place of both.
    """
    pairs = [(one, other) for one, other in itertools.combinations(counts, 2) if one.shape == other.shape]
    shares = [np.abs(one - other).sum(axis=(1, 2)) / 2 / np.maximum(one.sum(axis=(1, 2)), 1) for one, other in pairs]
    return np.max(shares, axis=0) if shares else np.full(len(counts[0]), np.nan)


def _listed(values: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 5) for value in values]
