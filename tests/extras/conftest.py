"""Tests that need the real packages of an extra; `make test-extras` runs each group in an environment of its own."""

from __future__ import annotations

import os

import pytest

GROUPS = ("smp", "hf", "formats", "metrics", "clearml", "mlflow", "tensorboard", "optuna", "ray", "onnx", "openvino")

collect_ignore = [group for group in GROUPS if os.environ.get("MASKWRIGHT_EXTRA") != group]


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here asks the hub, whatever a package would like to."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
