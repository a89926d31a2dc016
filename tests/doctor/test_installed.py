"""What is installed: from metadata and version files laid down for the test, and from those that are there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from maskwright.doctor import installed
from maskwright.doctor.world import Build, Package, Pip, typed

TORCH_VERSION = """from typing import Optional
__version__ = '{version}'
debug = False
cuda: Optional[str] = {cuda}
git_version = 'abc'
hip: Optional[str] = {hip}
"""


def lay_package(folder: Path, name: str, version_py: str) -> None:
    """A package that must not be imported."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text("raise SystemExit('was imported')")
    (folder / name / "version.py").write_text(version_py)


def lay_metadata(folder: Path, name: str, version: str, *requires: str, record: str = "") -> None:
    """A dist-info."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    lines = [f"Name: {name}", f"Version: {version}", *[f"Requires-Dist: {one}" for one in requires]]
    (info / "METADATA").write_text("Metadata-Version: 2.1\n" + "\n".join(lines) + "\n")
    (info / "RECORD").write_text(record)


def test_packages_of_this_python() -> None:
    found = installed.packages()
    assert found["maskwright"].requires == tuple(metadata.requires("maskwright") or ())
    assert found["numpy"].version == metadata.version("numpy")
    assert found["torch"].size_bytes > 100_000_000


def test_sizes_and_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_metadata(tmp_path, "NVIDIA_Cublas.cu13", "13.1", record='"a,b.so",sha256=x,600\nlib.so,sha256=y,50\nRECORD,,\n')
    (tmp_path / "~broken-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    found = installed.packages()
    assert found["nvidia-cublas-cu13"] == Package(name="nvidia-cublas-cu13", version="13.1", size_bytes=650)
    assert "" not in found


@pytest.mark.parametrize(
    ("version", "cuda", "hip", "kind"),
    [
        ("2.13.0+cpu", None, None, "cpu"),
        ("2.13.0+cu130", "'13.0'", None, "cu130"),
        ("2.13.0", "'12.6'", None, "cu126"),
        ("2.13.0", None, None, "cpu"),
        ("2.13.0+rocm7.1", None, "'7.1.52801-abc'", "rocm7.1"),
        ("2.13.0a0+gitabc", None, None, "cpu"),
    ],
)
def test_the_build_is_read_and_not_imported(
    version: str, cuda: str | None, hip: str | None, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_package(tmp_path, "torch", TORCH_VERSION.format(version=version, cuda=cuda, hip=hip))
    lay_package(tmp_path, "torchvision", "__version__ = '0.28.0+cu130'\ngit_version = 'abc'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    found = installed.builds()
    assert found["torch"] == Build(version=version, kind=kind)
    assert found["torch"].release == version.partition("+")[0]
    assert found["torchvision"] == Build(version="0.28.0+cu130", kind="cu130")


def test_requirements_apply_or_not() -> None:
    package = Package(
        name="a",
        version="1",
        requires=('b>=1; python_version>="3"', 'c; python_version<"3"', 'd>2; extra == "x"', "e", "not a requirement!"),
    )
    assert [one.name for one in installed.requirements(package)] == ["b", "e"]
    assert [one.name for one in installed.requirements(package, "x")] == ["d"]
    assert installed.extras(package) == ["x"]


def test_what_is_below_is_walked_once_and_with_extras() -> None:
    known = {
        "a": Package(name="a", version="1", requires=("b[fast]", "c")),
        "b": Package(name="b", version="1", requires=("a", 'd>=2; extra == "fast"', 'z; extra == "slow"')),
        "d": Package(name="d", version="1.9"),
    }
    found = installed.unmet_below(known, [Requirement("a")])
    assert [(str(one), one.by) for one in found] == [("c (–)", "a"), ("d>=2 (1.9)", "b")]
    assert installed.users(known) == {"b": {"a"}, "c": {"a"}, "a": {"b"}}


@pytest.mark.parametrize(
    ("requirement", "version", "met"),
    [
        ("torch==2.13.0", "2.13.0+cpu", True),
        ("torch>=2.4", "2.13.0a0+gitabc", True),
        ("torch>=2.4", "2.3.1", False),
        ("torch>=2.4", "of our own", True),
    ],
)
def test_versions_suit(requirement: str, version: str, met: bool) -> None:
    known = {"torch": Package(name="torch", version=version)}
    assert (installed.unmet(known, "x", [Requirement(requirement)]) == []) == met


def test_how_pip_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "a b" / "python"
    python.parent.mkdir()
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert installed.pip() == Pip(call=f'"{python}" -m pip')
    for name in ("pip", "uv"):
        (python.parent / name).write_text("")
        (python.parent / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(python.parent))
    assert installed.pip() == Pip()
    assert installed.pip().install("a", "b") == "pip install a b"
    monkeypatch.setattr(installed.importlib.util, "find_spec", lambda _: None)
    assert installed.pip().uninstall("a") == f'uv pip uninstall --python "{python}" -y a'
    monkeypatch.setattr(sys, "executable", str(Path("/home/a/.local/share/pipx/venvs/maskwright/bin/python")))
    assert installed.pip().install("a") == "pipx runpip maskwright install a"


def test_where_maskwright_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_metadata(tmp_path, "maskwright", "9.9")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installed.source() == "maskwright"
    said = '{"url": "file:///home/a%20b/maskwright", "dir_info": {"editable": true}}'
    (tmp_path / "maskwright-9.9.dist-info" / "direct_url.json").write_text(said)
    assert installed.source() == "/home/a b/maskwright"
    assert installed.required_python() == ""
    shutil.rmtree(tmp_path / "maskwright-9.9.dist-info")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert (installed.source(), installed.required_python()) == ("maskwright", "")


@pytest.mark.parametrize(
    ("text", "line"),
    [("numpy==2.4.6", "numpy==2.4.6"), ("numpy>=1", '"numpy>=1"'), ("a b", '"a b"'), ("a$b", "'a$b'")],
)
@pytest.mark.skipif(os.name != "posix", reason="a Unix shell is asked")
def test_words_are_typed_so_that_a_shell_takes_them_whole(text: str, line: str) -> None:
    assert typed(text) == line
    told = subprocess.run(["/bin/sh", "-c", f"printf %s {line}"], capture_output=True, text=True, check=True)
    assert told.stdout == text
