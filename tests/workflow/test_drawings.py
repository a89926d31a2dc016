"""Weights that are learned from drawings: made once, taken where there are no others, gone on with after a kill."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from safetensors.torch import save_file

from maskwright.data.dataset import Dataset
from maskwright.errors import Interrupted, RecipeError, RunError, UsageError, WeightsError
from maskwright.models import build_model
from maskwright.progress import Progress
from maskwright.recipe.pretraining import knows_photos
from maskwright.training.run import Run
from maskwright.weights import store
from maskwright.weights.store import Stored
from maskwright.workflow.drawings import COLLECTION, draw_weights
from maskwright.workflow.plan import plan
from maskwright.workflow.start import DEFAULT_MODEL, choose_start
from maskwright.workflow.train import train
from maskwright.workflow.weights import add_weights, with_fits
from tiny import tiny_dataset

NAME = f"drawings-{DEFAULT_MODEL}"
SMALL = {"crop_hw": (64, 64), "batch_size": 2, "iterations": 3, "validation_interval": 1}


def encoder_file(path: Path) -> Path:
    encoder = build_model(DEFAULT_MODEL, classes=3).encoder
    save_file({key: one.contiguous() for key, one in encoder.state_dict().items()}, path)
    return path


def drawn_file(path: Path) -> Stored:
    """Weights in the cache as if they had been drawn."""
    return with_fits(encoder_file(path), name=NAME)


@pytest.fixture(autouse=True)
def _small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of its own, few small drawings, three iterations."""

    def train_small(dataset: Dataset, *, resume: bool = False, settings: Any = None, **others: Any) -> Run:
        return train(dataset, resume=resume, settings=settings if resume else {**settings, **SMALL}, **others)

    monkeypatch.setenv("MASKWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("maskwright.workflow.drawings.FEWEST", 16)
    monkeypatch.setattr("maskwright.workflow.drawings.PHOTOS_PER_S", 0)
    monkeypatch.setattr("maskwright.workflow.drawings.SIZE_PX", 64)
    monkeypatch.setattr("maskwright.workflow.drawings.train", train_small)


def stopped_in_training(progress: Progress) -> None:
    if progress.stage == "stage.train":
        signal.raise_signal(signal.SIGINT)


@pytest.mark.training
def test_what_was_broken_off_goes_on_and_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Interrupted, match="Stopped while drawing weights") as stopped:
        draw_weights(budget_s=200, on_progress=stopped_in_training)
    assert "The same command goes on" in str(stopped.value) and "--resume" not in str(stopped.value)
    assert store.stored() == ()
    done: list[int] = []
    made = draw_weights(
        budget_s=200,
        threads=1,  # which a run that is gone on with would refuse
        on_progress=lambda each: done.append(each.done) if each.stage == "stage.train" else None,
    )
    assert done == [2, 3]
    assert (made.name, made.licence, made.commercial) == (NAME, "Apache-2.0", "yes")
    assert (made.part, made.source) == ("whole", "16 drawings, seed 0, made here") and DEFAULT_MODEL in made.fits
    assert [each.name for each in (store.home() / ".drawings").iterdir() if each.is_dir()] == []
    monkeypatch.setattr("maskwright.workflow.drawings.train", None)
    assert draw_weights(budget_s=999, seed=7) == made
    whole = train(tiny_dataset(), out=tmp_path / "run", settings={**SMALL, "weights": NAME}, budget_s=60)
    assert whole.recipe.weights_digest == made.sha256 and whole.recipe.lr == 1e-3


@pytest.mark.training
def test_what_a_kill_left_before_training_is_no_hindrance() -> None:
    begun = store.home() / ".drawings" / f"{DEFAULT_MODEL}-200s-seed-3" / "run"
    begun.mkdir(parents=True)
    (begun / "format").write_text("1\n")
    assert draw_weights(budget_s=200, seed=3).name == NAME


def test_what_lies_around_after_the_weights_were_made_goes(tmp_path: Path) -> None:
    made = drawn_file(tmp_path / "drawn.safetensors")
    left = store.home() / ".drawings" / f"{DEFAULT_MODEL}-200s-seed-3" / "data"
    left.mkdir(parents=True)
    assert draw_weights() == made and not left.exists()


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"model": "nosuch"}, RecipeError, "there is no such architecture"),
        ({"model": "json:dumps"}, RecipeError, "Maskwright's own architectures"),
        ({"device": "gpu"}, UsageError, "there is no such device"),
        ({"budget_s": 60.0}, UsageError, "--budget 60s: too short"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_drawn(
    asked: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        draw_weights(**asked)
    assert not (store.home() / ".drawings").exists()


def test_only_one_process_draws_them() -> None:
    place = store.home() / ".drawings"
    place.mkdir(parents=True)
    with (
        FileLock(place / f"{DEFAULT_MODEL}.lock"),
        pytest.raises(RunError, match="another process makes these weights"),
    ):
        draw_weights()


def test_nothing_is_learned_from_what_the_demo_is_judged_by(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []

    def none(*_: Any, seed: int, **__: Any) -> None:
        seeds.append(seed)
        raise RuntimeError

    monkeypatch.setattr("maskwright.workflow.drawings.draw_dataset", none)
    with pytest.raises(RuntimeError):
        draw_weights(seed=5)
    assert seeds == [COLLECTION + 5]


def test_weights_from_photos_go_before_drawn_ones(tmp_path: Path) -> None:
    drawn = drawn_file(tmp_path / "drawn.safetensors")
    name, reason = choose_start({}, classes=3)["weights"]
    assert name == drawn.name and "offline, and no weights for mlp-mobilenetv2" in reason
    add_weights(encoder_file(tmp_path / "photos.safetensors"))  # another draw
    drawn.path.write_bytes(b"damaged")  # which is nothing to who has better ones
    assert choose_start({}, classes=3)["weights"][0] == "photos"


def test_nobody_else_takes_their_name(tmp_path: Path) -> None:
    path = encoder_file(tmp_path / "drawings-of-houses.safetensors")
    with pytest.raises(
        WeightsError, match="drawings-of-houses: so are called the weights that maskwright weights draw"
    ):
        add_weights(path)
    assert add_weights(path, name="houses").name == "houses"


def test_drawings_are_planned_for_as_what_knows_no_photos(tmp_path: Path) -> None:
    assert [knows_photos(name) for name in ("none", "drawings-mlp-r18", "mine")] == [False, False, True]
    drawn = drawn_file(tmp_path / "drawn.safetensors")
    recipe = plan(tiny_dataset(), budget_s=30)
    assert recipe.weights == drawn.name
    assert (recipe.encoder_norm, recipe.encoder_lr_multiplier, recipe.lovasz_share) == ("train", 1.0, 0.0)
    assert (recipe.short_side_px, recipe.soup_iterations) == (0, 0)
