"""Who trains a run: one process at a time, seen from outside, stopped from outside."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from maskwright.errors import Interrupted, RunError
from maskwright.progress import Progress
from maskwright.recipe.files import write_recipe
from maskwright.recipe.recipe import make_recipe
from maskwright.training import presence
from maskwright.training.loop import fit
from maskwright.training.presence import ask_to_stop, is_training, training_in
from maskwright.training.run import FORMAT_TEXT, Run, make_run
from maskwright.workflow.train import train
from tiny import tiny_dataset

SMALL = {"crop_hw": (64, 64), "batch_size": 2, "iterations": 6, "validation_interval": 3, "threads": 1}

HOLDER = """
import sys, time
from pathlib import Path
from maskwright.training.presence import training_in
with training_in(Path(sys.argv[1])):
    print("training", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def held(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that trains the run in `tmp_path / "run"`."""
    child = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "run")], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "training\n"
    yield child
    child.kill()
    child.wait()
    child.stdout.close()


def started(folder: Path) -> Run:
    run = make_run(folder)
    write_recipe(make_recipe(SMALL, source="test"), folder / "recipe.yaml")
    return run


def test_a_run_is_in_training_while_its_process_lives(held: subprocess.Popen[str], tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert is_training(run) and is_training(run)
    shutil.copytree(run, tmp_path / "copy")
    assert not is_training(tmp_path / "copy") and not is_training(tmp_path / "nothing")
    held.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    held.wait()
    assert not is_training(run)
    with training_in(run):
        assert is_training(run)
    assert not is_training(run)


def test_a_run_is_trained_by_one_process(
    held: subprocess.Popen[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskwright.training.presence.WAIT_S", 0.1)
    run = Run(tmp_path / "run")
    write_recipe(make_recipe(SMALL, source="test"), run.folder / "recipe.yaml")
    (run.folder / "format").write_text(FORMAT_TEXT)
    (run.folder / "data.json").write_text('{"format": 1}')
    being_written = tmp_path / "run" / "state" / ".state.safetensors.0123abcd.tmp"
    being_written.touch()
    with pytest.raises(RunError, match=rf"(?s)run: another process is at work.*process {held.pid} on .*Ctrl-C"):
        fit(tiny_dataset(), run.recipe, run)
    with pytest.raises(RunError, match="another process is at work"):
        train(tiny_dataset(), out=run.folder, resume=True)
    assert being_written.exists()


def test_a_look_does_not_keep_a_training_from_beginning(tmp_path: Path) -> None:
    looks, ended = 0, threading.Event()

    def look() -> None:
        nonlocal looks
        while not ended.is_set():
            is_training(tmp_path)
            looks += 1

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(20):
            with training_in(tmp_path):
                assert is_training(tmp_path)
            assert not is_training(tmp_path)
    finally:
        ended.set()
        for looker in lookers:
            looker.join()
    assert looks > 20


def test_looking_at_many_runs_takes_no_time(tmp_path: Path) -> None:
    lock = tmp_path / "state" / "training.lock"
    lock.parent.mkdir()
    lock.touch()
    began = time.monotonic()
    assert not any(is_training(tmp_path) for _ in range(500))
    assert time.monotonic() - began < 0.5


def test_a_request_that_comes_too_late_does_not_lie_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([True])  # it trains when it is looked at, and has ended when it is asked
    monkeypatch.setattr(presence, "is_training", lambda _folder: next(answers, False))
    (tmp_path / "state").mkdir()
    ask_to_stop(tmp_path)
    assert list((tmp_path / "state").iterdir()) == []


def test_a_training_that_is_asked_to_stop_saves_and_goes_on_later(tmp_path: Path) -> None:
    data, recipe = tiny_dataset(), make_recipe(SMALL, source="test")
    run = started(tmp_path / "run")
    with pytest.raises(RunError, match=r"(?s)no process trains this run.*nothing to stop"):
        ask_to_stop(run.folder)

    def stop_at_two(progress: Progress) -> None:
        if progress.done == 2:
            ask_to_stop(run.folder)

    with pytest.raises(Interrupted, match="after 2 of 6 iterations; nothing is lost"):
        fit(data, recipe, run, on_progress=stop_at_two)
    assert "stop" not in {path.name for path in (run.folder / "state").iterdir()} and not is_training(run.folder)
    assert fit(data, recipe, run).iteration == 6
