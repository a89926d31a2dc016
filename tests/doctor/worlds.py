"""Worlds with one thing wrong, for the checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from maskwright.doctor.world import Build, Gpu, Package, System, Trial, World

CPU = "--index-url https://download.pytorch.org/whl/cpu"

H100 = Gpu(nvidia=("NVIDIA H100",), driver="580.65.06")
WINDOWS = System(platform="win32", name="Windows 11", arch="AMD64", libc="", libc_version="")
LIBGL = "ImportError: libGL.so.1: cannot open shared object file: No such file or directory"


@dataclass(frozen=True)
class Case:
    """A world, and what has to be found in it.

    Args:
        change: what is wrong, applied to a computer on which all is well.
        says: the finding that must be there.
        state: how bad it is.
        words: what its sentence must hold.
        fix: its commands.
    """

    change: Callable[[World], World]
    says: str
    state: str
    words: tuple[str, ...] = ()
    fix: tuple[str, ...] = ()


def having(*packages: Package, without: tuple[str, ...] = ()) -> Callable[[World], World]:
    """Other packages."""

    def change(world: World) -> World:
        kept = {name: one for name, one in world.packages.items() if name not in without}
        return replace(world, packages={**kept, **{one.name: one for one in packages}})

    return change


def tried(name: str, said: Mapping[str, Any] | None = None, **facts: Any) -> Callable[[World], World]:
    """Another outcome of a trial."""

    def change(world: World) -> World:
        before = world.trials.get(name, Trial()).said
        return replace(world, trials={**world.trials, name: Trial(said={**before, **(said or {})}, **facts)})

    return change


def other(**facts: Any) -> Callable[[World], World]:
    """Other facts."""
    return lambda world: replace(world, **facts)


def together(*changes: Callable[[World], World]) -> Callable[[World], World]:
    """Several changes, one after the other."""

    def change(world: World) -> World:
        for one in changes:
            world = one(world)
        return world

    return change


def with_variable(name: str, value: str, **facts: Any) -> Callable[[World], World]:
    """An environment variable."""
    return other(variables={name: value}, **facts)


def built_for_gpu(world: World) -> World:
    """torch from PyPI on Linux, with what it brings, and one package of NVIDIA's that something else asks for."""
    requires = ("nvidia-nccl-cu13==2.30", "triton~=3.8", "cuda-toolkit[cublas]==13.0", "nvidia-nvtx==13", "sympy")
    toolkit = Package(name="cuda-toolkit", version="13.0", requires=('nvidia-cublas==13.1; extra == "cublas"',))
    changed = having(
        Package(name="torch", version="2.13.0", requires=requires, size_bytes=1_100_000_000),
        Package(name="nvidia-cublas", version="13.1", size_bytes=600_000_000),
        Package(name="nvidia-nccl-cu13", version="2.30", size_bytes=250_000_000),
        Package(name="triton", version="3.8.0", size_bytes=900_000_000),
        toolkit,
        Package(name="nvidia-nvtx", version="13", size_bytes=1_000_000),
        Package(name="nvidia-ml-py", version="12.0", size_bytes=1_000_000),
        Package(name="profiler", version="1.0", requires=("nvidia-nvtx", "nvidia-ml-py")),
    )(world)
    return replace(changed, builds={"torch": Build(version="2.13.0+cu130", kind="cu130")})


def with_torchvision(*askers: str, error: str = "RuntimeError: operator torchvision::nms does not exist") -> Any:
    """torchvision's build for CUDA beside a torch for CPUs."""

    def change(world: World) -> World:
        changed = together(
            having(
                Package(name="torchvision", version="0.28.0", requires=("torch (==2.13.0)",)),
                *[Package(name=name, version="1.5", requires=("torchvision", "torch")) for name in askers],
            ),
            tried("torchvision", outcome="failed" if error else "worked", error=error),
        )(world)
        return replace(changed, builds={**changed.builds, "torchvision": Build(version="0.28.0+cu130", kind="cu130")})

    return change


NO_TORCH = tried("torch", outcome="failed", error="ModuleNotFoundError: No module named 'torch'")
BROKEN_TORCH = tried("torch", outcome="failed", error="OSError: libtorch_cpu.so: cannot open shared object file")
