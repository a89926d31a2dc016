"""Processor, memory and graphics processors, asked of the system itself."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from maskwright.cgroups import ROOT, Limits, text_of
from maskwright.doctor.world import Cpu, Gpu, Memory

ASK_S = 10.0
"""Longest wait for another program's answer."""


def cpu(limits: Limits, root: Path = ROOT) -> Cpu:
    """The processor.

    Args:
        limits: what cgroups grant.
        root: where `proc` lies.
    """
    about = _colon_lines(root / "proc/cpuinfo")
    cores = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    return Cpu(
        name=about.get("model name") or platform.processor() or platform.machine(),
        cores=cores,
        allowed=allowed,
        quota=limits.cores,
        flags=frozenset((about.get("flags") or about.get("Features") or "").split()),
    )


def memory(limits: Limits, root: Path = ROOT) -> Memory:
    """Memory, as far as the system tells.

    Args:
        limits: what cgroups grant.
        root: where `proc` lies.
    """
    size = {key: int(text.split()[0]) * 1024 for key, text in _colon_lines(root / "proc/meminfo").items() if text}
    total = size.get("MemTotal") or _total_bytes()
    limit = limits.memory_bytes
    free = [size["MemAvailable"]] if "MemAvailable" in size else []
    free += [] if limit is None else [max(0, limit - limits.memory_used_bytes)]
    return Memory(
        total=total,
        available=min(free) if free else None,
        limit=limit if limit is not None and (total is None or limit < total) else None,
        swap_used=size.get("SwapTotal", 0) - size.get("SwapFree", 0),
    )


def gpu(root: Path = ROOT) -> Gpu:
    """The graphics processors: what NVIDIA's own program tells, and which devices there are.

    Args:
        root: where `dev` lies.
    """
    devices = tuple(path.name for path in sorted((root / "dev").glob("nvidia[0-9]*")))
    lines = _ask("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader").splitlines()
    told = [line.rsplit(",", 1) for line in lines if "," in line]
    return Gpu(
        nvidia=tuple(name.strip() for name, _ in told) or devices,
        driver=told[0][1].strip() if told else "",
        amd=(root / "dev/kfd").exists(),
    )


def _total_bytes() -> int | None:
    with contextlib.suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None


def _colon_lines(path: Path) -> Mapping[str, str]:
    """Lines "key: value" of a file; of several with one key the first."""
    lines = [line.partition(":") for line in text_of(path).splitlines()]
    return {key.strip(): value.strip() for key, _, value in reversed(lines)}


def _ask(program: str, *arguments: str) -> str:
    found = shutil.which(program)
    if found is None:
        return ""
    try:
        ended = subprocess.run(
            [found, *arguments], capture_output=True, text=True, errors="replace", timeout=ASK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout if ended.returncode == 0 else ""
