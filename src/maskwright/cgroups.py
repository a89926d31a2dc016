"""What this process may use of the machine: control groups grant it, in containers and batch schedulers on Linux."""

from __future__ import annotations

import contextlib
import os
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path("/")
NO_LIMIT_BYTES = 1 << 60
"""What cgroups of the first version call a limit where there is none is larger than this."""


@dataclass(frozen=True)
class Limits:
    """What is granted; None is no limit.

    Args:
        cores: cores' worth of time.
        memory_bytes: memory.
        memory_used_bytes: memory used of that.
    """

    cores: float | None = None
    memory_bytes: int | None = None
    memory_used_bytes: int = 0


def limits(root: Path = ROOT) -> Limits:
    """The tightest limits of the cgroups that this process is in, of either version.

    Args:
        root: where `proc` and the mount points lie.
    """
    cores: list[float] = []
    sizes: list[tuple[int, int]] = []
    for folder in _cgroup_folders(root):
        cores += _cores(folder)
        sizes += _sizes(folder)
    limit, used = min(sizes, default=(None, 0))
    return Limits(min(cores, default=None), limit, used)


def usable_cores() -> int:
    """Cores that this process may use: those it may run on, fewer where a container grants less time."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted = limits().cores
    return allowed if granted is None else max(1, min(allowed, int(granted)))


def cpu_name() -> str:
    """What the processor calls itself."""
    lines = (line.partition(":") for line in text_of(ROOT / "proc/cpuinfo").splitlines())
    named = (name.strip() for key, _, name in lines if key.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()


def _cgroup_folders(root: Path) -> Iterator[Path]:
    """The folders of the cgroups of this process, each followed by those above it up to its mount point."""
    groups = dict(_groups(text_of(root / "proc/self/cgroup")))
    for line in text_of(root / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.partition(" ")
        if kind not in ("cgroup", "cgroup2"):
            continue
        mounted, point = before.split()[3:5]
        controllers = options.split()[-1].split(",") if kind == "cgroup" else [""]
        own = next((groups[name] for name in controllers if name in groups), None)
        if own is None:
            continue
        top = root / point.lstrip("/")
        folder = top / _below(own, mounted)
        while folder != top:
            yield folder
            folder = folder.parent
        yield top


def _groups(text: str) -> Iterator[tuple[str, str]]:
    """Which group this process is in, by controller; the second version's single one goes by the empty name."""
    for line in text.splitlines():
        _, controllers, group = line.split(":", 2)
        for name in controllers.split(","):
            yield name, group


def _below(group: str, mounted: str) -> str:
    """A group's path below its mount point; a container may see its own group only, mounted as the top."""
    with contextlib.suppress(ValueError):
        relative = PurePosixPath(group).relative_to(mounted)
        return "" if ".." in relative.parts else str(relative)
    return ""


def _cores(folder: Path) -> Iterator[float]:
    """The time limit of a group: of the second version, and of the first."""
    words = text_of(folder / "cpu.max").split()
    quota = text_of(folder / "cpu.cfs_quota_us").strip()
    words = words or [quota, text_of(folder / "cpu.cfs_period_us").strip()]
    with contextlib.suppress(ValueError, IndexError, ZeroDivisionError):
        cores = int(words[0]) / int(words[1])
        if cores > 0:
            yield cores


def _sizes(folder: Path) -> Iterator[tuple[int, int]]:
    """Limit and use of memory of a group: of the second version, and of the first."""
    for limit, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
        with contextlib.suppress(ValueError):
            size = int(text_of(folder / limit))
            if size < NO_LIMIT_BYTES:
                yield size, int(text_of(folder / used)) - _droppable(folder)


def _droppable(folder: Path) -> int:
    """File contents that are counted as used and are dropped when memory is wanted, in bytes."""
    found = re.search(r"^(?:total_)?inactive_file (\d+)$", text_of(folder / "memory.stat"), re.MULTILINE)
    return int(found[1]) if found else 0


def text_of(path: Path) -> str:
    """The text of a file, "" where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
