"""Several processes that train one model, against one process: torch's gloo, no cluster."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from maskwright.data.dataset import Dataset
from maskwright.data.sample import ArrayPixels
from maskwright.recipe.recipe import make_recipe
from maskwright.storage import read_json
from maskwright.training.batches import make_batch
from maskwright.training.run import Run
from maskwright.training.sharing import Share
from tiny import tiny_dataset
from together import train_alone, train_together


def unevenly_judged() -> Dataset:
    """Photos of which more and more is ignored, so that two halves of a batch judge different numbers of pixels."""
    dataset, samples = tiny_dataset(train=6, val=3), []
    for number, sample in enumerate(dataset):
        mask = np.array(sample.mask())
        mask[: 6 * number] = 255
        samples.append(replace(sample, pixels=ArrayPixels(sample.image(), mask)))
    return replace(dataset, samples=tuple(samples))


@pytest.mark.training
@pytest.mark.parametrize("soup_iterations", [0, 3])
def test_two_processes_learn_what_one_does(tmp_path: Path, soup_iterations: int) -> None:
    recipe = make_recipe(
        {
            "model": "frozen_model:frozen",
            "encoder_norm": "frozen",
            "head_dropout": 0.0,
            "class_weights": (0.2, 1.0, 1.0),
            "lovasz_share": 0.5,
            "label_smoothing": 0.05,
            "iterations": 6,
            "soup_iterations": soup_iterations,
            "warmup_iterations": 1,
            "validation_interval": 3,
            "batch_size": 5,
            "crop_hw": (64, 64),
            "threads": 1,
        },
        source="test",
    )
    alone = Run(train_alone(unevenly_judged(), recipe, tmp_path / "alone"))
    first, second = (Run(run) for run in train_together(unevenly_judged(), recipe, tmp_path, world=2))
    for kind in ("best", "last"):
        ours, theirs = (load_file(run.folder / "weights" / f"{kind}.safetensors") for run in (alone, first))
        assert max(float((ours[name] - theirs[name]).abs().max()) for name in ours) < 1e-5
    assert read_json(first.folder / "weights" / "last.json")["members"] == (2 if soup_iterations else 0)
    begun, ended = (load_file(alone.folder / "weights" / f"{kind}.safetensors") for kind in ("best", "last"))
    assert soup_iterations or any(not torch.equal(begun[name], ended[name]) for name in begun)
    for event, key in (("train", "loss"), ("validation", "metrics")):
        told = [[entry[key] for entry in run.log() if entry["event"] == event] for run in (alone, first, second)]
        assert told[1] == told[2] and len(told[0]) == 2
        assert told[1] == [pytest.approx(one, rel=1e-4) for one in told[0]]


def test_the_parts_of_a_batch_are_the_batch() -> None:
    dataset, recipe = tiny_dataset(), make_recipe({"batch_size": 5, "crop_hw": (32, 32)}, source="test")
    whole = make_batch(dataset, recipe, 7)
    parts = [make_batch(dataset, recipe, 7, Share(rank, 3)) for rank in range(3)]
    np.testing.assert_array_equal(np.concatenate([part.images for part in parts]), whole.images)
    np.testing.assert_array_equal(np.concatenate([part.masks for part in parts]), whole.masks)
    assert [len(part.images) for part in parts] == [1, 2, 2]
