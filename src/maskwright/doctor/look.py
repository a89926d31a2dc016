"""Gather the facts: the slow ones at the same time, each in a process of its own."""

from __future__ import annotations

import locale
import os
import platform
import struct
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from maskwright.cgroups import limits
from maskwright.doctor import hardware, installed
from maskwright.doctor.folder import cache
from maskwright.doctor.trials import PROGRAMS, trial
from maskwright.doctor.world import Encoding, Python, System, World
from maskwright.weights.download import offline

MUSL = "/lib/ld-musl-"
"""How the loader's path begins where the C library is musl, as on Alpine."""

VARIABLES = ("MASKWRIGHT_", "HF_", "OMP_", "MKL_")
"""How the environment variables begin that are looked at; others are nobody's business."""


def look() -> World:
    """The facts about this computer. Nothing is changed, and nothing is asked of the network."""
    builds = installed.builds()
    with ThreadPoolExecutor() as threads:
        trials = {
            name: threads.submit(trial, name) for name in PROGRAMS if name != "torchvision" or "torchvision" in builds
        }
        graphics, caches = threads.submit(hardware.gpu), threads.submit(cache)
        granted = limits()
        return World(
            python=Python(
                version=sys.version_info[:3], executable=sys.executable, required=installed.required_python()
            ),
            pip=installed.pip(),
            source=installed.source(),
            system=system(),
            cpu=hardware.cpu(granted),
            memory=hardware.memory(granted),
            packages=installed.packages(),
            builds=builds,
            variables=variables(os.environ),
            offline=offline(),
            encoding=encoding(),
            gpu=graphics.result(),
            cache=caches.result(),
            trials={name: future.result() for name, future in trials.items()},
        )


def system() -> System:
    """The operating system."""
    libc, version = platform.libc_ver()
    musl = sys.platform == "linux" and any(Path("/lib").glob(f"{Path(MUSL).name}*"))
    return System(
        platform=sys.platform,
        name=_name(),
        arch=platform.machine(),
        bits=8 * struct.calcsize("P"),
        libc=libc or ("musl" if musl else ""),
        libc_version=version,
    )


def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that mean something here, without those that may hold a secret."""
    return {
        name: value
        for name, value in sorted(environment.items())
        if name.startswith(VARIABLES) and not any(word in name for word in ("TOKEN", "KEY", "SECRET", "PASS"))
    }


def encoding() -> Encoding:
    """How texts are written."""
    return Encoding(
        locale=locale.getpreferredencoding(False).lower(),
        files=sys.getfilesystemencoding().lower(),
        terminal=(sys.stdout.encoding or "").lower() if sys.stdout is not None and sys.stdout.isatty() else "",
    )


def _name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return " ".join([platform.system(), platform.release()])
