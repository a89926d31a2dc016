"""Tables for a person."""

from __future__ import annotations

import pytest

from maskwright.cli.screen import duration
from maskwright.cli.texts import scores_text, table

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


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (42, "0:42"), (725, "12:05"), (3723, "1:02:03")])
def test_times_are_shown_as_a_clock_shows_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
