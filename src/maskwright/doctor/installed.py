"""What is installed, told without importing it: packages and what they ask for, builds of torch and torchvision."""

from __future__ import annotations

import csv
import importlib.metadata
import importlib.util
import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from maskwright.doctor.world import Build, Package, Pip, typed

MEASURED = ("torch", "nvidia-", "cuda-", "triton", "pytorch-triton")
"""How the names begin of packages whose size is asked for: with a GPU's they are gigabytes."""

OURS = "maskwright"


@dataclass(frozen=True)
class Unmet:
    """A requirement that is not met.

    Args:
        requirement: as the metadata say it, without its condition, e.g. "numpy>=1.26".
        name: of the package, in its normal form.
        found: its version; empty where it is not installed.
        by: the package that asks for it.
    """

    requirement: str
    name: str
    found: str
    by: str

    def __str__(self) -> str:
        return f"{self.requirement} ({self.found or '–'})"


def packages() -> dict[str, Package]:
    """All installed distributions by name; where one lies there twice, the one that would be imported."""
    found: dict[str, Package] = {}
    for one in importlib.metadata.distributions():
        name = canonicalize_name(one.metadata["Name"] or "")
        if not name or name in found:  # what a broken pip left behind has no name
            continue
        size_bytes = _size_bytes(one) if name.startswith(MEASURED) else 0
        found[name] = Package(name=name, version=one.version, requires=tuple(one.requires or ()), size_bytes=size_bytes)
    return found


def builds() -> dict[str, Build]:
    """The builds of torch and torchvision, where they lie there."""
    found = {name: _build(name) for name in ("torch", "torchvision")}
    return {name: build for name, build in found.items() if build is not None}


def pip() -> Pip:
    """How packages are installed for this Python."""
    python = Path(sys.executable)
    if "pipx" in python.parts:
        return Pip(call=f"pipx runpip {OURS}")
    if importlib.util.find_spec("pip") is None and shutil.which("uv"):
        return Pip(call="uv pip", after=f" --python {typed(sys.executable)}")
    called = shutil.which("pip")
    if called and Path(called).parent == python.parent:
        return Pip()
    return Pip(call=f"{typed(sys.executable)} -m pip")


def source() -> str:
    """What to install for Maskwright: its name, or the folder from which it is used while it is developed."""
    try:
        text = importlib.metadata.distribution(OURS).read_text("direct_url.json") or "{}"
        said = json.loads(text)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return OURS
    if not said.get("dir_info", {}).get("editable"):
        return OURS
    return url2pathname(unquote(urlsplit(said["url"]).path))


def required_python() -> str:
    """Which versions of Python Maskwright's metadata ask for; empty where they are not there."""
    try:
        return importlib.metadata.metadata(OURS)["Requires-Python"] or ""
    except (importlib.metadata.PackageNotFoundError, KeyError):
        return ""


def requirements(package: Package, extra: str = "") -> list[Requirement]:
    """What a package asks for on this computer.

    Args:
        package: the package.
        extra: only what this extra of it adds; empty: what it always asks for.
    """
    parsed = [one for text in package.requires if (one := _parsed(text)) is not None]
    always = [one for one in parsed if _applies(one, "")]
    return [one for one in parsed if one not in always and _applies(one, extra)] if extra else always


def extras(package: Package) -> list[str]:
    """The extras that a package's requirements name, sorted."""
    return sorted({name for text in package.requires for name in re.findall(r"""extra\s*==\s*["']([^"']+)""", text)})


def unmet(known: Mapping[str, Package], by: str, wanted: list[Requirement]) -> list[Unmet]:
    """Those of some requirements that are not met.

    Args:
        known: what is installed.
        by: who asks.
        wanted: the requirements.
    """
    found = []
    for one in wanted:
        name = canonicalize_name(one.name)
        version = known[name].version if name in known else ""
        if not version or not _suits(one, version):
            found.append(Unmet(f"{one.name}{one.specifier}", name, version, by))
    return found


def unmet_below(known: Mapping[str, Package], wanted: list[Requirement]) -> list[Unmet]:
    """What the packages of some requirements ask for in their turn, and so on, and is not met.

    Args:
        known: what is installed.
        wanted: where to begin; these themselves are not judged.
    """
    found = {one for name, asked in below(known, wanted) for one in unmet(known, name, asked)}
    return sorted(found, key=lambda one: (one.name, one.by))


def below(known: Mapping[str, Package], wanted: list[Requirement]) -> Iterator[tuple[str, list[Requirement]]]:
    """The installed packages that some requirements lead to, each with what it asks for; one with extras more often."""
    waiting = list(wanted)
    seen: set[tuple[str, str]] = set()
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        for extra in ("", *one.extras):
            if name in known and (name, extra) not in seen:
                seen.add((name, extra))
                asked = requirements(known[name], extra)
                yield name, asked
                waiting += asked


def users(known: Mapping[str, Package]) -> dict[str, set[str]]:
    """The installed packages that always ask for a package, by the name of that."""
    found: dict[str, set[str]] = {}
    for one in known.values():
        for need in requirements(one):
            found.setdefault(canonicalize_name(need.name), set()).add(one.name)
    return found


def _parsed(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _suits(requirement: Requirement, version: str) -> bool:
    try:
        return requirement.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:  # of one's own making; nobody can say
        return True


def _size_bytes(distribution: importlib.metadata.Distribution) -> int:
    rows = csv.reader((distribution.read_text("RECORD") or "").splitlines())
    return sum(int(row[2]) for row in rows if len(row) == 3 and row[2].isdigit())


def _build(name: str) -> Build | None:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return None
    try:
        text = (Path(spec.origin).parent / "version.py").read_text(encoding="utf-8")
    except OSError:
        return None
    said = dict(_assigned(text))
    version = said.get("__version__", "")
    for key, kind in (("cuda", "cu"), ("hip", "rocm"), ("rocm", "rocm"), ("xpu", "xpu")):
        if said.get(key):
            return Build(version=version, kind=kind + ("" if kind == "xpu" else _short(said[key], kind)))
    local = version.partition("+")[2]
    known = local if re.match(r"cpu|cu\d|rocm|xpu", local) else ""
    return Build(version=version, kind=known or ("cpu" if "cuda" in said else ""))


def _assigned(text: str) -> Iterator[tuple[str, str]]:
    """The literal texts that a module assigns to names; a None counts as an empty text."""
    for name, value in re.findall(r"^(\w+)(?:\s*:[^=\n]+)?\s*=\s*(None|'[^'\n]*'|\"[^\"\n]*\")", text, re.MULTILINE):
        yield name, "" if value == "None" else value[1:-1]


def _short(version: str, kind: str) -> str:
    parts = version.split(".")[:2]
    return "".join(parts) if kind == "cu" else ".".join(parts)
