"""The way in from MMSegmentation, to its end: a run that predicts as there and trains on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

import maskwright
from maskwright.cli.main import answer
from maskwright.data.classes import read_classes
from maskwright.errors import RunError, UsageError, WeightsError
from maskwright.experiments.mmsegmentation.import_run import FIRST_CONVOLUTIONS
from maskwright.models import build_model
from maskwright.models.loading import load_weights, read_state
from maskwright.recipe.files import read_recipe
from maskwright.storage import read_json
from maskwright.workflow.import_mmseg import import_mmseg
from maskwright.workflow.train import train
from mmseg_fixtures import mmseg_state
from mmseg_pets import PETS
from shared_data import shared
from small_folders import mask, save, split_folder
from tiny import tiny_dataset

SMALL = {"crop_hw": (64, 64), "short_side_px": 0, "batch_size": 2, "iterations": 2, "validation_interval": 2}


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run made of what MMSegmentation wrote itself."""
    out = tmp_path_factory.mktemp("imported") / "run"
    import_mmseg(*real(), out=out)
    return out


def real() -> tuple[Path, Path]:
    return (
        shared("fixtures", "mmseg", "mmengine_real_config.py"),
        shared("fixtures", "mmseg", "mmengine_real_best.pth"),
    )


def test_the_run_predicts_what_mmsegmentation_predicted(imported: Path) -> None:
    held = torch.load(shared("fixtures", "mmseg", "mmengine_real_best_io.pt"), weights_only=True)
    image = held["image_bgr_uint8"].numpy()[..., ::-1].copy()
    probs = maskwright.load(imported)(image)
    expected = held["api_seg_logits"].softmax(0).numpy()
    assert np.linalg.norm(probs - expected) / np.linalg.norm(expected) < 1e-4
    assert np.array_equal(probs.argmax(0), held["api_pred"][0].numpy())
    assert np.array_equal(maskwright.load(imported / "bundle").mask(image), held["api_pred"][0].numpy())


def test_the_run_has_the_configs_recipe_and_classes(imported: Path) -> None:
    recipe = read_recipe(imported / "recipe.yaml")
    assert (recipe.model, recipe.form, recipe.lr, recipe.head_lr_multiplier) == (
        "segformer-b0",
        "mmsegmentation",
        6e-5,
        10,
    )
    assert recipe.class_weights == (0.1, 1.0, 1.0) and recipe.ema_decay == 0 and recipe.copy_paste_prob == 0
    assert recipe.weights == str((imported / "weights" / "imported.safetensors").resolve())
    assert maskwright.load(imported).classes.names == ("background", "cat", "dog")
    told = read_json(imported / "import.json", format_version=1)
    assert {row["kind"] for row in told["rows"]} == {"carried over", "replaced", "no counterpart"}
    assert told["weights"]["loaded"] == 208 and "HistoryBuffer" in str(told["weights"]["unread"])


def test_training_goes_on_from_it(imported: Path, tmp_path: Path) -> None:
    data = tiny_dataset()
    run = train(data, out=tmp_path / "on", recipe=read_recipe(imported / "recipe.yaml"), settings=SMALL)
    assert read_json(run.folder / "initial_weights.json")["new"] == {}
    moved = tmp_path / "moved"
    moved.mkdir()
    for file in imported.rglob("*"):
        if file.is_file():
            copy = moved / file.relative_to(imported)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    recipe = (moved / "recipe.yaml").read_text()
    recipe = recipe.replace("iterations: 21", "iterations: 2").replace("crop_hw: [256, 256]", "crop_hw: [64, 64]")
    (moved / "recipe.yaml").write_text(recipe.replace("short_side_px: 256", "short_side_px: 0"))
    again = train(data, out=moved, resume=True)
    events = [entry["event"] for entry in again.log()]
    assert events[0] == "start" and events[-1] == "end"


@pytest.mark.parametrize("verb", ["train", "run"])
def test_the_commands_go_on_with_its_weights_and_classes(verb: str, tmp_path: Path) -> None:
    """Masks of a config that reduces the zero label: value 0 is not judged, class 0 has value 1."""
    config, checkpoint = real()
    reduced = tmp_path / "reduced.py"
    reduced.write_text(config.read_text().replace("reduce_zero_label=False", "reduce_zero_label=True"))
    assert answer(["import-mmseg", str(reduced), str(checkpoint), "-o", str(tmp_path / "run")]) == 0
    data = split_folder(tmp_path / "data", train=6, val=3)
    (data / "classes.yaml").unlink()
    for place, file in enumerate(sorted((data / "masks").rglob("*.png"))):
        save(file, mask(1 + place % 3))
    small = [f"--set={name}={value}" for name, value in (*SMALL.items(), ("crop_hw", "[64, 64]"))]
    assert answer([verb, str(data), "-o", str(tmp_path / "run"), "--resume", *small]) == 0
    assert read_json(tmp_path / "run" / "initial_weights.json")["new"] == {}
    classes = read_classes(tmp_path / "run" / "classes.yaml")
    assert (classes.names, classes.values, classes.ignore) == (("background", "cat", "dog"), (1, 2, 3), 0)
    recipe = (tmp_path / "run" / "recipe.yaml").read_text()
    assert "lr: 6.0e-05" in recipe and "weights: weights/imported.safetensors" in recipe  # the folder may be moved
    assert [entry["iteration"] for entry in maskwright.Run(tmp_path / "run").log() if entry["event"] == "end"] == [2]


def test_an_empty_folder_may_be_the_one_where_the_user_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    import_mmseg(*real(), out=".")
    assert maskwright.load(".").classes.names == ("background", "cat", "dog")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here"]
    bundled = (tmp_path / "here" / "bundle" / "recipe.yaml").read_text()
    assert "importing" not in bundled


def test_the_checkpoint_tells_the_palette_where_the_config_does_not(tmp_path: Path) -> None:
    plain = tmp_path / "plain.py"
    plain.write_text(re.sub(r"palette=\[.*?\n            \]", "palette=None", real()[0].read_text(), flags=re.DOTALL))
    state = {key: torch.as_tensor(value) for key, value in mmseg_state("segformer_b0").items()}
    palette = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    torch.save({"meta": {"dataset_meta": {"palette": palette}}, "state_dict": state}, tmp_path / "a.pth")
    made = import_mmseg(plain, tmp_path / "a.pth", out=tmp_path / "run")
    assert made.translation.palette is None and made.classes.colours == tuple(map(tuple, palette))


@pytest.mark.parametrize(
    ("config", "fixture"), [("segformer_b0_dice", "segformer_b0"), ("deeplabv3plus_r18", "deeplabv3plus_r18")]
)
def test_a_students_config_and_its_checkpoint(config: str, fixture: str, tmp_path: Path) -> None:
    path = PETS / f"{config}.py"
    state = {key: torch.as_tensor(value) for key, value in mmseg_state(fixture).items()}
    checkpoint = tmp_path / "iter_100.pth"
    torch.save({"meta": {"dataset_meta": {"classes": ("background", "cat", "dog")}}, "state_dict": state}, checkpoint)
    made = import_mmseg(path, checkpoint, out=tmp_path / "run", classes=("background", "cat", "dog"))
    assert made.loaded is not None and not made.loaded.new
    assert maskwright.load(tmp_path / "run").mask(np.zeros((64, 64, 3), np.uint8)).shape == (64, 64)


def test_colours_that_went_in_the_other_way_round_are_turned(tmp_path: Path) -> None:
    config, checkpoint = real()
    bgr = tmp_path / "bgr.py"
    bgr.write_text(config.read_text().replace("bgr_to_rgb=True", "bgr_to_rgb=False"))
    import_mmseg(bgr, checkpoint, out=tmp_path / "run")
    turned = read_state(tmp_path / "run" / "weights" / "best.safetensors").tensors[FIRST_CONVOLUTIONS[0]]
    model = build_model("segformer-b0", classes=3)
    load_weights(model, checkpoint)
    assert torch.equal(turned.flip(1), model.state_dict()[FIRST_CONVOLUTIONS[0]])
    assert read_recipe(tmp_path / "run" / "recipe.yaml").mean_rgb == (103.53, 116.28, 123.675)


def test_a_config_alone_gives_a_recipe_that_trains(tmp_path: Path) -> None:
    made = import_mmseg(real()[0], out=tmp_path / "run")
    assert made.loaded is None and not (tmp_path / "run" / "bundle").exists()
    recipe = read_recipe(tmp_path / "run" / "recipe.yaml")
    assert recipe.weights == "none"
    with pytest.raises(RunError, match="has no weights yet"):
        maskwright.load(tmp_path / "run")
    assert train(tiny_dataset(), out=tmp_path / "new", recipe=recipe, settings=SMALL).best_weights.exists()


def test_what_does_not_belong_together_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    config, checkpoint = real()
    five = tmp_path / "five.py"
    five.write_text(config.read_text().replace("num_classes=3", "num_classes=5"))
    with pytest.raises((WeightsError, UsageError)) as caught:
        import_mmseg(five, checkpoint, out=tmp_path / "run")
    assert "Traceback" not in str(caught.value)
    with pytest.raises(UsageError, match="2 names for 3 classes"):
        import_mmseg(config, checkpoint, out=tmp_path / "run", classes=("a", "b"))
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("mine")
    with pytest.raises(UsageError, match="something lies there already"):
        import_mmseg(config, checkpoint, out=tmp_path / "there")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["five.py", "there"]


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_command_tells_what_became_of_the_config(
    lang: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, checkpoint = real()
    arguments = ["import-mmseg", str(config), str(checkpoint), "-o", str(tmp_path / "run")]
    assert answer([*arguments, "--lang", lang]) == 0
    printed = capsys.readouterr().out
    assert "optim_wrapper.optimizer.lr = 6e-05  ->  lr=6e-05" in printed
    assert "cat_max_ratio" in printed and "import.json" in printed and "maskwright evaluate" in printed
    assert answer([*arguments[:-1], str(tmp_path / "json"), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["run"] == str(tmp_path / "json") and len(value["rows"]) > 90
