"""The plan on data that is nothing like cats and dogs: what it chooses trains, and fits the data."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskwright.data.classes import make_classes
from maskwright.data.dataset import Dataset
from maskwright.data.sample import Image, Mask, Sample
from maskwright.recipe.files import write_recipe
from maskwright.recipe.plan import MOST_MEMBERS
from maskwright.recipe.recipe import Recipe
from maskwright.storage import read_json
from maskwright.training.log_lines import events_of
from maskwright.training.loop import fit
from maskwright.training.run import make_run
from maskwright.workflow.plan import plan
from maskwright.workflow.train import train

Draw = Callable[[np.random.Generator, Mask], None]


@dataclass(frozen=True)
class DrawnPixels:
    """A scene that is drawn each time it is asked for, so that thousands of them take no memory."""

    seed: int
    size_hw: tuple[int, int]
    draw: Draw

    def mask(self) -> Mask:
        mask = np.zeros(self.size_hw, np.uint8)
        self.draw(np.random.default_rng(self.seed), mask)
        return mask

    def image(self) -> Image:
        colours = np.random.default_rng(1).integers(30, 225, (256, 3), dtype=np.uint8)
        noise = np.random.default_rng(self.seed).integers(0, 30, (*self.size_hw, 1), dtype=np.uint8)
        return colours[self.mask()] + noise


def street(rng: np.random.Generator, mask: Mask) -> None:
    """Sky, buildings, road and pavement fill the photo; one thing of each of the classes 4 to 10 stands before them."""
    height, width = mask.shape
    horizon, kerb = (round(height * share) for share in (rng.uniform(0.2, 0.4), rng.uniform(0.6, 0.7)))
    mask[:] = 3
    mask[:horizon], mask[horizon:kerb] = 1, 2
    mask[kerb:, : width // 5] = 4
    for thing in range(4, 11):
        x, wide = rng.integers(width - 20), rng.integers(6, width // 6)
        mask[kerb - rng.integers(20, height // 3) : kerb + 20, x : x + wide] = thing
    mask[: height // 12] = 0


def blobs(kinds: int, share: float) -> Draw:
    """One to three discs of a share of the photo's short side, each of one of the kinds."""

    def draw(rng: np.random.Generator, mask: Mask) -> None:
        radius = max(3, round(share * min(mask.shape) / 2))
        for _ in range(rng.integers(1, 4)):
            y, x = (int(rng.integers(radius, side - radius)) for side in mask.shape)
            cv2.circle(mask, (x, y), radius, int(rng.integers(1, kinds + 1)), -1)

    return draw


def drawn(names: list[str], draw: Draw, train: int, val: int, *sizes: tuple[int, int]) -> Dataset:
    samples = []
    for split, count in (("train", train), ("val", val)):
        for number in range(count):
            size, name = sizes[number % len(sizes)], f"{split}/{number}"
            samples.append(Sample(name, split, DrawnPixels(len(samples), size, draw), size, digest=name))
    return Dataset(make_classes(names), tuple(samples))


STREET = ["void", "sky", "building", "road", "pavement", "tree", "sign", "fence", "car", "person", "bicycle"]
ANIMALS = ["background", "cat", "dog", "cow", "horse"]
MIXED = ((240, 320), (400, 300), (500, 500), (333, 500), (200, 180), (480, 640))
CASES = {
    "street": (drawn(STREET, street, 12, 4, (360, 480)), {"crop_hw": (352, 352), "copy_paste_prob": 0.0}),
    "mixed sizes": (drawn(ANIMALS, blobs(4, 0.4), 12, 6, *MIXED), {"crop_hw": (320, 320), "short_side_px": 0}),
    "one class": (drawn(["background", "thing"], blobs(1, 0.3), 8, 4, (128, 128)), {"crop_hw": (128, 128)}),
    "60 photos": (drawn(["background", "a", "b"], blobs(2, 0.3), 48, 12, (96, 96)), {"validation_photos": 0}),
    "20,000 photos": (drawn(["background", "a", "b"], blobs(2, 0.4), 16_000, 4_000, (64, 64)), {"crop_hw": (64, 64)}),
    "4000 px": (drawn(["background", "bird"], blobs(1, 0.015), 3, 1, (3000, 4000)), {"crop_hw": (512, 512)}),
}


@pytest.mark.parametrize("case", list(CASES))
def test_what_is_planned_trains(case: str, tmp_path: Path) -> None:
    dataset, expected = CASES[case]
    settings = {"iterations": 16, "batch_size": 2, "validation_interval": 8, "model": "mlp-mobilenetv2"}
    recipe = plan(dataset, budget_s=20, settings={**settings, "weights": "none"})
    assert {name: getattr(recipe, name) for name in expected} == expected
    assert_suits(case, recipe)
    run = make_run(tmp_path / "run")
    write_recipe(recipe, run.folder / "recipe.yaml")
    standing = fit(dataset, recipe, run)
    events = events_of((run.folder / "log.jsonl").read_bytes())
    losses = [event["loss"] for event in events if event["event"] == "train"]
    assert len(losses) == 2 and losses[1] < losses[0] < 1.5 * math.log(len(dataset.classes)) + 1.5
    assert 0 < standing.best_mdice <= 1 and standing.skipped == 0


def assert_suits(case: str, recipe: Recipe) -> None:
    """What the case asks for beyond fixed values."""
    if case == "20,000 photos":
        assert 200 <= recipe.validation_photos < 4_000
    if case == "4000 px":
        assert 1500 < recipe.short_side_px < 2000 and "39 px" in recipe.reason("short_side_px")


def test_a_soup_from_pretrained_weights_is_planned_and_trained_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, _ = CASES["60 photos"]
    before = make_run(tmp_path / "before")
    settings = {"model": "mlp-mobilenetv2", "weights": "none", "iterations": 1, "crop_hw": (64, 64), "batch_size": 2}
    first = plan(dataset, budget_s=20, settings=settings)
    write_recipe(first, before.folder / "recipe.yaml")
    fit(dataset, first, before)
    monkeypatch.setattr("maskwright.recipe.plan.SOUP_ITERATIONS", 4)
    monkeypatch.setattr("maskwright.recipe.plan.SOUP_EPOCHS", 0)
    weights = str(before.folder / "weights" / "last.safetensors")
    began = time.monotonic()
    run = train(dataset, out=tmp_path / "run", budget_s=15, settings={"weights": weights})
    assert time.monotonic() - began < 30
    recipe, about = run.recipe, read_json(run.folder / "weights" / "last.json")
    assert (recipe.batch_size, recipe.encoder_norm, recipe.lovasz_share) == (8, "frozen", 1.0)
    assert 2 <= recipe.iterations / recipe.soup_iterations == about["members"] <= MOST_MEMBERS or recipe.length_changes
    assert about["members"] >= 2 and about["iteration"] == recipe.final_length
