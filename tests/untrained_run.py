"""A run folder with weights in a second, without training: what predicts needs no more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from maskwright.data.classes import Classes, classes_yaml, make_classes
from maskwright.models import build_for
from maskwright.recipe.files import write_recipe
from maskwright.recipe.recipe import make_recipe
from maskwright.storage import write_text
from maskwright.training.checkpoint import save_weights
from maskwright.training.run import Run, make_run
from randomised import randomise

CLASSES = make_classes(["background", "square", "disc"])


def untrained_run(folder: Path, *, seed: int = 0, classes: Classes = CLASSES, **settings: Any) -> Run:
    """Write a run whose every weight is drawn.

    Args:
        folder: new.
        seed: of the draw.
        classes: what it claims to tell apart.
        settings: of the recipe; float32 unless given.
    """
    run = make_run(folder)
    recipe = make_recipe({"precision": "fp32", **settings}, source="test")
    write_recipe(recipe, folder / "recipe.yaml")
    write_text(folder / "classes.yaml", classes_yaml(classes))
    torch.manual_seed(seed)
    model = randomise(build_for(recipe, classes=len(classes)))
    save_weights(model, run.best_weights.with_name("best.safetensors"), recipe=recipe, initial={}, about={})
    return run
