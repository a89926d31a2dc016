"""Runs in ClearML: everything that is sent is read back, from a server on loopback and from an imported session."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from clearml_server import ClearmlServer, clearml_server, environment_of
from compared_runs import counts_of, judged_run
from maskwright.errors import TrackerError, UsageError
from maskwright.evaluation.evaluate import Evaluation
from maskwright.storage import read_json, write_json
from maskwright.trackers import clearml_server as exporter
from maskwright.trackers.follow import follow
from maskwright.trackers.push import push
from maskwright.training.run import open_run
from synthetic_run import synthetic_run
from tiny import tiny_dataset

# The package reads its configuration with what pyparsing has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::pyparsing.warnings.PyparsingDeprecationWarning")

ITERATIONS, STEP = 200, 20


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three classes, evaluated, with weights."""
    folder = synthetic_run(tmp_path_factory.mktemp("made") / "котики", tiny_dataset(), iterations=ITERATIONS)
    (folder / "weights").mkdir(exist_ok=True)
    save_file({"w": np.arange(5000, dtype=np.float32)}, folder / "weights" / "best.safetensors")
    write_json(folder / "weights" / "best.json", {"iteration": 180})
    (folder / "report.html").write_text("<p>report</p>")
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / made.name))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ClearmlServer]:
    monkeypatch.delenv("MASKWRIGHT_OFFLINE", raising=False)
    monkeypatch.setenv("CLEARML_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("CLEARML_CONFIG_FILE", str(tmp_path / "none.conf"))
    monkeypatch.setattr(exporter, "ANSWER_TIMEOUT_S", (2.0, 2.0))
    monkeypatch.setattr("clearml.backend_interface.base.InterfaceBase._default_session", None)
    with clearml_server() as server:
        for name, value in environment_of(server).items():
            monkeypatch.setenv(name, value)
        yield server


def test_a_server_has_everything(run: Path, server: ClearmlServer) -> None:
    pushed = push(run, "clearml")
    (task,) = server.tasks.values()
    assert (task["name"], task["type"], task["status"]) == (run.name, "training", "completed")
    assert server.projects[task["project"]]["name"] == "maskwright"
    assert task["id"] in pushed.place
    assert server.curves() == _curves(run)
    assert [iteration for iteration, _ in _curves(run)[("dice", "disc")]] == list(range(STEP, ITERATIONS + 1, STEP))
    _assert_scores(server, run)
    _assert_pictures(server, run)
    recipe = task["hyperparams"]["recipe"]
    assert recipe["crop_hw"]["value"] == "[64, 64]"
    assert recipe["lr"]["value"] == "0.0008"
    assert task["configuration"]["recipe.yaml"]["value"] == (run / "recipe.yaml").read_text()
    (artifact,) = task["execution"]["artifacts"]
    assert (artifact["key"], artifact["type_data"]["content_type"]) == ("report.html", "text/html")
    assert _file(server, artifact["uri"]) == b"<p>report</p>"
    (model,) = server.models.values()
    assert task["models"]["output"] == [{"name": "best", "model": model["id"]}]
    assert (model["task"], model["framework"]) == (task["id"], "PyTorch")
    assert _file(server, model["uri"]) == (run / "weights" / "best.safetensors").read_bytes()


def test_what_is_sent_is_what_the_api_takes(run: Path, server: ClearmlServer) -> None:
    push(run, "clearml")
    version = exporter.API_VERSION.replace(".", "_")
    for action, sent in server.sent:
        service, _, act = action.partition(".")
        module = importlib.import_module(f"clearml.backend_api.services.v{version}.{service}")
        if action == "events.add_batch":
            for event in sent:
                name = {
                    "training_stats_scalar": "MetricsScalarEvent",
                    "training_debug_image": "MetricsImageEvent",
                    "plot": "MetricsPlotEvent",
                }[event["type"]]
                fields = {field: value for field, value in event.items() if field != "type"}
                assert getattr(module, name)(**fields).to_dict() == event
        else:
            name = "".join(word.capitalize() for word in act.split("_")) + "Request"
            getattr(module, name)(**sent).validate()


def test_pushed_again_nothing_is_sent(run: Path, server: ClearmlServer) -> None:
    push(run, "clearml")
    before = dict(server.events), dict(server.files), dict(server.models)
    server.asked.clear()
    assert push(run, "clearml").sent == 0
    assert server.asked == ["auth.login", "tasks.get_all"]
    assert (server.events, server.files, server.models) == before


def test_a_project_that_is_named(run: Path, server: ClearmlServer) -> None:
    push(run, "clearml")
    push(run, "clearml", project="mine/cats")
    push(run, "clearml")
    named = [server.projects[task["project"]]["name"] for task in server.tasks.values()]
    assert named == ["maskwright", "mine/cats"]


def test_an_answer_that_is_lost_makes_nothing_double(run: Path, server: ClearmlServer) -> None:
    state = run / "trackers" / "clearml.json"
    for lost in range(100):  # each time one request further
        before = state.read_bytes() if state.exists() else None
        server.answers = lost
        server.asked.clear()
        try:
            push(run, "clearml")
            break
        except TrackerError as error:
            assert "goes on where it stopped" in str(error)
        if lost % 2 == 0:  # as if killed before it was noted down
            state.unlink(missing_ok=True)
            if before is not None:
                state.write_bytes(before)
    assert lost > 15
    server.answers = None
    push(run, "clearml")
    assert len(server.tasks) == len(server.projects) == len(server.models) == 1
    assert server.curves() == _curves(run)
    _assert_scores(server, run)
    _assert_pictures(server, run)
    (task,) = server.tasks.values()
    assert task["status"] == "completed"


@pytest.mark.parametrize("status", [401, 500, 503])
def test_a_server_that_refuses_is_told_of_and_asked_again_later(run: Path, server: ClearmlServer, status: int) -> None:
    server.status = status
    with pytest.raises(TrackerError, match=rf"not everything was sent(.|\n)*{status}(.|\n)*runs push"):
        push(run, "clearml")
    assert server.asked == ["auth.login"]
    server.status = 200
    push(run, "clearml")
    assert server.curves() == _curves(run)


def test_a_server_that_hangs_is_given_up(run: Path, server: ClearmlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "ANSWER_TIMEOUT_S", (0.3, 0.3))
    push(run, "clearml", max_checkpoint_mb=0)
    server.hangs = True
    begun = time.monotonic()
    with pytest.raises(TrackerError, match=r"timed out"):
        push(run, "clearml")
    assert time.monotonic() - begun < 5
    server.hangs = False
    assert push(run, "clearml").sent == 1
    assert len(server.models) == 1


def test_a_checkpoint_above_the_limit_is_left_out(run: Path, server: ClearmlServer) -> None:
    pushed = push(run, "clearml", max_checkpoint_mb=0.01)
    assert pushed.left_out == (("best.safetensors", pytest.approx(0.0201, abs=0.001)),)
    assert not server.models


def test_the_package_is_only_talked_through(run: Path, server: ClearmlServer) -> None:
    from clearml import Task

    before = {thread.name for thread in threading.enumerate() if not thread.daemon}
    push(run, "clearml")
    assert Task.current_task() is None
    assert {thread.name for thread in threading.enumerate() if not thread.daemon} == before
    (task,) = server.tasks.values()
    assert "script" not in task
    assert not any(word in json.dumps(task) for word in ("pytest", "argv"))


def test_no_credentials(run: Path, server: ClearmlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLEARML_API_ACCESS_KEY", "CLEARML_API_SECRET_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(TrackerError, match=r"no credentials(.|\n)*clearml-init(.|\n)*--to clearml-offline"):
        push(run, "clearml")
    assert server.asked == []


def test_a_training_that_is_told_of_clearml_does_not_import_it() -> None:
    code = "import sys; from pathlib import Path; from maskwright.trackers.table import TRACKERS\n"
    code += "print([tracker.where(Path('run'), '') for tracker in TRACKERS.values()], 'clearml' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'the server of clearml.conf'" in told
    assert told.endswith("False\n")


def test_where_the_network_is_forbidden(run: Path, server: ClearmlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_OFFLINE", "1")
    monkeypatch.delenv("CLEARML_API_HOST")
    with pytest.raises(UsageError, match="network is forbidden"):
        push(run, "clearml")
    push(run, "clearml-offline")
    assert server.asked == []


def test_a_task_that_was_deleted(run: Path, server: ClearmlServer) -> None:
    push(run, "clearml")
    server.tasks.clear()
    with pytest.raises(TrackerError, match=r"no longer on the server(.|\n)*clearml\.json(.|\n)*Delete that file"):
        push(run, "clearml")
    (run / "trackers" / "clearml.json").unlink()
    push(run, "clearml")
    assert len(server.tasks) == 1


def test_a_session_is_imported_and_is_the_same_task(run: Path, server: ClearmlServer) -> None:
    from clearml import Task

    pushed = push(run, "clearml-offline")
    assert server.asked == []
    packed = run / "trackers" / "clearml-offline.zip"
    assert str(packed) in pushed.place
    Task.import_offline_session(str(packed))
    (task,) = server.tasks.values()
    assert (task["name"], task["status"]) == (run.name, "completed")
    assert server.curves() == _curves(run)
    _assert_scores(server, run)
    _assert_pictures(server, run)
    artifacts = {artifact["key"]: artifact for artifact in task["execution"]["artifacts"]}
    best = (run / "weights" / "best.safetensors").read_bytes()
    assert _file(server, artifacts["best.safetensors"]["uri"]) == best
    assert _file(server, artifacts["report.html"]["uri"]) == b"<p>report</p>"
    imported = task["hyperparams"], task["configuration"], dict(server.events)
    push(run, "clearml")  # finds the imported task
    (task,) = server.tasks.values()
    assert (task["hyperparams"], task["configuration"]) == imported[:2]
    assert server.curves() == _curves(run)
    assert set(server.events) == set(imported[2])


def test_a_training_is_followed_by_a_process_that_ends_in_time(run: Path, server: ClearmlServer) -> None:
    log = (run / "log.jsonl").read_text().splitlines(keepends=True)
    (run / "log.jsonl").write_text("".join(log[:9]))
    follower = follow(run, "clearml")
    _wait_until(lambda: bool(server.curves()))
    (task,) = server.tasks.values()
    assert task["status"] == "in_progress"
    assert not server.models
    (run / "log.jsonl").write_text("".join(log))
    assert follower.process.stdin is not None
    follower.process.stdin.close()  # the training's process is gone
    assert follower.process.wait(30) == 0
    assert server.curves() == _curves(run)
    assert (task["status"], len(server.models)) == ("completed", 1)
    assert push(run, "clearml").sent == 0


def test_an_exporter_that_hangs_and_is_killed_leaves_it_to_push(run: Path, server: ClearmlServer) -> None:
    server.hangs = True
    begun = time.monotonic()
    follower = follow(run, "clearml")
    assert time.monotonic() - begun < 1  # all that the training waits for
    _wait_until(lambda: bool(server.asked))
    follower.process.kill()
    follower.process.communicate()
    server.hangs = False
    push(run, "clearml")
    assert server.curves() == _curves(run)
    assert len(server.tasks) == 1


def test_a_comparison_is_a_table(tmp_path: Path, server: ClearmlServer) -> None:
    one, other = (judged_run(tmp_path / f"run{seed}", counts_of(0.6 + 0.2 * seed, seed)) for seed in (0, 1))
    push(one, "clearml", compared=[other])
    plots = {event["metric"]: json.loads(event["plot_str"]) for event in server.events_of("plot")}
    compared, pairs = (plots[title]["data"][0] for title in ("comparison", "comparison pairs"))
    assert compared["cells"]["values"][0] == ["run0", "run1"]
    assert compared["header"]["values"][-1] == "dice dog"
    assert compared["cells"]["values"][-1] == [
        f"{Evaluation.load(run / 'evaluation' / 'val').scores.dice[2]:.4f}" for run in (one, other)
    ]
    assert pairs["cells"]["values"][-1] == ["worse"]


def _wait_until(true: Callable[[], bool], *, limit_s: float = 60.0) -> None:
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def _curves(run: Path) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """The curves that the log tells, by title and series."""
    curves: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for entry in open_run(run).log():
        points: dict[tuple[str, str], Any] = {}
        if entry["event"] == "train":
            points = {(name, "train"): entry[name] for name in ("loss", "lr", "iteration_s", "data_wait_frac")}
        if entry["event"] == "validation":
            points = {(name, "val"): value for name, value in entry["metrics"].items()}
            for one in entry["per_class"]:
                points |= {(name, one["name"]): one[name] for name in ("dice", "iou", "acc", "precision", "recall")}
        for key, value in points.items():
            curves.setdefault(key, []).append((entry["iteration"], value))
    return curves


def _assert_scores(server: ClearmlServer, run: Path) -> None:
    told = read_json(run / "evaluation" / "val" / "metrics.json")
    singles = {
        event["variant"]: event["value"]
        for event in server.events_of("training_stats_scalar")
        if event["metric"] == "Summary"
    }
    assert singles["val mDice"] == pytest.approx(told["metrics"]["mDice"])
    assert singles["val dice/disc"] == pytest.approx(told["per_class"][2]["dice"])
    plots = {event["metric"]: json.loads(event["plot_str"]) for event in server.events_of("plot")}
    heat = plots["confusion val"]["data"][0]
    assert heat["x"] == heat["y"] == ["background", "square", "disc"]
    counts = np.load(run / "evaluation" / "val" / "counts.npz")["counts"].sum(axis=0)
    assert np.allclose(heat["z"], 100 * counts / counts.sum(axis=1, keepdims=True), atol=1e-3)
    assert heat["text"][0][0] == f"{counts[0, 0]:,} px"
    table = plots["classes val"]["data"][0]
    assert table["header"]["values"][:2] == ["name", "dice"]
    assert table["cells"]["values"][0] == ["background", "square", "disc"]


def _assert_pictures(server: ClearmlServer, run: Path) -> None:
    gallery = run / "evaluation" / "val" / "gallery"
    events = [event for event in server.events_of("training_debug_image") if event["metric"] != "samples"]
    told = read_json(gallery / "gallery.json")["samples"]
    assert {event["metric"] for event in events} == {f"{entry['kind']} val" for entry in told}
    assert len(events) == len(told)
    sent = sorted(_file(server, event["url"]) for event in events)
    assert sent == sorted((gallery / entry["file"]).read_bytes() for entry in told)
    assert {event["iter"] for event in events} == {180}


def _file(server: ClearmlServer, url: str) -> bytes:
    from urllib.parse import unquote

    assert url.startswith(server.url)
    return server.files[unquote(url[len(server.url) + 1 :])]
