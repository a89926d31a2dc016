"""What this machine is."""

from __future__ import annotations

import platform
from typing import Any

import torch

import maskwright
from maskwright.cgroups import cpu_name, usable_cores
from maskwright.models.forward import settled_device
from maskwright.recipe.plan import Machine


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


def is_out_of_memory(error: Exception) -> bool:
    """Whether torch found no memory: of a GPU it says so by a class, of the CPU by its words alone."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator: " in str(error)


def environment() -> dict[str, Any]:
    """What a run was made with, for `environment.json`."""
    return {
        "format": 1,
        "maskwright": maskwright.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "cpu": cpu_name(),
        "cores": usable_cores(),
        "bf16": _cpu_bf16(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _cpu_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 in hardware; emulation would be slower than float32."""
    capable = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return bool(capable()) if capable is not None else False
