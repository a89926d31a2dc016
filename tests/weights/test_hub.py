"""Files of the hub: out of its cache when that is all there is, with a clear word for everything that can be wrong."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import pytest

from hub_cache import COMMIT, use_cache, write_repository
from maskwright.errors import WeightsError
from maskwright.progress import Progress
from maskwright.weights.hub import Repository, hub_file, hub_weights, repository
from maskwright.weights.sam import GET, NAMES, ways_to_sam
from maskwright.workflow.weights import get_weights

FILES = ("config.json",)
CARD = b"---\nlicense: apache-2.0\ntags: [x]\n---\n# A model\n"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return use_cache(tmp_path, monkeypatch)


@dataclass
class Answers:
    """What the hub says: an error, or the bytes of its files.

    Args:
        status: HTTP status.
        code: the hub's own word for the error.
        files: bytes by name.
        asked: methods and paths.
        endpoint: its address.
    """

    status: int = 200
    code: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    endpoint: str = ""


@pytest.fixture
def hub(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answers]:
    """A hub on this computer, and the network allowed."""
    assert cache
    answers = Answers()

    class Answering(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            if self.path == "/":
                self.send_response(200)
                self.end_headers()
                return
            answers.asked.append(f"{self.command} {self.path}")
            content = answers.files.get(self.path.rpartition("/")[2])
            status = answers.status if answers.status != 200 or content is not None else 404
            self.send_response(status)
            self.send_header("X-Repo-Commit", COMMIT)
            if status != 200:
                self.send_header("X-Error-Code", answers.code or "EntryNotFound")
            body = content or b""
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_GET = do_HEAD

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    answers.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("HF_ENDPOINT", answers.endpoint)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for variable in ("MASKWRIGHT_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    huggingface_hub.close_session()
    yield answers
    huggingface_hub.close_session()
    server.shutdown()
    thread.join()
    server.server_close()


def test_names_of_repositories() -> None:
    assert repository("hf:own/it") == repository("own/it") == Repository("own/it", "main")
    assert repository("hf:own/it_1.0@abc") == Repository("own/it_1.0", "abc")


@pytest.mark.parametrize(
    "name", ["it", "hf:it", "own/it/more", "own/../it", "/own/it", "own/it@", "own it", "https://x/y"]
)
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(WeightsError, match=r"is no repository of the Hugging Face hub.\n  expected: hf:owner/name"):
        repository(name)


def test_out_of_the_cache(cache: Path) -> None:
    snapshot = write_repository(cache, "own/it", {"model.safetensors": b"weights", "README.md": CARD})
    item = hub_weights("hf:own/it")
    assert (item.name, item.commit) == (f"hf:own/it@{COMMIT}", COMMIT)
    assert (item.path, item.size_bytes) == (snapshot / "model.safetensors", 7)
    assert item.sha256 == hashlib.sha256(b"weights").hexdigest()
    assert (item.licence, item.commercial, item.source) == ("Apache-2.0", "yes", "https://huggingface.co/own/it")
    assert hub_weights(item.name).path == item.path


def test_a_pickled_checkpoint_where_there_is_nothing_better(cache: Path) -> None:
    write_repository(cache, "own/it", {"pytorch_model.bin": b"weights"})
    item = hub_weights("own/it")
    assert item.path.name == "pytorch_model.bin"
    assert (item.licence, item.commercial) == ("not stated", "not stated")


@pytest.mark.parametrize(
    ("name", "card", "licence", "commercial"),
    [
        ("own/it", b"---\nlicense: other\nlicense_name: own-licence\n---\n", "own-licence", "not stated"),
        ("own/it", b"---\nlicense: cc-by-nc-4.0\n---\n", "CC-BY-NC-4.0", "no"),
        ("own/it", b"---\n: [\n---\n", "not stated", "not stated"),
        ("own/it", b"# no front matter\n", "not stated", "not stated"),
        ("nvidia/segformer-b5-city", b"---\nlicense: other\n---\n", "NVIDIA Source Code License for SegFormer", "no"),
        ("nvidia/mit-b0", b"---\nlicense: apache-2.0\n---\n", "NVIDIA Source Code License for SegFormer", "no"),
    ],
)
def test_licences(name: str, card: bytes, licence: str, commercial: str, cache: Path) -> None:
    write_repository(cache, name, {"model.safetensors": b"weights", "README.md": card})
    item = hub_weights(name)
    assert (item.licence, item.commercial) == (licence, commercial)


def test_a_damaged_file(cache: Path) -> None:
    snapshot = write_repository(cache, "own/it", {"model.safetensors": b"weights"})
    (snapshot / "model.safetensors").resolve().write_bytes(b"WEIGHTS")
    with pytest.raises(WeightsError, match=r"is damaged in the hub's cache.\n  expected: SHA-256 .*\n  Remove "):
        hub_weights("own/it")


def test_offline_and_not_cached(cache: Path) -> None:
    write_repository(cache, "own/it", {"config.json": b"{}"})
    with pytest.raises(WeightsError) as caught:
        hub_weights("own/it")
    assert str(caught.value) == (
        "hf:own/it: model.safetensors or pytorch_model.bin is not in the hub's cache, and the network is forbidden.\n"
        "  found: --offline, or MASKWRIGHT_OFFLINE is set\n"
        "  Allow it: leave --offline out, unset MASKWRIGHT_OFFLINE.\n"
        "  Or fetch it where there is a network, and bring the hub's cache along: hf download own/it"
    )


def test_a_download_is_announced(hub: Answers) -> None:
    hub.files = {"model.safetensors": b"weights" * 300_000, "README.md": CARD}
    told: list[Progress] = []
    item = hub_weights("own/it", on_progress=told.append)
    assert item.path.read_bytes() == hub.files["model.safetensors"] and item.commit == COMMIT
    assert [one.note is not None for one in told] == [True]
    note = told[0].note
    assert note is not None and note("en").startswith(
        "Downloading own/it: about 2 MB, Apache-2.0, commercial use allowed"
    )
    hub.asked.clear()
    told.clear()
    assert hub_weights(item.name, on_progress=told.append).path == item.path
    assert not told and not hub.asked


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (404, "RepoNotFound", "hf:own/it: there is no such repository on the hub, or it is private."),
        (401, "RepoNotFound", "there is no such repository on the hub, or it is private."),
        (
            403,
            "GatedRepo",
            "hf:own/it: its owner asks for an agreement before anybody may download it.\n  Agree at https:",
        ),
        (404, "RevisionNotFound", "hf:own/it: has no revision main."),
        (404, "EntryNotFound", "hf:own/it: has no config.json.\n  found: revision main"),
        (418, "Other", "hf:own/it: the hub cannot be reached, or does not give config.json.\n  found: "),
    ],
)
def test_what_the_hub_refuses(status: int, code: str, message: str, hub: Answers) -> None:
    hub.status, hub.code = status, code
    with pytest.raises(WeightsError) as caught:
        hub_file(Repository("own/it"), FILES)
    assert message in str(caught.value)


def test_no_hub_at_all(hub: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub.endpoint
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(
        WeightsError, match=r"the hub cannot be reached, or does not give config.json.\n  found: no answer from"
    ):
        hub_file(Repository("own/it"), FILES)


def test_a_model_of_the_hub_is_fetched_by_name(hub: Answers, cache: Path) -> None:
    assert GET in ways_to_sam()
    hub.files = {"config.json": b"{}", "model.safetensors": b"weights", "README.md": CARD}
    item = get_weights(f"hf:{NAMES[0]}")
    assert (item.name, item.licence) == (f"hf:{NAMES[0]}@{COMMIT}", "Apache-2.0")
    assert item.path.with_name("config.json").read_bytes() == b"{}"
    assert cache in item.path.parents
    assert GET not in ways_to_sam()
