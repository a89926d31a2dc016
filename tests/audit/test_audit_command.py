"""maskwright audit: nothing is refused for what is wrong with it, everything stands beside the data."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import maskwright
from audit_scenes import mask_of, scenes
from maskwright.audit.audit import Audit
from maskwright.audit.folder import AuditFolder
from maskwright.audit.view import SampleView
from maskwright.cli.main import answer
from maskwright.data.finding import Finding
from maskwright.errors import DataError
from maskwright.review.journal import Journal
from small_folders import tree_digest


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("audited") / "data"
    for one in scenes(20, 10):
        for kind, pixels in (("img", one.image()[..., ::-1]), ("labels", mask_of(one))):
            path = root / kind / f"{one.id}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), pixels)
    (root / "classes.yaml").write_text("names: [background, ball, leaf]\n")
    return root


@pytest.fixture
def data(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "data"))


@pytest.fixture
def spoilt(data: Path) -> Path:
    """Everything that `read` refuses, at once: a leak, an unknown value, more than a tenth unusable."""
    for kind in ("img", "labels"):
        shutil.copy(data / kind / "train" / "003.png", data / kind / "val" / "003.png")
    mask = cv2.imread(str(data / "labels/train/005.png"), cv2.IMREAD_UNCHANGED)
    assert mask is not None
    assert cv2.imwrite(str(data / "labels/train/005.png"), np.where(mask > 0, 7, 0).astype(np.uint8))
    for number in (8, 9, 10):
        (data / "img" / "train" / f"{number:03d}.png").write_bytes(b"")
    return data


def test_sound_data_is_called_sound(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree_digest(data)
    assert answer(["audit", str(data)]) == 0
    said = capsys.readouterr().out
    assert "Nothing wrong was found." in said
    assert "Photos read: 30" in said
    assert tree_digest(data) == before
    folder = data.with_name("data.maskwright")
    assert {path.name for path in folder.iterdir()} == {
        *("findings.jsonl", "samples.json", "statistics.json", "duplicates.json", "label_issues.json", "classes.yaml"),
        "audit.html",
    }


def test_what_read_refuses_is_found_all_at_once(spoilt: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError):
        maskwright.read(spoilt)
    value = _json(["audit", str(spoilt), "--json"], capsys)
    assert {check: value["counts"].get(check) for check in ("leak", "mask_value_unknown", "empty_file")} == {
        "leak": 1,
        "mask_value_unknown": 1,
        "empty_file": 3,
    }
    assert value["images"] == 27
    assert value["label_issues"] == []
    assert [group["samples"] for group in value["duplicates"]] == [["train/003", "val/003"]]
    severities = [finding["severity"] for finding in value["findings"]]
    assert severities == sorted(severities, reverse=True)
    audit = Audit.load(AuditFolder(Path(value["audit"])))
    assert [finding.record() for finding in audit.findings] == _again(value["findings"])
    assert Path(value["report"]).stat().st_size > 10_000


def test_a_gate_fails_the_command_but_says_everything(spoilt: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["audit", str(spoilt), "--fail-on", "0.95", "--lang", "ru"]) == 1
    said = capsys.readouterr().out
    assert "Отказ из-за --fail-on: серьёзность худшей находки 1.00, а предел 0.95." in said
    assert "Худшее из найденного" in said
    (spoilt / "img" / "train" / "008.png").unlink()
    assert answer(["audit", str(spoilt), "--split", "val", "--fail-on", "0.95"]) == 0


def test_the_offered_splits_can_be_used(spoilt: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = _json(["audit", str(spoilt), "--json"], capsys)
    (moved,) = value["resplit"]
    lists = Path(value["audit"]) / "splits"
    shutil.copytree(lists, spoilt / "splits")
    again = _json(["audit", str(spoilt), "--json", "-o", str(spoilt.with_name("again"))], capsys)
    assert "leak" not in again["counts"]
    assert again["counts"]["duplicate"] == 1
    assert again["images"] == 27
    assert again["resplit"] == {}
    assert moved in ("train/003", "val/003")


def test_thresholds_and_classes_can_be_given(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mask = cv2.imread(str(data / "labels/train/005.png"), cv2.IMREAD_UNCHANGED)
    assert mask is not None
    mask[3:5, 3:5] = mask.max()
    assert cv2.imwrite(str(data / "labels/train/005.png"), mask)
    (data / "classes.yaml").unlink()
    command = ["audit", str(data), "--json", "--classes", "background,cat,dog"]
    value = _json(command, capsys)
    assert value["counts"] == {"mask_specks": 1}
    assert "specks of" in value["findings"][0]["sentence"]
    assert _json([*command, "--set", "speck_frac=0"], capsys)["counts"] == {}
    assert answer([*command, "--set", "speck_fraction=0"]) == 2
    assert "Did you mean speck_frac" in capsys.readouterr().err


def test_a_check_of_ones_own_is_used(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "audit_own_check:odd_one"
    value = _json(["audit", str(data), "--json", "--check", name], capsys)
    assert value["counts"] == {"own": 1}
    assert value["findings"][0]["sentence"] == "train/004 is odd."
    assert answer(["audit", str(data), "--check", "audit_own_check:nothing"]) == 2
    assert "cannot be used as a check" in capsys.readouterr().err


def test_python_gives_the_same(spoilt: Path, tmp_path: Path) -> None:
    audit = maskwright.audit(spoilt, split="train", out=tmp_path / "there", checks=[_never])
    assert audit.splits == ("train",)
    assert audit.root == str(spoilt.resolve())
    assert {finding.check for finding in audit.findings} == {"leak", "mask_value_unknown", "empty_file"}
    assert Audit.load(AuditFolder(tmp_path / "there")).findings == audit.findings


def _never(_: SampleView) -> list[Finding]:
    return []


def _json(command: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert answer(command) == 0
    return json.loads(capsys.readouterr().out)


def _again(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records as Python has them: a region is a tuple there."""
    return [record | {"region_xywh": record["region_xywh"] and tuple(record["region_xywh"])} for record in records]


def test_a_narrower_audit_keeps_what_a_wider_one_found(spoilt: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = _json(["audit", str(spoilt), "--json"], capsys)
    part = _json(["audit", str(spoilt), "--split", "val", "--json"], capsys)
    assert part["counts"] == {"leak": 1} and part["images"] == 11
    assert part["notes"] == [
        "Not looked at this time: train. What an earlier audit found in 16 photos there is kept; photos that have "
        "changed or gone since, so that what it found is left out: 0."
    ]
    kept = Audit.load(AuditFolder(Path(whole["audit"])))
    assert [finding.record() for finding in kept.findings] == _again(whole["findings"])
    assert kept.images == 27 and len(kept.duplicates) == 1
    assert answer(["audit", str(spoilt), "--split", "val", "--lang", "ru"]) == 0
    assert "В этот раз не просмотрено: train." in capsys.readouterr().out
    assert "What an earlier audit found" not in Path(whole["report"]).read_text(), (
        "the page speaks the language asked for"
    )
    assert "В этот раз не просмотрено" in Path(whole["report"]).read_text()


def test_an_audit_elsewhere_is_named_in_what_comes_next(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = data / "labels/train/005.png"
    assert cv2.imwrite(str(mask), np.zeros((160, 160), np.uint8))
    assert answer(["audit", str(data), "-o", str(tmp_path / "there")]) == 0
    named = f"--audit {tmp_path / 'there'}"
    assert f"maskwright review {data} {named}, then maskwright mend {data} {named} -o NEW" in capsys.readouterr().out
    assert named in (tmp_path / "there" / "audit.html").read_text()
    (data / "classes.yaml").unlink()
    journal = Journal(tmp_path / "there" / "journal.jsonl", maskwright.read(data, classes="background,ball,leaf"))
    journal.decide("train/005", "exclude", seen=journal.version("train/005"), who="ann")
    value = _json(
        ["mend", str(data), "--audit", str(tmp_path / "there"), "-o", str(tmp_path / "new"), "--json"], capsys
    )
    assert value["excluded"] == 1
    assert "{background: 0, ball: 1, leaf: 2}" in (tmp_path / "new" / "classes.yaml").read_text()
    assert answer(["mend", str(data), "--audit", str(tmp_path), "-o", str(tmp_path / "newer")]) == 2
    assert "no audit lies there" in capsys.readouterr().err
