"""What all commands have in common: --json, --lang and --debug, exit codes, and errors as a paragraph."""

from __future__ import annotations

import functools
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import typer

from maskwright.cli.options import AsJson, Debug, Lang
from maskwright.cli.screen import Screen
from maskwright.errors import MaskwrightError
from maskwright.sentences import say
from maskwright.storage import json_text


@dataclass(frozen=True)
class Answer:
    """What a command has to say.

    Args:
        value: for --json.
        text: for a person.
        exit_code: 1 where the answer is that a gate was not passed.
        then: what goes on after the answer was given, as serving does.
        content: bytes that go to standard output as they are, instead of the text.
    """

    value: Any
    text: str
    exit_code: int = 0
    then: Callable[[], None] | None = None
    content: bytes | None = None


def verb(act: Callable[..., Answer]) -> Callable[..., None]:
    """A command of the command line.

    Args:
        act: takes a `Screen` and the command's own arguments and gives its answer.

    Returns:
        A function for typer: without the screen, with --json, --lang and --debug. It prints the answer, or says in one
        paragraph why there is none and exits with 1, 2 or 130.
    """
    signature = inspect.signature(act, eval_str=True)
    shared = {"as_json": (AsJson, False), "lang": (Lang, "en"), "debug": (Debug, False)}

    @functools.wraps(act)
    def command(*, as_json: bool, lang: str, debug: bool, **given: Any) -> None:
        try:
            with Screen(lang, quiet=as_json) as screen:
                answer = act(screen, **given)
            if answer.content is not None:
                sys.stdout.buffer.write(answer.content)
                sys.stdout.buffer.flush()
            else:
                typer.echo(json_text(answer.value) if as_json else answer.text)
            if answer.then is not None:
                answer.then()
        except (Exception, KeyboardInterrupt) as error:
            resumes = "resume" in signature.parameters
            raise typer.Exit(refuse(error, as_json=as_json, lang=lang, debug=debug, resumes=resumes)) from None
        if answer.exit_code:
            raise typer.Exit(answer.exit_code)

    command.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[
            *[one.replace(kind=one.KEYWORD_ONLY) for one in list(signature.parameters.values())[1:]],
            *[
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
                for name, (kind, default) in shared.items()
            ],
        ],
        return_annotation=None,
    )
    return command


def refuse(error: BaseException, *, as_json: bool, lang: str, debug: bool, resumes: bool = False) -> int:
    """Say in one paragraph why a command ends without an answer.

    Args:
        error: what ended it.
        as_json: also print `{"error": {"kind", "message"}}` on standard output.
        lang: "en" or "ru".
        debug: show the traceback too.
        resumes: whether the command has a --resume to tell of.

    Returns:
        The exit code.
    """
    if isinstance(error, BrokenPipeError):  # whoever read the output has stopped, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if debug:
        traceback.print_exception(error)
    message, code = _said(error, lang, resumes)
    if as_json:
        typer.echo(json_text({"error": {"kind": type(error).__name__, "message": message}}))
    typer.echo(message, err=True)
    return code


def _said(error: BaseException, lang: str, resumes: bool) -> tuple[str, int]:
    if isinstance(error, MaskwrightError):
        return str(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return say("cli.stopped_resumable" if resumes else "cli.stopped", lang), 130
    what = " ".join(f"{type(error).__name__}: {error}".split())[:500]
    if isinstance(error, OSError):
        return say("cli.system", lang, what=what), 2
    if isinstance(error, MemoryError):
        return say("cli.memory", lang), 2
    return say("cli.defect", lang, what=what), 2
