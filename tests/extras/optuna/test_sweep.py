"""Sweeps with the real Optuna: killed, gone on with, stopped early, and every trial once."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

import maskwright
from maskwright.data.pets.write import draw_dataset
from maskwright.errors import RunError, UsageError
from maskwright.experiments.space import grid_points, read_space
from maskwright.experiments.study import Study
from maskwright.training.training_log import read_training_log

SAME = {"model": "segformer-b0", "weights": "none", "crop_hw": [64, 64], "batch_size": 2, "validation_interval": 6}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "data"
    draw_dataset(folder, images=20, size_px=64, seed=0, threads=2)
    return folder


@pytest.mark.training
def test_a_killed_sweep_goes_on_and_has_every_trial_once(data: Path, tmp_path: Path) -> None:
    space, out = tmp_path / "space.yaml", tmp_path / "sweep"
    space.write_text("lr: [1e-3, 3e-4, 1e-7, 2e-7]\niterations: 30\n")
    chosen = [part for name, value in SAME.items() for part in ("--set", f"{name}={value}")]
    command = ["sweep", data, "--space", space, "-o", out, "--sampler", "grid", "--pruner", "asha", "--workers", 2]
    command += ["--finalists", 1, "--seeds", 2, "--offline", *chosen]
    words = [sys.executable, "-W", "error", "-m", "maskwright", *map(str, command)]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as driver:
        _until(lambda: any(_validations(run) for run in (out / "trials").glob("*/log.jsonl")), driver)
        driver.kill()
    _until(lambda: not _workers(out))  # they end with the one who started them
    before = {path.name: path.stat().st_mtime_ns for path in (out / "trials").glob("*/log.jsonl")}
    assert before

    ended = subprocess.run([*words, "--resume", "--json"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert sorted(trial["settings"]["lr"] for trial in found["trials"]) == [1e-7, 2e-7, 3e-4, 1e-3]
    states = Counter(trial["state"] for trial in found["trials"])
    assert states["complete"] >= 1 and states["pruned"] >= 1 and states["complete"] + states["pruned"] == 4
    for trial in found["trials"]:
        log = read_training_log(out / "trials" / f"{trial['number']:04}" / "log.jsonl")
        assert (log.end is not None) == (trial["state"] == "complete")
        if trial["state"] == "pruned":
            assert log.validations[-1]["iteration"] < 30  # it really stopped, and can be gone on with
            assert (out / "trials" / f"{trial['number']:04}" / "state" / "state.safetensors").is_file()
        else:
            assert trial["value"] == log.best["metrics"]["mDice"] and log.steps[-1]["iteration"] == 30
    assert _told(out) == dict.fromkeys(range(4), 1)
    (runs,) = found["finalists"].values()
    assert [Path(run).name.partition("-")[2] for run in runs] == ["seed1", "seed2"]
    assert found["comparison"]["recipes"][0]["seeds"] and found["noise"] > 0
    assert (out / "report.html").stat().st_size > 1_000_000

    again = subprocess.run([*words, "--resume", "--json"], capture_output=True, check=False)
    assert json.loads(again.stdout)["trials"] == found["trials"]  # nothing is left to do
    with pytest.raises(UsageError, match="changed: metric"):
        maskwright.sweep(
            data, space, out, sampler="grid", pruner="asha", settings=SAME, metric="mIoU", workers=2, resume=True
        )


@pytest.mark.training
def test_trials_that_cannot_be_trained_are_recorded_and_three_alike_end_it(data: Path, tmp_path: Path) -> None:
    space = tmp_path / "space.yaml"
    space.write_text("lr: [1e-3, 1e-4, 1e-5]\niterations: 6\n")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no weights")
    same = SAME | {"weights": str(broken)}
    with pytest.raises(RunError, match=r"3 trials in a row failed[\s\S]*broken.safetensors"):
        maskwright.sweep(data, space, tmp_path / "sweep", sampler="grid", settings=same, workers=2, finalists=0)


def test_the_draws_after_a_kill_are_what_they_would_have_been(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text("lr: {low: 1e-5, high: 1e-2, log: true}\nbatch_size: {low: 2, high: 8, step: 2}\nmodel: [a, b]\n")
    space = read_space(path)

    def asked(name: str, *, reopened: bool) -> list[dict[str, object]]:
        file, settings = tmp_path / f"{name}.db", []
        for number in range(14):
            if reopened or not number:
                study = Study(file, space, sampler="tpe", pruner="none", seed=3)
            trial = study.ask()
            assert trial is not None and trial.number == number
            study.report(number, [(50, 0.5), (100, 0.6)])
            study.report(number, [(50, 0.5), (100, 0.6)])  # what is known is passed over
            study.tell(number, "complete", value=0.5 + number / 100)
            settings.append(dict(trial.settings))
        return settings

    assert asked("one", reopened=False) == asked("two", reopened=True)


def test_a_trial_that_was_asked_for_is_there_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text("lr: [1e-5, 1e-4, 1e-3]\ncrop_hw: {values: [[64, 64], [96, 96]]}\n")
    space = read_space(path)

    def study() -> Study:
        return Study(tmp_path / "s.db", space, sampler="grid", pruner="asha", seed=0, points=grid_points(space, path))

    first = study().ask()
    assert first is not None
    assert study().unfinished() == [first]
    seen = [first.settings, *(trial.settings for trial in iter(study().ask, None))]
    assert len(seen) == 6 and all(seen.count(settings) == 1 for settings in seen)
    assert len(study().unfinished()) == 6


def test_a_trial_that_failed_for_an_outside_reason_stays_unfinished(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text("lr: [1e-5, 1e-4]\n")

    def study() -> Study:
        return Study(tmp_path / "s.db", read_space(path), sampler="random", pruner="none", seed=0)

    begun = study()
    first = begun.ask()
    begun.keep_error(0, "there is no room", seconds=2.0)
    again = study()
    (found,) = again.trials()
    assert (found.state, found.error, found.seconds) == ("failed", "there is no room", 2.0)
    assert first is not None and [trial.settings for trial in again.unfinished()] == [first.settings]
    again.report(0, [(100, 0.5)])
    again.tell(0, "complete", value=0.5)
    (found,) = study().trials()
    assert (found.state, found.error, found.value) == ("complete", "", 0.5) and again.unfinished() == []


def test_the_worse_ones_are_stopped_at_the_rungs(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text("lr: [1e-5, 1e-4]\n")
    study = Study(tmp_path / "s.db", read_space(path), sampler="random", pruner="asha", seed=0)
    for number, score in enumerate((0.9, 0.8, 0.95)):
        study.ask()
        assert not study.report(number, [(5, score)])  # before the first rung
        assert study.report(number, [(5, score), (12, score)]) == (score == 0.8)
    assert study.is_pruned(1) and not study.is_pruned(0)
    study.tell(1, "pruned", seconds=3.0)
    trial = study.trials()[1]
    assert (trial.state, trial.value, trial.course, trial.seconds) == ("pruned", None, ((5, 0.8), (12, 0.8)), 3.0)


def _validations(log: Path) -> int:
    return len(read_training_log(log).validations)


def _workers(out: Path) -> list[str]:
    """The processes that train trials of this sweep."""
    held = [run / "state" / "training.json" for run in (out / "trials").glob("*")]
    pids = [json.loads(path.read_text())["process"] for path in held if path.is_file()]
    return [pid for pid in pids if _alive(pid)]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _told(out: Path) -> dict[int, int]:
    """By the number of a trial how often its study holds it as ended."""
    with sqlite3.connect(out / "study.db") as base:
        rows = base.execute("SELECT number, state FROM trials").fetchall()
    base.close()
    return dict(Counter(number for number, state in rows if state in ("COMPLETE", "PRUNED", "FAIL")))


def _until(wanted: object, driver: subprocess.Popen[bytes] | None = None, *, limit_s: float = 300.0) -> None:
    until = time.monotonic() + limit_s
    while not wanted():  # type: ignore[operator]
        assert time.monotonic() < until and (driver is None or driver.poll() is None)
        time.sleep(0.1)
