"""Training on a real cluster of several nodes: what one process learns, also when a node is killed."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from maskwright.errors import Interrupted, RecipeError, UsageError
from maskwright.recipe.recipe import Recipe, make_recipe
from maskwright.training.presence import ask_to_stop, is_training
from maskwright.training.run import Run
from maskwright.workflow.train import train
from ray_cluster import Nodes, ray_cluster
from tiny import tiny_dataset

# Ray Train fills in the defaults of Ray Data, some of which Ray itself has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")
DATA = tiny_dataset(train=8, val=5, size_hw=(64, 64))


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with ray_cluster(2) as started:
        yield started


def recipe(**settings: Any) -> Recipe:
    given = {
        "model": "frozen_model:frozen",
        "encoder_norm": "frozen",
        "head_dropout": 0.0,
        "optimiser": "sgd",  # Adam divides by the gradient's own size, and so makes much of how it was rounded
        "lr": 0.005,
        "iterations": 40,
        "warmup_iterations": 2,
        "validation_interval": 10,
        "batch_size": 4,
        "crop_hw": (64, 64),
        "threads": 1,
    }
    return make_recipe(given | settings, source="test")


def difference(one: Run, two: Run) -> float:
    ours, theirs = (load_file(run.folder / "weights" / "last.safetensors") for run in (one, two))
    return max(float((ours[name] - theirs[name]).abs().max()) for name in ours)


def validations(run: Run) -> dict[int, float]:
    return {entry["iteration"]: entry["metrics"]["mDice"] for entry in run.log() if entry["event"] == "validation"}


@pytest.mark.training
def test_two_nodes_learn_what_one_process_does_also_when_one_is_killed(nodes: Nodes, tmp_path: Path) -> None:
    alone = train(DATA, out=tmp_path / "alone", recipe=recipe())
    killed: list[int] = []

    def kill_once(run: Run) -> None:
        while not killed:
            if run.log() and 10 in validations(run):
                killed.append(run.log()[-1]["iteration"])
                nodes.kill()
            time.sleep(0.1)

    together = Run(tmp_path / "together")
    threading.Thread(target=kill_once, args=(together,), daemon=True).start()
    train(DATA, out=together.folder, recipe=recipe(), ray=nodes.address)
    nodes.add()
    assert killed and killed[0] < 40
    events = [entry["event"] for entry in together.log()]
    assert events.count("resume") == 2 and events.count("end") == 1
    assert difference(alone, together) < 1e-5
    assert validations(together) == pytest.approx(validations(alone), abs=1e-3) and len(validations(together)) == 4
    assert {path.name for path in (together.folder / "state").iterdir()} == {"asked.json", "state.safetensors"}


@pytest.mark.training
def test_it_stops_when_asked_and_goes_on(nodes: Nodes, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")

    def stop() -> None:
        while not (is_training(run.folder) and validations(run)):
            time.sleep(0.1)
        ask_to_stop(run.folder)

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(Interrupted, match=r"Stopped after \d+ of 4000 iterations"):
        train(DATA, out=run.folder, recipe=recipe(iterations=4000), ray=nodes.address)
    there = run.log()[-1]["iteration"]
    stopped = Run(run.folder).recipe
    assert stopped.iterations == 4000 and there < 4000
    went_on: list[int] = []
    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(Interrupted):  # here, alone: the run is the same folder
        train(
            DATA,
            out=run.folder,
            settings={"model": "frozen_model:frozen"},  # its own: named once more, for trust
            resume=True,
            on_progress=lambda progress: went_on.append(progress.done),
        )
    assert went_on[0] > there


def test_what_cannot_be_trained_there(nodes: Nodes, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no machine.*\n.*expected: 64 CPU"):
        train(DATA, out=tmp_path / "a", recipe=recipe(threads=64), ray=nodes.address)
    with pytest.raises(RecipeError, match="batch_size=1: fewer crops than the 2 machines"):
        train(DATA, out=tmp_path / "b", recipe=recipe(batch_size=1), ray=nodes.address)


def test_ctrl_c_before_any_machine_trains_is_the_end(nodes: Nodes, tmp_path: Path) -> None:
    import ray

    run, pressed = Run(tmp_path / "run"), []

    def press() -> None:
        while not any(thread.name == "ray-train" for thread in threading.enumerate()):
            time.sleep(0.05)
        time.sleep(0.5)  # Ray is starting its processes, which takes longer
        assert not is_training(run.folder)
        pressed.append(time.monotonic())
        _thread.interrupt_main()

    threading.Thread(target=press, daemon=True).start()
    with pytest.raises(Interrupted, match="Stopped at once"):
        train(DATA, out=run.folder, recipe=recipe(), ray=nodes.address)
    assert time.monotonic() - pressed[0] < 30.0
    time.sleep(3.0)
    assert not ray.is_initialized() and not is_training(run.folder)
    assert not any(thread.name == "ray-train" for thread in threading.enumerate())
    assert {path.name for path in (run.folder / "state").iterdir()} == {"asked.json", "state.safetensors"}
