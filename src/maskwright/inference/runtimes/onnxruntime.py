"""Computing an exported network with ONNX Runtime, without torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.cgroups import usable_cores
from maskwright.errors import RunError, UsageError, shown

PACKAGE = "onnxruntime"


class OnnxNetwork:
    """A network in ONNX Runtime: photos `(B, H, W, 3) uint8` to logits.

    Args:
        content: of the ONNX file.
        path: where it came from, for messages.
        threads: threads to compute with; None takes all cores that this process may use.

    Raises:
        UsageError: ONNX Runtime is not installed.
        RunError: this is no ONNX file that it can compute.
    """

    def __init__(self, content: bytes, path: Path, *, threads: int | None = None) -> None:
        self._content, self._path, self._threads = content, path, threads
        self._session = self._opened()

    def __call__(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits `(B, C, h, w) float32`."""
        logits: NDArray[np.float32] = self._session.run(None, {"photos": photos})[0]
        return logits

    def _opened(self) -> Any:
        runtime = imported()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = self._threads or usable_cores()
        options.log_severity_level = 3  # errors; warnings are about its own optimiser
        try:
            return runtime.InferenceSession(self._content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions have no class in common
            raise RunError(
                f"{shown(self._path)}: ONNX Runtime cannot open this file.",
                found=" ".join(str(error).split())[:200],
                do="Export it again: maskwright export RUN --format onnx",
            ) from None

    def __getstate__(self) -> dict[str, Any]:
        """Sessions cannot travel to other machines; the network does, and is opened there."""
        return {**self.__dict__, "_session": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._session = self._opened()


def imported() -> Any:
    """The package, which reports home unless this is said before its import.

    Raises:
        UsageError: it is not installed.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime
    except ImportError as error:
        raise UsageError(
            "runtime onnx: the package onnxruntime is not installed.",
            found=str(error),
            do='pip install "maskwright[onnx]"',
        ) from None
    return onnxruntime
