"""`maskwright convert` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drawn import CLASSES, draw_folder
from maskwright.cli.main import answer
from maskwright.data.reading import read


def test_a_folder_becomes_coco_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, out = draw_folder(tmp_path / "data"), tmp_path / "out"
    assert answer(["convert", str(root), "--to", "coco", "-o", str(out), "--classes", CLASSES]) == 0
    assert "Written as coco: 12 photos, in" in capsys.readouterr().out
    assert read(out, cache=False).classes.names == tuple(CLASSES.split(","))


def test_one_value_with_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = draw_folder(tmp_path / "data")
    (root / "img/val/3.png").write_bytes(b"")
    for number in range(20, 30):  # so that one lost photo of val is no more than a tenth
        for kind in ("img", "labels"):
            (root / kind / f"val/{number}.png").write_bytes((root / kind / "val/0.png").read_bytes() + bytes(number))
    command = ["convert", str(root), "--to", "yolo", "-o", str(tmp_path / "out"), "--classes", CLASSES, "--json"]
    assert answer(command) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["format"], value["samples"], value["left_out"], value["changed_px"]) == (
        "yolo",
        {"train": 8, "val": 13},
        1,
        0,
    )


def test_russian(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = draw_folder(tmp_path / "data")
    command = ["convert", str(root), "--to", "cvat", "-o", str(tmp_path / "out"), "--classes", CLASSES, "--lang", "ru"]
    assert answer(command) == 0
    assert "Записано в формате cvat: фотографий 12" in capsys.readouterr().out


def test_an_unknown_format_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["convert", str(draw_folder(tmp_path / "data")), "--to", "coko", "-o", str(tmp_path / "out")]
    assert answer(command) == 2
    assert "Did you mean coco?" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
