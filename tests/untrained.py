"""A run folder with weights that nobody trained, made in a moment: enough for whoever opens runs and predicts."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from maskwright.data.classes import Classes, classes_yaml, make_classes
from maskwright.models import build_for
from maskwright.recipe.files import write_recipe
from maskwright.recipe.recipe import make_recipe
from maskwright.training.run import make_run

CLASSES = make_classes(["background", "cat", "dog"])


def untrained_run(folder: Path, *, seed: int = 0, classes: Classes = CLASSES) -> Path:
    """Write a run folder of `mlp-mobilenetv2`.

    Args:
        folder: new.
        seed: of the weights.
        classes: what it claims to tell apart.
    """
    run = make_run(folder)
    recipe = make_recipe({"model": "mlp-mobilenetv2", "crop_hw": (64, 64), "threads": 1}, source="test")
    write_recipe(recipe, folder / "recipe.yaml")
    (folder / "classes.yaml").write_text(classes_yaml(classes), encoding="utf-8")
    torch.manual_seed(seed)
    model = build_for(recipe, classes=len(classes)).eval()
    last = [part for part in model.modules() if isinstance(part, nn.Conv2d) and part.out_channels == len(classes)][-1]
    with torch.no_grad():  # else all pixels are as good as equal
        spread = model(torch.randn(1, 3, 96, 96))
        last.weight *= (3 / spread.std(dim=(0, 2, 3)))[:, None, None, None]
        if last.bias is not None:
            last.bias.copy_(last.bias - model(torch.randn(1, 3, 96, 96)).mean(dim=(0, 2, 3)))
    state = model.state_dict()
    run.best_weights.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, run.best_weights)
    return folder
