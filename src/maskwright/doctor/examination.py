"""Examining a computer and an installation: facts first, then every check of the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

import maskwright
from maskwright.doctor.ailment import STATES, Ailment, Check, State
from maskwright.doctor.checks import machine, packages, pytorch, surroundings
from maskwright.doctor.installed import OURS, extras, requirements
from maskwright.doctor.look import look
from maskwright.doctor.world import World


@dataclass(frozen=True)
class Examination:
    """What was found.

    Args:
        facts: about the computer and the installation, ready for JSON.
        findings: of every check, in the order of the table.
    """

    facts: Mapping[str, Any]
    findings: tuple[Ailment, ...]

    @property
    def state(self) -> State:
        """The worst state of all findings."""
        return max((one.state for one in self.findings), key=STATES.index, default="ok")

    def to_json(self, lang: str = "en") -> dict[str, Any]:
        """All of it, with the sentences in a language, "en" or "ru"."""
        findings = [
            {
                "check": one.check,
                "state": one.state,
                "finding": one.says,
                "message": one.sentence(lang),
                "facts": dict(one.facts),
                "fix": list(one.fix),
            }
            for one in self.findings
        ]
        return {"state": self.state, "facts": dict(self.facts), "findings": findings}


def examine() -> Examination:
    """Look at this computer and what is installed for this Python. Nothing is changed, nothing is downloaded."""
    return judge(look())


def judge(world: World) -> Examination:
    """What the checks say of some facts."""
    return Examination(facts(world), tuple(ailment for check in CHECKS for ailment in check(world)))


def facts(world: World) -> dict[str, Any]:
    """The facts that a report of a problem should begin with."""
    torch = world.builds.get("torch")
    return {
        "maskwright": maskwright.__version__,
        "python": ".".join(map(str, world.python.version)),
        "executable": world.python.executable,
        "system": {
            "name": world.system.name,
            "arch": world.system.arch,
            "libc": f"{world.system.libc} {world.system.libc_version}".strip(),
        },
        "torch": {"version": torch.version, "build": torch.kind} if torch else None,
        "packages": {name: world.version(name) for name in _told(world)},
        "cpu": {
            "name": world.cpu.name,
            "cores": world.cpu.cores,
            "allowed": world.cpu.allowed,
            "quota": world.cpu.quota,
            "usable": world.cpu.usable,
            "avx512": "avx512f" in world.cpu.flags,
            "bf16": machine.has_bf16(world),
        },
        "memory_bytes": {
            "total": world.memory.total,
            "limit": world.memory.limit,
            "available": world.memory.available,
            "swap_used": world.memory.swap_used,
        },
        "gpu": {"names": list(world.gpu.nvidia), "driver": world.gpu.driver or None},
        "cache": {
            "folder": world.cache.folder,
            "size_bytes": world.cache.size_bytes,
            "free_bytes": world.cache.free_bytes,
        },
        "offline": world.offline or None,
        "variables": {name: value for name, value in world.variables.items() if _ours(name)},
    }


def _told(world: World) -> list[str]:
    """The packages whose versions are worth telling, of those that are installed."""
    ours = world.packages.get(OURS)
    wanted = [one for extra in ("", *extras(ours)) for one in requirements(ours, extra)] if ours else []
    names = {canonicalize_name(one.name) for one in wanted} | {"torchvision", *packages.OPENCV}
    return sorted(name for name in names if name in world.packages)


def _ours(name: str) -> bool:
    return name in surroundings.VARIABLES or name in machine.THREAD_VARIABLES or name.startswith(surroundings.PREFIX)


CHECKS: tuple[Check, ...] = (
    packages.python_version,
    packages.needed_packages,
    packages.importable_libraries,
    packages.one_opencv,
    pytorch.torch_works,
    pytorch.torch_build,
    pytorch.torchvision_fits,
    pytorch.platform_suits,
    packages.all_extras,
    machine.processor,
    machine.threads,
    machine.enough_memory,
    surroundings.usable_cache,
    surroundings.known_variables,
    surroundings.unicode_texts,
)
"""All checks; a check is a function from the facts to what it found."""
