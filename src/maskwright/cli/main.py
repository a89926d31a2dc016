"""The command `maskwright`: which verbs there are, and what wrong use is answered with."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import typer

from maskwright import __version__
from maskwright.cli.demo import demo
from maskwright.cli.evaluate import evaluate
from maskwright.cli.plan import plan
from maskwright.cli.predict import predict
from maskwright.cli.report import report
from maskwright.cli.run import run
from maskwright.cli.train import train
from maskwright.cli.verb import refuse
from maskwright.sentences import say
from maskwright.storage import json_text

VERBS = (demo, run, plan, train, evaluate, report, predict)

app = typer.Typer(
    name="maskwright",
    help="From a folder of images and masks to a segmentation model you can trust, on a computer without a GPU.",
    add_completion=False,
    rich_markup_mode=None,  # rich would take longer than all the rest of --help
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for act in VERBS:
    app.command()(act)


def main() -> None:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        if not stream.isatty():
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(answer(sys.argv[1:]))


def answer(arguments: Sequence[str]) -> int:
    """Carry out one command line.

    Args:
        arguments: without the program's name; none at all asks for help.

    Returns:
        The exit code: 0; 1 when a gate refused; 2 on wrong use or bad input; 130 after Ctrl-C.
    """
    try:
        return int(app(list(arguments) or ["--help"], prog_name="maskwright", standalone_mode=False) or 0)
    except typer.TyperException as error:
        return _wrong_use(error, arguments)
    except (Exception, KeyboardInterrupt) as error:
        return refuse(error, as_json="--json" in arguments, lang=_language(arguments), debug="--debug" in arguments)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"maskwright {__version__}")
        raise typer.Exit


@app.callback()
def _about(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...


def _wrong_use(error: typer.TyperException, arguments: Sequence[str]) -> int:
    context = getattr(error, "ctx", None)
    command = " ".join([*context.command_path.split()[1:], ""]) if context else ""
    usage = context.get_usage() if context else ""
    message = say(
        "cli.usage",
        _language(arguments),
        message=error.format_message(),
        usage=" ".join(usage.split()),
        command=command,
    )
    if "--json" in arguments:
        typer.echo(json_text({"error": {"kind": "UsageError", "message": message}}))
    typer.echo(message, err=True)
    return 2


def _language(arguments: Sequence[str]) -> str:
    """The language that a command line asks for, before it is understood."""
    return "ru" if ("--lang", "ru") in pairwise(arguments) or "--lang=ru" in arguments else "en"
