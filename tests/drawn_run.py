"""A run with newly drawn weights, made without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from maskwright.data.classes import classes_yaml
from maskwright.data.dataset import Dataset
from maskwright.data.statistics import describe
from maskwright.models import build_for
from maskwright.recipe.files import write_recipe
from maskwright.recipe.recipe import make_recipe
from maskwright.storage import write_json, write_text
from maskwright.training.checkpoint import save_weights
from maskwright.training.run import Run, make_run
from randomised import randomise


def drawn_run(folder: Path, dataset: Dataset, *, seed: int = 0, **settings: Any) -> Run:
    """Write a run that predicts.

    Args:
        folder: new.
        dataset: gives classes and `data.json`.
        seed: of its weights.
        settings: of its recipe.
    """
    torch.manual_seed(seed)
    run = make_run(folder)
    recipe = make_recipe({"model": "mlp-mobilenetv2", "crop_hw": (64, 64), **settings}, source="test")
    write_recipe(recipe, folder / "recipe.yaml")
    write_text(folder / "classes.yaml", classes_yaml(dataset.classes))
    write_json(folder / "initial_weights.json", {"format": 1, "name": "none"})
    model = randomise(build_for(recipe, classes=len(dataset.classes)))
    save_weights(model, folder / "weights" / "best.safetensors", recipe=recipe, initial={}, about={"iteration": 0})
    write_json(folder / "data.json", describe(dataset).to_json())
    return run
