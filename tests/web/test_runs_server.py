"""What the server of runs answers, refuses, and writes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from maskwright.cli.main import answer
from maskwright.data.classes import make_classes
from maskwright.data.dataset import Dataset
from maskwright.errors import DiskError, UsageError
from maskwright.experiments.labels import change_labels
from maskwright.experiments.runs import summarise
from maskwright.training.presence import training_in
from maskwright.training.run import append_log
from maskwright.web import runs_shelf
from maskwright.web.resuming import LOG, Resumed
from maskwright.web.runs_shelf import Shelf
from maskwright.web.workbench import Workbench
from runs_page import runs_client, three_runs

PATHS = ("/runs", "/runs.json", "/runs/table.json", "/runs/log.json?run=good", "/runs/compare?run=good&run=again",
         "/runs/plotly.js", "/runs/photo?run=good&sample=val/0", "/static/runs.css")  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return three_runs(tmp_path_factory.mktemp("written") / "runs")


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return shutil.copytree(written, tmp_path / "runs")


@pytest.fixture
def client(folder: Path) -> TestClient:
    return runs_client(Shelf(folder))


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_nothing_is_served(folder: Path, path: str) -> None:
    refused = runs_client(Shelf(folder), come_in=False).get(path)
    assert (refused.status_code, refused.json()["error"]["kind"]) == (403, "no_token")


def test_the_runs_are_those_of_the_command(
    folder: Path, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(["runs", "list", str(folder), "--sort", "name", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert client.get("/runs.json").json() == told
    table = client.get("/runs/table.json").json()
    assert (table["runs"], table["troubles"], table["whole"]) == (told, {}, True)
    assert all(when > 0 for when in table["judged"].values())
    assert [run["name"] for run in told] == ["again", "good", "old/worse"]


def test_only_what_has_changed_is_read_anew(folder: Path, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> dict[str, dict[str, object]]:
        return {run["name"]: run for run in client.get("/runs/table.json").json()["runs"]}

    read: list[str] = []
    monkeypatch.setattr(runs_shelf, "summarise", lambda run, name: read.append(name) or summarise(run, name=name))
    before = told()
    assert told() == before and read == ["again", "good", "old/worse"]
    change_labels(folder / "good", add=["first"])
    append_log(folder / "again" / "log.jsonl", {"event": "start", "iteration": 0, "seconds": 0.0, "time": 1.0})
    assert told()["good"]["tags"] == ["first"] and read[3:] == ["again", "good"]
    with training_in(folder / "good"):
        assert told()["good"]["status"] == told()["good"]["status"] == "training"
    assert told()["good"]["status"] == before["good"]["status"]


def test_some_runs_are_asked_for_alone(folder: Path, client: TestClient) -> None:
    client.get("/runs/table.json")
    shutil.rmtree(folder / "again")
    table = client.get("/runs/table.json", params={"run": ["good", "again", "../good"]}).json()
    assert ([run["name"] for run in table["runs"]], table["whole"]) == (["good"], False)


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are letters there")
def test_a_name_that_is_no_utf8_is_shown_escaped(folder: Path) -> None:
    shutil.copytree(folder / "good", folder / os.fsdecode(b"bad\xffname"))
    odd = folder.rename(folder.with_name(os.fsdecode(b"runs\xfe")))
    client = runs_client(Shelf(odd))
    told = {run["name"]: run for run in client.get("/runs/table.json").json()["runs"]}
    assert sorted(told) == ["again", "bad\\xffname", "good", "old/worse"]
    assert told["bad\\xffname"]["folder"].endswith(os.fsdecode(b"bad\xffname"))
    assert client.get("/runs/log.json", params={"run": "bad\\xffname"}).json()["validations"]
    assert client.get("/runs/compare", params={"run": ["good", "bad\\xffname"]}).status_code == 200
    assert client.get("/runs").status_code == 200


def test_the_log_is_followed(folder: Path, client: TestClient) -> None:
    first = client.get("/runs/log.json", params={"run": "old/worse"}).json()
    assert [each["metrics"]["mDice"] for each in first["validations"]] == [0.3, 0.6, 0.7]
    step = {"event": "train", "iteration": 400, "loss": 0.5, "lr": 1e-3, "iteration_s": 0.5, "seconds": 200.0}
    append_log(folder / "old" / "worse" / "log.jsonl", step)
    more = client.get(
        "/runs/log.json", params={"run": "old/worse", "since": first["next"], "mark": first["mark"]}
    ).json()
    assert (more["steps"]["iteration"], more["validations"]) == ([400], [])


def test_the_recipes_differ_in_what_differs(client: TestClient) -> None:
    two = client.get("/runs/recipes.json?run=good&run=old/worse").json()
    assert [(each["name"], each["values"]) for each in two["settings"]] == [("lr", [0.0006, 0.5])]
    assert two["settings"][0]["reasons"][0]
    seeds = client.get("/runs/recipes.json?run=good&run=again").json()["settings"]
    assert [(each["name"], each["apart"], each["values"]) for each in seeds] == [("seed", True, [0, 1])]
    alone = client.get("/runs/recipes.json?run=good").json()["settings"]
    assert {"lr", "seed", "model"} < {each["name"] for each in alone}


def test_the_verdict_is_that_of_compare_and_its_page_may_ask_this_server_nothing(client: TestClient) -> None:
    runs = "run=good&run=again&run=old/worse"
    value = client.get(f"/runs/compare.json?{runs}").json()
    assert len(value["verdicts"]) >= 2
    assert [run["name"] for run in value["runs"]] == ["good", "again", "worse"]
    assert {pair["verdict"] for pair in value["pairs"]} == {"undecided", "better"}
    assert len(value["rows"]) == 3
    assert "differ by more than chance" in " ".join(value["verdicts"])
    assert "больше, чем случайно" in " ".join(client.get(f"/runs/compare.json?{runs}&lang=ru").json()["verdicts"])
    page = client.get(f"/runs/compare?{runs}")
    policy = page.headers["content-security-policy"]
    assert "sandbox allow-scripts" in policy
    assert "connect-src" not in policy and "default-src 'none'" in policy
    assert "allow-same-origin" not in policy
    assert page.headers["cross-origin-opener-policy"] == "unsafe-none"
    assert "plotly" in page.text


def test_a_run_that_was_not_judged_is_told_how(folder: Path, client: TestClient) -> None:
    (folder / "again" / "evaluation" / "val" / "counts.npz").unlink()
    for lang, said in (("en", "again: not judged"), ("ru", "again: на части val ещё не оценено")):
        refused = client.get("/runs/compare.json?run=good&run=again", headers={"accept-language": lang})
        assert refused.status_code == 422
        assert said in refused.json()["error"]["message"]
        assert "maskwright evaluate RUN DATA" in refused.json()["error"]["message"]
    predicted = client.get("/runs/prediction?run=good&of=good&sample=val/0", headers={"accept-language": "ru"})
    assert (predicted.status_code, predicted.json()["error"]["kind"]) == (422, "Refusal")


@pytest.mark.parametrize("name", ["../outside", "/etc", "good/../../outside", "outside", ""])
def test_no_name_leads_out_of_the_folder(folder: Path, client: TestClient, name: str) -> None:
    shutil.copytree(folder, folder.parent / "outside")
    for path in ("log.json", "recipes.json"):
        assert client.get(f"/runs/{path}", params={"run": name}).json()["error"]["kind"] == "Unknown"
    changed = client.post("/runs/labels", json={"run": name, "tags": ["x"]})
    assert changed.status_code == 404
    assert not list(folder.parent.rglob("labels.json"))


def test_a_link_to_a_run_elsewhere_is_not_followed(folder: Path, client: TestClient) -> None:
    shutil.copytree(folder, folder.parent / "outside")
    (folder / "linked").symlink_to(folder.parent / "outside" / "good")
    refused = client.get("/runs/log.json", params={"run": "linked"}, headers={"accept-language": "ru"})
    assert refused.status_code == 422
    assert "в другом месте" in refused.json()["error"]["message"]
    told = {run["name"]: run["trouble"] for run in client.get("/runs/table.json").json()["runs"]}
    assert "a link leads to this run" in told["linked"]
    assert told["good"] == ""


def test_a_run_of_another_version_is_not_looked_into(folder: Path, client: TestClient) -> None:
    (folder / "good" / "format").write_text("maskwright run 99\n")
    refused = client.get("/runs/log.json?run=good")
    assert (refused.status_code, "a version that is not known" in refused.json()["error"]["message"]) == (422, True)


def test_of_one_run_only_those_beside_it_are_served(folder: Path) -> None:
    assert [run.name for run in Shelf(folder, deep=False).runs()] == ["again", "good"]


@pytest.mark.parametrize(
    ("tag", "said"), [("two words", "одним словом"), ("x" * 101, "слишком длинная"), ("a,b", "одним словом")]
)
def test_what_cannot_be_a_tag_is_refused_in_the_language_of_the_page(
    folder: Path, client: TestClient, tag: str, said: str
) -> None:
    refused = client.post("/runs/labels", json={"run": "good", "tags": [tag]}, headers={"accept-language": "ru"})
    assert (refused.status_code, said in refused.json()["error"]["message"]) == (422, True)
    assert not (folder / "good" / "labels.json").exists()


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/runs/recipes.json?run=good", None, "Сделать это не удалось"),
        ("/runs/labels", {"run": "again", "note": "x" * 10_001}, "не понят"),
        ("/runs/stop", {"run": "again"}, "останавливать нечего"),
        ("/runs/prediction?run=again&of=again&sample=val/0", None, "другие классы"),
    ],
)
def test_rare_errors_are_told_in_the_language_of_the_page(
    folder: Path, client: TestClient, monkeypatch: pytest.MonkeyPatch, path: str, body: Any, said: str
) -> None:
    def of_other_classes(*_: object) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(UsageError("The predictor tells other classes apart than the dataset has."))
        return future

    (folder / "good" / "recipe.yaml").write_text("lr: [")
    (folder / "again" / "weights" / "best.safetensors").touch()
    monkeypatch.setattr(Shelf, "sample", lambda *_: (None, None))
    monkeypatch.setattr(Shelf, "dataset", lambda *_: Dataset(make_classes(("background", "cat")), ()))
    monkeypatch.setattr(Workbench, "predict", of_other_classes)
    spoken = {"accept-language": "ru"}
    refused = client.post(path, json=body, headers=spoken) if body else client.get(path, headers=spoken)
    assert (refused.status_code, said in refused.json()["error"]["message"]) == (422, True), refused.text
    told = {run["name"]: run["trouble"] for run in client.get("/runs/table.json", headers=spoken).json()["runs"]}
    assert told["good"].startswith("Не всё в этом запуске читается")
    assert "/runs/table.json?lang=ru" in client.get("/runs?lang=ru").text, "what is fetched beforehand is in it, too"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DiskError("labels.json: there is no room for it.", found="No space left on device"), "На диске"),
        (PermissionError(13, "Permission denied"), "Система в чём-то отказала"),
    ],
)
def test_a_disk_that_takes_nothing_is_told_in_the_language_of_the_page(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, error: OSError, said: str
) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("maskwright.web.runs_shelf.change_labels", refuses)
    refused = client.post("/runs/labels", json={"run": "good", "tags": ["x"]}, headers={"accept-language": "ru"})
    assert (refused.status_code, said in refused.json()["error"]["message"]) == (507, True), refused.text


def test_labels_that_are_damaged_are_not_written_over(folder: Path, client: TestClient) -> None:
    (folder / "good" / "labels.json").write_text("{")
    refused = client.post("/runs/labels", json={"run": "good", "tags": ["x"]})
    assert (refused.status_code, "labels.json cannot be read" in refused.json()["error"]["message"]) == (422, True)
    assert (folder / "good" / "labels.json").read_text() == "{"


def test_labels_are_written_into_the_run(folder: Path, client: TestClient) -> None:
    asked = client.post("/runs/labels", json={"run": "good", "tags": ["b", "a"], "note": "the one"})
    assert asked.json() == {"tags": ["a", "b"], "archived": False, "note": "the one"}
    client.post("/runs/labels", json={"run": "good", "tags": ["b"], "archived": True})
    stored = json.loads((folder / "good" / "labels.json").read_text())
    assert stored == {"format": 1, "tags": ["b"], "archived": True, "note": "the one"}
    told = {run["name"]: run for run in client.get("/runs.json").json()}
    assert (told["good"]["tags"], told["good"]["archived"], told["good"]["note"]) == (["b"], True, "the one")


@pytest.mark.parametrize("path", ["/runs/labels", "/runs/stop", "/runs/resume", "/runs/dismiss"])
def test_other_sites_change_nothing(folder: Path, client: TestClient, path: str) -> None:
    value = {"run": "good"}
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert client.post(path, json=value, headers=headers).status_code == 403
    assert client.post(path, content=json.dumps(value), headers={"content-type": "text/plain"}).status_code == 415
    assert runs_client(Shelf(folder), come_in=False).post(path, json=value).status_code == 403
    assert client.get(path).status_code == 405
    assert [path.name for path in (folder / "good" / "state").iterdir()] == ["state.safetensors"]


def test_a_training_is_asked_to_stop(folder: Path, client: TestClient) -> None:
    nothing = client.post("/runs/stop", json={"run": "good"})
    assert (nothing.status_code, nothing.json()["error"]["kind"]) == (422, "Refusal")
    with training_in(folder / "good") as asked:
        assert not asked()
        told = {run["name"]: run["status"] for run in client.post("/runs/stop", json={"run": "good"}).json()["runs"]}
        assert asked()
        assert told["good"] == "training"


def test_a_run_whose_photos_are_gone_is_not_resumed(client: TestClient) -> None:
    for lang, said in (("en", "maskwright open"), ("ru", "Снимков этого запуска нет")):
        refused = client.post("/runs/resume", json={"run": "good"}, headers={"accept-language": lang})
        assert (refused.status_code, refused.json()["error"]["kind"]) == (422, "Refusal")
        assert said in refused.json()["error"]["message"]


def test_why_a_run_could_not_go_on_is_told(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2] / "src"))
    (tmp_path / "nothing").mkdir()
    client = runs_client(Shelf(folder, data=tmp_path / "nothing"))
    assert client.post("/runs/resume", json={"run": "good"}).status_code == 200
    twice = client.post("/runs/resume", json={"run": "good"})
    assert (twice.status_code, "goes on already" in twice.text) == (422, True)
    end = time.monotonic() + 120
    assert client.get("/runs/table.json").json()["resuming"] == ["good"]
    while not (troubles := client.get("/runs/table.json").json()["troubles"]):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert list(troubles) == ["good"]
    assert "nothing" in troubles["good"]
    assert "Traceback" not in troubles["good"]
    assert (folder / "good" / "state" / "resume.log").is_file()
    with training_in(folder / "again"):  # another run says nothing of this one
        assert list(client.get("/runs/table.json").json()["troubles"]) == ["good"]
    (folder / "good").rename(folder / "moved")
    assert client.get("/runs/table.json").json()["troubles"] == {}


@pytest.mark.parametrize("how", ["dismissed", "trains", "removed"])
def test_a_failure_to_go_on_is_told_until(folder: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(run: Path, *_: object, **__: object) -> Resumed:
        log = run / LOG
        log.parent.mkdir(exist_ok=True)
        log.write_text('{"error": {"message": "no room"}}')
        process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"])
        process.wait()
        return Resumed(process, log)

    monkeypatch.setattr("maskwright.web.runs_shelf.resume", fails)
    client = runs_client(Shelf(folder, data=folder))
    assert client.post("/runs/resume", json={"run": "good"}).json()["troubles"] == {"good": "no room"}
    assert client.get("/runs/table.json?run=again").json()["troubles"] == {"good": "no room"}
    if how == "dismissed":
        assert client.post("/runs/dismiss", json={"run": "good"}).json()["troubles"] == {}
    elif how == "trains":
        with training_in(folder / "good"):
            assert client.get("/runs/table.json").json()["troubles"] == {}
    else:
        shutil.rmtree(folder / "good")
    assert client.get("/runs/table.json").json()["troubles"] == {}
