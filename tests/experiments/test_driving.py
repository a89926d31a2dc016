"""Driving a sweep without training anything: what is begun, stopped, told, and trained again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maskwright.errors import RunError
from maskwright.experiments import trials as module
from maskwright.experiments.driving import Work, search, train_again
from maskwright.experiments.study import Trial
from maskwright.experiments.sweeps import SweepPlan
from maskwright.experiments.trials import Job
from maskwright.progress import silent
from maskwright.recipe.files import read_recipe, write_recipe
from maskwright.recipe.recipe import make_recipe
from maskwright.training.run import append_log

SCORES = (0.5, 0.9, 0.7, 0.8, 0.6)


class Remembered:
    """A study in memory that proposes `lr` by number and prunes whatever `prunes` names."""

    def __init__(self, *, prunes: Sequence[int] = (), left: Sequence[int] = ()) -> None:
        self.prunes, self.told, self.pruned = prunes, [], set()
        self.known = [Trial(number, {"lr": 0.001 * (number + 1)}, "running") for number in left]
        self.seconds = 0.0

    def ask(self) -> Trial | None:
        trial = Trial(len(self.known), {"lr": 0.001 * (len(self.known) + 1)}, "running")
        self.known.append(trial)
        return trial

    def unfinished(self) -> list[Trial]:
        return [trial for trial in self.known if trial.state == "running"]

    def report(self, number: int, course: Sequence[tuple[int, float]]) -> bool:
        self.known[number] = replace(self.known[number], course=tuple(course))
        if number in self.prunes and course and course[-1][0] < 100:
            self.pruned.add(number)
        return number in self.pruned

    def is_pruned(self, number: int) -> bool:
        return number in self.pruned

    def tell(self, number: int, state: Any, **facts: Any) -> None:
        self.told.append(number)
        self.known[number] = replace(self.known[number], state=state, **facts)

    def keep_error(self, number: int, error: str, *, seconds: float = 0.0) -> None:
        self.known[number] = replace(self.known[number], error=error, seconds=seconds)

    def trials(self) -> tuple[Trial, ...]:
        return tuple(self.known)

    def keep_seconds(self, seconds: float) -> None:
        self.seconds = seconds


class Written:
    """A started job that writes one validation at each look, and its end after the second."""

    def __init__(self, job: Job, asked: set[Path], *, error: str = "", outside: bool = False) -> None:
        self.job, self.asked, self.error, self.outside, self.looks = job, asked, error, outside, 0
        job.folder.mkdir(parents=True, exist_ok=True)

    def ended(self) -> bool:
        self.looks += 1
        if self.error:
            self.job.fail(self.error, again=self.outside)
            return True
        if self.job.folder in self.asked or self.job.is_complete:
            return True
        log = self.job.folder / "log.jsonl"
        if not log.exists():
            write_recipe(make_recipe({"iterations": 100}, source="test"), self.job.folder / "recipe.yaml")
            append_log(log, {"event": "start", "iteration": 0, "iterations": 100})
        score = SCORES[round(self.job.settings.get("lr", 0.001) * 1000) - 1] if self.job.settings.get("lr") else 0.5
        about = {"iteration": 50 * self.looks, "seconds": 5.0 * self.looks}
        append_log(log, {"event": "validation", "metrics": {"mDice": score}, "best": self.looks == 1, **about})
        if self.looks == 2:
            append_log(log, {"event": "end", "iteration": 100})
            if self.job.judged:
                (self.job.folder / "evaluation" / "val").mkdir(parents=True)
                (self.job.folder / "evaluation" / "val" / "counts.npz").touch()
        return False

    def kill(self) -> None:
        self.looks = 99


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """The folders whose training was asked to stop."""
    folders: set[Path] = set()
    monkeypatch.setattr(module, "POLL_S", 0.0)
    monkeypatch.setattr(module, "ask_to_stop", folders.add)
    return folders


def test_the_best_are_trained_again_with_new_seeds(asked: set[Path], tmp_path: Path) -> None:
    study, begun = Remembered(prunes=(2,)), []
    work = _work(tmp_path, study, asked, begun, trials=5, workers=2, finalists=2, seeds=2)
    search(work)
    assert sorted(study.told) == [0, 1, 2, 3, 4]
    assert [trial.state for trial in study.known] == ["complete", "complete", "pruned", "complete", "complete"]
    assert [trial.value for trial in study.known] == [0.5, 0.9, None, 0.8, 0.6]
    assert study.known[2].seconds == 5.0 and asked == {tmp_path / "trials" / "0002"}
    again = train_again(work)
    names = {number: [run.name for run in runs] for number, runs in again.items()}
    assert names == {1: ["0001-seed1", "0001-seed2"], 3: ["0003-seed1", "0003-seed2"]}
    assert [job.folder.name for job in begun[5:]] == ["0001-seed1", "0003-seed1", "0001-seed2", "0003-seed2"]
    assert all(job.judged and job.recipe and job.budget_s is None for job in begun[5:])
    assert read_recipe(tmp_path / "finalists" / "0001.yaml").iterations == 100
    train_again(work)
    assert len(begun) == 9  # all are there


def test_what_a_kill_left_comes_first_and_what_had_ended_is_told(asked: set[Path], tmp_path: Path) -> None:
    study, begun = Remembered(left=(0, 1, 2)), []
    work = _work(tmp_path, study, asked, begun, trials=4)
    whole = Written(Job(tmp_path, tmp_path / "trials" / "0000", {"lr": 0.001}), asked)
    assert [whole.ended() for _ in range(3)] == [False, False, True]
    study.pruned.add(1)
    search(work)
    assert study.told == [0, 1, 2, 3] and [job.folder.name for job in begun] == ["0002", "0003"]
    assert [trial.state for trial in study.known] == ["complete", "pruned", "complete", "complete"]


def test_time_that_is_over_stops_trials_and_begins_no_more(asked: set[Path], tmp_path: Path) -> None:
    study, begun = Remembered(), []
    work = _work(tmp_path, study, asked, begun, budget_s=100.0, trial_budget_s=10.0, finalists=1, seeds=1)
    assert work.trial_s == 25.0 and work.search_left_s == pytest.approx(75.0, abs=1.0)
    late = replace(work, began=time.monotonic() - 70.0)
    search(late)
    assert len(begun) == 1  # five seconds are left: the next one would take twenty
    over = replace(work, began=time.monotonic() - 101.0)
    study.known.append(Trial(1, {"lr": 0.002}, "running"))
    search(over)
    assert study.known[1].state == "stopped" and train_again(over) == {0: ()}


def test_three_in_a_row_with_the_same_words_end_it(asked: set[Path], tmp_path: Path) -> None:
    study, begun = Remembered(), []
    work = _work(tmp_path, study, asked, begun, trials=5)
    with pytest.raises(
        RunError, match=r"3 trials in a row failed with the same words[\s\S]*found: no such model[\s\S]*--resume"
    ):
        search(replace(work, start=lambda job: Written(job, asked, error="no such model")))
    assert [trial.error for trial in study.known] == ["no such model"] * 3
    errors = iter(["one", "other", "one", "other", "one"])
    study = Remembered()
    search(replace(work, study=study, folder=tmp_path / "b", start=lambda job: Written(job, asked, error=next(errors))))
    assert [trial.state for trial in study.known] == ["failed"] * 5


def test_what_failed_for_an_outside_reason_is_tried_again(asked: set[Path], tmp_path: Path) -> None:
    study, begun = Remembered(), []
    work = _work(tmp_path, study, asked, begun, trials=3, finalists=1, seeds=1)
    full = "{0}/state/state.safetensors: there is no room for this file."
    with pytest.raises(RunError, match=r"with the same words[\s\S]*trials/0002/state[\s\S]*and --resume: these trials"):
        search(replace(work, start=lambda job: Written(job, asked, error=full.format(job.folder), outside=True)))
    assert study.told == [] and all("no room" in trial.error for trial in study.known)
    search(work)  # as --resume does
    assert [trial.state for trial in study.known] == ["complete"] * 3 and study.told == [0, 1, 2]
    assert [job.folder.name for job in begun] == ["0000", "0001", "0002"]
    assert all(not job.error for job in begun)
    train_again(replace(work, start=lambda job: Written(job, asked, error="no room", outside=True)))
    assert {number: len(runs) for number, runs in train_again(work).items()} == {1: 1}


def _work(folder: Path, study: Any, asked: set[Path], begun: list[Job], **plan: Any) -> Work:
    def start(job: Job) -> Written:
        begun.append(job)
        return Written(job, asked)

    template = Job(folder, folder, {"seed": 0}, budget_s=plan.get("trial_budget_s"))
    return Work(folder, SweepPlan({}, **plan), study, template, start, silent)
