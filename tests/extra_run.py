"""A model of an extra through the whole program, in processes of its own: run, evaluate, predict, resume."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from maskwright.data.pets.write import draw_dataset


def whole_way(folder: Path, *, model: str, weights: str = "auto", forget: Path | None = None) -> dict[str, Any]:
    """Train on drawn pets for a few seconds, judge, predict from the bundle, go on.

    Args:
        folder: empty; everything is written here.
        model: its name.
        weights: where it starts from.
        forget: a folder that is gone once training is over: nothing may need it afterwards.

    Returns:
        What `evaluate --json` says of the bundle.
    """
    data, out = folder / "data", folder / "run"
    draw_dataset(data, images=30, size_px=96, seed=0, threads=2)
    settings = {"model": model, "weights": weights, "iterations": 30, "validation_interval": 15, "batch_size": 4}
    chosen = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    maskwright("run", data, "-o", out, *chosen, "--set", "crop_hw=[96, 96]", "--threads", 2, "--offline")
    if forget is not None:
        shutil.rmtree(forget)
    said: dict[str, Any] = json.loads(maskwright("evaluate", out / "bundle", data, "--json", "--threads", 2))
    photo = next(path for path in sorted(data.rglob("*")) if path.suffix in (".jpg", ".png") and "val" in str(path))
    maskwright("predict", out / "bundle", photo, "-o", folder / "masks", "--threads", 2)
    assert list((folder / "masks").rglob("*.png"))
    before = (out / "weights" / "best.safetensors").read_bytes()
    maskwright("run", data, "-o", out, "--resume", "--offline")
    assert (out / "weights" / "best.safetensors").read_bytes() == before
    entries = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [entry["iteration"] for entry in entries if entry["event"] == "resume"] == [30]
    return said


def maskwright(*words: object) -> str:
    """What the command line program prints; no warning is passed over, and no network used."""
    command = [sys.executable, "-W", "error", "-m", "maskwright", *map(str, words)]
    environment = {**os.environ, "MASKWRIGHT_OFFLINE": "1", "HF_HUB_OFFLINE": "1"}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return ended.stdout
