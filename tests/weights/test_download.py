"""Downloading weights from a hub on this computer, which fails in all the ways in which a real one does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest

from local_hub import COMMIT, LocalHub, serving
from maskwright.errors import WeightsError
from maskwright.progress import Progress
from maskwright.sentences import say
from maskwright.weights import download as module
from maskwright.weights.download import announcement, download, offline
from maskwright.weights.store import cached, home, pin, stored, write_pin
from maskwright.weights.table import Hub, find

ENTRY = replace(find("mit-b0"), hub=Hub("owner/name"))
PINNED = "a" * 40


@pytest.fixture(autouse=True)
def _online(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in ("MASKWRIGHT_OFFLINE", "HF_HUB_OFFLINE", "HF_ENDPOINT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("MASKWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(module, "RETRY_WAIT_S", 0.0)
    huggingface_hub.close_session()
    yield
    huggingface_hub.close_session()


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with serving(LocalHub()) as hub:
        yield hub


def refusal(hub: LocalHub) -> str:
    """What a download that cannot be is answered with; nothing of it may be in the cache."""
    with pytest.raises(WeightsError) as caught:
        download(ENTRY, endpoint=hub.endpoint)
    assert stored() == ()
    assert pin(ENTRY.name) == {}
    return str(caught.value)


def partials() -> list[Path]:
    """The downloads that have been broken off."""
    return list(home().glob("*.partial"))


def test_what_is_downloaded_is_what_the_hub_promised(hub: LocalHub) -> None:
    told: list[Progress] = []
    item = download(ENTRY, on_progress=told.append, endpoint=f"{hub.endpoint}/")
    assert item.path.read_bytes() == hub.content
    assert (item.sha256, item.commit, item.size_bytes) == (hub.sha256, COMMIT, len(hub.content))
    assert item.source == f"{hub.endpoint}/owner/name/resolve/{COMMIT}/model.safetensors"
    assert (item.commercial, item.fits) == ("no", ("segformer-b0",))
    assert cached("mit-b0") == item
    assert pin("mit-b0") == {"commit": COMMIT, "file": "model.safetensors", "sha256": hub.sha256}
    assert (told[0].done, told[-1].done, told[-1].total) == (0, 2, 2)
    assert {say(progress.stage) for progress in told} == {"Downloading weights, MB"}
    asked = list(hub.asked)
    assert download(ENTRY, endpoint=hub.endpoint) == item
    assert hub.asked == asked, "what lies in the cache is not asked for again"


def test_nothing_is_told_or_asked_beyond_the_file(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.endpoint)
    before = dict(os.environ)
    download(ENTRY, endpoint=hub.endpoint)
    assert dict(os.environ) == before
    file = f"/owner/name/resolve/{COMMIT}/model.safetensors"
    assert hub.paths == ["/api/models/owner/name/revision/main?blobs=true", file, f"/cdn{file}"]
    for _, headers in hub.asked:
        assert headers["Authorization"] is None
        assert headers["User-Agent"].startswith("maskwright/")
        assert "torch" not in str(headers)


def test_a_broken_connection_is_gone_on_with(hub: LocalHub) -> None:
    hub.breaks = [600_000, 0, 0, 100_000]
    assert download(ENTRY, endpoint=hub.endpoint).path.read_bytes() == hub.content
    starts = [int(part.removeprefix("bytes=").rstrip("-")) for part in hub.ranges if part]
    assert hub.ranges[0] is None
    assert len(hub.ranges) == 5
    assert starts == [600_000] * 3 + [700_000]


def test_a_later_command_goes_on_where_an_earlier_one_stopped(hub: LocalHub) -> None:
    hub.breaks = [700_000, 0, 0, 0]
    text = refusal(hub)
    assert "cannot be reached, or breaks off" in text
    assert "What has arrived is kept: the same command goes on." in text
    (partial,) = partials()
    arrived = partial.stat().st_size
    assert arrived == 700_000
    hub.asked.clear()
    assert download(ENTRY, endpoint=hub.endpoint).path.read_bytes() == hub.content
    assert hub.ranges == [f"bytes={arrived}-"]
    assert partials() == []


def test_a_hub_that_cannot_go_on_sends_all_again(hub: LocalHub) -> None:
    hub.breaks, hub.ignores_range = [600_000], True
    assert download(ENTRY, endpoint=hub.endpoint).path.read_bytes() == hub.content


def test_a_busy_hub_is_asked_again_but_not_for_ever(hub: LocalHub) -> None:
    hub.statuses["/cdn"] = 503
    assert "found: the hub answers 503" in refusal(hub)
    assert len(hub.ranges) == module.ATTEMPTS


@pytest.mark.parametrize("broken", [False, True])
def test_another_file_than_promised_is_refused_and_removed(hub: LocalHub, broken: bool) -> None:
    hub.digest = "0" * 64
    hub.breaks = [500_000] if broken else []
    text = refusal(hub)
    assert "mit-b0: what was downloaded is not the file that the hub promised, and was removed." in text
    assert f"expected: SHA-256 {'0' * 64}  found: SHA-256 {hub.sha256}" in text
    assert "Try again" in text
    assert partials() == []


@pytest.mark.parametrize(
    ("path", "status", "meaning"),
    [
        ("/api", 401, "401: a login is asked for"),
        ("/api", 403, "403: access is forbidden"),
        ("/api", 404, "404: there is no such repository, revision or file"),
        ("/api", 500, "500: an error of the hub"),
        ("/owner", 404, "404: there is no such repository, revision or file"),
        ("/cdn", 403, "403: access is forbidden"),
    ],
)
def test_a_refusal_of_the_hub_is_explained(hub: LocalHub, path: str, status: int, meaning: str) -> None:
    hub.statuses[path] = status
    text = refusal(hub)
    assert "mit-b0: the hub does not give these weights." in text
    assert f"found: {meaning}" in text
    assert "Look at https://huggingface.co/owner/name" in text
    assert "download https://huggingface.co/owner/name/resolve/main/model.safetensors on any computer" in text
    assert "maskwright weights add FILE --name mit-b0" in text


def test_without_a_network_it_is_said_at_once() -> None:
    began = time.monotonic()
    text = refusal(LocalHub(endpoint="http://127.0.0.1:9"))
    assert time.monotonic() - began < 10
    assert text.startswith("mit-b0: 127.0.0.1:9 cannot be reached, or breaks off.\n  found: Connect")
    assert "Is there a network, does it want a proxy (HTTPS_PROXY)?" in text
    assert "maskwright weights add FILE --name mit-b0" in text


def test_a_silent_hub_is_not_waited_for(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENCE_S", 0.1)
    hub.silence_s = 0.5
    assert "found: ReadTimeout" in refusal(hub)


@pytest.mark.parametrize("page", ["<html>Log in to the hotel's network</html>", "{}", "[]", '{"sha": "c"}'])
def test_an_answer_that_is_not_the_hub_s_is_refused(hub: LocalHub, page: str) -> None:
    hub.page = page
    assert "cannot be reached" in refusal(hub)


@pytest.mark.parametrize("variable", ["MASKWRIGHT_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_nothing_is_asked(hub: LocalHub, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "1")
    assert offline() == variable
    text = refusal(hub)
    assert hub.asked == []
    assert "mit-b0: these weights are not in the cache, and the network is forbidden." in text
    assert f"{variable} is set" in text
    assert "download https://huggingface.co/owner/name/resolve/main/model.safetensors" in text
    assert "maskwright weights add FILE --name mit-b0" in text
    assert f"unset {variable}" in text
    monkeypatch.setenv(variable, "0")
    assert offline() == ""


def test_offline_the_cache_is_enough(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    item = download(ENTRY, endpoint=hub.endpoint)
    monkeypatch.setenv("MASKWRIGHT_OFFLINE", "1")
    assert download(ENTRY, endpoint=hub.endpoint) == item


def test_a_later_download_is_of_the_commit_that_was_written_down(hub: LocalHub) -> None:
    item = download(ENTRY, endpoint=hub.endpoint)
    item.path.unlink()
    with pytest.raises(WeightsError, match="damaged"):
        cached("mit-b0")
    hub.asked.clear()
    assert download(ENTRY, endpoint=hub.endpoint).sha256 == item.sha256
    assert hub.paths[0] == f"/api/models/owner/name/revision/{COMMIT}?blobs=true"


def test_a_file_that_changed_under_its_commit_is_refused(hub: LocalHub) -> None:
    write_pin("mit-b0", commit=COMMIT, file="model.safetensors", sha256="1" * 64)
    with pytest.raises(WeightsError) as caught:
        download(ENTRY, endpoint=hub.endpoint)
    text = str(caught.value)
    assert "mit-b0: the hub has another file than the one that is known, and it was not downloaded." in text
    assert f"expected: SHA-256 {'1' * 64}  found: SHA-256 {hub.sha256}" in text
    assert hub.ranges == []


def test_a_table_with_a_newer_commit_wins_over_what_was_written_down(hub: LocalHub) -> None:
    write_pin("mit-b0", commit=COMMIT, file="model.safetensors", sha256="1" * 64)
    hub.commit = PINNED
    entry = replace(ENTRY, hub=Hub("owner/name", revision=PINNED))
    assert download(entry, endpoint=hub.endpoint).commit == PINNED
    assert hub.paths[0] == f"/api/models/owner/name/revision/{PINNED}?blobs=true"


def test_the_first_file_that_is_there_is_taken(hub: LocalHub) -> None:
    hub.files = ("pytorch_model.bin", "tf_model.h5")
    item = download(ENTRY, endpoint=hub.endpoint)
    assert item.path.name == "weights.bin"
    assert item.path.read_bytes() == hub.content


@pytest.mark.parametrize(("files", "digest"), [(("a.txt", "b.txt"), None), (("model.safetensors",), "")])
def test_a_repository_without_the_file_or_its_digest_is_refused(
    hub: LocalHub, files: tuple[str, ...], digest: str | None
) -> None:
    hub.files, hub.digest = files, digest
    text = refusal(hub)
    assert "owner/name has no such file, or the hub tells no digest of it." in text
    assert f"expected: model.safetensors or pytorch_model.bin  found: {', '.join(files)}" in text


def test_what_is_added_by_hand_is_not_downloaded() -> None:
    with pytest.raises(WeightsError) as caught:
        download(find("mobilenetv2-imagenet"))
    assert "these weights cannot be downloaded; they are added as a file." in str(caught.value)
    assert find("mobilenetv2-imagenet").sha256 in str(caught.value)
    assert "maskwright weights add FILE" in str(caught.value)


def test_two_at_once_download_once(hub: LocalHub) -> None:
    hub.silence_s = 0.05
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: download(ENTRY, endpoint=hub.endpoint), range(2))
    assert one == other
    assert len(hub.ranges) == 1


def test_a_full_disk_is_not_called_a_network_that_fails(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space left"):
        download(ENTRY, endpoint=hub.endpoint)


@pytest.mark.parametrize(
    ("lang", "parts"),
    [("en", ("about 14 MB", "NON-COMMERCIAL", "nvidia/mit-b0")), ("ru", ("около 14 МБ", "НЕКОММЕРЧЕСКАЯ"))],
)
def test_a_download_is_announced(lang: str, parts: tuple[str, ...]) -> None:
    text = announcement(find("mit-b0"), lang)
    assert str(home() / "mit-b0") in text
    assert [part for part in parts if part not in text] == []


def test_importing_loads_no_library_of_the_hub() -> None:
    code = (
        "import sys, maskwright.weights.download, maskwright.workflow.weights;"
        "sys.exit(f'{heavy}' if (heavy := {'torch', 'numpy', 'pydantic', 'huggingface_hub'} & set(sys.modules)) else 0)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
