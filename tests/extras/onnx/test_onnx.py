"""ONNX files with the real packages: the same as torch, without torch, without network."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

import maskwright
from maskwright.errors import GateError, RunError, UsageError
from maskwright.shipping.export import check_against_torch
from maskwright.workflow.exporting import export_installed
from untrained_run import untrained_run

TOLERANCE = 1e-4
"""How far probabilities may be apart."""
RUNS: dict[str, dict[str, Any]] = {
    "segformer-b0": {},
    "mlp-mobilenetv2": {"form": "tensorflow", "tta_flip": True, "tta_scales": [0.75, 1.0]},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each architecture, exported."""
    folders = {}
    for name, settings in RUNS.items():
        run = untrained_run(tmp_path_factory.mktemp("runs") / name, model=name, **settings)
        assert export_installed(run)[0] == "onnx"
        folders[name] = run.folder
    return folders


@pytest.fixture
def copy(runs: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(runs["mlp-mobilenetv2"], tmp_path / "copy"))


def photos(*sizes: tuple[int, int]) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("tta", [True, False])
def test_it_says_what_torch_says(name: str, tta: bool, runs: dict[str, Path]) -> None:
    right, said = (maskwright.load(runs[name], runtime=one, tta=tta) for one in ("torch", "onnx"))
    images = photos((64, 64), (64, 64), (97, 131), (45, 200))
    for one, other in zip(right.many(images), said.many(images), strict=True):
        np.testing.assert_allclose(other, one, atol=TOLERANCE)
    masks = zip(right.masks(images), said.masks(images), strict=True)
    assert np.mean([np.mean(one != other) for one, other in masks]) < 0.001
    assert said.digest != right.digest and said.classes == right.classes


def test_what_the_file_says_of_itself(runs: dict[str, Path]) -> None:
    folder = runs["segformer-b0"] / "exports" / "onnx"
    model = onnx.load(folder / "model.onnx")
    onnx.checker.check_model(model)
    about = json.loads((folder / "export.json").read_text())
    assert [entry.version for entry in model.opset_import if not entry.domain] == [about["opset"]] == [20]
    assert {entry.key: entry.value for entry in model.metadata_props}["classes"] == "background\nsquare\ndisc"
    free = [dim.dim_param for dim in model.graph.input[0].type.tensor_type.shape.dim]
    assert all(free[:3]) and not free[3]
    content = (folder / "model.onnx").read_bytes()
    assert b"site-packages" not in content and b"maskwright/models" not in content  # nothing of who exported it
    assert about["checked"]["largest_difference"] < about["checked"]["allowed"] == 1e-4
    assert about["files"]["model.onnx"]["bytes"] == (folder / "model.onnx").stat().st_size


def test_classes_at_the_photos_size(runs: dict[str, Path], tmp_path: Path) -> None:
    made = maskwright.export(runs["mlp-mobilenetv2"], out=tmp_path / "own", resize=True, output="mask")
    session = onnxruntime.InferenceSession(made.folder / "model.onnx")
    (image,) = photos((70, 99))
    said = session.run(None, {"photos": image[None]})[0][0]
    assert said.dtype == np.uint8
    assert np.mean(said != maskwright.load(runs["mlp-mobilenetv2"], tta=False).mask(image)) < 0.001


def test_classes_are_no_answer_for_a_run(runs: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match=r"cannot lie in a run.*\n.*--out FOLDER"):
        maskwright.export(runs["mlp-mobilenetv2"], output="mask")
    with pytest.raises(UsageError, match=r"format onx: there is no such format.\n  Did you mean onnx"):
        maskwright.export(runs["mlp-mobilenetv2"], format="onx")


def test_what_differs_is_refused(runs: dict[str, Path]) -> None:
    from maskwright.inference.opening import weights_in
    from maskwright.models.onnx_graph import computed, photos_in
    from maskwright.recipe.files import read_recipe

    folder = runs["mlp-mobilenetv2"]
    recipe = read_recipe(folder / "recipe.yaml")
    network = photos_in(weights_in(folder), recipe, classes=3, resize=False, output="logits")
    with pytest.raises(GateError, match=r"does not say what torch says.*\n  expected: the same logits up to 0.0001"):
        check_against_torch(network, lambda photos: computed(network, photos) * 1.001, output="logits")
    with pytest.raises(GateError, match="inf apart"):
        check_against_torch(network, lambda photos: computed(network, photos)[:, :, 1:], output="logits")


def test_other_weights_are_refused(copy: Path) -> None:
    other = untrained_run(copy.parent / "other", seed=1, model="mlp-mobilenetv2", form="tensorflow")
    shutil.copy(other.best_weights, copy / "weights" / "best.safetensors")
    with pytest.raises(RunError, match=r"was made from other weights.*\n.*\n.*Make it again: maskwright export"):
        maskwright.load(copy, runtime="onnx")


def test_a_changed_file_is_refused(copy: Path) -> None:
    path = copy / "exports" / "onnx" / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(RunError, match=r"model.onnx: is missing or differs from what export.json says"):
        maskwright.load(copy, runtime="onnx")
    path.unlink()
    with pytest.raises(RunError, match=r"is missing"):
        maskwright.load(copy, runtime="onnx")


def test_a_file_outside_is_refused(copy: Path) -> None:
    about = copy / "exports" / "onnx" / "export.json"
    said = json.loads(about.read_text())
    (copy / "secret").write_text("secret")
    said["files"] = {"../../secret": {"digest": "0" * 64, "bytes": 6}}
    about.write_text(json.dumps(said))
    with pytest.raises(RunError, match=r"export.json: is damaged.*\n.*files\.\.\./\.\./secret"):
        maskwright.load(copy, runtime="onnx")


BLOCKED = """
import socket, sys
def refused(*_, **__): raise AssertionError("a network call")
for name in ("connect", "connect_ex", "sendto", "sendmsg"):
    setattr(socket.socket, name, refused)
socket.getaddrinfo = socket.create_connection = refused
"""


def test_predicting_needs_neither_torch_nor_network(runs: dict[str, Path], tmp_path: Path) -> None:
    Image.fromarray(photos((64, 80))[0]).save(tmp_path / "photo.png")
    code = BLOCKED + (
        "from maskwright.cli.main import answer\n"
        f"code = answer(['predict', {str(runs['segformer-b0'])!r}, {str(tmp_path / 'photo.png')!r},"
        f" '-o', {str(tmp_path / 'out')!r}, '--runtime', 'onnx'])\n"
        "heavy = {'torch', 'onnx', 'scipy.stats', 'pandas', 'plotly', 'fastapi'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else code)"
    )
    ended = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "out" / "masks" / "photo.png").is_file()


def test_it_travels_to_other_processes(runs: dict[str, Path]) -> None:
    import pickle

    predictor = maskwright.load(runs["segformer-b0"], runtime="onnx", threads=1)
    (image,) = photos((48, 48))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(predictor))(image), predictor(image))
