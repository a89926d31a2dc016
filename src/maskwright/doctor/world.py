"""The facts about a computer and an installation that the checks judge: values only, gathered by `look`."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


def typed(text: str) -> str:
    """A text as one word of a command line, in a Unix shell and on Windows."""
    if re.fullmatch(r"[\w@%+=:,./-]+", text):
        return text
    return shlex.quote(text) if set(text) & set('"$`!') else f'"{text}"'


@dataclass(frozen=True, kw_only=True)
class Package:
    """An installed distribution.

    Args:
        name: in its normal form: small letters and dashes.
        version: as its metadata says.
        requires: its Requires-Dist lines.
        size_bytes: what it takes on the disk; 0 where that was not asked for.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()
    size_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Build:
    """Which build of torch or torchvision lies there, read from its version.py and not by importing it.

    Args:
        version: in full, e.g. "2.13.0+cpu".
        kind: "cpu", "cu130", "rocm6.4", "xpu"; empty where the file does not tell.
    """

    version: str
    kind: str

    @property
    def release(self) -> str:
        """The version without its build: what `pip install torch==` takes with any index."""
        return self.version.partition("+")[0]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What came of trying something in a process of its own.

    Args:
        outcome: it worked, it failed with an error, the process was killed, or it took too long.
        error: the error as one line, or the signal.
        step: what was being tried when it ended.
        said: what it found out.
    """

    outcome: Literal["worked", "failed", "killed", "slow"] = "worked"
    error: str = ""
    step: str = ""
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Pip:
    """How packages are installed for this very Python.

    Args:
        call: what is typed before install or uninstall.
        after: what is typed behind it.
    """

    call: str = "pip"
    after: str = ""

    def install(self, *what: str) -> str:
        """The command that installs something."""
        return " ".join([f"{self.call} install{self.after}", *what])

    def uninstall(self, *names: str) -> str:
        """The command that removes packages without asking, so that the next line can be pasted along with it."""
        return " ".join([f"{self.call} uninstall{self.after} -y", *names])


@dataclass(frozen=True, kw_only=True)
class Python:
    """The interpreter.

    Args:
        version: e.g. (3, 11, 7).
        executable: its path.
        required: which versions Maskwright's metadata ask for, e.g. ">=3.11".
    """

    version: tuple[int, ...]
    executable: str
    required: str = ""


@dataclass(frozen=True, kw_only=True)
class System:
    """The operating system.

    Args:
        platform: as `sys.platform`: "linux", "darwin", "win32".
        name: for a person.
        arch: e.g. "x86_64", "aarch64", "arm64".
        bits: of the interpreter.
        libc: "glibc", "musl" or empty.
        libc_version: e.g. "2.36".
    """

    platform: str = "linux"
    name: str = "Linux"
    arch: str = "x86_64"
    bits: int = 64
    libc: str = "glibc"
    libc_version: str = "2.36"


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """The processor, and how much of it this process may use.

    Args:
        name: as it calls itself.
        cores: logical cores of the machine.
        allowed: cores that this process may run on.
        quota: cores' worth of time that a cgroup grants; None is no limit.
        flags: names of its instructions, as Linux calls them; empty where they are not known.
    """

    name: str = ""
    cores: int = 1
    allowed: int = 1
    quota: float | None = None
    flags: frozenset[str] = frozenset()

    @property
    def usable(self) -> int:
        """How many threads can work at once."""
        return self.allowed if self.quota is None else max(1, min(self.allowed, math.floor(self.quota)))


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Memory in bytes; None is not known.

    Args:
        total: of the machine.
        available: what can still be had, within the limit.
        limit: what a cgroup grants.
        swap_used: what lies on the disk for want of memory.
    """

    total: int | None = None
    available: int | None = None
    limit: int | None = None
    swap_used: int = 0

    @property
    def usable(self) -> int | None:
        """What this process may take at most."""
        known = [size for size in (self.total, self.limit) if size is not None]
        return min(known) if known else None


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """The graphics processors.

    Args:
        nvidia: names of NVIDIA's.
        driver: version of NVIDIA's driver, e.g. "580.65.06"; empty where it is not known.
        amd: there is one that ROCm could use.
    """

    nvidia: tuple[str, ...] = ()
    driver: str = ""
    amd: bool = False


@dataclass(frozen=True, kw_only=True)
class Cache:
    """The folder of all caches, and what came of writing, renaming and mapping a file in it.

    Args:
        folder: its path.
        size_bytes: what lies in it.
        free_bytes: what is free on its disk; None where that cannot be told.
        failed: "write", "rename" or "map": what does not work in it.
        error: what the system says about that.
        of_another: the folder belongs to another user.
        instead: a folder in which all of it works, looked for where it does not here or there is little room.
    """

    folder: str
    size_bytes: int = 0
    free_bytes: int | None = None
    failed: Literal["", "write", "rename", "map"] = ""
    error: str = ""
    of_another: bool = False
    instead: str = ""


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How texts are written.

    Args:
        locale: of the user's language settings.
        files: of file names.
        terminal: of the screen; empty where nobody looks at one.
    """

    locale: str = "utf-8"
    files: str = "utf-8"
    terminal: str = ""


@dataclass(frozen=True, kw_only=True)
class World:
    """All that the checks may know.

    Args:
        python: the interpreter.
        pip: how packages are installed for it.
        source: what to install for Maskwright: its name, or the folder it is developed in.
        system: the operating system.
        cpu: the processor.
        memory: its memory.
        gpu: graphics processors.
        packages: what is installed, by name.
        builds: of torch and torchvision, where they lie there.
        trials: "torch", "torchvision" and "libraries".
        cache: the folder of caches.
        variables: the environment.
        offline: the variable that forbids every network call, or empty.
        encoding: how texts are written.
    """

    python: Python
    pip: Pip = Pip()
    source: str = "maskwright"
    system: System = System()
    cpu: Cpu = Cpu()
    memory: Memory = Memory()
    gpu: Gpu = Gpu()
    packages: Mapping[str, Package] = field(default_factory=dict)
    builds: Mapping[str, Build] = field(default_factory=dict)
    trials: Mapping[str, Trial] = field(default_factory=dict)
    cache: Cache = Cache(folder="")
    variables: Mapping[str, str] = field(default_factory=dict)
    offline: str = ""
    encoding: Encoding = Encoding()

    def version(self, name: str) -> str:
        """The version of a package, or empty where it is not installed."""
        return self.packages[name].version if name in self.packages else ""

    def set_variable(self, name: str, value: str | int) -> str:
        """The command that sets an environment variable."""
        text = str(value)
        if self.system.platform != "win32":
            return f"export {name}={typed(text)}"
        return f"set {name}={text}" if typed(text) == text else f'set "{name}={text}"'

    def unset_variable(self, name: str) -> str:
        """The command that removes an environment variable."""
        return f"set {name}=" if self.system.platform == "win32" else f"unset {name}"
