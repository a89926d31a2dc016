"""`maskwright review` as a person starts it: addresses, people, Ctrl-C, and being killed."""

from __future__ import annotations

import base64
import itertools
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from maskwright.cli.main import answer
from maskwright.errors import UsageError
from maskwright.web.serving import is_loopback, listen
from review_process import Person, serving
from small_folders import mask, split_folder, tree_digest


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return split_folder(tmp_path / "data")


def test_kill_at_any_moment_loses_nothing_that_was_called_saved(data: Path) -> None:
    before, saved = tree_digest(data), []
    painted = base64.b64encode(mask(2, 1).tobytes()).decode()
    for turn in range(3):
        with serving(data) as server:
            person, stop = Person(server), threading.Event()

            def decide(person: Person = person, stop: threading.Event = stop, turn: int = turn) -> None:
                for index in itertools.cycle(range(8)):
                    if stop.is_set():
                        return
                    more = {"note": f"{turn}"} if index % 2 else {"mask": painted, "note": f"{turn}"}
                    try:
                        status, value = person.decide(index, "exclude" if index % 2 else "relabel", **more)
                    except (OSError, ValueError, HTTPException):  # killed in the middle of an answer
                        return
                    assert status == 200
                    saved.append((index, value["version"]))

            thread = threading.Thread(target=decide)
            thread.start()
            while len(saved) < 12 * (turn + 1):
                assert thread.is_alive()
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            stop.set()
            thread.join()
    with serving(data) as server:
        person = Person(server)
        histories = [person.json(f"/review/sample/{index}.json")["history"] for index in range(8)]
        kept = {(index, each["version"]) for index, history in enumerate(histories) for each in history}
        assert set(saved) <= kept
        assert len(saved) >= 36
        pixels = np.frombuffer(person.get("/review/sample/0/mask")[1], np.uint8).reshape(mask().shape)
        assert np.array_equal(pixels, mask(2, 1))
        assert person.decide(0, "clear")[0] == 200
    assert tree_digest(data) == before


def test_ctrl_c_ends_it_and_says_how_to_go_on(data: Path) -> None:
    with serving(data) as server:
        assert Person(server).decide(0, "keep")[0] == 200
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=30) == 0
        assert server.process.stdout is not None
        assert server.process.stdout.read() == ""
        assert "Traceback" not in server.said.read_text()


def test_without_json_the_address_is_for_a_person(data: Path) -> None:
    command = [sys.executable, "-m", "maskwright", "review", str(data), "--no-browser", "--port", "0", "--lang", "ru"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(5)]
    place = urlsplit(lines[1].strip())
    connection = HTTPConnection(place.netloc, timeout=30)
    connection.request("GET", "/review")
    assert connection.getresponse().status == 403
    connection.close()
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=30)[0]
    assert process.returncode == 0
    assert lines[0].startswith("Решайте и рисуйте здесь")
    assert "/review?token=" in lines[1]
    assert "maskwright audit" in lines[2]
    assert "maskwright weights get hf:facebook/sam2.1-hiera-tiny" in lines[3]
    assert "maskwright mend" in rest


def test_what_the_browser_s_command_line_shows_is_soon_worth_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, program = tmp_path / "shown.txt", tmp_path / "browser"
    program.write_text(f'#!/bin/sh\nprintf %s "$1" > {shown}.part && mv {shown}.part {shown}\n')
    program.chmod(0o700)
    monkeypatch.setenv("BROWSER", f"{program} %s")
    with serving(data, browser=True) as server:
        while not shown.exists():
            assert server.process.poll() is None
            time.sleep(0.05)
        opened = shown.read_text()
        assert urlsplit(opened)[:3] == urlsplit(server.address)[:3]
        assert opened != server.address
        assert Person(server, opened).get("/review/queue.json")[0] == 200
        assert Person(server, opened).get("/review/queue.json")[0] == 403
        assert Person(server, server.address).get("/review/queue.json")[0] == 200


def test_it_says_how_sam_is_to_be_had(data: Path) -> None:
    with serving(data) as server:
        assert server.value["sam"] is False
        to_get = Person(server).json("/review/queue.json")["to_get"]
        assert "maskwright weights get hf:facebook/sam2.1-hiera-tiny" in to_get["sam"]


def test_everyone_has_an_address_and_a_name(data: Path) -> None:
    with serving(data, "--person", "ann", "--person", "bob") as server:
        addresses = server.value["addresses"]
        assert set(addresses) == {"ann", "bob"}
        bob = Person(server, addresses["bob"])
        assert bob.json("/review/queue.json")["person"] == "bob"
        assert bob.decide(1, "exclude")[1]["decision"]["who"] == "bob"
        assert Person(server, addresses["ann"]).json("/review/sample/1.json")["decision"]["who"] == "bob"
        assert "bob has come in" in server.said.read_text()


def test_a_second_process_sees_what_the_first_decides(data: Path) -> None:
    with serving(data) as one, serving(data) as other:
        first, second = Person(one), Person(other)
        seen = second.json("/review/sample/0.json")
        first.decide(0, "keep")
        value = {"sample": seen["id"], "action": "exclude", "mask": None, "version": seen["version"]}
        status, answer = second.post("/review/decisions", value)
        assert status == 409
        assert answer["current"]["decision"]["action"] == "keep"
        assert second.json("/review/sample/0.json")["decision"]["action"] == "keep"


def test_other_interfaces_want_names(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["review", str(data), "--host", "0.0.0.0", "--no-browser"]) == 2
    assert "--person NAME" in capsys.readouterr().err


def test_a_taken_port_is_told(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert answer(["review", str(data), "--no-browser", "--port", port]) == 2
    assert f"--port {port}: nothing can be served there" in capsys.readouterr().err


def test_the_usual_port_is_left_for_a_free_one() -> None:
    first, second = listen(), listen()
    with first.socket, second.socket:
        assert first.port != second.port
    with pytest.raises(UsageError, match="nothing can be served"):
        listen("203.0.113.7")


def test_on_all_interfaces_an_address_is_shown_that_others_can_open() -> None:
    listening = listen("0.0.0.0", 0)
    with listening.socket:
        assert listening.host not in ("0.0.0.0", "")
        assert {listening.host, "localhost", socket.gethostname()} <= set(listening.names)
        assert listening.address("/review", "t") == f"http://{listening.host}:{listening.port}/review?token=t"


@pytest.mark.parametrize(
    ("host", "own"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("box.lan", False)]
)
def test_the_loopback_interface_is_known(host: str, own: bool) -> None:
    assert is_loopback(host) is own


def test_mend_as_a_command(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(data) as server:
        Person(server).decide(0, "exclude", note="blurred")
    assert answer(["mend", str(data), "-o", str(tmp_path / "new"), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["samples"], value["excluded"], value["relabelled"]) == (31, 1, 0)
    assert value["changes"][0]["why"] == "blurred"
    assert not (tmp_path / "new/images/train/000.png").exists()
    assert answer(["mend", str(data), "-o", str(tmp_path / "new")]) == 2
    assert "something lies there" in capsys.readouterr().err
