"""What MMSegmentation answers for weights that are drawn anew from their names."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared_data import shared


def mmseg_state(name: str) -> dict[str, NDArray[Any]]:
    """The state dict behind a fixture, e.g. "segformer_b0"."""
    spec = importlib.util.spec_from_file_location("mmseg_weights", shared("fixtures", "mmseg", "weights.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    state: dict[str, NDArray[Any]] = module.state_dict(shared("fixtures", "mmseg", f"{name}.keys.json"))
    return state


def mmseg_answers(name: str) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Inputs and logits by shape."""
    with np.load(shared("fixtures", "mmseg", f"{name}.npz")) as held:
        return {
            key[2:]: (held[key].astype(np.float32), held[f"logits_{key[2:]}"].astype(np.float32))
            for key in held.files
            if key.startswith("x_")
        }
