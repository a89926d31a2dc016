"""Weights that are learned from drawings: made once, taken where there are no others, gone on with after a kill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import save_file

import maskwright
from maskwright.errors import Interrupted
from maskwright.models import build_model
from maskwright.progress import Progress
from maskwright.recipe.plan import knows_photos
from maskwright.weights import store
from maskwright.workflow.drawings import draw_weights
from maskwright.workflow.plan import plan
from maskwright.workflow.start import DEFAULT_MODEL, choose_start
from maskwright.workflow.weights import add_weights
from tiny import tiny_dataset

NAME = f"drawings-{DEFAULT_MODEL}"
SMALL = {"crop_hw": (64, 64), "batch_size": 2, "iterations": 3, "validation_interval": 1}


def encoder_file(path: Path) -> Path:
    encoder = build_model(DEFAULT_MODEL, classes=3).encoder
    save_file({key: one.contiguous() for key, one in encoder.state_dict().items()}, path)
    return path


@pytest.fixture(autouse=True)
def _small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MASKWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("maskwright.workflow.drawings.FEWEST", 16)
    monkeypatch.setattr("maskwright.workflow.drawings.PHOTOS_PER_S", 0)
    monkeypatch.setattr("maskwright.workflow.drawings.SIZE_PX", 64)
    yield


@pytest.mark.training
def test_what_was_broken_off_goes_on_and_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "stage.train":
            raise KeyboardInterrupt

    with pytest.raises((Interrupted, KeyboardInterrupt)):
        draw_weights(settings=SMALL, budget_s=60, on_progress=stop)
    assert store.stored() == ()
    made = draw_weights(settings=SMALL, budget_s=60)
    assert (made.name, made.licence, made.commercial) == (NAME, "Apache-2.0", "yes")
    assert (made.part, DEFAULT_MODEL in made.fits) == ("whole", True)
    assert not (store.home() / ".drawings" / made.name).exists()
    monkeypatch.setattr("maskwright.workflow.drawings.train", None)
    assert draw_weights() == made
    whole = maskwright.train(
        tiny_dataset(), out=store.home().parent / "run", settings={**SMALL, "weights": made.name}, budget_s=60
    )
    assert whole.recipe.weights_digest == made.sha256 and whole.recipe.lr == 1e-3


def test_weights_from_photos_go_before_drawn_ones(tmp_path: Path) -> None:
    reason = choose_start({}, classes=3)["weights"][1]
    assert "maskwright weights draw" in reason
    drawn = add_weights(encoder_file(tmp_path / "drawn.safetensors"), name=NAME)
    assert choose_start({}, classes=3)["weights"][0] == drawn.name
    add_weights(encoder_file(tmp_path / "photos.safetensors"))  # another draw
    assert choose_start({}, classes=3)["weights"][0] == "photos"


def test_drawings_are_planned_for_as_what_knows_no_photos(tmp_path: Path) -> None:
    assert [knows_photos(name) for name in ("none", "drawings-mlp-r18", "mine")] == [False, False, True]
    drawn = add_weights(encoder_file(tmp_path / "drawn.safetensors"), name=NAME)
    recipe = plan(tiny_dataset(), budget_s=30)
    assert recipe.weights == drawn.name
    assert (recipe.encoder_norm, recipe.encoder_lr_multiplier, recipe.lovasz_share) == ("train", 1.0, 0.0)
    assert (recipe.short_side_px, recipe.soup_iterations) == (0, 0)
