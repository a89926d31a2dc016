"""Trainings that are killed or find the disk full: the benchmark that does it fifty times, here a few times."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

KILLS = Path(__file__).resolve().parents[2] / "benchmarks" / "kills.py"


def kills() -> ModuleType:
    """The benchmark as a module."""
    spec = importlib.util.spec_from_file_location("kills", KILLS)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FAILING = """
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("kills", sys.argv[1])
kills = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kills)
said = Path(sys.argv[2]) / "run.txt"
fell = kills.kill(kills.forked(lambda: 1 / 0, said), said.with_suffix(""), ("start", lambda: False, 0.0))
assert (fell["code"], fell["stage"]) == (70, "it had ended"), fell
assert "ZeroDivisionError" in kills.last_words(said, 70)
kills.refuse_failed(0, said)
kills.refuse_failed(70, said)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
def test_what_fails_by_itself_is_shown_and_counted(tmp_path: Path) -> None:
    words = [sys.executable, "-c", FAILING, str(KILLS), str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Undisturbed, it ended with 70" in done.stderr, done.stderr
    assert "ZeroDivisionError" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
def test_what_ended_otherwise_is_counted() -> None:
    told = kills().told
    killed = {"moment": "train", "code": -9, "stage": "in training", "unfinished": []}
    good = {"kills": [killed], "resumed": 0, "differs": []}
    failed = {**good, "kills": [{**killed, "code": 70}]}
    assert told([good], [], [])["ended_otherwise"] == 0
    for bad in (failed, {**good, "resumed": 2}, {**good, "differs": ["log.jsonl"]}):
        assert told([good, bad], [], [])["ended_otherwise"] == 1
    assert (told([failed], [], [])["kills"], told([failed], [], [])["fell"]) == (0, {})


@pytest.mark.training
@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
def test_whatever_ends_a_training_it_goes_on_to_the_same_bits() -> None:
    words = [sys.executable, str(KILLS), "--kills", "3", "--disks", "1", "--stages", "0", "--seed", "2"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert (value["kills"] >= 3, value["full_disks_told"], value["ended_otherwise"]) == (True, 1, 0), done.stderr
    moments = {kill["moment"] for each in value["trainings"] for kill in each["kills"]}
    assert len(moments) >= 2 and value["disks"][0]["said"].count("\n") <= 2
