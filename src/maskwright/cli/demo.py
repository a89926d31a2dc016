"""maskwright demo: the built-in data through everything."""

from __future__ import annotations

import time
from pathlib import Path

from maskwright.cli import options
from maskwright.cli.budget import seconds
from maskwright.cli.names import free_folder
from maskwright.cli.run import run_text, run_value, with_opening
from maskwright.cli.screen import Screen
from maskwright.cli.verb import Answer, verb


@verb
def demo(
    screen: Screen,
    out: options.Out = None,
    budget: options.Budget = "4m",
    faults: options.Faults = False,
    seed: options.Seed = None,
) -> Answer:
    """Show everything on built-in data.

    Draws scenes with cats and dogs and sends them through everything that `run` does. Opens nothing; prints what was
    found and where the report lies. Without -o, the folder is maskwright-demo, numbered where that is taken.
    """
    began = time.monotonic()
    budget_s = seconds(budget)
    folder = out or free_folder(Path("maskwright-demo"))
    from maskwright.workflow.demo import demo as run_demo

    made = run_demo(
        folder,
        budget_s=budget_s - (time.monotonic() - began),
        faults=faults,
        seed=seed or 0,
        lang=screen.lang,
        on_progress=with_opening(screen, folder),
    )
    return Answer(run_value(made.folder), run_text(made.folder, screen.lang, time.monotonic() - began))
