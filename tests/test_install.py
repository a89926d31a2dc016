"""The package, built and installed into an empty environment, works outside of the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    _run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)], folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.install
def test_the_wheel_holds_all_that_is_needed_and_no_more(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "src" / "maskwright"
    needed = {
        f"maskwright/{path.relative_to(package).as_posix()}"
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert needed <= names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"maskwright"}
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.mark.install
@pytest.mark.training
def test_an_installed_maskwright_runs_its_demo(wheel: Path, tmp_path: Path) -> None:
    _run([sys.executable, "-m", "venv", "empty"], tmp_path)
    scripts = tmp_path / "empty" / ("Scripts" if sys.platform == "win32" else "bin")
    install = ["install", "--quiet", "--constraint", str(ROOT / "constraints.txt"), str(wheel)]
    _run([str(scripts / "python"), "-m", "pip", *install], tmp_path)
    printed = _run([str(scripts / "maskwright"), "demo", "--budget", "45s", "-o", "demo", "--json"], tmp_path)
    answer = json.loads(printed)
    assert 0 < answer["evaluation"]["val"]["metrics"]["mDice"] <= 1
    assert (tmp_path / answer["report"]).is_file()
    assert (tmp_path / answer["bundle"]).is_dir()


def _run(command: list[str], folder: Path) -> str:
    """Run a command outside of the checkout, knowing nothing of it, and give what it printed."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout
