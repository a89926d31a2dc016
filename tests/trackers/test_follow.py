"""Trackers that follow a training: what happens when they cannot."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from compared_runs import counts_of, judged_run
from maskwright.cli.screen import Screen
from maskwright.cli.track import tracked
from maskwright.errors import TrackerError, UsageError
from maskwright.progress import Progress
from maskwright.trackers import exporter, follow, table
from maskwright.trackers.address import absolute
from maskwright.trackers.exporter import LAST_ATTEMPTS
from maskwright.trackers.sent import read_sent, sent_path
from maskwright.trackers.tracker import Tracker

TRAINING = Progress("stage.train", 1, 10)


def refuse(*_: Any, **__: Any) -> Any:
    raise OSError("connection refused")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run, and a tracker "refusing" that is installed and refuses."""
    tracker = Tracker("json", lambda folder, uri: uri or str(folder), refuse)
    monkeypatch.setattr(table, "TRACKERS", {"refusing": tracker})
    return judged_run(tmp_path / "run", counts_of(0.7, 1))


def test_an_exporter_gives_up_after_the_runs_end(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(exporter, "INTERVAL_S", 0.01)
    ended, refused = threading.Event(), 0

    def refuse_and_end(*_: Any) -> None:
        nonlocal refused
        refused += 1
        if refused == 2:  # not by the clock: how long the first attempt imports is not known
            ended.set()
        refuse()

    table.TRACKERS["refusing"] = Tracker("json", lambda folder, uri: uri or str(folder), refuse_and_end)  # type: ignore[index]
    assert exporter._send_all(run, "refusing", "", ended) == 1
    said = capsys.readouterr().out
    assert said.count("runs push") > LAST_ATTEMPTS
    assert "connection refused" in read_sent(sent_path(run, "refusing")).trouble


def test_a_process_that_cannot_be_started_fails_no_training(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(follow.subprocess, "Popen", refuse)
    told: list[Progress] = []
    with tracked(Screen(), run, ["refusing"], told.append) as on_progress:
        on_progress(TRAINING)
        on_progress(TRAINING)
    assert told == [TRAINING, TRAINING]
    assert capsys.readouterr().out.count("Tracker refusing: not everything was sent; maskwright runs push") == 1


def test_what_cannot_be_is_said_before_training(run: Path) -> None:
    for track, error in ((["none"], UsageError), (["refusing=http://far:80"], UsageError), (["absent"], TrackerError)):
        table.TRACKERS["absent"] = Tracker("no_such_package", lambda _, uri: uri, refuse)  # type: ignore[index]
        with pytest.raises(error), tracked(Screen(), run, track, lambda _: None):
            pytest.fail("training began")


def test_no_tracker_changes_nothing(run: Path) -> None:
    told: list[Progress] = []
    with tracked(Screen(), run, None, told.append) as on_progress:
        on_progress(TRAINING)
    assert told == [TRAINING]
    assert not (run / "trackers").exists()


@pytest.mark.parametrize(
    ("track", "started"),
    [
        (["mlflow=http://127.0.0.1:9,tensorboard"], [("mlflow", "http://127.0.0.1:9"), ("tensorboard", "")]),
        (["tensorboard=a,b, mlflow=sqlite:///x.db"], [("tensorboard", "a,b"), ("mlflow", "sqlite:///x.db")]),
        (["mlflow,tensorboard", "mlflow"], [("mlflow", ""), ("tensorboard", "")]),
    ],
)
def test_trackers_in_a_row(
    track: list[str], started: list[tuple[str, str]], run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trackers = {
        name: Tracker("json", lambda folder, uri: absolute(uri or str(folder)), refuse)
        for name in ("mlflow", "tensorboard")
    }
    monkeypatch.setattr(table, "TRACKERS", trackers)
    asked: list[tuple[str, str]] = []

    def noted(_: Path, name: str, *, uri: str) -> Any:
        asked.append((name, uri))
        raise OSError

    monkeypatch.setattr(follow, "follow", noted)
    with tracked(Screen(), run, track, lambda _: None) as on_progress:
        on_progress(TRAINING)
    assert asked == started


@pytest.mark.parametrize("track", ["mlflow=http://127.0.0.1:9,tensorbord", "mlflow=a,mlflow=b", "mlflow,tensorbord=a"])
def test_a_row_that_cannot_be_meant(track: str, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trackers = {
        name: Tracker("json", lambda folder, uri: absolute(uri or str(folder)), refuse)
        for name in ("mlflow", "tensorboard")
    }
    monkeypatch.setattr(table, "TRACKERS", trackers)
    with pytest.raises(UsageError), tracked(Screen(), run, [track], lambda _: None):
        pytest.fail("training began")


@pytest.mark.parametrize(("sends", "said"), [("", ""), ("import time; time.sleep(30)", "still being sent")])
def test_only_what_is_still_being_sent_is_said_to_be(
    sends: str, said: str, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(follow, "MOMENT_S", 0.5 if said else 60.0)
    code = f"import sys; sys.stdin.buffer.read(); {sends}"
    started: list[subprocess.Popen[bytes]] = []

    def exporter_of(folder: Path, tracker: str, *, uri: str) -> follow.Follower:
        assert uri == ""
        started.append(subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE))
        return follow.Follower(tracker, folder, started[0])

    monkeypatch.setattr(follow, "follow", exporter_of)
    with tracked(Screen(), run, ["refusing"], lambda _: None) as on_progress:
        on_progress(TRAINING)
        assert started[0].poll() is None
    started[0].kill()
    started[0].wait()
    told = capsys.readouterr().out
    assert said in told if said else not told
