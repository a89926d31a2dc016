"""Checks of processor, threads and memory."""

from __future__ import annotations

from typing import Any

from maskwright.doctor.ailment import Ailment
from maskwright.doctor.world import Trial, World

X86 = ("x86_64", "amd64", "i386", "i686")

SMALL_GIB = 2.0
"""A training of SegFormer-B0 with 8 crops of 256x256 holds 0.75 GiB beside torch itself; larger models hold more."""

SWAPPED_GIB = 1.0
"""So much on the disk for want of memory is no leftover."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def processor(world: World) -> tuple[Ailment, ...]:
    """The processor has the instructions that make training fast."""
    tried = world.trials.get("torch", Trial())
    facts = {"name": world.cpu.name}
    slow = tried.said.get("capability") in ("DEFAULT", "NO AVX")  # asked where the system does not tell the flags
    without_avx2 = "avx2" not in world.cpu.flags if world.cpu.flags else slow
    if without_avx2 and world.system.arch.lower() in X86:
        return (Ailment("cpu", "warning", "cpu_no_avx2", facts, _lighter()),)
    if not has_bf16(world):
        return (Ailment("cpu", "warning", "cpu_no_bf16", facts, _lighter()),)
    return (Ailment("cpu", "ok", "cpu_ok", facts),)


def has_bf16(world: World) -> bool:
    """Whether training will use bfloat16: as torch says, else as the processor's flags say."""
    said = world.trials.get("torch", Trial()).said.get("bf16")
    return bool(said) if said is not None else "avx512_bf16" in world.cpu.flags


def threads(world: World) -> tuple[Ailment, ...]:
    """As many threads calculate as can work at once."""
    usable = world.cpu.usable
    facts: dict[str, Any] = {"usable": usable, "cores": world.cpu.cores, "allowed": world.cpu.allowed}
    right = world.set_variable("OMP_NUM_THREADS", usable)
    found = [one for name in THREAD_VARIABLES if name in world.variables for one in _variable(world, name)]
    if world.cpu.quota is not None and usable < world.cpu.allowed:
        facts["quota"] = f"{world.cpu.quota:g}"
        fix = (right, f"maskwright run DATA --threads {usable}")
        found.append(Ailment("threads", "warning", "threads_quota", facts, fix))
    told: int = world.trials.get("torch", Trial()).said.get("threads", usable)
    if not found and told > usable:
        found.append(Ailment("threads", "warning", "threads_many", {**facts, "threads": told}, (right,)))
    if not found and told < usable // 2:  # half as many: one for each core of the chip
        found.append(Ailment("threads", "warning", "threads_few", {**facts, "threads": told}, (right,)))
    return tuple(found) or (Ailment("threads", "ok", "threads_ok", facts),)


def enough_memory(world: World) -> tuple[Ailment, ...]:
    """There is memory for a training, and it is memory."""
    memory = world.memory
    if memory.usable is None:
        return ()
    available = memory.usable if memory.available is None else memory.available
    facts = {"usable": gib(memory.usable), "available": gib(available), "swap": gib(memory.swap_used)}
    if available < SMALL_GIB * 2**30:
        smaller = "maskwright run DATA --set batch_size=2 --set crop_hw=[128,128]"
        return (Ailment("memory", "warning", "memory_small", facts, (smaller,)),)
    if memory.swap_used > SWAPPED_GIB * 2**30 and available < memory.usable / 10:
        fix = ("ps -eo rss,pid,comm --sort=-rss | head",) if world.system.platform == "linux" else ()
        return (Ailment("memory", "warning", "memory_swapping", facts, fix),)
    return (Ailment("memory", "ok", "memory_ok", facts),)


def gib(size_bytes: float) -> str:
    """A size in GiB with one decimal."""
    return f"{size_bytes / 2**30:.1f}"


def _variable(world: World, name: str) -> tuple[Ailment, ...]:
    usable, value = world.cpu.usable, world.variables[name]
    first = value.split(",")[0].strip()  # a list gives one number for each level of nesting
    facts = {"name": name, "value": value, "usable": usable}
    if not first.isdigit() or int(first) == 0:
        return (Ailment("threads", "warning", "threads_no_number", facts, (world.unset_variable(name),)),)
    if int(first) > usable:
        return (Ailment("threads", "warning", "threads_over", facts, (world.set_variable(name, usable),)),)
    if int(first) < usable:
        return (Ailment("threads", "warning", "threads_under", facts, (world.unset_variable(name),)),)
    return ()


def _lighter() -> tuple[str, ...]:
    return (
        "maskwright run DATA --set model=mlp-mobilenetv2",
        "maskwright train DATA --recipe recipe.yaml --set precision=fp32",
    )
