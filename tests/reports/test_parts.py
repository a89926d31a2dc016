"""What the page is made of: rows, curves, pictures, colours."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from maskwright.reports.colours import ink_on, page_colour
from maskwright.reports.contents import Judged
from maskwright.reports.curves import curves
from maskwright.reports.language import Language
from maskwright.reports.pictures import embedded
from maskwright.reports.tables import confusion_matrix, reason_parts, training_story, worst_confusion
from maskwright.training.run import append_log
from maskwright.training.training_log import TrainingLog, read_training_log


def test_a_soup_is_told_of_where_its_curves_show_one() -> None:
    log = TrainingLog(steps=({"iteration": 700, "seconds": 70.0, "loss": 1.0},))
    (told,) = training_story(log, 600, Language("en"))
    assert told.startswith("Trainings of 600 iterations follow one another")
    assert training_story(log, 700, Language("en")) == []  # the first one has just ended
    assert training_story(log, 0, Language("en")) == []
    assert training_story(TrainingLog(), 600, Language("en")) == []


def test_the_matrix_is_shares_of_each_row() -> None:
    matrix = confusion_matrix(_judged([[90, 10], [0, 0]]))
    assert [cell.share for cell in matrix.rows[0]] == [0.9, 0.1]
    assert all(math.isnan(cell.share) for cell in matrix.rows[1])
    assert matrix.left_out == 0


def test_of_many_classes_the_most_confused_are_shown() -> None:
    counts = np.diag(np.full(30, 100))
    counts[7, 9] = 50
    matrix = confusion_matrix(_judged(counts.tolist()))
    assert len(matrix.names) == 20
    assert matrix.left_out == 10
    assert {"class 7", "class 9"} <= set(matrix.names)


def test_the_worst_confusion_is_by_share_of_the_label() -> None:
    worst = worst_confusion(_judged([[900, 50, 50], [1, 60, 39], [0, 5, 95]]))
    assert worst is not None
    assert (worst.label, worst.predicted, worst.share) == ("class 1", "class 2", 0.39)
    assert worst_confusion(_judged([[100, 0], [0, 100]])) is None


@pytest.mark.parametrize(
    ("reason", "parts"),
    [("rule: small photos", ("rule", "small photos")), ("given", ("given", "")), ("why: not", ("", "why: not"))],
)
def test_reasons_have_a_kind(reason: str, parts: tuple[str, str]) -> None:
    assert reason_parts(reason) == parts


def test_curves_know_both_axes_and_every_measure() -> None:
    log = TrainingLog(
        iterations=200,
        steps=tuple(
            {"event": "train", "iteration": i, "loss": 1 / i, "lr": 1e-3, "seconds": 2.0 * i} for i in (20, 40)
        ),
        validations=(_validation(20, 0.5, best=True), _validation(40, None, best=False)),
    )
    figures = curves(log, {"cat": "#112233"}, Language("en"))
    assert list(figures) == ["loss", "learning_rate", "metrics", "per_class"]
    cat = figures["per_class"]["data"][0]
    assert list(cat["x"]) == [20, 40]
    assert list(cat["y"]) == [0.5, None]
    assert list(cat["meta"]["minutes"]) == [0.667, 1.333]
    assert list(cat["meta"]["iou"]) == [0.25, None]
    assert cat["line"]["color"] == "#112233"
    assert figures["metrics"]["layout"]["meta"]["best"] == {"iteration": 20, "minutes": 0.667}
    assert curves(TrainingLog(), {}, Language("en")) == {}


def test_the_log_says_where_training_stands(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append_log(path, {"event": "start", "iteration": 0, "iterations": 100, "time": 5.0})
    append_log(path, {"event": "train", "iteration": 20, "loss": 1.0, "lr": 0.1, "seconds": 9.0})
    append_log(path, {"event": "length", "iteration": 20, "iterations": 80, "why": "budget"})
    append_log(path, {"event": "resume", "iteration": 20})
    log = read_training_log(path)
    assert (log.iterations, log.resumes, log.end, log.best) == (80, 1, None, None)
    assert log.last is not None
    assert log.last["iteration"] == 20
    append_log(path, {"event": "end", "iteration": 80, "why": "length"})
    assert read_training_log(path).end is not None
    assert read_training_log(tmp_path / "none.jsonl") == TrainingLog()


def test_a_picture_too_large_is_made_smaller(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (400, 600, 3), dtype=np.uint8)
    path = tmp_path / "noise.png"
    Image.fromarray(noise).save(path)
    uri, width, height = embedded(path, limit_bytes=20_000)
    assert uri.startswith("data:image/jpeg;base64,")
    assert len(uri) < 27_000
    assert width / height == pytest.approx(1.5, abs=0.02)
    assert embedded(path, limit_bytes=10_000_000)[0].startswith("data:image/png;base64,")


def test_colours_are_seen_on_both_pages() -> None:
    assert page_colour((0, 0, 0)) != "#000000"
    assert page_colour((255, 255, 255)) != "#ffffff"
    red = page_colour((255, 0, 0))
    assert int(red[1:3], 16) > 180 > int(red[3:5], 16)
    assert (ink_on("#ffff00"), ink_on("#102040")) == ("#14181b", "#ffffff")


def _judged(counts: list[list[int]]) -> Judged:
    names = [{"name": f"class {place}"} for place in range(len(counts))]
    return Judged("val", 1, 1, {}, tuple(names), {}, np.asarray(counts, np.int64), (), {})


def _validation(iteration: int, dice: float | None, *, best: bool) -> dict[str, Any]:
    iou = None if dice is None else dice / 2
    return {
        "event": "validation", "iteration": iteration, "seconds": 2.0 * iteration, "best": best,
        "metrics": {"mDice": dice}, "per_class": [{"name": "cat", "dice": dice, "iou": iou}],
    }  # fmt: skip
