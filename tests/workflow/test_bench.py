"""Measuring how fast a model predicts: every way, in processes of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from maskwright.cgroups import usable_cores
from maskwright.cli.main import answer
from maskwright.errors import RunError, UsageError
from maskwright.storage import write_json
from maskwright.training.machine import machine
from maskwright.workflow.bench import Bench, Case, Speed, bench
from untrained_run import untrained_run

PRECISIONS = {"fp32", "bf16"} if machine(device="cpu").bf16 else {"fp32"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "run"
    return untrained_run(folder, model="mlp-mobilenetv2", crop_hw=(64, 64), tta_flip=True).folder


def test_each_way_has_a_speed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = answer(["bench", str(run), "--threads", "1", "--seconds", "0.1", "--json"])
    assert said == 0
    told = json.loads(capsys.readouterr().out)
    assert told["cores"] == usable_cores() and told["looks"] == 2.0
    assert {speed["precision"] for speed in told["speeds"]} == PRECISIONS
    for speed in told["speeds"]:
        assert (speed["runtime"], speed["threads"], speed["size_hw"]) == ("torch", 1, [64, 64])
        assert 0 < speed["p50_ms"] <= speed["p99_ms"] < 1000 * speed["cold_start_s"]
        assert speed["photos_per_s"] > 0 and speed["timed"] >= 5 and not speed["problem"]


def test_what_cannot_be_measured_says_why_and_the_rest_is(run: Path) -> None:
    export = run / "exports" / "onnx" / "export.json"
    export.parent.mkdir(parents=True)
    write_json(export, {"format": 99})
    steps = run / "postprocess.yaml"  # fitted for other weights: what is not taken is not asked for either
    steps.write_text("format: 1\npredictor: other\n")
    try:
        made = bench(run, sizes=[32], threads=[1], seconds=0.1)
    finally:
        export.unlink()
        steps.unlink()
    *torch, onnx = made.speeds
    assert len(torch) == len(PRECISIONS) and not any(speed.problem for speed in torch)
    assert onnx.case == Case("onnx", "fp32", 1, (32, 32)) and "99" in onnx.problem
    assert made.to_json()["speeds"][-1]["p50_ms"] is None


def test_wrong_use_is_told_before_anything_is_measured(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="0 is no size"):
        bench(run, sizes=[0])
    with pytest.raises(RunError):
        bench(tmp_path)


def test_the_table_has_a_row_for_each_way(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    speeds = (
        Speed(Case("torch", "bf16", 2, (256, 512)), 2.5, 10.04, 12.0, 300, 120.0),
        Speed(Case("onnx", "fp32", 2, (256, 512)), problem="none"),
    )
    monkeypatch.setattr("maskwright.workflow.bench.bench", lambda *_, **__: Bench("a CPU", 2, 6.25, speeds))
    assert answer(["bench", str(run), "--lang", "ru"]) == 0
    said = capsys.readouterr().out
    rows = [line.split() for line in said.splitlines()]
    assert ["512", "x", "256", "torch", "bf16", "2", "2.50", "10.0", "12.0", "120.0"] in rows
    assert ["512", "x", "256", "onnx", "fp32", "2", "-", "-", "-", "-"] in rows
    assert "a CPU, ядер: 2" in said and "6.2 раза" in said and "onnx, 2: none" in said
