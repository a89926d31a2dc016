"""maskwright weights: what there is, under which licence, and how it comes into the cache."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from safetensors.numpy import save_file

from local_hub import COMMIT, LocalHub, serving
from maskwright.cli.weights import app
from maskwright.models import build_model
from maskwright.weights.store import cached, home
from maskwright.weights.table import ENTRIES
from maskwright.workflow.weights import with_fits
from shared_data import shared


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """A hub that the environment names, and a network that is allowed."""
    with serving(LocalHub()) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        for variable in ("MASKWRIGHT_OFFLINE", "HF_HUB_OFFLINE"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        huggingface_hub.close_session()
        yield hub
        huggingface_hub.close_session()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A file of weights that nobody knows."""
    path = tmp_path / "own.safetensors"
    encoder = build_model("mlp-mobilenetv2", classes=2).encoder
    save_file({key: tensor.contiguous().numpy() for key, tensor in encoder.state_dict().items()}, path)
    return path


def outcome(*arguments: str | Path) -> int:
    """The exit code of `maskwright weights`."""
    return int(app([str(one) for one in arguments], standalone_mode=False) or 0)


def one_json(capsys: pytest.CaptureFixture[str]) -> Any:
    """What was printed, which must be one JSON value."""
    return json.loads(capsys.readouterr().out)


def row_of(printed: str, name: str) -> str:
    """The row of a table that begins with a name."""
    (row,) = [line for line in printed.splitlines() if line.startswith(f"{name} ")]
    return row


def test_the_list_says_of_each_what_may_be_done_with_it(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome("add", own) == 0
    assert "licence: not stated; whether commercial use is allowed is not stated" in capsys.readouterr().out
    assert outcome("list") == 0
    printed = capsys.readouterr().out
    assert [row_of(printed, entry.name) for entry in ENTRIES]
    assert row_of(printed, "mit-b0").split()[-4:] == ["ALLOWED", "no", "not", "verified"]
    assert "NOT ALLOWED" in row_of(printed, "mit-b0")
    assert row_of(printed, "mobilenetv2_100.ra_in1k").split()[-5:] == ["Apache-2.0", "allowed", "no", "not", "verified"]
    assert row_of(printed, "own").split()[1:3] == ["mlp-mobilenetv2,", "deeplabv3plus-mobilenetv2"]
    assert row_of(printed, "own").split()[-3:] == ["yes", "not", "verified"]
    assert "Verified: the file itself was held" in printed
    assert "Files of your own" in printed
    assert str(home()) in printed


def test_the_list_in_russian(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome("list", "--lang", "ru") == 0
    printed = capsys.readouterr().out
    assert row_of(printed, "mit-b0").split()[-4:] == ["ЗАПРЕЩЕНО", "нет", "не", "проверено"]
    assert "Ваши собственные файлы" not in printed


def test_the_list_in_json(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome("add", own, "--name", "mine", "--json") == 0
    added = one_json(capsys)
    assert outcome("list", "--json") == 0
    rows = {row["name"]: row for row in one_json(capsys)}
    assert list(rows) == [*[entry.name for entry in ENTRIES], "mine"]
    assert rows["mine"] == added
    assert rows["mine"]["cached"] == str(home() / "mine" / "weights.safetensors")
    assert rows["mobilenetv2-imagenet"]["verified"] is True
    assert rows["mit-b0"]["commercial"] == "no"
    assert (rows["mit-b1"]["cached"], rows["mit-b1"]["sha256"], rows["mit-b1"]["revision"]) == (None, None, "main")
    assert {tuple(row) for row in rows.values()} == {tuple(rows["mine"])}


def test_a_full_check_names_what_is_damaged(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome("add", own) == 0
    assert outcome("list", "--check") == 0
    item = cached("own")
    assert item is not None
    item.path.write_bytes(bytes(item.size_bytes))
    assert outcome("list", "--check") == 2
    assert "own: these weights were damaged in the cache, and are removed from it." in capsys.readouterr().err
    assert outcome("list", "--check") == 0


def test_the_held_file_is_known_when_it_is_added(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome("add", shared("pretrained", "mobilenetv2_1.0_imagenet.safetensors")) == 0
    printed = capsys.readouterr().out
    assert "Added as mobilenetv2-imagenet: " in printed
    assert "Apache-2.0, commercial use allowed" in printed
    assert "maskwright train DATA --weights mobilenetv2-imagenet" in printed
    assert outcome("get", "mobilenetv2-imagenet", "--json") == 0
    value = one_json(capsys)
    assert (value["verified"], value["training_data"]) == (True, "ImageNet-1k")
    assert outcome("list") == 0
    assert row_of(capsys.readouterr().out, "mobilenetv2-imagenet").split()[-2:] == ["yes", "verified"]


def test_a_download_is_announced_shown_and_labelled(hub: LocalHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome("get", "mit-b1") == 0
    printed = capsys.readouterr()
    announced, told = printed.err, printed.out
    assert "mit-b1 lies in the cache: " in told
    for part in ("Downloading mit-b1: about 55 MB", "nvidia/mit-b1", str(home() / "mit-b1")):
        assert part in announced
    for text in (announced, told):
        assert "NVIDIA Source Code License for SegFormer, NON-COMMERCIAL: no commercial use" in text
    assert hub.sha256 in told
    assert "Downloading weights, MB 2/2" in printed.err
    assert outcome("get", "mit-b1", "--lang", "ru") == 0
    printed = capsys.readouterr()
    assert "Загружается" not in printed.out
    assert "НЕКОММЕРЧЕСКАЯ" in printed.out
    assert printed.err == ""


def test_a_download_answers_in_one_json_value(hub: LocalHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome("get", "mit-b1", "--json") == 0
    value = one_json(capsys)
    assert (value["sha256"], value["revision"], value["verified"]) == (hub.sha256, COMMIT, False)
    assert Path(value["cached"]).read_bytes() == hub.content


def test_offline_it_is_told_how_to_get_them_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome("get", "mit-b1") == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "the network is forbidden" in printed.err
    assert "https://huggingface.co/nvidia/mit-b1/resolve/main/model.safetensors" in printed.err
    assert "Traceback" not in printed.err


def test_wrong_use_is_a_paragraph(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome("get", "mit-b11") == 2
    assert "Did you mean mit-b1" in capsys.readouterr().err
    assert outcome("add", own.with_name("gone.pth"), "--json") == 2
    assert one_json(capsys)["error"]["kind"] == "WeightsError"
    assert outcome("add", own, "--name", "A B") == 2
    assert "--name a-b" in capsys.readouterr().err


def test_alone_it_tells_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome() == 0
    printed = capsys.readouterr().out
    assert [word for word in ("list", "get", "add") if word not in printed] == []


def test_weights_are_drawn_once(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    item = with_fits(own, name="drawings-mlp-mobilenetv2", source="300 drawings, seed 0, made here")
    assert outcome("draw") == 0
    said = capsys.readouterr().out
    assert said.startswith("drawings-mlp-mobilenetv2 lies in the cache") and "learned from drawings" in said
    assert f"To make it anew, remove {item.path.parent}" in said
    assert outcome("draw", "--json") == 0
    told = one_json(capsys)
    assert (told["name"], told["source"]) == ("drawings-mlp-mobilenetv2", "300 drawings, seed 0, made here")
    assert outcome("draw", "--budget", "5s") == 2
    assert "--budget 30m" in capsys.readouterr().err
