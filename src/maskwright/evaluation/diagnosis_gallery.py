"""Photos that show what is wrong: image | label | prediction | error by cause | uncertainty."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
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
from maskwright.evaluation.causes import CAUSES, explain
from maskwright.evaluation.diagnosis import Diagnosis
from maskwright.evaluation.evaluate import Evaluation, mask_of
from maskwright.evaluation.gallery import (
    INVENTED,
    MISSED,
    NOT_JUDGED,
    QUALITY,
    WRONG_CLASS,
    darkened,
    panel_hw,
    resized,
    strip,
    worst_and_best,
)
from maskwright.inference.predictor import Predictor, Probs, most_probable, probs_of
from maskwright.inference.quality import uncertainty
from maskwright.metrics.scores import dice
from maskwright.storage import write_json

CAUSE_COLOURS = {
    "missed": MISSED,
    "invented": INVENTED,
    "wrong_class": WRONG_CLASS,
    "contour": (92, 214, 222),
    "part_missing": (255, 172, 120),
    "part_extra": (224, 178, 255),
}
"""RGB of each cause: a part has the colour of the whole, lighter."""

PER_CAUSE = 6
"""Photos of each cause and class, those with the most such pixels."""
EXTREMES = 6
"""The worst and the best photos, as many of each."""
PER_CLASS = 3
"""The photos with the worst and the best Dice of each class, as many of each; half of `MOST` at most, hardest classes
first."""
MOST = 60
"""Photos at most: what can be leafed through, and fits into a page that can be sent by mail."""


def keep_diagnosis(diagnosis: Diagnosis, predictor: Predictor, dataset: Dataset, folder: Path) -> None:
    """Write a diagnosis with its pictures.

    Args:
        diagnosis: what was found.
        predictor: what was diagnosed.
        dataset: holds the samples.
        folder: `diagnosis/<split>` of a run, or another place.
    """
    diagnosis.save(folder)
    write_diagnosis_gallery(predictor, dataset, diagnosis, folder / "gallery")


def write_diagnosis_gallery(
    predictor: Predictor, dataset: Dataset, diagnosis: Diagnosis, folder: Path
) -> list[dict[str, Any]]:
    """Write photos of every cause and class, the worst and the best, as JPEGs, and `gallery.json`.

    Args:
        predictor: predicts these photos once more.
        dataset: holds the samples of the diagnosis.
        diagnosis: what was found.
        folder: where `photo_00.jpg` ... and `gallery.json` go; earlier ones are removed.

    Returns:
        One record per picture as in `gallery.json`: "id", "file", "kind" ("worst", "best" or ""), "mDice",
        "expected_dice", "uncertainty", "class_kinds" and "dice", the kind and the Dice by class, and "px", wrong pixels
        by cause and class of the object.

    Raises:
        UsageError: the dataset lacks a sample of the diagnosis.
    """
    chosen, samples = chosen_photos(diagnosis), {sample.id: sample for sample in dataset}
    ids = diagnosis.evaluation.sample_ids
    missing = [ids[place] for place in chosen if ids[place] not in samples]
    if missing:
        raise UsageError(
            "The dataset is not the one that was diagnosed.",
            expected=", ".join(missing[:5]),
            found="no such samples",
            do="Give the dataset of the diagnosis, or diagnose this one first.",
        )
    for old in folder.glob("photo_*.jpg"):
        old.unlink()
    entries, pixels, names = [], _pixels(diagnosis), dataset.classes.names
    class_dice = dice(diagnosis.evaluation.counts)
    answers = probs_of(predictor, (samples[ids[place]].image() for place in chosen))
    for number, ((place, kinds), probs) in enumerate(zip(chosen.items(), answers, strict=True)):
        sample, file = samples[ids[place]], f"photo_{number:02d}.jpg"
        drawn = diagnosis_panels(sample.image(), mask_of(sample), probs, dataset.classes)
        write_jpeg(folder / file, drawn, quality=QUALITY)
        row = diagnosis.photos[place]
        numbers = {name: float(row[name]) for name in ("expected_dice", "uncertainty")}
        own = {"id": sample.id, "file": file, "kind": kinds.pop("", ""), "mDice": float(diagnosis.photo_dice[place])}
        by_class = {"class_kinds": kinds, "dice": dict(zip(names, class_dice[place].tolist(), strict=True))}
        entries.append({**own, **numbers, **by_class, "px": pixels[place]})
    colours = dict(zip(names, map(list, dataset.classes.colours), strict=True))
    write_json(folder / "gallery.json", {"format": 1, "class_colours": colours, "photos": entries})
    return entries


def chosen_photos(diagnosis: Diagnosis) -> dict[int, dict[str, str]]:
    """Which photos are shown: the worst and the best of all and of each class, then those of what costs most.

    Args:
        diagnosis: what was found.

    Returns:
        By place "worst" or "best" by class, with "" for all classes together; an empty dict where it is neither.
    """
    evaluation, pixels = diagnosis.evaluation, _pixels(diagnosis)
    places = {sample: place for place, sample in enumerate(evaluation.sample_ids)}
    chosen: dict[int, dict[str, str]] = {}
    for kind, samples in zip(("worst", "best"), worst_and_best(evaluation, EXTREMES), strict=True):
        chosen |= {places[sample]: {"": kind} for sample in samples}
    for place, name, kind in _extremes_of_classes(evaluation):
        if place in chosen or len(chosen) < MOST // 2:
            chosen.setdefault(place, {})[name] = kind
    pairs = [(-each.lost_mdice, loss.cause, each.name) for loss in diagnosis.causes for each in loss.per_class]
    for _, cause, name in sorted(pairs):
        having = [place for place in pixels if pixels[place].get(cause, {}).get(name, 0)]
        having.sort(key=lambda place: (-pixels[place][cause][name], place))
        for place in having[:PER_CAUSE]:
            if len(chosen) < MOST:
                chosen.setdefault(place, {})
    return chosen


def diagnosis_panels(image: Image, mask: Mask, probs: Probs, classes: Classes) -> Image:
    """Image, label, prediction, error by cause and uncertainty side by side, with white between them.

    Args:
        image: `(H, W, 3) uint8` RGB.
        mask: `(H, W) uint8` class ids, 255 where nothing is judged.
        probs: `(C, H, W) float32`.
        classes: give the colours.

    Returns:
        `(h, 5 w + 24, 3) uint8` RGB with `h` in 160..256.
    """
    size_hw = panel_hw(image.shape[0], image.shape[1])
    prediction = most_probable(probs)
    causes = resized(explain(mask, prediction, len(classes)).causes, size_hw, nearest=True)
    unsure = resized(np.rint(255 * uncertainty(probs)).astype(np.uint8), size_hw)
    image, mask = resized(image, size_hw), resized(mask, size_hw, nearest=True)
    ids = mask, resized(prediction, size_hw, nearest=True)
    drawn = [overlay(image, each, classes, opacity=0.6) for each in ids]
    heat = np.ascontiguousarray(cv2.applyColorMap(unsure, cv2.COLORMAP_INFERNO)[..., ::-1])
    return strip([image, *drawn, cause_picture(image, mask, causes), heat.astype(np.uint8)])


def cause_picture(image: Image, mask: Mask, causes: NDArray[np.uint8]) -> Image:
    """Where a prediction is wrong, in the colours of `CAUSE_COLOURS`, on the darkened photo in grey.

    Args:
        image: `(H, W, 3) uint8` RGB.
        mask: `(H, W) uint8` class ids, 255 where nothing is judged.
        causes: `(H, W) uint8`, see `causes.explain`.

    Returns:
        `(H, W, 3) uint8` RGB.
    """
    picture = darkened(image)
    for number, cause in enumerate(CAUSES, start=1):
        picture[causes == number] = CAUSE_COLOURS[cause]
    picture[mask == IGNORE] = NOT_JUDGED
    return picture


def _extremes_of_classes(evaluation: Evaluation) -> Iterator[tuple[int, str, str]]:
    """Place, class and "worst" or "best" by the Dice of every class but the first; no photo is both of one class."""
    class_dice = dice(evaluation.counts)
    for class_id in 1 + np.argsort(evaluation.scores.dice[1:], kind="stable"):
        own = class_dice[:, class_id]
        known = [place for place in np.argsort(own, kind="stable").tolist() if not np.isnan(own[place])]
        worst = [place for place in known[: min(PER_CLASS, (len(known) + 1) // 2)] if own[place] < 1]
        best = [place for place in reversed(known) if place not in worst][:PER_CLASS]
        for kind, places in (("worst", worst), ("best", best)):
            yield from ((place, evaluation.classes[class_id], kind) for place in places)


def _pixels(diagnosis: Diagnosis) -> dict[int, dict[str, dict[str, int]]]:
    """Wrong pixels by photo, cause and class of the object."""
    names = diagnosis.evaluation.classes
    found: dict[int, dict[str, dict[str, int]]] = {place: defaultdict(dict) for place in range(len(diagnosis.photos))}
    for error in diagnosis.errors:
        own = found[int(error["photo"])][CAUSES[error["cause"]]]
        name = names[diagnosis.objects["class_id"][error["object"]]]
        own[name] = own.get(name, 0) + int(error["px"])
    return found
