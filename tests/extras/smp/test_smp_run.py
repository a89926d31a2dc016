"""A model of segmentation_models_pytorch through the whole program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from extra_run import maskwright, whole_way


@pytest.mark.training
def test_the_whole_way(tmp_path: Path) -> None:
    said = whole_way(tmp_path, model="smp:Unet/resnet18")
    assert said["metrics"]["mDice"] > 0.2
    recipe = (tmp_path / "run" / "recipe.yaml").read_text()
    assert "model: smp:Unet/resnet18  # given" in recipe
    assert "weights: none  # rule: no weights are taken unasked for smp: models; weights: imagenet takes" in recipe
    again = tmp_path / "again"
    start = ["--set", "model=smp:Unet/resnet18", "--weights", tmp_path / "run", "--set", "iterations=1"]
    maskwright("train", tmp_path / "data", "-o", again, *start, "--threads", 2)
    initial = json.loads((again / "initial_weights.json").read_text())
    assert (initial["origin"], initial["new"], initial["left_out"]) == ("Maskwright", {}, {})
