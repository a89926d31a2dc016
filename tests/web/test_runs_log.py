"""A log as curves: only what is new is told, nothing that was logged is hidden, and a log that was cut begins anew."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskwright.training.run import append_log, cut_log
from maskwright.training.training_log import read_training_log
from maskwright.web.runs_log import BUCKETS, log_part


def _step(iteration: int, loss: float | None = 1.0, **more: Any) -> dict[str, Any]:
    about = {"event": "train", "iteration": iteration, "seconds": iteration / 2, "iteration_s": 0.5}
    return {**about, "loss": loss, "lr": 1e-3, **more}


def _validation(iteration: int, score: float) -> dict[str, Any]:
    per_class = [{"name": "background", "dice": 0.9}, {"name": "cat", "dice": None}]
    about = {"event": "validation", "iteration": iteration, "seconds": iteration / 2, "best": True}
    return {**about, "metrics": {"mDice": score, "mIoU": None}, "per_class": per_class}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    append_log(path, {"event": "start", "iteration": 0, "iterations": 60, "time": 1.0})
    for iteration in (20, 40):
        append_log(path, _step(iteration))
    append_log(path, _validation(40, 0.5))
    return path


def test_all_of_a_short_log(log: Path) -> None:
    part = log_part(log)
    assert part["iterations"] == 60
    assert part["steps"]["iteration"] == [20, 40]
    assert part["steps"]["seconds"] == [10, 20]
    assert part["means"] == {"iteration": [20, 40], "seconds": [10, 20], "loss": [1, 1], "count": [1, 1]}
    assert part["validations"] == [
        {
            "iteration": 40, "seconds": 20, "best": True, "metrics": {"mDice": 0.5, "mIoU": None},
            "dice": {"background": 0.9, "cat": None},
        }
    ]  # fmt: skip
    assert part["next"] == log.stat().st_size
    assert not part["anew"]


def test_only_what_is_new_is_told(log: Path) -> None:
    first = log_part(log)
    again = log_part(log, since=first["next"], mark=first["mark"])
    assert (again["steps"]["iteration"], again["validations"], again["anew"]) == ([], [], False)
    append_log(log, _step(60, 0.25))
    with log.open("a") as file:
        file.write('{"event": "train", "itera')  # being written
    more = log_part(log, since=again["next"], mark=again["mark"])
    assert (more["steps"]["iteration"], more["steps"]["loss"]) == ([60], [0.25])
    assert more["next"] == log.stat().st_size - len('{"event": "train", "itera')
    with log.open("a") as file:
        file.write('tion": 80, "loss": 0.125}\n')
    assert log_part(log, since=more["next"], mark=more["mark"])["steps"]["loss"] == [0.125]


def test_a_log_that_was_cut_by_a_resume_begins_anew(log: Path) -> None:
    before = log_part(log)
    cut_log(log, after=20)
    shorter = log_part(log, since=before["next"], mark=before["mark"])
    assert (shorter["anew"], shorter["steps"]["iteration"], shorter["validations"]) == (True, [20], [])
    for iteration in (30, 40, 50, 60):  # longer than before, with other lines
        append_log(log, _step(iteration))
    longer = log_part(log, since=before["next"], mark=before["mark"])
    assert (longer["anew"], longer["steps"]["iteration"]) == (True, [20, 30, 40, 50, 60])


def test_a_missing_log_a_torn_line_and_a_loss_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    nothing = log_part(path)
    assert (nothing["next"], nothing["steps"]["loss"], nothing["validations"]) == (0, [], [])
    path.write_text('{"event": "tr\n[1]\n' + json.dumps(_step(20, None)) + "\n" + json.dumps(_step(40)) + "\n")
    part = log_part(path, since=nothing["next"], mark=nothing["mark"])
    assert part["steps"]["loss"] == [None, 1.0]
    assert not part["anew"]


@pytest.mark.parametrize(
    "wrong",
    [
        '{"event": "train", "iteration": 50, "loss": Infinity}',
        '{"event": "train", "iteration": 50, "loss": 1e999}',
        '{"event": "validation", "iteration": 50, "metrics": 5}',
        '{"event": "validation", "iteration": 50, "metrics": {}, "per_class": [5]}',
        '{"event": "start", "iteration": 50}',
        '{"event": "length", "iteration": 50}',
        '{"event": "length"}',
        '{"event": "train", "iteration": ' + "9" * 400 + "}",
    ],
)
def test_a_line_of_another_hand_is_left_out(log: Path, wrong: str) -> None:
    before, told = log_part(log), read_training_log(log)
    with log.open("a") as file:
        file.write(wrong + "\n")
    after = log_part(log)
    assert {**after, "next": 0, "mark": ""} == {**before, "next": 0, "mark": ""}
    assert read_training_log(log) == told


def test_ten_thousand_lines_are_thinned_and_hide_nothing(tmp_path: Path) -> None:
    rng, path = np.random.default_rng(0), tmp_path / "log.jsonl"
    losses = np.exp(-np.arange(10_000) / 3000) + 0.1 * rng.random(10_000)
    losses[1234], losses[5678] = 9.0, -3.0
    times = np.full(10_000, 0.1)
    times[4321] = 7.0
    lines = [
        json.dumps(_step(20 * place, loss, iteration_s=time))
        for place, (loss, time) in enumerate(zip(losses, times, strict=True))
    ]
    validations = [json.dumps(_validation(20 * place, 0.5)) for place in range(0, 10_000, 10)]
    path.write_text("\n".join([*lines, *validations]) + "\n")
    part = log_part(path)
    steps = part["steps"]
    assert len(steps["loss"]) <= 4 * BUCKETS + 1
    assert len(part["validations"]) == 1000
    assert (steps["iteration"][0], steps["iteration"][-1]) == (0, 20 * 9999)
    for place, loss in zip((int(each) // 20 for each in steps["iteration"]), steps["loss"], strict=True):
        assert math.isclose(loss, losses[place], rel_tol=1e-5)
    assert (max(steps["loss"]), min(steps["loss"]), max(steps["iteration_s"])) == (9.0, -3.0, 7.0)
    for part_losses in np.array_split(np.arange(10_000), BUCKETS):  # every peak and dip of every part
        drawn = {int(each) // 20 for each in steps["iteration"]}
        assert {
            int(part_losses[np.argmax(losses[part_losses])]),
            int(part_losses[np.argmin(losses[part_losses])]),
        } <= drawn
    assert sum(part["means"]["count"]) == 10_000
    mean = np.average(part["means"]["loss"], weights=part["means"]["count"])
    assert mean == pytest.approx(losses.mean(), rel=1e-4)
