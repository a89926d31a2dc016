"""Where training starts: which weights are taken, what they want, and what is said when there are none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import maskwright
from maskwright.cli.main import answer
from maskwright.errors import RecipeError, RunError, WeightsError
from maskwright.models import build_model
from maskwright.recipe.files import read_recipe
from maskwright.recipe.recipe import GIVEN, Recipe, make_recipe
from maskwright.storage import file_digest, read_json
from maskwright.training.run import open_run
from maskwright.workflow.plan import plan
from maskwright.workflow.start import DEFAULT_MODEL, choose_start, settled
from maskwright.workflow.train import train
from maskwright.workflow.weights import add_weights
from small_folders import split_folder
from tiny import tiny_dataset


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_CACHE", str(tmp_path / "cache"))


def encoder_file(path: Path, name: str = "mlp-mobilenetv2", **metadata: str) -> Path:
    """An encoder as others keep it: torchvision's names, no head."""
    encoder = build_model(name, classes=2).encoder
    save_file({key: one.contiguous() for key, one in encoder.state_dict().items()}, path, metadata)
    return path


def values(choices: dict[str, tuple[Any, str]]) -> dict[str, Any]:
    return {name: value for name, (value, _) in choices.items()}


def test_without_any_weights_it_is_said_why_and_how_to_get_some() -> None:
    choices = choose_start({}, classes=3)
    assert values(choices) == {"model": DEFAULT_MODEL, "weights": "none"}
    assert "offline" in choices["weights"][1] and "maskwright weights get" in choices["weights"][1]
    asked = choose_start({"weights": "none", "model": "mlp-r18"}, classes=3)
    assert asked == {"weights": ("none", GIVEN)}


def test_weights_that_may_not_be_used_commercially_are_never_taken_unasked() -> None:
    reason = choose_start({"model": "segformer-b0"}, classes=3)["weights"][1]
    assert "may be taken unasked" in reason and "mit-b0" in reason


def test_what_lies_in_the_cache_is_taken(tmp_path: Path) -> None:
    item = add_weights(encoder_file(tmp_path / "mine.safetensors", padding="TensorFlow SAME", input="RGB, x/127.5-1"))
    assert item.fits == ("mlp-mobilenetv2", "deeplabv3plus-mobilenetv2") and item.part == "encoder"
    choices = choose_start({}, classes=3)
    assert values(choices) == {
        "model": DEFAULT_MODEL,
        "weights": "mine",
        "weights_digest": item.sha256,
        "form": "tensorflow",
        "mean_rgb": (127.5, 127.5, 127.5),
        "std_rgb": (127.5, 127.5, 127.5),
    }
    assert "licence not stated, commercial use not stated" in choices["weights"][1]
    given = choose_start({"model": "deeplabv3plus-mobilenetv2", "mean_rgb": (1, 2, 3)}, classes=3)
    assert "model" not in given and "mean_rgb" not in given and given["form"][0] == "tensorflow"


def test_limited_weights_in_the_cache_are_not_taken_unasked_either(tmp_path: Path) -> None:
    path = encoder_file(tmp_path / "limited.safetensors", licence="CC-BY-NC-4.0")
    assert add_weights(path).commercial == "no"
    assert values(choose_start({}, classes=3))["weights"] == "none"
    assert values(choose_start({"weights": "limited"}, classes=3))["weights"] == "limited"


def test_a_file_chooses_the_architecture_that_fits_it(tmp_path: Path) -> None:
    path = encoder_file(tmp_path / "resnet.safetensors", "mlp-r18")
    choices = values(choose_start({"weights": str(path)}, classes=3))
    assert choices["model"] == "mlp-r18" and choices["weights"] == str(path)
    assert choices["weights_digest"] == file_digest(path)
    with pytest.raises(WeightsError, match="do not fit segformer-b0"):
        choose_start({"weights": str(path), "model": "segformer-b0"}, classes=3)
    with pytest.raises(WeightsError, match="neither the name of weights nor a file"):
        choose_start({"weights": "nothing-of-the-kind"}, classes=3)


def test_a_recipe_by_hand_is_settled(tmp_path: Path) -> None:
    path = encoder_file(tmp_path / "w.safetensors", padding="TensorFlow SAME")
    recipe = make_recipe({"model": "mlp-mobilenetv2", "weights": str(path), "lr": 1e-3}, source="test")
    whole = settled(recipe, classes=3)
    assert whole.form == "tensorflow" and whole.weights_digest == file_digest(path) and whole.lr == 1e-3
    assert settled(whole, classes=3) == whole


def test_training_starts_from_the_weights_and_says_what_became_of_each(tmp_path: Path) -> None:
    path = encoder_file(tmp_path / "w.safetensors")
    settings = {"crop_hw": (64, 64), "batch_size": 2, "iterations": 1, "lr": 1e-12, "warmup_iterations": 0}
    run = train(tiny_dataset(), out=tmp_path / "run", settings={**settings, "weights": str(path)}, budget_s=30)
    told = read_json(run.folder / "initial_weights.json")
    assert told["origin"] == "MobileNetV2 of torchvision" and told["loaded"] == 312
    assert set(told["new"].values()) == {"the file holds no head for this architecture"}
    trained = load_file(run.best_weights)
    started = load_file(path)
    assert torch.allclose(trained["encoder.features.3.conv.2.weight"], started["features.3.conv.2.weight"], atol=1e-6)
    recipe = run.recipe
    assert recipe.model == "mlp-mobilenetv2" and recipe.reason("weights").startswith("rule: ")


@pytest.mark.parametrize(("seconds", "short_side"), [(30.0, 96), (3.0, 0)])
def test_photos_are_scaled_up_where_there_is_time_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, short_side: int
) -> None:
    areas: list[int] = []

    def step_seconds(recipe: Recipe, **_: object) -> float:
        areas.append(recipe.crop_hw[0])
        return 0.2

    monkeypatch.setattr("maskwright.training.measure.step_seconds", step_seconds)
    dataset = tiny_dataset()
    settings = {"weights": str(encoder_file(tmp_path / "mine.safetensors"))}
    recipe = plan(dataset, budget_s=seconds, settings=settings)
    assert (recipe.short_side_px, recipe.encoder_norm) == (short_side, "frozen")
    assert areas == ([64, 96] if short_side else [64])  # measured anew
    assert 0.2 * recipe.iterations <= seconds


def test_only_who_does_more_than_train_sets_time_aside() -> None:
    settings = {"weights": "none", "model": "segformer-b0", "crop_hw": (64, 64), "batch_size": 2, "threads": 1}
    whole = plan(tiny_dataset(), budget_s=60, settings=settings)
    asked = []

    def most(recipe: Recipe, step_s: float) -> float:
        asked.append((recipe.model, step_s))
        return 57.0

    part = plan(tiny_dataset(), budget_s=60, settings=settings, follows_s=most)
    assert part.iterations < 0.3 * whole.iterations
    assert asked[0][0] == "segformer-b0" and 0 < asked[0][1] < 60


def test_weights_that_changed_since_are_refused(tmp_path: Path) -> None:
    path = encoder_file(tmp_path / "w.safetensors")
    recipe = plan(tiny_dataset(), budget_s=20, settings={"weights": str(path), "iterations": 2})
    path.write_bytes(path.read_bytes()[:-4] + b"abcd")
    with pytest.raises(WeightsError, match="the file that the recipe was made with is not here"):
        train(tiny_dataset(), out=tmp_path / "run", recipe=recipe)


def test_settings_that_the_architecture_has_not_are_refused_before_training() -> None:
    with pytest.raises(RecipeError, match="output_stride=16: segformer-b0 has no such setting"):
        plan(tiny_dataset(), budget_s=20, settings={"model": "segformer-b0", "weights": "none", "output_stride": 16})


def trained(out: Path, **settings: object) -> Path:
    """A run of one iteration."""
    small = {"crop_hw": (64, 64), "batch_size": 2, "iterations": 1, "warmup_iterations": 0, "weights": "none"}
    return train(tiny_dataset(), out=out, settings={**small, **settings}, budget_s=30).folder


def test_a_runs_weights_start_another_run(tmp_path: Path) -> None:
    settings = {"form": "tensorflow", "mean_rgb": (1, 2, 3), "std_rgb": (4, 5, 6)}
    first = trained(tmp_path / "first", model="mlp-mobilenetv2", **settings)
    for wanted in (first, first / "weights" / "last.safetensors"):
        choices = values(choose_start({"weights": str(wanted)}, classes=3))
        assert choices["model"] == "mlp-mobilenetv2" and choices["weights"].endswith("t.safetensors")
        assert {name: choices[name] for name in settings} == settings
    second = trained(tmp_path / "second", model="mlp-mobilenetv2", weights=str(first))
    assert read_recipe(second / "recipe.yaml").form == "tensorflow"
    assert read_json(second / "initial_weights.json")["new"] == {}
    other = values(choose_start({"weights": str(first), "model": "deeplabv3plus-mobilenetv2"}, classes=3))
    assert other["form"] == "tensorflow"
    item = add_weights(first / "weights" / "best.safetensors", name="first")
    assert item.mean_rgb == (1, 2, 3) and "mlp-mobilenetv2" in item.fits


def test_output_stride_goes_along_with_a_runs_weights(tmp_path: Path) -> None:
    first = trained(tmp_path / "first", model="deeplabv3plus-r18", output_stride=16)
    assert values(choose_start({"weights": str(first)}, classes=3))["output_stride"] == 16
    given = choose_start({"weights": str(first), "model": "deeplabv3plus-r18", "output_stride": 8}, classes=3)
    assert "output_stride" not in given


def test_a_licence_goes_along_with_what_was_trained_from_it(tmp_path: Path) -> None:
    limited = encoder_file(tmp_path / "limited.safetensors", licence="CC-BY-NC-4.0")
    first = trained(tmp_path / "first", model="mlp-mobilenetv2", weights=str(limited))
    second = trained(tmp_path / "second", model="mlp-mobilenetv2", weights=str(first))
    for run in (first, second):
        told = read_json(run / "initial_weights.json")
        assert (told["licence"], told["commercial"]) == ("CC-BY-NC-4.0", "no")
        bundle = maskwright.bundle(open_run(run)).path
        assert read_json(bundle / "bundle.json")["started_from"]["commercial"] == "no"
        written = [path for path in bundle.rglob("*") if path.is_file() and str(tmp_path).encode() in path.read_bytes()]
        assert written == []  # where the weights lay is nobody's business
        assert maskwright.load(bundle).digest == maskwright.load(open_run(run)).digest
        assert read_recipe(bundle / "recipe.yaml").weights == read_recipe(run / "recipe.yaml").weights.split("/")[-1]
    add_weights(second / "weights" / "best.safetensors")
    assert values(choose_start({}, classes=3))["weights"] == "none"  # never unasked


OWN = """
from torch import nn
import torch.nn.functional as F

def net(classes):
    return nn.Conv2d(3, classes, 1)

def raises(classes):
    raise ValueError("not today")

def number(classes):
    return 3

def seven(classes):
    return nn.Conv2d(3, 7, 1)

def small(classes):
    return nn.Conv2d(3, classes, 1, stride=4)

text = "net"
"""


@pytest.fixture
def own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "mine.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path / "code")
    monkeypatch.delitem(sys.modules, "mine", raising=False)


@pytest.mark.usefixtures("own_code")
def test_a_model_of_ones_own_starts_from_its_run(tmp_path: Path) -> None:
    first = trained(tmp_path / "first", model="mine:net")
    second = trained(tmp_path / "second", model="mine:net", weights=str(first))
    assert read_json(second / "initial_weights.json")["loaded"] == 2
    with pytest.raises(RunError, match="--model mine:net"):
        maskwright.load(first)
    assert maskwright.load(first, model="mine:net").classes.names == ("background", "square", "disc")


@pytest.mark.usefixtures("own_code")
def test_code_that_a_file_names_is_imported_only_if_the_user_names_it_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(split_folder(tmp_path / "data", train=4, val=2))
    small = ["--set=crop_hw=[64, 64]", "--set=batch_size=2", "--set=iterations=1", "--set=model=mine:net"]
    assert answer(["run", data, "-o", str(tmp_path / "run"), *small]) == 0  # judged, bundled and reported too
    assert (tmp_path / "run" / "report.html").is_file()
    assert answer(["evaluate", str(tmp_path / "run"), data, "--model", "mine:net"]) == 0
    (tmp_path / "code" / "mine.py").write_text("raise SystemExit(3)")
    sys.modules.pop("mine")
    recipe = str(tmp_path / "run" / "recipe.yaml")
    for arguments in (
        ["train", data, "-o", str(tmp_path / "run"), "--resume"],
        ["run", data, "-o", str(tmp_path / "run"), "--resume"],
        ["train", data, "-o", str(tmp_path / "new"), "--recipe", recipe],
        ["evaluate", str(tmp_path / "run"), data],
    ):
        capsys.readouterr()
        assert answer(arguments) == 2
        assert "mine:net" in capsys.readouterr().err
    (tmp_path / "code" / "mine.py").write_text(OWN)
    assert answer(["train", data, "-o", str(tmp_path / "run"), "--resume", "--set=model=mine:net"]) == 0


@pytest.mark.usefixtures("own_code")
@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("raises", "this code fails.*\n.*found: ValueError: not today"),
        ("number", "gives no model.*\n.*found: int"),
        ("seven", r"in another shape.\n.*expected: \(1, 3, 64, 96\)  found: \(1, 7, 64, 96\)"),
        ("small", r"found: \(1, 3, 16, 24\)"),
        ("text", "cannot be imported"),
        ("nothing", "cannot be imported"),
    ],
)
def test_code_of_ones_own_that_is_no_model_is_refused_by_its_name(function: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        build_model(f"mine:{function}", classes=3)
    assert f"model=mine:{function}" in str(caught.value)


def test_other_weights_for_a_recipe_that_has_some(tmp_path: Path) -> None:
    first = encoder_file(tmp_path / "first.safetensors", padding="TensorFlow SAME", input="RGB, x/127.5-1")
    recipe = plan(tiny_dataset(), budget_s=20, settings={"weights": str(first), "iterations": 1, "crop_hw": (64, 64)})
    assert recipe.form == "tensorflow"
    second = encoder_file(tmp_path / "second.safetensors")
    run = train(tiny_dataset(), out=tmp_path / "run", recipe=recipe, settings={"weights": str(second)})
    assert run.recipe.weights_digest == file_digest(second)
    assert (run.recipe.form, run.recipe.mean_rgb) == ("own", (123.675, 116.28, 103.53))


def test_an_encoder_without_batch_norms_cannot_freeze_them(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="the encoder of segformer-b0 has no batch norms"):
        trained(tmp_path / "run", model="segformer-b0", encoder_norm="frozen")
    frozen = make_recipe({"model": "segformer-b0", "weights": "none", "encoder_norm": "frozen"}, source="recipe.yaml")
    with pytest.raises(RecipeError, match="encoder_lr_multiplier=0 leaves its weights as they are"):
        train(tiny_dataset(), out=tmp_path / "run", recipe=frozen)
    assert not (tmp_path / "run").exists(), "it is told before a run is set up"
