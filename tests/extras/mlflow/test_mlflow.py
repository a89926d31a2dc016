"""Everything that is sent to MLflow, read back from a real server on loopback, from SQLite, and from its page."""

from __future__ import annotations

import csv
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from compared_runs import counts_of, judged_run
from maskwright.errors import TrackerError
from maskwright.trackers.facts import Checkpoint, Matrix, Parameters, Picture, Scalar, Summary, Table
from maskwright.trackers.push import push
from maskwright.trackers.sent import read_sent, sent_path
from maskwright.trackers.story import story
from maskwright.training.run import append_log, open_run
from synthetic_run import synthetic_run
from tiny import tiny_dataset

KILLED = """
import os, signal, sys
from maskwright.trackers import push as module
note, calls = module.write_sent, 0

def killed(sent, path):
    global calls
    calls += 1
    if calls == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    note(sent, path)

module.write_sent = killed
module.push(sys.argv[1], "mlflow", uri=sys.argv[2])
"""
"""A push that is killed after MLflow has taken facts and before that is noted down, at the given note."""

STARTS = itertools.count(1_780_000_000, 1000)

pytestmark = pytest.mark.filterwarnings("default")  # MLflow's own, of what it imports


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MLflow's own server; gives its address."""
    folder = tmp_path_factory.mktemp("server")
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with (folder / "server.log").open("w") as log:
        started = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
                *("--backend-store-uri", f"sqlite:///{folder / 'server.db'}", "--workers", "1"),
                *("--artifacts-destination", str(folder / "artifacts")),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        )
    try:
        wait_for_server(address)
        yield address
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "120")  # the computer may be busy with other tests
    folder = synthetic_run(tmp_path / "runs" / "one", tiny_dataset(), iterations=400)
    log = folder / "log.jsonl"  # runs that began at the same moment are the same run
    log.write_text(log.read_text(encoding="utf-8").replace("1780000000.0", f"{next(STARTS)}.0"), encoding="utf-8")
    (folder / "weights").mkdir()
    (folder / "weights" / "best.safetensors").write_bytes(bytes(100_000))
    return folder


def mlflow_run(folder: Path, address: str) -> tuple[MlflowClient, Any]:
    client = MlflowClient(address)
    return client, client.get_run(read_sent(sent_path(folder, "mlflow")).remote["run_id"])


def history(client: MlflowClient, run_id: str, name: str) -> list[tuple[int, int, float]]:
    return sorted((one.timestamp, one.step, one.value) for one in client.get_metric_history(run_id, name))


def compare_all(folder: Path, address: str, into: Path) -> None:
    """What MLflow has is what the folder tells: each once, and nothing else."""
    client, there = mlflow_run(folder, address)
    run_id = there.info.run_id
    facts = list(story(open_run(folder)))
    told: dict[str, list[tuple[int, int, float]]] = {}
    for fact in facts:
        if isinstance(fact, Scalar):
            told.setdefault(fact.curve, []).append((round(1000 * fact.at), fact.iteration, fact.value))
        elif isinstance(fact, Summary):
            for name, value in fact.values.items():
                told[f"kept weights on val/{name}"] = [(round(1000 * fact.at), fact.iteration, value)]
    assert set(there.data.metrics) == set(told)
    assert {name: history(client, run_id, name) for name in told} == told

    parameters = {
        (name if fact.group == "recipe" else f"{fact.group}.{name}"): str(value)
        for fact in facts
        if isinstance(fact, Parameters)
        for name, value in fact.values.items()
    }
    assert there.data.params == parameters

    into.mkdir()
    root = Path(client.download_artifacts(run_id, "", str(into)))
    files = {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}
    pictures = {f"pictures/{fact.title}/{fact.file.name}": fact.file for fact in facts if isinstance(fact, Picture)}
    kept = {f"checkpoint/{fact.file.name}": fact.file for fact in facts if isinstance(fact, Checkpoint)}
    whole = {**pictures, **kept, "recipe.yaml": folder / "recipe.yaml"}
    tables = {f"tables/{fact.title}.csv" for fact in facts if isinstance(fact, Table | Matrix)}
    assert set(files) == {*whole, *tables}
    assert len(pictures) >= 12
    assert all(files[name] == file.read_bytes() for name, file in whole.items())
    matrix = next(fact for fact in facts if isinstance(fact, Matrix))
    rows = list(csv.reader(files["tables/confusion val.csv"].decode().splitlines()))
    assert [[int(cell) for cell in row[1:]] for row in rows[1:]] == matrix.counts.tolist()


def test_all_that_is_told_is_read_back_from_a_server(run: Path, server: str, tmp_path: Path) -> None:
    other = judged_run(tmp_path / "runs" / "other", counts_of(0.7, 1))
    assert push(other, "mlflow", uri=server).place.startswith(f"{server}/#/experiments/")
    pushed = push(run, "mlflow", uri=server)
    assert pushed.sent == len(list(story(open_run(run))))
    compare_all(run, server, tmp_path / "back")
    assert push(run, "mlflow").sent == 0
    _, there = mlflow_run(run, server)
    assert (there.info.status, there.info.run_name) == ("FINISHED", "one")
    started = round(1000 * open_run(run).log()[0]["time"])
    assert (there.info.start_time, there.info.end_time) == (started, started + 164_000)


@pytest.mark.browser
def test_its_page_shows_the_run(run: Path, server: str, chromium: Any) -> None:
    place = push(run, "mlflow", uri=server).place
    page = chromium.new_page(viewport={"width": 1400, "height": 1000})
    try:
        page.goto(place)
        page.get_by_text("dice/disc", exact=True).first.wait_for(timeout=120_000)
        text = page.inner_text("body")
        assert f"{MlflowClient(server).get_run(place.rpartition('/')[2]).data.metrics['dice/disc']}" in text
        assert open_run(run).recipe.model in text
        if where := os.environ.get("MASKWRIGHT_PICTURES"):
            page.screenshot(path=Path(where) / "mlflow.png")
    finally:
        page.close()


@pytest.mark.parametrize("note", [1, 2])
def test_a_push_that_is_killed_doubles_nothing(note: int, run: Path, server: str, tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(run), server, str(note)], check=False)
    assert killed.returncode == -signal.SIGKILL
    sent = read_sent(sent_path(run, "mlflow"))
    assert (sent.curves, sent.digests) == ({}, {})
    append_log(run / "log.jsonl", {**open_run(run).log()[-2], "iteration": 420})
    push(run, "mlflow", uri=server)
    compare_all(run, server, tmp_path / "back")
    client, there = mlflow_run(run, server)
    identity = there.data.tags["maskwright.identity"]
    found = client.search_runs([there.info.experiment_id], f"tags.`maskwright.identity` = '{identity}'")
    assert [one.info.run_id for one in found] == [there.info.run_id]


def test_by_default_it_is_sqlite_beside_the_runs_and_nothing_reaches_out(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: asked.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *names, **_: asked.append(names))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    push(run, "mlflow")
    database = run.parent / "mlflow.db"
    compare_all(run, f"sqlite:///{database}", tmp_path / "back")
    assert asked == []
    moved = run.parent.rename(tmp_path / "moved")
    assert push(moved / "one", "mlflow").sent > 0  # MLflow's file lies elsewhere now, so that is asked again
    client, there = mlflow_run(moved / "one", f"sqlite:///{moved / 'mlflow.db'}")
    assert len(history(client, there.info.run_id, "loss/train")) == 20
    assert len(client.search_runs([there.info.experiment_id])) == 1


def test_a_server_that_refuses_or_hangs_is_given_up_and_the_rest_sent_later(
    run: Path, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackerError, match="not everything was sent"):
        push(run, "mlflow", uri=f"http://127.0.0.1:{free_port()}")
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        began = time.monotonic()
        with pytest.raises(TrackerError, match=r"(?s)Timeout.*runs push"):
            push(run, "mlflow", uri=f"http://me:secret@127.0.0.1:{hanging.getsockname()[1]}")
        assert time.monotonic() - began < 60
    assert "secret" not in sent_path(run, "mlflow").read_text(encoding="utf-8")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "120")
    push(run, "mlflow", uri=server)
    compare_all(run, server, tmp_path / "back")


def test_a_run_that_was_deleted_there_is_named(run: Path, server: str) -> None:
    push(run, "mlflow", uri=server)
    client, there = mlflow_run(run, server)
    client.delete_run(there.info.run_id)
    with pytest.raises(TrackerError, match=r"(?s)is no longer there.*mlflow\.json"):
        push(run, "mlflow")
    sent_path(run, "mlflow").unlink()
    assert push(run, "mlflow", uri=server).sent > 0


def test_an_experiment_that_is_named(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    address = f"sqlite:///{tmp_path / 'named.db'}"
    push(run, "mlflow", uri=address)
    client, first = mlflow_run(run, address)
    assert client.get_experiment(first.info.experiment_id).name == "maskwright maskwright"
    push(run, "mlflow", project="cats/сами")
    _, second = mlflow_run(run, address)
    assert client.get_experiment(second.info.experiment_id).name == "cats/сами"
    compare_all(run, address, tmp_path / "back")
    assert push(run, "mlflow").sent == 0


def test_names_of_classes_that_mlflow_does_not_take(run: Path, tmp_path: Path) -> None:
    entries = open_run(run).log()
    for iteration, name in ((420, "кошка (серая)"), (440, "a+b")):
        validation = next(entry for entry in entries if entry["event"] == "validation")
        named = [{**validation["per_class"][0], "name": name}]
        append_log(run / "log.jsonl", {**validation, "iteration": iteration, "per_class": named})
    address = f"sqlite:///{tmp_path / 'names.db'}"
    push(run, "mlflow", uri=address)
    _, there = mlflow_run(run, address)
    assert {"dice/кошка _40_серая_41_", "dice/a_43_b"} <= set(there.data.metrics)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return int(opened.getsockname()[1])


def wait_for_server(address: str, *, timeout_s: float = 400.0) -> None:
    until = time.monotonic() + timeout_s
    while True:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            assert time.monotonic() < until, "MLflow's server did not start"
        time.sleep(0.5)
