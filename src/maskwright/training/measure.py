"""What this machine can do, measured."""

from __future__ import annotations

import os
import platform
import time
from statistics import median
from typing import Any

import numpy as np
import torch

import maskwright
from maskwright.models.forward import settled_device
from maskwright.recipe.plan import Machine
from maskwright.recipe.recipe import Recipe
from maskwright.training.batches import Batch
from maskwright.training.loop import make_learner, train_step
from maskwright.training.memory import keep_freed_memory


def machine(*, device: str = "auto", threads: int | None = None) -> Machine:
    """The machine as training may use it.

    Args:
        device: "auto" takes CUDA when present; "cpu", "cuda" or "cuda:N" are taken as they are.
        threads: cores to use; None takes all that this process may use.

    Raises:
        UsageError: CUDA is asked for and not there.
    """
    device = settled_device(device)
    bf16 = torch.cuda.is_bf16_supported() if device.startswith("cuda") else _cpu_bf16()
    return Machine(cores=threads or usable_cores(), bf16=bf16, device=device)


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment() -> dict[str, Any]:
    """What a run was made with, for `environment.json`."""
    return {
        "format": 1,
        "maskwright": maskwright.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "cpu": _cpu_name(),
        "cores": usable_cores(),
        "bf16": _cpu_bf16(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def step_seconds(recipe: Recipe, *, classes: int, limit_s: float) -> float:
    """Median seconds of one training iteration of a recipe, its data at hand.

    Args:
        recipe: what is trained.
        classes: number of classes.
        limit_s: seconds to spend: after one iteration to warm up, at least one and at most six are timed.
    """
    torch.set_num_threads(recipe.threads)
    keep_freed_memory()
    learner = make_learner(recipe, classes)
    rng = np.random.default_rng(0)
    shape = (recipe.batch_size, *recipe.crop_hw)
    batch = Batch(rng.integers(0, 256, (*shape, 3), dtype=np.uint8), rng.integers(0, classes, shape, dtype=np.uint8))
    seconds: list[float] = []
    while len(seconds) < 2 or (len(seconds) < 7 and sum(seconds) < limit_s):
        began = time.perf_counter()
        train_step(learner, batch, recipe, len(seconds), lr=1e-6)
        seconds.append(time.perf_counter() - began)
    return median(seconds[1:])


def _cpu_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 in hardware; emulation would be slower than float32."""
    capable = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(capable()) if capable is not None else False


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 - not a file of ours
            return next(line.partition(":")[2].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
