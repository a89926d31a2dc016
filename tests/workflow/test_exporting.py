"""The exports at the end of a run: made where they can be, and no reason to fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from maskwright.errors import RecipeError
from maskwright.workflow import exporting
from untrained_run import untrained_run


def test_what_is_not_installed_costs_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskwright.workflow.exporting.installed_formats", list)
    assert exporting.exporting_s(1200) == 0
    monkeypatch.setattr("maskwright.workflow.exporting.installed_formats", lambda: ["onnx"])
    assert exporting.exporting_s(1200) == exporting.EXPORTING_S
    assert exporting.exporting_s(45) == 0  # of a short run it would be most


def test_a_run_does_not_fail_by_its_exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def export(_: Any, *, format: str, **__: Any) -> None:
        if format == "onnx":
            raise RecipeError("This architecture cannot be written as ONNX.", found="an operation")

    monkeypatch.setattr("maskwright.workflow.exporting.installed_formats", lambda: ["onnx", "openvino"])
    monkeypatch.setattr("maskwright.workflow.exporting.export", export)
    run = untrained_run(tmp_path / "run", model="mlp-mobilenetv2")
    assert exporting.export_installed(run) == ["openvino"]
    said = json.loads((run.folder / "exports" / "onnx.refused.json").read_text())
    assert "cannot be written as ONNX" in said["why"]
