"""A ClearML session on disk, which is written without the package; `tests/extras/clearml` imports one with it."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from maskwright.errors import TrackerError, UsageError
from maskwright.storage import read_json
from maskwright.trackers.push import push
from synthetic_run import synthetic_run
from tiny import tiny_dataset

ITERATIONS, STEP = 200, 20


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return synthetic_run(tmp_path / "one", tiny_dataset(), iterations=ITERATIONS)


def test_a_session_broken_off_is_as_one_written_at_once(run: Path) -> None:
    log = (run / "log.jsonl").read_text()
    (run / "log.jsonl").write_text("".join(log.splitlines(keepends=True)[:9]))
    push(run, "clearml-offline")
    events = run / "trackers" / "clearml-offline" / "metrics.jsonl"
    with events.open("a") as file:
        file.write('[{"type": "training_stats_scalar", "metric": "los')  # written, killed, not noted down
    (run / "log.jsonl").write_text(log)
    push(run, "clearml-offline")
    with zipfile.ZipFile(run / "trackers" / "clearml-offline.zip") as packed:
        assert packed.read("metrics.jsonl") == events.read_bytes()
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    told = [event for line in lines for event in line]
    keys = [(event["type"], event["metric"], event["variant"], event["iter"]) for event in told]
    assert len(keys) == len(set(keys))
    assert len([key for key in keys if key[1] == "loss"]) == ITERATIONS // STEP


def test_a_session_goes_where_it_is_told_and_nothing_is_overwritten(run: Path, tmp_path: Path) -> None:
    push(run, "clearml-offline", uri=str(tmp_path / "out.zip"))
    assert (tmp_path / "out.zip").is_file()
    assert read_json(tmp_path / "out" / "task.json")["name"] == run.name
    shutil.rmtree(tmp_path / "out")
    with pytest.raises(TrackerError, match=r"no longer as it was left(.|\n)*clearml-offline\.json"):
        push(run, "clearml-offline")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="nothing is overwritten"):
        push(run, "clearml-offline", uri=str(tmp_path / "other.zip"))
