"""What `export.json` may say, and that files are as it says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from maskwright.errors import RunError
from maskwright.inference.exports import exports_in, find_export, made_from, read_export
from maskwright.recipe.recipe import make_recipe

RECIPE = make_recipe({}, source="test")
NETWORK = b"a network"
FACTS = {"digest": hashlib.sha256(NETWORK).hexdigest(), "bytes": len(NETWORK)}


def exported(folder: Path, **changes: Any) -> Path:
    """A run with an export, of which `export.json` says something else."""
    (folder / "weights").write_bytes(b"weights")
    place = folder / "exports" / "onnx"
    place.mkdir(parents=True)
    (place / "model.onnx").write_bytes(NETWORK)
    origin = made_from(folder / "weights", RECIPE)
    about = {"format": 1, "made_from": origin, "files": {"model.onnx": FACTS}, **changes}
    (place / "export.json").write_text(json.dumps({key: value for key, value in about.items() if value is not None}))
    return folder


def test_an_export_is_found_with_its_files(tmp_path: Path) -> None:
    run = exported(tmp_path, opset=20)
    assert exports_in(run) == ["onnx"]
    export = find_export(run, "onnx", weights=run / "weights", recipe=RECIPE)
    assert export.files == {"model.onnx": NETWORK} and export.about["opset"] == 20
    (export.folder / "model.onnx").write_bytes(b"another")
    with pytest.raises(RunError, match=r"model\.onnx: is missing or differs"):
        _ = export.files


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"made_from": None}, "made_from"),
        ({"made_from": {}}, r"made_from\.weights"),
        ({"made_from": {"weights": 7}}, r"made_from\.weights"),
        ({"files": None}, "files"),
        ({"files": []}, "files"),
        ({"files": {}}, "files"),
        ({"files": {"model.onnx": "x"}}, r"files\.model\.onnx"),
        ({"files": {"model.onnx": {"bytes": 3}}}, r"files\.model\.onnx\.digest"),
        ({"files": {"model.onnx": {**FACTS, "digest": "x"}}}, r"files\.model\.onnx\.digest"),
        ({"files": {"../secret": FACTS}}, r"files\.\.\./secret"),
        ({"files": {"my model.onnx": FACTS}}, r"files\.my model\.onnx"),
    ],
)
def test_a_damaged_description_is_told(tmp_path: Path, changes: dict[str, Any], found: str) -> None:
    run = exported(tmp_path, **changes)
    with pytest.raises(RunError, match=rf"export\.json: is damaged, or was changed\.\n  found: +{found}"):
        find_export(run, "onnx", weights=run / "weights", recipe=RECIPE)


def test_a_description_that_is_no_object_is_told(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text("[]")
    with pytest.raises(RunError, match="format None"):
        read_export(tmp_path)
