"""maskwright demo: the built-in data through everything."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

from maskwright.cli import options
from maskwright.cli.budget import seconds
from maskwright.cli.run import run_value, where_text, with_opening
from maskwright.cli.screen import Screen
from maskwright.cli.verb import Answer, verb


@verb
def demo(
    screen: Screen,
    out: options.OutFolder = Path("maskwright-demo"),
    budget: options.Budget = "4m",
    faults: options.Faults = 0.15,
    seed: options.Seed = None,
    threads: options.Threads = None,
) -> Answer:
    """Show everything on built-in data.

    Draws scenes with cats and dogs, plants label faults, and sends them through everything that `run` does. Opens
    nothing; prints what was planted and found and where the report lies. A second demo in the same folder takes the
    drawn data as they are and makes another run.
    """
    began = time.monotonic()
    budget_s = seconds(budget)
    from maskwright.workflow.demo import demo as run_demo
    from maskwright.workflow.demo import demo_lines, run_folder

    made = run_demo(
        out,
        budget_s=budget_s - (time.monotonic() - began),
        faults=faults,
        seed=seed or 0,
        threads=threads,
        lang=screen.lang,
        on_progress=with_opening(screen, run_folder(out)),
    )
    value = {
        "data": str(made.drawn.folder),
        "images": made.drawn.images,
        "planted": [asdict(fault) for fault in made.planted],
        **run_value(made.run.folder),
    }
    where = where_text(made.run.folder, screen.lang, time.monotonic() - began)
    return Answer(value, "\n".join(["", *demo_lines(made, screen.lang), where]))
