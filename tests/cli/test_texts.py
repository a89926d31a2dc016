"""Tables for a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskwright.cli.screen import duration
from maskwright.cli.texts import ended, plan_lines, scores_text, table, width_of
from maskwright.recipe.recipe import make_recipe

EVALUATION = {
    "eval_digest": "00",
    "split": "val",
    "images": 2,
    "metrics": {"aAcc": 0.9, "mIoU": 0.5, "mAcc": 0.6, "mDice": 0.625, "mDice_foreground": None},
    "per_class": [
        {
            "name": "background",
            "dice": 0.95,
            "iou": 0.9,
            "acc": 1.0,
            "precision": 0.9,
            "recall": 1.0,
            "predicted_px": 100,
            "labelled_px": 90,
        },
        {
            "name": "кот",
            "dice": 0.0,
            "iou": 0.0,
            "acc": 0.0,
            "precision": None,
            "recall": 0.0,
            "predicted_px": 0,
            "labelled_px": 10,
        },
    ],
}


def test_scores_are_a_row_per_class_in_percent() -> None:
    assert scores_text(EVALUATION, "en").splitlines() == [
        "val, photos: 2",
        "class        Dice    IoU     Acc  Precision  Recall  predicted %  labelled %",
        "----------------------------------------------------------------------------",
        "background  95.00  90.00  100.00      90.00  100.00       100.00       90.00",
        "кот          0.00   0.00    0.00          –    0.00         0.00       10.00",
        "aAcc 90.00  mIoU 50.00  mAcc 60.00  mDice 62.50  mDice_foreground –",
    ]
    assert scores_text(EVALUATION, "ru").splitlines()[1].startswith("класс ")


def test_columns_are_aligned() -> None:
    assert table([["a", "bb"], ["ccc", "d"]]) == "a    bb\n-------\nccc   d"


@pytest.mark.parametrize("name", ["실험", "実験", "🐈ab", "e\u0301👍\u200db", "\u1109\u1175\u11af실"])
def test_wide_letters_and_marks_shift_no_column(name: str) -> None:
    assert width_of(name) == 4
    assert table([["name", "n"], [name, "1"]]) == f"name  n\n-------\n{name}  1"


def test_a_text_of_wide_letters_is_shortened_to_its_column() -> None:
    assert ended("画像の実験", 10) == "画像の実験"
    assert ended("画像の実験", 9) == "…像の実験"
    assert ended("画像の実験", 8) == "…の実験", "half a letter is none"


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (42, "0:42"), (725, "12:05"), (3723, "1:02:03")])
def test_times_are_shown_as_a_clock_shows_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_plan_says_how_many_trainings_make_a_soup() -> None:
    recipe = make_recipe({"iterations": 3000, "soup_iterations": 600}, source="test")
    first, second = plan_lines(recipe, Path("recipe.yaml"), "en")
    assert "about 3000 iterations" in first and "5 trainings of 600 iterations" in second
    once = make_recipe({"iterations": 3000, "soup_iterations": 600, "length_changes": [(300, 600)]}, source="test")
    assert "about 600 iterations" in plan_lines(once, Path("recipe.yaml"), "en")[0]
    assert len(plan_lines(once, Path("recipe.yaml"), "en")) == 1
    cut = make_recipe({"iterations": 1500, "soup_iterations": 600}, source="test")
    assert "3 trainings" in plan_lines(cut, Path("recipe.yaml"), "en")[1], "half a training counts"
    assert "2 trainings" in plan_lines(cut.model_copy(update={"iterations": 1499}), Path("r.yaml"), "en")[1]
