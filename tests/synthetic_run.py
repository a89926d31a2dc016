"""A run folder as `maskwright run` leaves it, made in a second without training anything."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from maskwright.data.dataset import Dataset
from maskwright.data.encode import write_findings, write_jpeg
from maskwright.data.finding import Finding
from maskwright.data.pictures import overlay, write_sample_pictures
from maskwright.data.statistics import describe
from maskwright.evaluation.evaluate import evaluate
from maskwright.evaluation.gallery import write_gallery
from maskwright.recipe.files import write_recipe
from maskwright.recipe.recipe import make_recipe
from maskwright.storage import write_json
from maskwright.training.run import append_log, make_run

FINDINGS = (
    Finding(
        "img/train/broken.jpg", "truncated", 1.0, {"file": "img/train/broken.jpg", "error": "40 bytes"}, None, True
    ),
    Finding("img/train/empty.jpg", "empty_file", 1.0, {"file": "img/train/empty.jpg"}, None, True),
    Finding("img/val/none.jpg", "empty_file", 1.0, {"file": "img/val/none.jpg"}, None, True),
)


def synthetic_run(
    folder: Path, dataset: Dataset, *, iterations: int = 2000, judged: tuple[str, ...] = ("val",), ended: bool = True
) -> Path:
    """Write a whole run folder.

    Args:
        folder: new.
        dataset: with labels in "train" and in each of `judged`.
        iterations: how long the training claims to have been.
        judged: the splits that are evaluated; the predictor spoils the right answer.
        ended: whether the log has its end.
    """
    run = make_run(folder)
    dataset = replace(dataset, findings=FINDINGS)
    recipe = make_recipe(
        {"iterations": iterations, "crop_hw": (64, 64), "lr": 0.0008},
        source="test",
        reasons={
            "iterations": "measured: 0.412 s an iteration fit the budget",
            "crop_hw": "rule: the photos' size",
            "lr": "given",
        },
    )
    write_recipe(recipe, folder / "recipe.yaml")
    environment = {
        "maskwright": "0.1.0",
        "python": "3.11.9",
        "torch": "2.13.0",
        "cpu": "Testor <b>9000</b>",
        "cores": 2,
    }
    write_json(folder / "environment.json", {"format": 1, **environment})
    write_json(folder / "data.json", describe(dataset).to_json())
    write_findings(FINDINGS, folder / "findings.jsonl")
    write_sample_pictures(dataset, folder / "pictures")
    _write_augmented(dataset, folder / "pictures" / "augmented.jpg")
    _write_log(folder / "log.jsonl", dataset.classes.names, iterations, ended=ended)
    if ended:
        predictor = Spoiler(dataset)
        for split in judged:
            evaluation = evaluate(predictor, dataset, split=split)
            evaluation.save(folder / "evaluation" / split)
            write_gallery(predictor, dataset, evaluation, folder / "evaluation" / split / "gallery")
        run.add_timings({"read": 4.2, "plan": 6.1, "train": 0.41 * iterations, "evaluate": 9.0, "bundle": 0.4})
    return folder


class Spoiler:
    """A predictor that knows the right masks and spoils them, each photo by its own amount."""

    def __init__(self, dataset: Dataset) -> None:
        self.count = len(dataset.classes)
        self.right = {sample.image().tobytes(): sample.mask() for sample in dataset if sample.labelled}

    def __call__(self, image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        truth = self.right[image.tobytes()]
        assert truth is not None
        amount = int(image[0, 0, 0]) % 16
        mask = np.roll(truth, (amount, amount // 2), axis=(0, 1)) % max(self.count, 1)
        if amount > 11 and self.count > 2:
            mask = np.where(mask == 1, 2, mask)
        return np.stack([mask == class_id for class_id in range(self.count)]).astype(np.float32)


def _write_augmented(dataset: Dataset, path: Path) -> None:
    shown = [sample for sample in dataset.split("train") if sample.labelled]
    tiles = []
    for place in range(16):
        sample = shown[place % len(shown)]
        mask = sample.mask()
        assert mask is not None
        tiles.append(overlay(sample.image(), mask, dataset.classes)[:64, :64])
    write_jpeg(path, np.vstack([np.hstack(tiles[row : row + 4]) for row in range(0, 16, 4)]))


def _write_log(path: Path, names: tuple[str, ...], iterations: int, *, ended: bool) -> None:
    append_log(path, {"event": "start", "iteration": 0, "iterations": iterations, "time": 1_780_000_000.0})
    best = 0.0
    for iteration in range(20, iterations + 1 if ended else iterations // 2, 20):
        done = iteration / iterations
        append_log(path, _step(iteration, done))
        if iteration % (iterations // 20) == 0:
            entry = _validation(iteration, done, names, best)
            best = max(best, entry["metrics"]["mDice"])
            append_log(path, entry)
    if ended:
        end = {"event": "end", "iteration": iterations, "why": "length"}
        append_log(path, {**end, "best_iteration": iterations, "best_mDice": best})
    else:
        with path.open("a", encoding="utf-8") as file:
            file.write('{"event": "train", "iter')  # killed while writing


def _step(iteration: int, done: float) -> dict[str, Any]:
    wave = 0.05 * math.sin(iteration * 1.7) + 0.03 * math.sin(iteration * 0.31)
    return {
        "event": "train", "iteration": iteration, "loss": 0.35 + 0.9 * math.exp(-4 * done) + wave,
        "lr": 8e-4 * min(1, iteration / 300) * (0.5 + 0.5 * math.cos(math.pi * done)), "iteration_s": 0.41,
        "data_wait_frac": 0.01, "seconds": 0.41 * iteration,
    }  # fmt: skip


def _validation(iteration: int, done: float, names: tuple[str, ...], best: float) -> dict[str, Any]:
    dice = [
        max(
            0.0,
            0.95
            - 0.25 * place * math.exp(-1.2 * done)
            - 0.3 * math.exp(-5 * done)
            + 0.01 * math.sin(iteration + place),
        )
        for place in range(len(names))
    ]
    mean, foreground = sum(dice) / len(dice), sum(dice[1:]) / max(1, len(dice) - 1)
    metrics = {"aAcc": 0.9, "mIoU": mean - 0.12, "mAcc": mean + 0.02, "mDice": mean, "mDice_foreground": foreground}
    per_class = [
        {"name": name, "dice": value, "iou": value / (2 - value), "acc": value, "precision": value, "recall": value}
        for name, value in zip(names, dice, strict=True)
    ]
    return {
        "event": "validation", "iteration": iteration, "metrics": metrics, "per_class": per_class,
        "seconds": 0.41 * iteration, "best": mean > best,
    }  # fmt: skip
