"""Ctrl-C while machines of a cluster train: handed on to them, or the end. Without Ray."""

from __future__ import annotations

import _thread
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from maskwright.errors import Interrupted
from maskwright.progress import Progress, silent
from maskwright.recipe.files import write_recipe
from maskwright.recipe.recipe import make_recipe
from maskwright.scale import training
from maskwright.scale.training import _beside, _watched
from maskwright.training.presence import training_in
from maskwright.training.run import Run, make_run


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "LOOK_S", 0.05)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = make_run(tmp_path / "run")
    write_recipe(make_recipe({"iterations": 6}, source="test"), made.folder / "recipe.yaml")
    return made


def ctrl_c_when(seen: Callable[[], object]) -> None:
    """Ctrl-C in the main thread as soon as that is so."""

    def press() -> None:
        while not seen():
            time.sleep(0.01)
        _thread.interrupt_main()

    threading.Thread(target=press, daemon=True).start()


def trainings(run: Run, *lives: Callable[[Callable[[], bool]], bool]) -> Future[Any]:
    """What machines would do: train, one time after the other, until one says that it was stopped."""

    def act() -> None:
        for live in lives:
            time.sleep(0.2)  # nobody holds the run
            with training_in(run.folder) as asked_to_stop:
                stopped = live(asked_to_stop)
            if stopped:
                work.set_result(Interrupted("Stopped after 3 of 6 iterations; nothing is lost."))
                return
        work.set_exception(AssertionError("it was never stopped"))

    work: Future[Any] = Future()
    threading.Thread(target=act, daemon=True).start()
    return work


def until_asked(asked_to_stop: Callable[[], bool]) -> bool:
    until = time.monotonic() + 20.0
    while not asked_to_stop() and time.monotonic() < until:
        time.sleep(0.01)
    return asked_to_stop()


def test_the_first_one_lets_the_machines_save_and_says_so(run: Run) -> None:
    told: list[str] = []
    ctrl_c_when((run.folder / "state" / "training.json").exists)

    def note(progress: Progress) -> None:
        told.extend([progress.note("en")] if progress.note else [])

    with pytest.raises(Interrupted, match="after 3 of 6 iterations; nothing is lost"):
        _watched(trainings(run, until_asked), run, note)
    assert told == ["Stopping: the machines save first, nothing is lost. Ctrl-C once more ends them at once."]
    assert not (run.folder / "state" / "stop").exists()


def test_it_is_not_lost_where_training_begins_anew(run: Run) -> None:
    def die(asked_to_stop: Callable[[], bool]) -> bool:
        until_asked(asked_to_stop)
        return False

    ctrl_c_when((run.folder / "state" / "training.json").exists)
    with pytest.raises(Interrupted, match="after 3 of 6"):
        _watched(trainings(run, die, until_asked), run, silent)


def test_it_is_the_end_where_nothing_trains_yet(run: Run) -> None:
    began = time.monotonic()
    ctrl_c_when(lambda: time.monotonic() > began + 0.3)
    with pytest.raises(Interrupted, match=r"Stopped at once[\s\S]*--resume"):
        _watched(Future(), run, silent)
    assert time.monotonic() - began < 10.0
    assert not (run.folder / "state" / "stop").exists()  # or the next training would have to know that it is old


def test_the_second_one_is_the_end(run: Run) -> None:
    told: list[Progress] = []
    with training_in(run.folder):
        began = time.monotonic()
        ctrl_c_when(lambda: time.monotonic() > began + 0.3)
        ctrl_c_when(lambda: told and time.monotonic() > began + 1.0)
        with pytest.raises(Interrupted, match="Stopped at once"):
            _watched(Future(), run, told.append)
    assert len(told) == 1


def test_nobody_waits_for_machines_that_do_not_answer() -> None:
    act = "from maskwright.scale import training\nimport time\ntraining._fit_all = lambda *_: time.sleep(600)\n"
    subprocess.run([sys.executable, "-c", act + "training._beside({}, 1)"], check=True, timeout=60)


def test_what_goes_wrong_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("no room")

    monkeypatch.setattr(training, "_fit_all", broken)
    with pytest.raises(ValueError, match="no room"):
        _watched(_beside({}, 1), run, silent)
