"""Photos that show what post-processing does: image | label | before | after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from maskwright.data.dataset import Dataset
from maskwright.data.encode import write_jpeg
from maskwright.data.pictures import overlay
from maskwright.evaluation.evaluate import mask_of
from maskwright.evaluation.gallery import QUALITY, panel_hw, resized, strip
from maskwright.evaluation.tune import Tuning
from maskwright.inference.postprocess.predictor import PostProcessed
from maskwright.inference.postprocess.steps import processed
from maskwright.inference.predictor import Predictor, most_probable, probs_of
from maskwright.storage import write_json

MOST = 3
"""Photos where it helps most; as many where it hurts most, if there are any."""


def keep_tuning(tuning: Tuning, predictor: Predictor, dataset: Dataset, run: Path) -> None:
    """Write a tuning into a run: the steps, what they are worth, and pictures in `tuning/`.

    Args:
        tuning: what was found.
        predictor: what was tuned.
        dataset: holds the samples.
        run: its folder.
    """
    tuning.save(run)
    write_tuning_gallery(tuning, predictor, dataset, run / "tuning")


def write_tuning_gallery(tuning: Tuning, predictor: Predictor, dataset: Dataset, folder: Path) -> list[dict[str, Any]]:
    """Write the photos that gain and that lose most as JPEGs, and `gallery.json`.

    Args:
        tuning: what was found.
        predictor: predicts these photos once more.
        dataset: holds the samples.
        folder: where `helps_0.jpg` ..., `hurts_0.jpg` ... and `gallery.json` go; earlier ones are removed.

    Returns:
        One record per picture as in `gallery.json`: "id", "kind" ("helps" or "hurts"), "gain", the share of its pixels
        that became right, and "file".
    """
    if isinstance(predictor, PostProcessed):
        predictor = predictor.predictor
    changed = tuning.by_photo()
    helps = [each for each in changed if each[1] > 0][:MOST]
    hurts = [each for each in reversed(changed) if each[1] < 0][:MOST]
    entries = [
        {"id": sample_id, "kind": kind, "gain": gain, "file": f"{kind}_{number}.jpg"}
        for kind, chosen in (("helps", helps), ("hurts", hurts))
        for number, (sample_id, gain) in enumerate(chosen)
    ]
    for old in (*folder.glob("helps_*.jpg"), *folder.glob("hurts_*.jpg")):
        old.unlink()
    samples = {sample.id: sample for sample in dataset}
    chosen = [samples[str(entry["id"])] for entry in entries]
    answers = probs_of(predictor, (sample.image() for sample in chosen))
    for entry, sample, probs in zip(entries, chosen, answers, strict=True):
        image, size_hw = sample.image(), panel_hw(*sample.size_hw)
        masks = (mask_of(sample), most_probable(probs), most_probable(processed(probs, image, tuning.post)))
        small = resized(image, size_hw)
        shown = [overlay(small, resized(mask, size_hw, nearest=True), dataset.classes, opacity=0.6) for mask in masks]
        write_jpeg(folder / str(entry["file"]), np.ascontiguousarray(strip([small, *shown])), quality=QUALITY)
    write_json(folder / "gallery.json", {"format": 1, "photos": entries})
    return entries
