"""The command line as a whole: help, version, wrong use."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from maskwright import __version__
from maskwright.cli.main import answer

VERBS = ("demo", "run", "plan", "train", "evaluate", "report", "predict")


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_every_verb(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(arguments) == 0
    printed = capsys.readouterr().out
    assert all(f"\n  {verb} " in printed for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer([verb, "--help"]) == 0
    assert f"Usage: maskwright {verb}" in capsys.readouterr().out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["--version"]) == 0
    assert capsys.readouterr().out == f"maskwright {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tran"], "Did you mean 'train'?"),
        (["run"], "Missing argument 'DATA'"),
        (["run", "x", "--bugdet", "3m"], "--budget"),
        (["run", "x", "--lang", "de"], "'de'"),
        (["run", "x", "--budget", "20"], "20m for minutes"),
        (["run", "x", "--budget", "1m", "--resume"], "Name its folder: -o OUT."),
        (["train", "x", "--classes", "a,a"], "a name stands twice"),
        (["plan", "x", "--set", "learning_rate"], "no value"),
        (["run", "x", "--set", "lrr=1"], "Did you mean lr"),
        (["run", "no-such-folder"], "no-such-folder: no such folder"),
        (["evaluate", "no-such-run", "x"], "neither a run folder nor a bundle"),
        (["predict", "no-such-run", "x", "-o", "y"], "neither a run folder nor a bundle"),
        (["report", "no-such-run"], "not a run folder"),
    ],
)
def test_wrong_use_is_answered_with_the_way_out(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert answer(arguments) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""
    assert list(tmp_path.iterdir()) == []


def test_wrong_use_is_json_too_and_speaks_russian(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["run", "--json", "--lang", "ru"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["kind"] == "UsageError"
    assert "Что есть, скажет maskwright run --help." in error["message"]


def test_nobody_reading_is_no_error() -> None:
    command = f"{sys.executable} -m maskwright run --help | true"
    ended = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert ended.stderr == ""


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"], ["run"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from maskwright.cli.main import answer; answer(sys.argv[1:]);"
        "heavy = {'torch', 'numpy', 'scipy', 'cv2', 'plotly', 'PIL', 'rich'} & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    ended = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
