"""Keeping jobs going: every one ends once, whatever becomes of its process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from maskwright.errors import DataError, DiskError, RecipeError
from maskwright.experiments import trials as module
from maskwright.experiments.driving import course_of
from maskwright.experiments.trials import MOST_DEATHS, Job, carry_out
from maskwright.storage import write_json
from maskwright.training.run import append_log
from maskwright.training.training_log import read_training_log
from maskwright.workflow import trial
from maskwright.workflow.trial import job_text, read_job


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_S", 0.0)


class Acted:
    """A started job that does what a script says at each look: "step", "die" or "end"."""

    def __init__(self, job: Job, script: Iterator[str]) -> None:
        self.job, self.script, self.over = job, script, False

    def ended(self) -> bool:
        act = "over" if self.over else next(self.script)
        if act == "end":
            append_log(self.job.folder / "log.jsonl", {"event": "end", "iteration": 9, "seconds": 1.0})
        self.over = act in ("end", "die", "over")
        return self.over

    def kill(self) -> None:
        self.over = True


def test_each_job_ends_once_and_a_dead_one_is_taken_up_again(tmp_path: Path) -> None:
    scripts = {"a": iter(["step", "die", "step", "end"]), "b": iter(["end"]), "c": iter(["step", "step", "end"])}
    started, ended, most = [], [], 0
    under_way: set[str] = set()

    def start(job: Job) -> Acted:
        nonlocal most
        started.append(job.folder.name)
        under_way.add(job.folder.name)
        most = max(most, len(under_way))
        return Acted(job, scripts[job.folder.name])

    def done(job: Job) -> None:
        ended.append(job.folder.name)
        under_way.discard(job.folder.name)

    carry_out(iter(_jobs(tmp_path, "abc")), start, workers=2, look=lambda _: False, ended=done)
    assert sorted(started) == ["a", "a", "b", "c"] and sorted(ended) == ["a", "b", "c"] and most == 2


def test_one_that_dies_again_and_again_at_the_same_place_has_failed(tmp_path: Path) -> None:
    (job,) = _jobs(tmp_path, "a")
    started = []

    def start(job: Job) -> Acted:
        started.append(job)
        return Acted(job, iter(["die"]))

    carry_out(iter([job]), start, workers=1, look=lambda _: False, ended=lambda _: None)
    assert len(started) == MOST_DEATHS
    assert "Its process died 5 times at iteration 0" in job.error


def test_an_interruption_ends_those_under_way(tmp_path: Path) -> None:
    made: list[Acted] = []

    def start(job: Job) -> Acted:
        made.append(Acted(job, iter(["step"] * 9)))
        return made[-1]

    def look(_: Job) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out(iter(_jobs(tmp_path, "ab")), start, workers=2, look=look, ended=lambda _: None)
    assert len(made) == 2 and all(each.over for each in made)


def test_a_job_survives_its_way_to_another_process(tmp_path: Path) -> None:
    job = Job(
        tmp_path / "dаta", tmp_path / "0001", {"lr": 1e-3, "crop_hw": [64, 64]}, recipe=tmp_path / "r.yaml", threads=1,
        reading={"classes": ["a", "b"], "strict": False},
    )  # fmt: skip
    assert read_job(job_text(job)) == job
    write_json(job.folder / "error.json", {"format": 1, "error": "why"})
    assert job.error == "why" and not job.is_complete


def test_the_course_is_that_of_the_weights_that_were_kept(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append_log(path, {"event": "start", "iteration": 0, "iterations": 400})
    for iteration, dice, accuracy, best in ((100, 0.5, 0.9, True), (200, 0.4, 0.95, False), (400, 0.6, 0.8, True)):
        metrics = {"mDice": dice, "aAcc": accuracy}
        append_log(path, {"event": "validation", "iteration": iteration, "metrics": metrics, "best": best})
    log = read_training_log(path)
    assert course_of(log, "mDice") == [(25, 0.5), (50, 0.5), (100, 0.6)]
    assert course_of(log, "aAcc") == [(25, 0.9), (50, 0.9), (100, 0.8)]


def _jobs(folder: Path, names: str) -> list[Job]:
    for name in names:
        (folder / name).mkdir()
    return [Job(folder, folder / name, {}) for name in names]


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (DiskError("weights: there is no room for this file."), True),
        (OSError(5, "Input/output error"), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (RecipeError("lr: no."), False),
        (DataError("labels: no."), False),
        (ValueError("a fault of ours"), False),
    ],
)
def test_what_a_trial_has_no_part_in_is_tried_again(
    error: Exception, again: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(trial, "read", fails)
    job = Job(tmp_path, tmp_path / "run", {})
    trial.run_trial(job)
    assert job.may_go_again == again and (str(error) or "MemoryError") in job.error
    job.try_again()
    assert (job.error == "") == again


def test_a_mount_that_is_gone_is_no_fault_of_the_data(tmp_path: Path) -> None:
    job = Job(tmp_path / "mount", tmp_path / "run", {})
    trial.run_trial(job)
    assert job.may_go_again and "FileNotFoundError" in job.error
