"""What is wrong with trials and is told before any of them is trained, or a photo is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskwright.cli.main import answer
from maskwright.data.pets.write import draw_dataset
from maskwright.data.reading import read
from maskwright.errors import RecipeError
from maskwright.experiments.space import read_space
from maskwright.recipe.recipe import Recipe
from maskwright.workflow import sweep as module
from maskwright.workflow.sweep_checks import check_class_weights_of, check_trials


def test_all_that_trials_would_fail_of_is_told_at_once(tmp_path: Path) -> None:
    path = _space(tmp_path, "model: [foo, segformer-b0, deeplabv3plus-mobilenetv2]", "output_stride: [8, 16]",
                  "weights: [none, nosuch.safetensors]", "encoder_norm: [train, frozen]")  # fmt: skip
    with pytest.raises(RecipeError) as told:
        check_trials(read_space(path), {}, None, path)
    text = str(told.value)
    for part in ("model=foo: there is no such architecture", "output_stride=8: segformer-b0 has no such setting",
                 "output_stride=16: segformer-b0", "--weights nosuch.safetensors: neither the name",
                 "encoder_norm=frozen: the encoder of segformer-b0 has no batch norms"):  # fmt: skip
        assert text.count(part) == 1, text
    assert "deeplabv3plus-mobilenetv2 has no" not in text


def test_what_can_be_trained_passes(tmp_path: Path) -> None:
    path = _space(tmp_path, "model: [segformer-b0, mlp-mobilenetv2]", "scale_min: [0.5, 3]", "scale_max: [2, 4]",
                  "weights: [none, auto]")  # fmt: skip
    check_trials(read_space(path), {"iterations": 5}, None, path)
    check_trials(read_space(path), {"iterations": 5}, Recipe(model="segformer-b0"), path)


def test_the_architecture_of_set_and_of_a_recipe_is_checked(tmp_path: Path) -> None:
    path = _space(tmp_path, "output_stride: [8, 16]")
    space = read_space(path)
    with pytest.raises(RecipeError, match="model=foo: there is no such architecture"):
        check_trials(space, {"model": "foo"}, None, path)
    with pytest.raises(RecipeError, match="output_stride=8: segformer-b0 has no such setting"):
        check_trials(space, {}, Recipe(model="segformer-b0"), path)
    with pytest.raises(RecipeError, match="output_stride=8: mlp-mobilenetv2 has no such setting"):
        check_trials(space, {"weights": "none"}, None, path)
    with pytest.raises(RecipeError, match="output_stride=8: mlp-mobilenetv2 has no such setting"):
        check_trials(space, {}, None, path)  # the weights that are taken unasked are its too


def test_class_weights_are_as_many_as_the_classes(tmp_path: Path) -> None:
    draw_dataset(tmp_path / "data", images=10, size_px=32, seed=0, threads=1)
    path = _space(tmp_path, "class_weights: {values: [none, [1, 2], [1, 2, 3]]}")
    with pytest.raises(RecipeError, match="2 weights for 3 classes") as told:
        check_class_weights_of(read_space(path), {}, read(tmp_path / "data"), path)
    assert "3 weights for" not in str(told.value)


@pytest.mark.parametrize("there", [False, True])
def test_resuming_what_is_no_sweep_is_refused_before_photos_are_read(
    there: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "check_optuna", lambda: None)
    monkeypatch.setattr(module, "read", lambda *_, **__: pytest.fail("photos were read"))
    out = tmp_path / "nosuch"
    if there:
        out.mkdir()
        (out / "notes.txt").touch()
    command = ["sweep", str(tmp_path / "data"), "--space", str(_space(tmp_path, "lr: [0.1, 0.2]")), "-o", str(out)]
    assert answer([*command, "--resume"]) == 2
    said = capsys.readouterr().err
    assert "nosuch: not the folder of a sweep." in said and "Give the folder that -o named." in said
    assert there or "found: no such folder" in said


def _space(folder: Path, *lines: str) -> Path:
    path = folder / "space.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path
