"""A run with newly drawn weights, made without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from maskwright.data.dataset import Dataset
from maskwright.data.statistics import describe
from maskwright.storage import write_json
from maskwright.training.run import Run
from untrained_run import untrained_run


def drawn_run(folder: Path, dataset: Dataset, *, seed: int = 0, **settings: Any) -> Run:
    """Write a run that predicts.

    Args:
        folder: new.
        dataset: gives classes and `data.json`.
        seed: of its weights.
        settings: of its recipe.
    """
    settings = {"model": "mlp-mobilenetv2", "crop_hw": (64, 64), **settings}
    run = untrained_run(folder, seed=seed, classes=dataset.classes, **settings)
    write_json(folder / "initial_weights.json", {"format": 1, "name": "none"})
    write_json(folder / "data.json", describe(dataset).to_json())
    return run
