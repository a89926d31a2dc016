"""What all commands have in common: exit codes, errors as a paragraph, --json, --lang, --debug."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import typer

from maskwright.cli import options
from maskwright.cli.main import commands
from maskwright.cli.screen import Screen
from maskwright.cli.verb import Answer, verb
from maskwright.errors import DataError, GateError, Interrupted
from maskwright.progress import Progress


def outcome(act: Callable[..., Answer], *arguments: str) -> int:
    """The exit code of a program with one command."""
    program = typer.Typer(rich_markup_mode=None)
    program.command()(verb(act))
    return int(program(list(arguments), standalone_mode=False) or 0)


def ending(error: BaseException) -> Callable[..., Answer]:
    """A command that ends with an error."""

    def act(screen: Screen) -> Answer:  # noqa: ARG001
        raise error

    return act


def counting(screen: Screen, budget: options.Budget = "20m") -> Answer:
    """Count."""
    screen.on_progress(Progress("stage.read", 1, 2))
    screen.show("between")
    screen.on_progress(Progress("stage.train", 2, 2, {"loss": 0.25}))
    return Answer({"budget": budget, "nothing": float("nan")}, "fertig")


def test_an_answer_is_text_or_one_json_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(counting, "--budget", "3m") == 0
    assert capsys.readouterr().out == "between\nfertig\n"
    assert outcome(counting, "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"budget": "20m", "nothing": None}
    assert printed.err == "Reading the photos 1/2\nTraining 2/2  loss 0.25\n"


def test_progress_speaks_russian(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(counting, "--lang", "ru") == 0
    assert "Обучение 2/2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (DataError("a.png: is broken.", do="Mend it."), 2, "a.png: is broken.\n  Mend it."),
        (GateError("Too bad."), 1, "Too bad."),
        (Interrupted("Stopped after 3 of 9."), 130, "Stopped after 3 of 9."),
        (KeyboardInterrupt(), 130, "What was finished is on disk"),
        (PermissionError(13, "Permission denied", "/x"), 2, "may you write there?"),
        (MemoryError(), 2, "--set batch_size=2"),
        (ZeroDivisionError("division by zero"), 2, "a defect of Maskwright"),
    ],
)
def test_an_error_is_a_paragraph(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome(ending(error)) == code
    printed = capsys.readouterr()
    assert message in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""


def test_an_error_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(ending(DataError("Broken.")), "--json") == 2
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"error": {"kind": "DataError", "message": "Broken."}}
    assert printed.err == "Broken.\n"


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(ending(DataError("Broken.")), "--debug") == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_every_command_takes_the_common_options() -> None:
    for name, command in commands():
        taken = {option for parameter in command.params for option in parameter.opts}
        assert {"--json", "--lang", "--debug"} <= taken, name
