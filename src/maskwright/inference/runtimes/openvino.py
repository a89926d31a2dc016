"""Computing an exported network with OpenVINO, without torch."""

from __future__ import annotations

import sys
import threading
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.cgroups import usable_cores
from maskwright.errors import RunError, UsageError, shown

OFTEN = 3
"""How often photos of a size have to come before the network is compiled for this size alone: it then takes half the
time, and compiling takes as long as some dozens of photos."""

FIRST_BHWC = (2, 97, 133, 3)
"""What a network for any size is asked first. OpenVINO 2026.4 settles by the first photo what it will take for granted:
after one of 32 x 32, whose deepest map is a single cell, it answers wrongly on any other."""

KEPT = 4
"""How many sizes the network is kept compiled for, those that came last."""


class OpenVinoNetwork:
    """A network in OpenVINO: photos `(B, H, W, 3) uint8` to logits, in float32 but for layers that are int8.

    Args:
        xml: content of the IR's description.
        weights: content of the IR's weights.
        path: where they came from, for messages.
        threads: threads to compute with; None takes all cores that this process may use.

    Raises:
        UsageError: OpenVINO is not installed.
        RunError: this is no IR that it can compute.
    """

    def __init__(self, xml: bytes, weights: bytes, path: Path, *, threads: int | None = None) -> None:
        self._content, self._path, self._threads = (xml, weights), path, threads
        self._open()

    def __call__(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits `(B, C, h, w) float32`."""
        with self._lock:
            answer = self._request(photos.shape).infer([photos], share_inputs=True)
        logits: NDArray[np.float32] = answer[0]
        return logits

    def _open(self) -> None:
        self._core, self._lock = imported().Core(), threading.Lock()
        self._met: Counter[tuple[int, ...]] = Counter()
        self._requests: OrderedDict[tuple[int, ...] | None, Any] = OrderedDict()
        try:
            self._model = self._core.read_model(*self._content)
        except Exception as error:  # its exceptions have no class in common
            raise RunError(
                f"{shown(self._path)}: OpenVINO cannot open this file.",
                found=" ".join(str(error).split())[:200],
                do="Export it again: maskwright export RUN --format openvino",
            ) from None

    def _request(self, shape: tuple[int, ...]) -> Any:
        """What computes photos of a shape: the network compiled for it, or for any."""
        self._met[shape] += 1
        key = shape if self._met[shape] >= OFTEN else None
        if key not in self._requests:
            if len(self._requests) > KEPT:
                self._requests.popitem(last=False)
            self._requests[key] = self._compiled(key)
        self._requests.move_to_end(key)
        return self._requests[key]

    def _compiled(self, shape: tuple[int, ...] | None) -> Any:
        model = self._model
        if shape is not None:
            model = model.clone()
            model.reshape(list(shape))
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",  # or bfloat16 would be taken wherever the processor has it
            "INFERENCE_NUM_THREADS": self._threads or usable_cores(),
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,  # several processes would all sit on the same cores
        }
        request = self._core.compile_model(model, "CPU", settings).create_infer_request()
        if shape is None:
            request.infer([np.zeros(FIRST_BHWC, np.uint8)])
        return request

    def __getstate__(self) -> dict[str, Any]:
        """What is compiled cannot travel to other machines; the network does, and is compiled there."""
        return {name: self.__dict__[name] for name in ("_content", "_path", "_threads")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()


def imported() -> Any:
    """The package, which reports its import to Google Analytics unless what does that cannot be imported.

    Raises:
        UsageError: it is not installed.
    """
    without_telemetry()
    try:
        import openvino
    except ImportError as error:
        raise UsageError(
            "runtime openvino: the package openvino is not installed.",
            found=str(error),
            do='pip install "maskwright[openvino]"',
        ) from None
    return openvino


def write_ir(onnx: Path, xml: Path) -> None:
    """Write an ONNX file as OpenVINO's IR, in float32: `xml`, and its weights beside it."""
    save_ir(imported().Core().read_model(onnx), xml)


def read_ir(xml: Path) -> Any:
    """The model of an IR; its files are not kept open, so that they may be replaced."""
    return imported().Core().read_model(xml.read_bytes(), xml.with_suffix(".bin").read_bytes())


def save_ir(model: Any, xml: Path) -> None:
    """Write a model of OpenVINO as `xml`, and its weights beside it."""
    imported().save_model(model, xml, compress_to_fp16=False)


def without_telemetry() -> None:
    """Have openvino and nncf do as they do without openvino_telemetry, which has no switch for a process alone."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
