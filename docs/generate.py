"""Write docs/cli.md, docs/recipe.md, docs/audit-thresholds.md and docs/postprocess.md from the declarations in the
package; a test finds them stale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from maskwright.audit.settings import thresholds
from maskwright.cli.main import commands
from maskwright.declared import Setting
from maskwright.inference.postprocess.settings import settings as steps
from maskwright.recipe.recipe import settings

HERE = Path(__file__).resolve().parent
MADE = "<!-- Made by docs/generate.py from the code; `make docs` writes it anew. -->\n\n"


def pages() -> dict[str, str]:
    """The generated pages: file name -> text."""
    return {
        "cli.md": MADE + cli_page(),
        "recipe.md": MADE + recipe_page(),
        "audit-thresholds.md": MADE + thresholds_page(),
        "postprocess.md": MADE + postprocess_page(),
    }


def cli_page() -> str:
    """Every command with its arguments and options."""
    intro = (
        "# The command line\n\n"
        "Every command exits with 0 on success, 1 when a gate it was given refused the work, 2 on wrong use or bad\n"
        "input, and 130 after Ctrl-C. With `--json` it prints one JSON value on standard output, also for an error:\n"
        '`{"error": {"kind", "message"}}`; progress and errors go to standard error.\n\n'
    )
    return intro + "\n".join(f"## {path}\n\n```text\n{_help(command, path)}\n```\n" for path, command in commands())


def recipe_page() -> str:
    """Every setting of a recipe."""
    head = (
        "# Settings of a recipe\n\n"
        "`maskwright plan` writes them all into `recipe.yaml`, each with the reason for its value. On the command\n"
        "line, `--set name=value` keeps a value as given.\n\n"
        "| setting | default | type and range | what it is | why this default |\n|---|---|---|---|---|\n"
    )
    return head + "".join(map(_row, settings()))


def postprocess_page() -> str:
    """Every setting of a post-processing."""
    head = (
        "# Settings of postprocess.yaml\n\n"
        "`maskwright tune RUN DATA` writes them into the run, each with what was measured of it; [tune.md](tune.md)\n"
        "tells how. Shares of the photo hold for photos of every size. The steps are taken in this order.\n\n"
        "| setting | default | type and range | what it is | why this default |\n|---|---|---|---|---|\n"
    )
    return head + "".join(map(_row, steps()))


def thresholds_page() -> str:
    """Every threshold of the audit."""
    head = (
        "# Thresholds of the audit\n\n"
        "`maskwright audit DATA --set name=value` sets one; [audit.md](audit.md) tells of the checks.\n\n"
        "| threshold | default | type and range | what it is | why this default |\n|---|---|---|---|---|\n"
    )
    return head + "".join(map(_row, thresholds()))


def _help(command: Any, path: str) -> str:
    context = typer.Context(command, info_name=path, terminal_width=100)
    return "\n".join(line.rstrip() for line in context.get_help().splitlines())


def _row(setting: Setting) -> str:
    kind = " ".join(part for part in (setting.type, setting.range, setting.unit) if part)
    default = list(setting.default) if isinstance(setting.default, tuple) else setting.default
    cells = (f"`{setting.name}`", f"`{default}`", kind, setting.help, setting.reason)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")
