"""The command `maskwright`: which verbs there are, and what wrong use is answered with."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Any, cast

import typer

from maskwright import __version__
from maskwright.cli.audit import audit
from maskwright.cli.bench import bench
from maskwright.cli.bundle import bundle
from maskwright.cli.compare import compare
from maskwright.cli.convert import convert
from maskwright.cli.demo import demo
from maskwright.cli.diagnose import diagnose
from maskwright.cli.doctor import doctor
from maskwright.cli.evaluate import evaluate
from maskwright.cli.export import export
from maskwright.cli.import_mmseg import import_mmseg
from maskwright.cli.ladder import ladder
from maskwright.cli.mend import mend
from maskwright.cli.models import models
from maskwright.cli.open import open_page
from maskwright.cli.plan import plan
from maskwright.cli.predict import predict
from maskwright.cli.report import report
from maskwright.cli.review import review
from maskwright.cli.run import run
from maskwright.cli.runs import app as runs
from maskwright.cli.serve import serve
from maskwright.cli.sweep import sweep
from maskwright.cli.train import train
from maskwright.cli.tune import tune
from maskwright.cli.verb import refuse
from maskwright.cli.weights import app as weights
from maskwright.sentences import say
from maskwright.storage import json_text

VERBS = (
    *(demo, run, audit, review, mend, convert, plan, train, evaluate, compare, diagnose, tune, report, bundle, export),
    *(predict, serve, sweep, ladder, models, import_mmseg, bench, doctor),
)

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
app.command("open")(open_page)
app.add_typer(runs, name="runs")
app.add_typer(weights, name="weights")


def commands(group: Any = None, path: str = "maskwright") -> Iterator[tuple[str, Any]]:
    """Every command, also those of groups, with what is typed to reach it.

    Args:
        group: whose commands; None means all.
        path: what is typed to reach the group.
    """
    for name, command in (group or cast(Any, typer.main.get_command(app))).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def main() -> None:
    """Run the command line and exit."""
    # Before torch is imported, and for this process alone. Threads that wait for each other by spinning take the core
    # from the one they wait for as soon as anything else runs: see docs/training.md, "Speed".
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    for stream in (sys.stdout, sys.stderr):
        encoding = None if stream.isatty() else "utf-8"
        stream.reconfigure(encoding=encoding, errors="backslashreplace")  # type: ignore[union-attr]
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
        message=error.format_message().replace("Value error, ", ""),  # pydantic's words, which typer shows
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
