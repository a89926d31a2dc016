"""Checks of what is installed: Python, requirements, libraries, OpenCV, extras."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from maskwright.doctor.ailment import Ailment
from maskwright.doctor.checks.pytorch import ACCELERATORS, as_asked, cpu_index, torchvision_for
from maskwright.doctor.installed import OURS, Unmet, extras, requirements, unmet, unmet_below
from maskwright.doctor.trials import LIBRARIES
from maskwright.doctor.world import Trial, World, typed

HEADLESS = "opencv-python-headless"
OPENCV = (HEADLESS, "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python")
"""All of them install the same module, cv2, over each other."""


def python_version(world: World) -> tuple[Ailment, ...]:
    """Python is one that Maskwright was made for."""
    version = ".".join(map(str, world.python.version))
    facts = {"version": version, "required": world.python.required, "executable": world.python.executable}
    if not world.python.required or SpecifierSet(world.python.required).contains(version, prereleases=True):
        return (Ailment("python", "ok", "python_ok", facts),)
    if world.system.platform == "win32":
        fix = ("py -3.12 -m venv .venv", rf".venv\Scripts\pip install {OURS}")
    else:
        fix = ("python3.12 -m venv .venv", f".venv/bin/pip install {OURS}")
    return (Ailment("python", "broken", "python_old", facts, fix),)


def needed_packages(world: World) -> tuple[Ailment, ...]:
    """What Maskwright needs is there, in a version that suits, and so is what that needs in its turn."""
    ours = world.packages.get(OURS)
    if ours is None:
        return (Ailment("packages", "warning", "packages_unknown", {}, (world.pip.install(OURS),)),)
    wanted = requirements(ours)
    direct = [one for one in unmet(world.packages, OURS, wanted) if not _elsewhere(one, world)]
    below = [one for one in unmet_below(world.packages, wanted) if not _elsewhere(one, world)]
    below = [one for one in below if one.name not in {other.name for other in direct}]
    found = []
    if direct:
        found.append(Ailment("packages", "broken", "packages_unmet", {"unmet": _listed(direct)}, _met(world, direct)))
    if below:
        facts = {"unmet": ", ".join(f"{one.by}: {one}" for one in below)}
        found.append(Ailment("packages", "warning", "packages_below", facts, _met(world, below)))
    return tuple(found) or (Ailment("packages", "ok", "packages_ok", {"count": len(wanted)}),)


def importable_libraries(world: World) -> tuple[Ailment, ...]:
    """Each library can be imported."""
    found = []
    for module, error in _import_errors(world).items():
        name = LIBRARIES.get(module, "")
        if name in world.packages and name != HEADLESS:  # a missing one is told of above, OpenCV has its own check
            again = world.pip.install("--force-reinstall", "--no-deps", f"{name}=={world.version(name)}")
            found.append(Ailment("libraries", "broken", "library_broken", {"name": name, "error": error}, (again,)))
    return tuple(found)


def one_opencv(world: World) -> tuple[Ailment, ...]:
    """One build of OpenCV is installed, and it can be imported."""
    there = [name for name in OPENCV if name in world.packages]
    if not there:
        return ()
    error = _import_errors(world).get("cv2", "")
    listed = ", ".join(f"{name} {world.version(name)}" for name in there)
    mended = (world.pip.uninstall(*there), world.pip.install(as_asked(world, HEADLESS)))
    if len(there) > 1:
        return (Ailment("opencv", "broken" if error else "warning", "opencv_several", {"listed": listed}, mended),)
    if error:
        return (Ailment("opencv", "broken", "opencv_broken", {"listed": listed, "error": error}, mended),)
    return (Ailment("opencv", "ok", "opencv_ok", {"listed": listed}),)


def all_extras(world: World) -> tuple[Ailment, ...]:
    """Each group of optional packages is there, or is not, but is not there by half."""
    ours = world.packages.get(OURS)
    return tuple(_extra(world, name, requirements(ours, name)) for name in extras(ours)) if ours else ()


def _import_errors(world: World) -> dict[str, str]:
    """What importing the libraries came to, by module, those that ended the process included."""
    tried = world.trials.get("libraries", Trial())
    ended = {} if tried.outcome == "worked" else {tried.step: tried.error}
    return {**tried.said.get("errors", {}), **ended}


def _extra(world: World, extra: str, wanted: Sequence[Requirement]) -> Ailment:
    names = [canonicalize_name(one.name) for one in wanted]
    there = [name for name in names if name in world.packages]
    fix = _extra_installed(world, extra, names)
    facts = {"extra": extra, "names": ", ".join(names)}
    if not there:
        return Ailment("extras", "ok", "extra_absent", facts, fix)
    direct = unmet(world.packages, OURS, list(wanted))
    if any(one.found for one in direct):
        return Ailment("extras", "broken", "extra_unmet", {**facts, "unmet": _listed(direct)}, fix)
    if direct:
        return Ailment("extras", "warning", "extra_partial", {**facts, "unmet": _listed(direct)}, fix)
    below = [one for one in unmet_below(world.packages, list(wanted)) if not _elsewhere(one, world)]
    if below:
        facts["unmet"] = ", ".join(f"{one.by}: {one}" for one in below)
        return Ailment("extras", "broken", "extra_below", facts, _met(world, below))
    versions = ", ".join(f"{name} {world.version(name)}" for name in names)
    return Ailment("extras", "ok", "extra_ok", {**facts, "versions": versions})


def _extra_installed(world: World, extra: str, names: Sequence[str]) -> tuple[str, ...]:
    editable = "--editable " if world.source != OURS else ""
    line = world.pip.install(f'{editable}"{world.source}[{extra}]"')
    build = world.builds.get("torch")
    if "timm" in names and build and build.kind == "cpu" and "torchvision" not in world.packages and cpu_index(world):
        # timm asks for torchvision, and the ordinary index would send the build for CUDA
        return (world.pip.install(f"torchvision=={torchvision_for(build.release)}", *cpu_index(world)), line)
    return (line,)


def _elsewhere(one: Unmet, world: World) -> bool:
    """Whether another check tells of it: torch, the packages of a GPU, or an OpenCV of another name."""
    opencv = one.name == HEADLESS and any(name in world.packages for name in OPENCV)
    return one.name == "torch" or one.name.startswith(ACCELERATORS) or (opencv and not one.found)


def _listed(lacking: Sequence[Unmet]) -> str:
    return ", ".join(map(str, lacking))


def _met(world: World, lacking: Sequence[Unmet]) -> tuple[str, ...]:
    return (world.pip.install(*[typed(text) for text in dict.fromkeys(one.requirement for one in lacking)]),)
