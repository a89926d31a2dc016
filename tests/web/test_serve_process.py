"""`maskwright serve` as processes: stopping without losing a request, several workers, what is refused at the start."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections import Counter
from dataclasses import replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
from httpx2 import Client

import maskwright
from drawn_run import drawn_run
from maskwright.cli.main import answer
from maskwright.web.door import Door
from maskwright.web.intake import Bounds
from maskwright.web.serve_process import Order, open_models
from maskwright.web.served_models import Model, names_for
from serve_case import CLASSES, Process, png, serving, three_bands, tiny_run
from tiny import tiny_dataset
from untrained_run import untrained_run

PHOTO = png(three_bands())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_run(tmp_path_factory.mktemp("runs") / "tiny")


class Asking:
    """Somebody who asks without a pause, each time over a connection of its own or over one that stays open."""

    def __init__(self, server: Process, name: str, *, stays: bool) -> None:
        self.answers: dict[str, int] = {}
        self.refused = self.cut = 0
        self._server, self._name, self._stays = server, name, stays
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._ask)
        self.thread.start()

    def _ask(self) -> None:
        connection, number = HTTPConnection(*self._server.place, timeout=60), 0
        while not self.over.is_set():
            number += 1
            name = f"{self._name}-{number}"
            try:
                connection.connect() if connection.sock is None else None
            except OSError:
                self.refused += 1
                return
            try:
                connection.request("POST", "/v1/segment", PHOTO, {"x-request-id": name})
                reply = connection.getresponse()
                body = reply.read()
                assert len(body) == int(reply.headers["content-length"])
                self.answers[name] = reply.status
            except (OSError, HTTPException):
                self.cut += 1  # closed before anything of it was read: the log tells below
                connection.close()
            if not self._stays:
                connection.close()


def test_each_photo_is_looked_at_once_where_that_is_asked(tmp_path: Path) -> None:
    folder = untrained_run(tmp_path / "run", model="mlp-mobilenetv2", tta_flip=True).folder
    order = Order((folder,), Bounds(), Door(0))
    (several,), (once,) = (open_models(replace(order, tta=tta)) for tta in (True, False))
    for model, tta in ((several, True), (once, False)):
        assert model.network.predictor.digest == maskwright.load(folder, tta=tta).digest
    assert several.network.digest != once.network.digest


def test_a_kill_in_the_middle_loses_no_request_that_was_taken_on(run: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "log", run, "--threads", "1", "--drain", "1", "--queue", "4") as server:
        asking = [Asking(server, f"c{number}", stays=number % 2 == 0) for number in range(8)]
        while sum(len(each.answers) for each in asking) < 40:
            assert server.process.poll() is None
            time.sleep(0.02)
        server.process.send_signal(signal.SIGTERM)
        with Client(base_url=server.origin, timeout=30) as other:
            while other.get("/readyz").status_code == 200:
                time.sleep(0.01)
            assert other.get("/readyz").json() == {"ready": False}  # it says no first, and still answers
            assert other.get("/healthz").status_code == 200
        assert server.process.wait(timeout=60) == 0
        for each in asking:
            each.over.set()
            each.thread.join(60)
            assert not each.thread.is_alive()
    answered = {name: status for each in asking for name, status in each.answers.items()}
    events = server.events()
    logged = {each["id"]: each["status"] for each in events if "id" in each}
    assert logged == answered  # whatever the server has read it has answered, and the answer came whole
    assert set(Counter(answered.values())) <= {200, 503}
    assert Counter(answered.values())[200] >= 20
    stopped = events[-1]
    assert (stopped["event"], stopped["begun"]) == ("stopped", stopped["ended"])
    assert not [each for each in events if each["level"] == "error"]


def test_several_workers_answer_on_one_port_and_a_dead_one_is_replaced(run: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "log", run, "--workers", "2", "--drain", "0.2") as server:
        assert server.value["workers"] == 2
        seen: set[int] = set()
        answers: list[int] = []

        def ask(times: int) -> None:
            for _ in range(times):
                with Client(base_url=server.origin, timeout=60) as one:
                    answers.append(one.post("/v1/segment?format=areas", content=PHOTO).status_code)

        ends = time.monotonic() + 90
        while len(seen) < 2 and time.monotonic() < ends:
            threads = [threading.Thread(target=ask, args=(3,)) for _ in range(6)]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
            seen = {each["pid"] for each in server.events() if each["event"] == "request"}
        assert len(seen) == 2
        assert set(answers) == {200}
        while sum(each["event"] == "request" for each in server.events()) < len(answers):  # a line follows its answer
            assert time.monotonic() < ends
            time.sleep(0.1)
        with Client(base_url=server.origin, timeout=60) as one:
            counts = one.get("/metrics").text
        assert (
            f'maskwright_requests_total{{path="/v1/segment",status="200"}} {float(len(answers))}' in counts
        )  # of both
        signal_to = seen.pop()
        import os

        os.kill(signal_to, signal.SIGKILL)
        while not any(each["event"] == "serving" and each["pid"] not in {signal_to, *seen} for each in server.events()):
            assert time.monotonic() < ends
            time.sleep(0.1)
        ask(1)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=60) == 0
        assert server.events()[-1]["event"] == "all stopped"


def test_asked_twice_several_workers_end_at_once(run: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "log", run, "--workers", "2", "--drain", "60") as server:
        ends = time.monotonic() + 90
        while sum(each["event"] == "serving" for each in server.events()) < 2:
            assert time.monotonic() < ends
            time.sleep(0.1)
        server.process.send_signal(signal.SIGINT)
        while sum(each["event"] == "stopping" for each in server.events()) < 2:
            assert time.monotonic() < ends
            time.sleep(0.1)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=20) == 0
        assert server.events()[-1]["event"] == "all stopped"


def test_a_token_and_another_site_as_they_are_given(run: Path, tmp_path: Path) -> None:
    token = "0123456789abcdef-token"
    (tmp_path / "token").write_text(token + "\n")
    options = ["--token-file", tmp_path / "token", "--allow-origin", "https://Lab.example/", "--max-mb", "0.01"]
    with serving(tmp_path / "log", run, *options) as server, Client(base_url=server.origin, timeout=60) as asked:
        assert server.value["token"] == token
        assert asked.get("/v1/model").status_code == 401
        asked.headers["authorization"] = f"Bearer {token}"
        value = asked.get("/v1/model", headers={"origin": "https://lab.example"})
        assert value.headers["access-control-allow-origin"] == "https://lab.example"
        assert [each["name"] for each in value.json()["classes"]] == list(CLASSES.names)
        assert asked.post("/v1/segment", content=PHOTO, headers={"origin": "https://x.example"}).status_code == 403
        preflight = {"origin": "https://lab.example", "access-control-request-method": "POST"}
        assert asked.options("/v1/segment", headers=preflight).status_code == 200
        preflight["origin"] = "https://x.example"
        assert "access-control-allow-origin" not in asked.options("/v1/segment", headers=preflight).headers
        assert asked.post("/v1/segment", content=b"x" * 20_000).status_code == 413


def test_nothing_goes_out_while_it_serves(run: Path, tmp_path: Path) -> None:
    """Every socket but the listening one and those it accepts is refused to the process."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import socket\n"
        "def refuse(*_, **__): raise AssertionError('a connection to elsewhere')\n"
        "socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = refuse\n"
        "socket.create_connection = refuse\n"
        "real = socket.getaddrinfo\n"
        "def own(host, *rest, **more):\n"
        "    assert host in (None, '127.0.0.1', 'localhost'), host\n"
        "    return real(host, *rest, **more)\n"
        "socket.getaddrinfo = own\n"
    )
    from serve_case import SRC

    path = f"{tmp_path / 'site'}:{SRC}"
    with (
        serving(tmp_path / "log", run, PYTHONPATH=path) as server,
        Client(base_url=server.origin, timeout=60) as asked,
    ):
        for chosen in ("palette", "index", "overlay", "rle", "geojson", "areas"):
            assert asked.post(f"/v1/segment?format={chosen}", content=PHOTO).status_code == 200
        for place in ("/", "/docs", "/openapi.json", "/v1/model", "/metrics"):
            assert asked.get(place).status_code == 200
        assert asked.post("/play/mask", content=PHOTO).status_code == 200
    assert "elsewhere" not in (tmp_path / "log").read_text()


def test_what_is_refused_at_the_start(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answer(["serve", str(tmp_path / "none"), "--no-browser", "--port", "0"]) == 2
    for origin in ("lab.example", "http://[x"):
        assert answer(["serve", str(run), "--allow-origin", origin, "--no-browser", "--port", "0"]) == 2
        assert "--allow-origin: a site is named by scheme and host" in capsys.readouterr().err
    monkeypatch.setenv("MASKWRIGHT_TOKEN", "short")
    assert answer(["serve", str(run), "--no-browser", "--port", "0"]) == 2
    assert "this is no token" in capsys.readouterr().err
    assert answer(["serve", str(run), "--token-file", str(tmp_path / "gone"), "--no-browser"]) == 2
    assert "cannot be read" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.delenv("MASKWRIGHT_TOKEN")
        assert answer(["serve", str(run), "--no-browser", "--port", str(taken.getsockname()[1])]) == 2
    assert "nothing can be served there" in capsys.readouterr().err


def test_workers_share_the_cores_that_a_container_grants(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shares = []
    monkeypatch.setattr("maskwright.cli.serve.usable_cores", lambda: 6)
    monkeypatch.setattr("maskwright.web.serve_process.open_models", lambda order: shares.append(order.threads) or [])
    monkeypatch.setattr("maskwright.web.serve_process.serve_several", lambda *_: None)
    for workers in ("2", "64"):
        assert answer(["serve", str(run), "--workers", workers, "--no-browser", "--port", "0"]) == 0
    assert shares == [3, 1]


def test_on_an_interface_that_others_reach_a_token_is_made(run: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "log", run, "--host", "0.0.0.0") as server:
        port = server.place[1]
        assert len(server.value["token"]) >= 16
        silent = socket.create_connection(("127.0.0.1", port), timeout=30)
        silent.sendall(b"GET / HTTP/1.1\r\nHost:")
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/v1/model")
        assert connection.getresponse().status == 401
        connection.close()
        connection.request("GET", "/v1/model", headers={"authorization": f"Bearer {server.value['token']}"})
        assert json.loads(connection.getresponse().read())["name"] == "tiny"
        connection.close()
        assert silent.recv(1) == b""  # nobody holds a connection without having asked
        silent.close()


def test_runs_and_bundles_tell_what_was_said_of_them(tmp_path: Path) -> None:
    dataset = replace(tiny_dataset(train=1, val=3), classes=CLASSES)
    run = drawn_run(tmp_path / "judged", dataset, short_side_px=64)
    evaluation = maskwright.evaluate(maskwright.load(run.folder), dataset)
    evaluation.save(run.folder / "evaluation" / "val")
    packed = maskwright.bundle(run, out=tmp_path / "packed.zip").path
    for path in (run.folder, packed):
        told = Model("m", path, maskwright.load(path)).to_json()
        assert told["scores"]["val"]["metrics"]["mDice"] == pytest.approx(evaluation.to_json()["metrics"]["mDice"])
        assert set(told["scores"]["val"]["intervals"]) >= {"mDice"}
        assert told["architecture"] == "mlp-mobilenetv2"
    (run.folder / "evaluation" / "val" / "counts.npz").write_bytes(b"broken")
    assert Model("m", run.folder, maskwright.load(run.folder)).to_json()["scores"] == {}


def test_models_have_names_of_their_own(tmp_path: Path) -> None:
    folders = [tmp_path / "a" / "run", tmp_path / "b" / "run", tmp_path / "c" / "bundle", tmp_path / "d.zip"]
    assert names_for(folders) == ["run", "run-2", "c", "d"]
