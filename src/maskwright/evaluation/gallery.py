"""The best and the worst photos of an evaluation, as pictures: image | label | prediction | error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import IGNORE, Classes
from maskwright.data.dataset import Dataset
from maskwright.data.encode import write_jpeg
from maskwright.data.pictures import overlay
from maskwright.data.sample import Image, Mask
from maskwright.errors import UsageError
from maskwright.evaluation.evaluate import Evaluation
from maskwright.inference.predictor import Predictor, masks_of
from maskwright.storage import write_json

MISSED = (240, 92, 40)
INVENTED = (185, 100, 255)
WRONG_CLASS = (250, 214, 50)
NOT_JUDGED = (128, 128, 128)
ERROR_COLOURS = {"missed": MISSED, "invented": INVENTED, "wrong_class": WRONG_CLASS, "not_judged": NOT_JUDGED}
"""RGB of the error panel; vermilion, violet and yellow stay apart for colour-blind eyes and from most class colours."""

HEIGHT_PX = 256
"""Most rows of a panel: four of them fit side by side on a page."""
SMALLEST_PX = 160
"""Fewest rows of a panel: smaller photos are scaled up until a person sees something."""
GAP_PX = 6
QUALITY = 85


def worst_and_best(evaluation: Evaluation, k: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The samples with the lowest and with the highest mDice of their own.

    Photos that hold no object (whose judged pixels are all labelled as the first class) come last among the best,
    since background alone is easily perfect. Photos without a judged pixel are in neither, perfect ones not among the
    worst, and no photo is in both. Equals stand in the order of their ids.

    Args:
        evaluation: what was judged.
        k: how many of each; fewer where there are not enough.

    Returns:
        The ids of the worst, worst first, and of the best, best first.
    """
    totals = [evaluation.scores_of(position) for position in range(len(evaluation.sample_ids))]
    judged = [
        (entry.mDice, int(entry.labelled_px[1:].sum()) == 0, sample_id)
        for entry, sample_id in zip(totals, evaluation.sample_ids, strict=True)
        if entry.judged_px
    ]
    by_worst = [sample_id for dice, _, sample_id in sorted(judged, key=lambda one: (one[0], one[2])) if dice < 1]
    by_best = [one[2] for one in sorted(judged, key=lambda one: (one[1], -one[0], one[2]))]
    worst = by_worst[: min(k, (len(judged) + 1) // 2)]
    return tuple(worst), tuple([sample_id for sample_id in by_best if sample_id not in worst][:k])


def write_gallery(
    predictor: Predictor, dataset: Dataset, evaluation: Evaluation, folder: Path, k: int = 12
) -> list[dict[str, Any]]:
    """Write the worst and the best photos as JPEGs, and `gallery.json`, which says what they show.

    Args:
        predictor: predicts these photos once more.
        dataset: holds the samples of the evaluation.
        evaluation: what was judged.
        folder: where `worst_00.jpg` ..., `best_00.jpg` ... and `gallery.json` go; earlier ones are removed.
        k: how many of each.

    Returns:
        One {"id", "rank", "kind", "mDice", "dice", "file"} per picture as in `gallery.json`; "rank" counts from 1 in
        each kind, "dice" is by the classes' names.

    Raises:
        UsageError: the dataset lacks a sample of the evaluation.
    """
    worst, best = worst_and_best(evaluation, k)
    entries = [*_entries(evaluation, worst, "worst"), *_entries(evaluation, best, "best")]
    samples = {sample.id: sample for sample in dataset}
    missing = [entry["id"] for entry in entries if entry["id"] not in samples or not samples[entry["id"]].labelled]
    if missing:
        raise UsageError(
            "The dataset is not the one that was evaluated.",
            expected=", ".join(missing[:5]),
            found="no such labelled samples",
            do="Give the dataset of the evaluation, or evaluate this one first.",
        )
    chosen = [samples[entry["id"]] for entry in entries]
    for old in (*folder.glob("worst_*.jpg"), *folder.glob("best_*.jpg")):
        old.unlink()
    predictions = masks_of(predictor, (sample.image() for sample in chosen))
    for entry, sample, prediction in zip(entries, chosen, predictions, strict=True):
        mask = sample.mask()
        assert mask is not None
        drawn = panels(sample.image(), mask, prediction, dataset.classes)
        write_jpeg(folder / entry["file"], drawn, quality=QUALITY)
    colours = {name: list(colour) for name, colour in ERROR_COLOURS.items()}
    write_json(folder / "gallery.json", {"format": 1, "error_colours": colours, "samples": entries})
    return entries


def panels(image: Image, mask: Mask, prediction: Mask, classes: Classes) -> Image:
    """Image, label, prediction and error side by side, with white between them.

    Args:
        image: `(H, W, 3) uint8` RGB.
        mask: `(H, W) uint8` class ids, 255 where nothing is judged.
        prediction: `(H, W) uint8` class ids.
        classes: give the colours.

    Returns:
        `(h, 4 w + 18, 3) uint8` RGB with `h` in 160..256.
    """
    size_hw = panel_hw(image.shape[0], image.shape[1])
    image = resized(image, size_hw)
    mask, prediction = (resized(ids, size_hw, nearest=True) for ids in (mask, prediction))
    drawn = [overlay(image, ids, classes, opacity=0.6) for ids in (mask, prediction)]
    return strip([image, *drawn, error_picture(image, mask, prediction)])


def strip(pictures: Sequence[Image]) -> Image:
    """Pictures of one height side by side, with white between them."""
    gap = np.full((len(pictures[0]), GAP_PX, 3), 255, np.uint8)
    parts = [part for picture in pictures for part in (gap, picture)]
    return np.concatenate(parts[1:], axis=1)


def error_picture(image: Image, mask: Mask, prediction: Mask) -> Image:
    """Where a prediction is wrong, in the colours of `ERROR_COLOURS`, on the darkened photo in grey.

    The first class counts as background: an object is missed where it was labelled and background predicted,
    invented where background was labelled, of the wrong class where both are objects.

    Args:
        image: `(H, W, 3) uint8` RGB.
        mask: `(H, W) uint8` class ids, 255 where nothing is judged.
        prediction: `(H, W) uint8` class ids.

    Returns:
        `(H, W, 3) uint8` RGB.
    """
    picture = darkened(image)
    wrong = mask != prediction
    picture[wrong & (prediction == 0)] = MISSED
    picture[wrong & (mask == 0)] = INVENTED
    picture[wrong & (mask != 0) & (prediction != 0)] = WRONG_CLASS
    picture[mask == IGNORE] = NOT_JUDGED
    return picture


def darkened(image: Image) -> Image:
    """The photo in dark grey, on which colours stand out: `(H, W, 3) uint8`, a new array."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.repeat((grey * np.float32(0.4)).astype(np.uint8)[..., None], 3, axis=2)


def _entries(evaluation: Evaluation, ids: Sequence[str], kind: str) -> list[dict[str, Any]]:
    places = {sample_id: position for position, sample_id in enumerate(evaluation.sample_ids)}
    entries = []
    for number, sample_id in enumerate(ids):
        own = evaluation.scores_of(places[sample_id])
        entries.append(
            {
                "id": sample_id,
                "rank": number + 1,
                "kind": kind,
                "mDice": own.mDice,
                "dice": dict(zip(evaluation.classes, own.dice.tolist(), strict=True)),
                "file": f"{kind}_{number:02d}.jpg",
            }
        )
    return entries


def panel_hw(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of a panel for a photo of this size."""
    rows = min(max(height, SMALLEST_PX), HEIGHT_PX)
    columns = max(1, round(width * rows / height))
    return rows, min(columns, 4 * HEIGHT_PX)


def resized(picture: NDArray[np.uint8], size_hw: tuple[int, int], *, nearest: bool = False) -> NDArray[np.uint8]:
    """A photo, or with `nearest` a mask, at the size of a panel."""
    if picture.shape[:2] == size_hw:
        return picture
    smooth = cv2.INTER_AREA if size_hw[0] < picture.shape[0] else cv2.INTER_CUBIC
    way = cv2.INTER_NEAREST if nearest else smooth
    return cv2.resize(picture, (size_hw[1], size_hw[0]), interpolation=way).astype(np.uint8, copy=False)
