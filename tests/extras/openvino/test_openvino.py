"""OpenVINO with the real packages: the same as torch, without torch, without network; int8 behind its gate."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import maskwright
from maskwright.errors import GateError, UsageError
from maskwright.inference.exports import exports_in
from maskwright.progress import Progress
from tiny import tiny_dataset
from untrained_run import untrained_run

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    made = untrained_run(folder, model="mlp-mobilenetv2", form="tensorflow", tta_flip=True)
    maskwright.export(made, format="openvino")
    return folder


def photos(*sizes: tuple[int, int]) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


def test_it_says_what_torch_says(run: Path) -> None:
    right, said = (maskwright.load(run, runtime=one) for one in ("torch", "openvino"))
    # The smallest photo first, which OpenVINO would settle by; one size often enough to be compiled for it.
    images = photos((32, 32), (64, 64), (64, 64), (97, 131), (45, 200), *[(64, 96)] * 5)
    for _ in range(2):
        for image in images:
            np.testing.assert_allclose(said(image), right(image), atol=TOLERANCE)
    masks = zip(right.masks(images), said.masks(images), strict=True)
    assert np.mean([np.mean(one != other) for one, other in masks]) < 0.001
    again = pickle.loads(pickle.dumps(said))
    np.testing.assert_allclose(again(images[0]), right(images[0]), atol=TOLERANCE)


BLOCKED = """
import socket, sys
def refused(*_, **__): raise AssertionError("a network call")
for name in ("connect", "connect_ex", "sendto", "sendmsg"):
    setattr(socket.socket, name, refused)
socket.getaddrinfo = socket.create_connection = refused
"""


def test_predicting_needs_neither_torch_nor_network(run: Path, tmp_path: Path) -> None:
    Image.fromarray(photos((64, 80))[0]).save(tmp_path / "photo.png")
    code = BLOCKED + (
        "from maskwright.cli.main import answer\n"
        f"code = answer(['predict', {str(run)!r}, {str(tmp_path / 'photo.png')!r},"
        f" '-o', {str(tmp_path / 'out')!r}, '--runtime', 'openvino'])\n"
        "heavy = {name for name in ('torch', 'openvino_telemetry', 'onnxruntime') if sys.modules.get(name)}\n"
        "sys.exit(f'loaded: {heavy}' if heavy else code)"
    )
    ended = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "out" / "masks" / "photo.png").is_file()


def test_int8_passes_its_gate_or_is_refused_with_a_report(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An untrained network puts every second pixel on an edge: what is tested is the gate, not what int8 is worth."""
    data = tiny_dataset(train=8, val=6)
    steps: list[Progress] = []
    made = maskwright.export(run, format="openvino", int8=True, data=data, budget=1.0, on_progress=steps.append)
    assert {(step.stage, step.done) for step in steps} >= {("stage.calibrate", 8), ("stage.int8", 6)}
    gate = json.loads((made.folder / "export.json").read_text())["gate"]
    assert gate["met"] and gate["photos"] == 6 and gate["split"] == "val"
    assert 0 < gate["agreement"] <= 1
    assert 0 < gate["layers"]["int8"] <= gate["layers"]["all"]
    assert [row["name"] for row in gate["per_class"]] == ["background", "square", "disc"]
    said = maskwright.load(run, runtime="openvino-int8", tta=False)
    counted = maskwright.evaluate(said, data).scores.summary()["mDice"]
    assert counted == pytest.approx(gate["mDice"]["after"], abs=0.02)
    assert b"FakeQuantize" in (made.folder / "model.xml").read_bytes()

    monkeypatch.setattr("maskwright.shipping.export.quantised", lambda model, *_, **__: model)
    with pytest.raises(GateError, match=r"int8 loses too much.*\n  expected: at most -100.00 points of mDice on 6"):
        maskwright.export(run, format="openvino", int8=True, data=data, budget=-1.0)
    assert (made.folder / "export.json").is_file()  # the one that passed stands as it was
    refused = json.loads((run / "exports" / "openvino-int8.refused.json").read_text())
    assert not refused["met"]
    assert exports_in(run) == ["openvino", "openvino-int8"]


@pytest.mark.parametrize("model", ["mlp-mobilenetv2", "segformer-b0"])
def test_int8_takes_photos_of_other_sizes_than_it_was_calibrated_on(model: str, tmp_path: Path) -> None:
    """NNCF took the height for channels where attention's maps lie channels last: then one height alone worked."""
    run = untrained_run(tmp_path / "run", model=model)
    maskwright.export(run, format="openvino", int8=True, data=tiny_dataset(train=4, val=2), budget=1.0)
    said = maskwright.load(run, runtime="openvino-int8")
    for image in photos((64, 64), (96, 128), (97, 131)):
        assert said(image).shape == (3, *image.shape[:2]) and np.isfinite(said(image)).all()


def test_int8_wants_data_and_openvino(run: Path) -> None:
    with pytest.raises(UsageError, match=r"where they lie is not known.*\n  Name the data: --data DATA"):
        maskwright.export(run, format="openvino", int8=True)
    with pytest.raises(UsageError, match=r"int8 is an export to OpenVINO"):
        maskwright.export(run, format="onnx", int8=True)
