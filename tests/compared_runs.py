"""Runs that were judged, made in a moment: counts of photos with one object each, and no weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from maskwright.data.classes import classes_yaml, make_classes
from maskwright.evaluation.evaluate import Evaluation
from maskwright.recipe.files import write_recipe
from maskwright.recipe.recipe import make_recipe
from maskwright.storage import write_json, write_text
from maskwright.training.run import append_log, make_run

NAMES = ("background", "cat", "dog")


def counts_of(quality: float, seed: int, *, photos: int = 60, luck: float = 0.0) -> np.ndarray:
    """Counts `(N, 3, 3)` of the same photos for every seed; a share of each object is found around `quality`."""
    labels, rng = np.random.default_rng(99), np.random.default_rng(seed)
    counts = np.zeros((photos, 3, 3), np.int64)
    quality = float(np.clip(quality + rng.normal(0, luck), 0.05, 0.98))
    for photo in counts:
        label, size = int(labels.integers(1, 3)), int(labels.integers(200, 4000))
        found = int(size * rng.beta(20 * quality, 20 * (1 - quality)))
        photo[label, label], photo[label, 0] = found, size - found
        photo[0, label] = rng.integers(0, 200)
        photo[0, 0] = 10_000 - size - photo[0, label]
    return counts


def evaluation_of(counts: np.ndarray, *, digest: str = "d1", first: int = 0) -> Evaluation:
    """An evaluation of photos with these counts."""
    ids = tuple(f"val/{number}" for number in range(first, first + len(counts)))
    return Evaluation("val", digest, NAMES, ids, counts)


def judged_run(
    folder: Path,
    counts: np.ndarray,
    *,
    digest: str = "d1",
    settings: Mapping[str, Any] | None = None,
    train: Mapping[str, Any] | None = None,
    course: tuple[float, ...] = (0.3, 0.6, 0.7),
) -> Path:
    """Write a run folder without weights.

    Args:
        folder: new.
        counts: what it did on each photo of "val".
        digest: of the judged photos.
        settings: of its recipe.
        train: what its data.json says of "train"; None says what all the others say.
        course: mDice of its validations, one each 100 iterations.
    """
    make_run(folder)
    recipe = make_recipe({"iterations": 100 * len(course), **(settings or {})}, source="test")
    write_recipe(recipe, folder / "recipe.yaml")
    write_text(folder / "classes.yaml", classes_yaml(make_classes(NAMES)))
    of_train = {"digest": "t1", "images": 40, "sizes": [[[64, 64], 40]], **(train or {})}
    of_val = {"digest": digest, "images": len(counts), "sizes": [[[64, 64], len(counts)]]}
    write_json(folder / "data.json", {"format": 1, "splits": {"train": of_train, "val": of_val}})
    write_json(folder / "environment.json", {"format": 1, "device": "cpu", "cpu": "Testor <b>9000</b>"})
    best = 0.0
    append_log(folder / "log.jsonl", {"event": "start", "iteration": 0, "iterations": 100 * len(course)})
    for place, score in enumerate(course, start=1):
        about = {"iteration": 100 * place, "seconds": 50.0 * place}
        append_log(folder / "log.jsonl", {"event": "train", "loss": 1.0, "lr": 1e-3, "iteration_s": 0.5, **about})
        marked = {"best": True} if score > best else {}
        append_log(folder / "log.jsonl", {"event": "validation", "metrics": {"mDice": score}, **about, **marked})
        best = max(best, score)
    evaluation_of(counts, digest=digest).save(folder / "evaluation" / "val")
    return folder
