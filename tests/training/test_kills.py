"""Trainings that are killed or find the disk full: the benchmark that does it fifty times, here a few times."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

KILLS = Path(__file__).resolve().parents[2] / "benchmarks" / "kills.py"


@pytest.mark.training
@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
def test_whatever_ends_a_training_it_goes_on_to_the_same_bits() -> None:
    words = [sys.executable, str(KILLS), "--kills", "5", "--disks", "1", "--stages", "0", "--seed", "3"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert (value["kills"] >= 5, value["full_disks_told"], value["ended_otherwise"]) == (True, 1, 0), done.stderr
    moments = {kill["moment"] for each in value["trainings"] for kill in each["kills"]}
    assert len(moments) >= 2 and value["disks"][0]["said"].count("\n") <= 2
