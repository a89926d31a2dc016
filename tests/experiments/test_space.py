"""The space file of a sweep: what is understood, and what each wrong line is answered with."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskwright.errors import RecipeError
from maskwright.experiments.space import Choice, Range, grid_points, read_space


def test_lists_ranges_and_single_values_are_understood(tmp_path: Path) -> None:
    space = read_space(
        _file(
            tmp_path,
            "lr: {low: 1e-4, high: 1e-2, log: true}",
            "model: [segformer-b0, mlp-mobilenetv2]",
            "crop_hw: {values: [[192, 192], [256, 256]]}",
            "batch_size: {low: 4, high: 16, step: 4}",
            "drop_path: {low: 0, high: 0.3, step: 0.1}",
            "iterations: 2000",
        )
    )
    assert space.searched == {
        "lr": Range(1e-4, 1e-2, log=True),
        "model": Choice(("segformer-b0", "mlp-mobilenetv2")),
        "crop_hw": Choice(([192, 192], [256, 256])),
        "batch_size": Range(4, 16, step=4, whole=True),
        "drop_path": Range(0, 0.3, step=0.1),
    }
    assert space.fixed == {"iterations": 2000}
    assert space.searched["batch_size"].values() == (4, 8, 12, 16)
    assert space.searched["drop_path"].values() == (0, 0.1, 0.2, 0.3)
    assert space.searched["lr"].values() is None


def test_all_that_is_wrong_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "lr: {low: 1e-4, high: 10, log: true}",
        "modell: [segformer-b0, mlp-mobilenetv2]",
        "crop_hw: [256, 256]",
        "ema_decay: {values: [0, 1.5]}",
        "batch_size: {low: 4, high: 16, step: 0.5}",
        "seed: [1, 2]",
        "weight_decay: {low: 0.1}",
        "aspect: {low: 2, high: 1}",
        "hue_deg: {low: 0, high: 10, log: true}",
        "blur_prob: [0.1, 0.1]",
        "noise_prob: [0.1]",
        "contrast: {low: 0, high: 0.5, stepp: 0.1}",
        "warmup_iterations: -1",
    )
    with pytest.raises(RecipeError) as told:
        read_space(path)
    lines = str(told.value).splitlines()
    wanted = [
        "expected number > 0, <= 1, found 10",
        "there is no such setting. Did you mean model?",
        "[256, 256] is one value. In all trials: --set crop_hw='[256, 256]'",
        "expected number >= 0, < 1, found 1.5",
        "is a whole number, and so is its step; found 0.5.",
        "is no choice of a recipe.",
        "a range needs two numbers, low and high",
        "low 2 is not below high 1.",
        "a logarithmic range begins above 0 and has no step.",
        "a value stands twice.",
        "expected a list of two values or more, found [0.1].",
        "stepp: not known of a range. Did you mean step?",
        "expected whole number >= 0 iterations, found -1",
    ]
    assert len(lines) == len(wanted) + 1, str(told.value)
    for number, (line, part) in enumerate(zip(lines, wanted, strict=False), start=1):
        assert f"space.yaml:{number}: " in line and part in line
    assert lines[-1] == "  All settings: docs/recipe.md; spaces: docs/sweep.md"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "batch_size: {low: 4, high: 16, step: 5}",
            r"steps of 5 from 4 do not meet high 16\. Write  high: 14  or  19\.",
        ),
        (
            "drop_path: {low: 0, high: 0.3, step: 0.2}",
            r"steps of 0\.2 from 0 do not meet high 0\.3\. Write  high: 0\.2",
        ),
        ("batch_size: {low: 4, high: 16, step: 20}", "step 20 is larger than the range from 4 to 16: only 4"),
        ("batch_size: {low: 4, high: 16, step: .inf}", "step is a number above 0, found inf"),
        ("lr: {low: 0.1, high: .nan}", "a range needs two numbers"),
        ("lr: [1e-4, 0.0001]", "a value stands twice"),
        ("batch_size: [2, 2.0]", "a value stands twice"),
        ("crop_hw: {values: [[64, 64], [64.0, 64]]}", "a value stands twice"),
        ("lr: [0.1, 0.2]\nbatch_size: 2\nlr: 0.1", r"yaml:1: lr: stands here and again in line 3\."),
    ],
)
def test_steps_that_do_not_meet_the_end_and_doubles_are_refused(line: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=message):
        read_space(_file(tmp_path, line))


def test_steps_meet_the_end_as_decimals_do(tmp_path: Path) -> None:
    read = read_space(
        _file(tmp_path, "drop_path: {low: 0, high: 0.7, step: 0.1}", "lr: {low: 1e-4, high: 1e-3, step: 1e-4}")
    )
    assert read.searched["drop_path"].values() == (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    assert len(read.searched["lr"].values() or ()) == 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found: nothing"),
        ("- lr", "found: list"),
        ("lr: [", "cannot be read as a space"),
        ("lr: 0.001", "nothing is varied"),
    ],
)
def test_what_is_no_space_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=message):
        read_space(_file(tmp_path, text))


def test_a_grid_has_every_combination_once(tmp_path: Path) -> None:
    path = _file(tmp_path, "lr: [1e-4, 1e-3]", "batch_size: {low: 2, high: 4}")
    points = grid_points(read_space(path), path)
    assert points == [{"lr": lr, "batch_size": size} for lr in (1e-4, 1e-3) for size in (2, 3, 4)]


def test_a_grid_without_an_end_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path, "lr: {low: 1e-4, high: 1e-2}", "batch_size: [2, 4]")
    with pytest.raises(RecipeError, match=r"a range has no end of them: lr\.[\s\S]*--sampler tpe"):
        grid_points(read_space(path), path)
    path = _file(tmp_path, "iterations: {low: 1, high: 1000}", "patience: {low: 0, high: 1000}")
    with pytest.raises(RecipeError, match="1,001,000 combinations"):
        grid_points(read_space(path), path)


def _file(folder: Path, *lines: str) -> Path:
    path = folder / "space.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path
