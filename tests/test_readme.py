"""The README's commands do what it says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from drawn import draw_folder

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BUDGET_S = 12
AUDIT_S = 60
"""An audit refuses what is too short for models that judge the photos."""


def blocks(language: str) -> list[str]:
    """The fenced blocks marked `tested`."""
    return re.findall(rf"^```{language} tested\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.training
def test_the_commands_run_as_they_stand(tmp_path: Path) -> None:
    draw_folder(tmp_path / "photos")
    draw_folder(tmp_path / "drawn", train=1, val=2)
    (tmp_path / "drawn" / "img" / "val").rename(tmp_path / "new_photos")
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(commands) == 13
    for command in commands:
        budget_s = AUDIT_S if " audit " in command else BUDGET_S
        name, *arguments = shlex.split(re.sub(r"--budget \S+", f"--budget {budget_s}s", command), comments=True)
        assert name == "maskwright"
        _run([sys.executable, "-m", "maskwright", *arguments], tmp_path)
    for block in blocks("python"):
        _run([sys.executable, "-c", re.sub(r"budget_s=\d+", f"budget_s={BUDGET_S}", block)], tmp_path)
    described = re.findall(r"^  ([\w./]+)(?= {2,})", README, flags=re.MULTILINE)
    assert len(described) > 8
    assert [name for name in described if not (tmp_path / "out" / "pets" / name).exists()] == []
    assert len(list((tmp_path / "out" / "masks").rglob("*.png"))) >= 2


def test_how_to_get_a_small_torch_is_said_first() -> None:
    first = README.split("\n\n")[1]
    assert "TORCH_INDEX=https://download.pytorch.org/whl/cpu" in first


def test_the_version_of_torch_is_the_tested_one() -> None:
    pinned = re.search(r"^torch==(\S+)$", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)
    assert pinned is not None
    assert set(re.findall(r"torch==([\d.]+)", README)) == {pinned[1]}


def _run(command: list[str], folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
