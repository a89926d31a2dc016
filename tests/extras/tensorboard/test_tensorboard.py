"""Everything that is written for TensorBoard, read back with its own reader."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams.metadata import SESSION_START_INFO_TAG
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from maskwright.errors import TrackerError
from maskwright.trackers.facts import Matrix, Picture, Scalar, Summary
from maskwright.trackers.push import push
from maskwright.trackers.sent import read_sent, sent_path
from maskwright.trackers.story import story
from maskwright.training.run import append_log, open_run
from synthetic_run import synthetic_run
from tiny import tiny_dataset

FOLLOWED = """
import sys, time
from pathlib import Path
from maskwright.trackers.follow import follow
follow(Path(sys.argv[1]), "tensorboard")
time.sleep(600)
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return synthetic_run(tmp_path / "runs" / "one", tiny_dataset(), iterations=400)


def read(folder: Path) -> EventAccumulator:
    reader = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    reader.Reload()
    return reader


def events_of(run: Path) -> bytes:
    (file,) = (run / "trackers" / "tensorboard").iterdir()
    return file.read_bytes()


def text_of(reader: EventAccumulator, tag: str) -> str:
    (event,) = reader.Tensors(tag)
    return str(event.tensor_proto.string_val[0].decode())


def test_all_that_is_told_is_read_back(run: Path) -> None:
    pushed = push(run, "tensorboard")
    facts = list(story(open_run(run)))
    assert pushed.sent == len(facts)
    reader = read(run / "trackers" / "tensorboard")

    told: dict[str, list[tuple[float, int, float]]] = {}
    for fact in facts:
        if isinstance(fact, Scalar):
            told.setdefault(fact.curve, []).append((fact.at, fact.iteration, float(np.float32(fact.value))))
        elif isinstance(fact, Summary):
            for name, value in fact.values.items():
                tag = f"kept weights on val/{name.replace('/', ' ')}"
                told[tag] = [(fact.at, fact.iteration, float(np.float32(value)))]
    assert {
        tag: [(event.wall_time, event.step, event.value) for event in reader.Scalars(tag)]
        for tag in reader.Tags()["scalars"]
    } == told
    assert {"dice/square", "dice/disc", "loss/train", "mDice/val"} <= set(told)

    for fact in facts:
        if isinstance(fact, Picture):
            (event,) = reader.Tensors(f"{fact.title}/{fact.series}")
            assert event.tensor_proto.string_val[2] == fact.file.read_bytes()
            assert reader.SummaryMetadata(f"{fact.title}/{fact.series}").summary_description == fact.caption
    matrix = next(fact for fact in facts if isinstance(fact, Matrix))
    rows = [line.strip("| ").split(" | ") for line in text_of(reader, "confusion val").splitlines()[2:]]
    assert rows == [
        [name, *map(str, counts)] for name, counts in zip(matrix.labels, matrix.counts.tolist(), strict=True)
    ]
    assert "lr: 0.0008" in text_of(reader, "recipe.yaml")


def test_settings_are_hyperparameters_and_classes_share_a_chart(run: Path) -> None:
    push(run, "tensorboard")
    reader = read(run / "trackers" / "tensorboard")
    content = reader.SummaryMetadata(SESSION_START_INFO_TAG).plugin_data.content
    settings = HParamsPluginData.FromString(content).session_start_info.hparams
    recipe = open_run(run).recipe
    assert settings["lr"].number_value == recipe.lr
    assert settings["model"].string_value == recipe.model
    assert settings["crop_hw"].string_value == "(64, 64)"
    (event,) = reader.Tensors("custom_scalars__config__")
    layout = Layout.FromString(event.tensor_proto.string_val[0])
    dice = next(chart for chart in layout.category[0].chart if chart.title == "dice")
    assert list(dice.multiline.tag) == ["^dice/.*"]


@pytest.mark.parametrize("beyond", [b"", b"half a rec", bytes(1000)])
def test_what_a_killed_process_wrote_beyond_its_note_is_written_again_once(run: Path, beyond: bytes) -> None:
    half = run.with_name("half")
    shutil.copytree(run, half)
    log = (half / "log.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (half / "log.jsonl").write_text("".join(log[: len(log) // 2]), encoding="utf-8")
    push(half, "tensorboard")
    (file,) = (half / "trackers" / "tensorboard").iterdir()
    noted = read_sent(sent_path(half, "tensorboard")).remote["bytes"]
    assert file.stat().st_size == noted
    (half / "log.jsonl").write_text("".join(log), encoding="utf-8")
    shutil.copy(sent_path(half, "tensorboard"), half / "before.json")
    push(half, "tensorboard")
    whole = file.read_bytes()
    shutil.copy(half / "before.json", sent_path(half, "tensorboard"))  # as if killed before it was noted down
    with file.open("ab") as opened:
        opened.write(beyond)
    push(half, "tensorboard")
    assert file.read_bytes() == whole
    push(half, "tensorboard")
    assert file.read_bytes() == whole


@pytest.mark.parametrize("kept", [None, 0, 100])
def test_events_that_are_gone_are_said_and_written_anew(run: Path, kept: int | None) -> None:
    push(run, "tensorboard")
    whole = events_of(run)
    (file,) = (run / "trackers" / "tensorboard").iterdir()
    if kept is None:
        shutil.rmtree(file.parent)
    else:
        file.write_bytes(whole[:kept])
    with pytest.raises(TrackerError, match=r"no longer as it was left(.|\n)*tensorboard\.json"):
        push(run, "tensorboard")
    assert not file.exists() if kept is None else file.read_bytes() == whole[:kept]
    sent_path(run, "tensorboard").unlink()
    push(run, "tensorboard")
    assert events_of(run) == whole


def test_a_moved_run_takes_its_events_along(run: Path) -> None:
    push(run, "tensorboard")
    before = events_of(run)
    moved = run.rename(run.with_name("moved"))
    push(moved, "tensorboard")
    assert events_of(moved) == before
    assert not run.exists()


def test_runs_in_a_folder_that_was_named_have_folders_of_their_own(run: Path, tmp_path: Path) -> None:
    for name in ("two", "three"):
        push(shutil.copytree(run, run.with_name(name)), "tensorboard", uri=str(tmp_path / "events"))
    assert {file.parent.name for file in (tmp_path / "events").glob("*/events.out.tfevents.*")} == {"two", "three"}


def test_a_training_that_is_killed_is_sent_to_its_last_line(run: Path) -> None:
    training = subprocess.Popen([sys.executable, "-c", FOLLOWED, str(run)])
    try:
        wait_for(lambda: read_sent(sent_path(run, "tensorboard")).curves.get("loss/train") == 400)
        step = next(entry for entry in open_run(run).log() if entry["event"] == "train")
        append_log(run / "log.jsonl", {**step, "iteration": 420})
    finally:
        training.kill()
        training.wait()
    log = sent_path(run, "tensorboard").with_suffix(".log")
    wait_for(lambda: "all is sent" in log.read_text(encoding="utf-8"))
    steps = [event.step for event in read(run / "trackers" / "tensorboard").Scalars("loss/train")]
    assert steps == list(range(20, 421, 20))


def test_neither_torch_nor_tensorflow_is_needed(run: Path) -> None:
    code = (
        "import sys; from maskwright.trackers.push import push; push(sys.argv[1], 'tensorboard');"
        "assert not {'torch', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(run)], check=True)


def wait_for(holds: Callable[[], Any], *, timeout_s: float = 60.0) -> None:
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.2)
