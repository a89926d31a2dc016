"""Checks of torch and torchvision: whether they are there, work, and are the builds for this computer."""

from __future__ import annotations

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from maskwright.doctor.ailment import Ailment
from maskwright.doctor.installed import OURS, below, requirements, unmet, users
from maskwright.doctor.world import Build, Trial, World, typed

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""Where the builds without CUDA are; on macOS there are no others anyway."""

CPU_BUILD_BYTES = 700_000_000
"""What torch 2.13.0+cpu takes on the disk."""

ACCELERATORS = ("nvidia-", "cuda-", "triton", "pytorch-triton")
"""How the names begin of packages that torch's builds for a GPU bring along."""

CUDA_BUILDS = ((580, "cu130"), (525, "cu126"))
"""From which version of NVIDIA's driver a build works (CUDA release notes, table of minimum driver versions)."""

OLD_GLIBC = (2, 28)
"""torch's wheels are made for manylinux_2_28."""

SMP = ("timm", "segmentation-models-pytorch")
"""Packages of the extra `smp`, whose models lend torchvision the operators that are missing."""

MISSING = "ModuleNotFoundError: No module named 'torch'"


def torch_works(world: World) -> tuple[Ailment, ...]:
    """torch is there, suits, can be imported, calculates, and hands its numbers to NumPy."""
    tried, build = world.trials.get("torch", Trial()), world.builds.get("torch")
    facts = {"version": build.version if build else "", "error": tried.error, "step": tried.step}
    if tried.error.startswith(MISSING):
        return (Ailment("torch", "broken", "torch_missing", facts, _anew(world)),)
    if tried.outcome == "slow":
        asked = f'{typed(world.python.executable)} -X importtime -c "import torch"'
        return (Ailment("torch", "warning", "torch_slow", facts, (asked,)),)
    if tried.error == "SIGKILL":
        return (Ailment("torch", "broken", "torch_starved", facts),)
    if tried.outcome == "killed":
        return (Ailment("torch", "broken", "torch_killed", facts, _again(world, build)),)
    if tried.outcome == "failed" and tried.step == "numpy":
        return (Ailment("torch", "broken", "torch_numpy", facts, (_numpy_again(world),)),)
    if "WinError" in tried.error:
        return (Ailment("torch", "broken", "torch_dll", facts, ("winget install Microsoft.VCRedist.2015+.x64",)),)
    if tried.outcome == "failed":
        return (Ailment("torch", "broken", "torch_broken", facts, _again(world, build)),)
    old = [one for one in _ours(world) if canonicalize_name(one.name) == "torch"]
    if world.version("torch") and unmet(world.packages, OURS, old):
        facts["required"] = str(old[0].specifier)
        return (Ailment("torch", "broken", "torch_old", facts, _anew(world)),)
    facts |= {"threads": tried.said.get("threads", 0), "capability": tried.said.get("capability", "")}
    return (Ailment("torch", "ok", "torch_ok", facts),)


def torch_build(world: World) -> tuple[Ailment, ...]:
    """torch is the build for what this computer calculates with."""
    tried, build = world.trials.get("torch", Trial()), world.builds.get("torch")
    if build is None or tried.outcome not in ("worked", "slow"):
        return ()  # whoever mends it gets the right build
    facts = {"version": build.version, "gpu": ", ".join(world.gpu.nvidia), "driver": world.gpu.driver}
    if build.kind.startswith(("cu", "rocm")) and not _graphics(world, build):
        names = accelerators(world)
        facts |= {"gb": f"{_freed_bytes(world, names) / 1e9:.1f}", "count": str(len(names))}
        return (Ailment("torch_build", "warning", "build_for_gpu", facts, _cpu_instead(world, build)),)
    if build.kind == "cpu" and world.gpu.nvidia and world.system.platform != "darwin":
        return (Ailment("torch_build", "warning", "build_for_cpu", facts, _gpu_instead(world, build)),)
    if build.kind.startswith("cu") and not tried.said.get("cuda", True):
        facts["error"] = tried.said.get("cuda_problem") or "torch.cuda.is_available() == False"
        return (Ailment("torch_build", "warning", "build_beside_gpu", facts, _gpu_instead(world, build)),)
    return ()


def torchvision_fits(world: World) -> tuple[Ailment, ...]:
    """torchvision, where it lies there, can be imported next to this torch."""
    tried, build = world.trials.get("torchvision"), world.builds.get("torchvision")
    torch, torch_tried = world.builds.get("torch"), world.trials.get("torch", Trial())
    if tried is None or build is None or torch is None or torch_tried.outcome != "worked":
        return ()  # without a torch that works nothing can be said
    facts = {"version": build.version, "torch": torch.version, "error": tried.error}
    if tried.outcome == "worked":
        return (Ailment("torchvision", "ok", "torchvision_ok", facts),)
    if tried.outcome == "slow":
        return (Ailment("torchvision", "warning", "torchvision_slow", facts),)
    asking = sorted(users(world.packages).get("torchvision", ()))
    facts["users"] = ", ".join(asking)
    fix = _torchvision_again(world, torch)
    if not asking:
        return (Ailment("torchvision", "broken", "torchvision_unneeded", facts, (world.pip.uninstall("torchvision"),)),)
    if "transformers" not in world.packages and set(asking) <= set(SMP):
        return (Ailment("torchvision", "warning", "torchvision_lent", facts, fix),)
    return (Ailment("torchvision", "broken", "torchvision_broken", facts, fix),)


def platform_suits(world: World) -> tuple[Ailment, ...]:
    """There are builds of torch for this system; asked only where torch does not work."""
    if world.trials.get("torch", Trial()).outcome in ("worked", "slow"):
        return ()
    system = world.system
    facts = {"system": system.name, "arch": system.arch, "libc": f"{system.libc} {system.libc_version}".strip()}
    if system.bits != 64:
        return (Ailment("system", "broken", "system_32_bits", facts),)
    if system.libc == "musl":
        return (Ailment("system", "broken", "system_musl", facts, ("docker run -it --rm python:3.12-slim bash",)),)
    if system.libc == "glibc" and _numbers(system.libc_version) < OLD_GLIBC:
        return (Ailment("system", "broken", "system_glibc", facts),)
    if system.platform == "darwin" and system.arch == "x86_64":
        return (Ailment("system", "broken", "system_intel_mac", facts),)
    return ()


def as_asked(world: World, name: str) -> str:
    """A requirement of Maskwright as its metadata say it, quoted for a command line.

    Args:
        world: the facts.
        name: of the package, in its normal form.
    """
    return next((typed(f"{name}{one.specifier}") for one in _ours(world) if canonicalize_name(one.name) == name), name)


def cpu_index(world: World) -> tuple[str, ...]:
    """The arguments with which pip takes torch's build for CPUs."""
    return () if world.system.platform == "darwin" else ("--index-url", CPU_INDEX)


def torchvision_for(torch: str) -> str:
    """The torchvision that belongs to a torch.

    Args:
        torch: its version, 2.0 or later, without its build.

    Returns:
        Its version: 0.28.0 for 2.13.0, and so on (https://pytorch.org/get-started/previous-versions).
    """
    minor, patch = ([int(part) for part in torch.split(".")[1:3] if part.isdigit()] + [0, 0])[:2]
    return f"0.{minor + 15}.{patch}"


def accelerators(world: World) -> list[str]:
    """The installed packages that torch's build for a GPU brought along and nothing else asks for, sorted."""
    torch = [Requirement("torch")]
    names = {name for name, _ in below(world.packages, torch) if name.startswith(ACCELERATORS)}
    asking = users(world.packages)
    while kept := {name for name in names if not asking.get(name, set()) <= {"torch", *names}}:
        names -= kept
    return sorted(names)


def _ours(world: World) -> list[Requirement]:
    ours = world.packages.get(OURS)
    return requirements(ours) if ours else []


def _graphics(world: World, build: Build) -> bool:
    """Whether there is a GPU of the sort that the build is for."""
    return world.gpu.amd if build.kind.startswith("rocm") else bool(world.gpu.nvidia)


def _freed_bytes(world: World, names: list[str]) -> int:
    torch = world.packages["torch"].size_bytes if "torch" in world.packages else 0
    return sum(world.packages[name].size_bytes for name in names) + max(0, torch - CPU_BUILD_BYTES)


def _anew(world: World) -> tuple[str, ...]:
    """torch in the range of our metadata, where it is missing or too old."""
    index = () if world.gpu.nvidia else cpu_index(world)
    return (world.pip.install("--upgrade", as_asked(world, "torch"), *index),)


def _again(world: World, build: Build | None) -> tuple[str, ...]:
    """The same torch, installed once more."""
    if build is None:  # a part of it was removed
        return (world.pip.install("--force-reinstall", "--no-deps", as_asked(world, "torch"), *cpu_index(world)),)
    if build.kind.startswith(("cu", "rocm")):
        return _gpu_instead(world, build) if _graphics(world, build) else _cpu_instead(world, build)
    return (world.pip.install("--force-reinstall", "--no-deps", f"torch=={build.release}", *cpu_index(world)),)


def _numpy_again(world: World) -> str:
    return world.pip.install("--upgrade", "--force-reinstall", "--no-deps", as_asked(world, "numpy"))


def _cpu_instead(world: World, build: Build) -> tuple[str, ...]:
    """Away with a GPU's build and all that it brought, and the CPU's in its place."""
    return _replaced(world, build, accelerators(world), cpu_index(world))


def _gpu_instead(world: World, build: Build) -> tuple[str, ...]:
    """The build for the GPU that is there."""
    driver = (_numbers(world.gpu.driver) or (CUDA_BUILDS[0][0],))[0]
    kind = next((kind for oldest, kind in CUDA_BUILDS if driver >= oldest), None)
    if kind is None:  # no build of today suits; the sentence tells the driver's version
        return ()
    return _replaced(world, build, [], ("--index-url", f"https://download.pytorch.org/whl/{kind}"))


def _replaced(world: World, build: Build, besides: list[str], index: tuple[str, ...]) -> tuple[str, ...]:
    names = ["torch", *[name for name in ("torchvision", "torchaudio") if name in world.packages]]
    versions = {"torch": build.release, "torchvision": torchvision_for(build.release), "torchaudio": build.release}
    wanted = [f"{name}=={versions[name]}" for name in names]
    return (world.pip.uninstall(*names, *besides), world.pip.install(*wanted, *index))


def _torchvision_again(world: World, torch: Build) -> tuple[str, ...]:
    index = cpu_index(world) if torch.kind == "cpu" else ("--index-url", f"{CPU_INDEX.removesuffix('cpu')}{torch.kind}")
    wanted = f"torchvision=={torchvision_for(torch.release)}"
    return (world.pip.install("--force-reinstall", "--no-deps", wanted, *index),)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
