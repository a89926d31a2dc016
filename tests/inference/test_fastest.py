"""The choice of a runtime by measured speed: made once for a machine, and int8 only where it wins."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from maskwright.errors import RunError
from maskwright.inference.fastest import chosen, fastest


class Slow:
    """A predictor that takes its time."""

    recipe = SimpleNamespace(crop_hw=(8, 8))

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def mask(self, image: np.ndarray) -> np.ndarray:
        time.sleep(self.seconds)
        return np.zeros(image.shape[:2], np.uint8)


class Opened:
    """Opens predictors by name, and remembers which."""

    def __init__(self, **seconds: float) -> None:
        self.seconds, self.asked = {name.replace("_", "-"): one for name, one in seconds.items()}, list[str]()

    def __call__(self, name: str) -> Any:
        self.asked.append(name)
        if name not in self.seconds:
            raise RunError(f"{name}: made from other weights")
        return Slow(self.seconds[name])


@pytest.mark.parametrize(
    ("ms", "name"),
    [
        ({"torch": 30.0, "onnx": 20.0, "openvino": 15.0}, "openvino"),
        ({"torch": 10.0, "onnx": 20.0}, "torch"),
        ({"torch": 30.0, "openvino": 15.0, "openvino-int8": 8.0}, "openvino-int8"),
        ({"torch": 30.0, "openvino": 15.0, "openvino-int8": 14.8}, "openvino"),
        ({"openvino-int8": 14.8}, "openvino-int8"),
    ],
)
def test_int8_is_taken_only_where_it_wins(ms: dict[str, float], name: str) -> None:
    assert chosen(ms) == name


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MASKWRIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "speeds"


def run(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / "exports" / name).mkdir(parents=True)
        (folder / "exports" / name / "export.json").write_text("{}")
    return folder


def test_without_exports_nothing_is_measured(tmp_path: Path) -> None:
    opened = Opened()
    assert fastest(tmp_path, opened, digest="a") == "torch"
    assert opened.asked == []


def test_it_is_measured_once(tmp_path: Path, cache: Path) -> None:
    folder, opened = run(tmp_path / "run", "onnx", "openvino"), Opened(torch=0.004, onnx=0.001)
    assert fastest(folder, opened, digest="a") == "onnx"  # the one that cannot be opened is passed over
    assert opened.asked == ["torch", "onnx", "openvino"]
    (place,) = cache.iterdir()
    measured = json.loads(place.read_text())
    assert measured["ms"]["torch"] > measured["ms"]["onnx"] >= 1
    assert measured["machine"]["cores"] >= 1
    assert fastest(folder, opened, digest="a") == "onnx"
    assert len(opened.asked) == 3
    assert fastest(folder, opened, digest="other weights") == "onnx"
    assert fastest(folder, opened, digest="a", threads=3) == "onnx"
    assert len(opened.asked) == 9
    assert [path.name for path in (folder / "exports").iterdir() if path.is_file()] == [], "it may be a bundle"


@pytest.mark.usefixtures("cache")
def test_an_export_that_was_made_again_is_measured_anew(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", "onnx")
    assert fastest(folder, Opened(torch=0.001, onnx=0.004), digest="a") == "torch"
    (folder / "exports" / "onnx" / "export.json").write_text('{"opset": 20}')
    assert fastest(folder, Opened(torch=0.004, onnx=0.001), digest="a") == "onnx"


def test_what_was_remembered_wrongly_is_measured_again(tmp_path: Path, cache: Path) -> None:
    folder = run(tmp_path / "run", "onnx")
    assert fastest(folder, Opened(torch=0.004, onnx=0.001), digest="a") == "onnx"
    (place,) = cache.iterdir()
    place.write_text("no JSON")
    assert fastest(folder, Opened(torch=0.001, onnx=0.004), digest="a") == "torch"


def test_where_nothing_can_be_opened_it_says_why(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="torch: made from other weights"):
        fastest(run(tmp_path, "onnx"), Opened(), digest="a")
