"""The exports that a run ends with, where the packages for them are installed."""

from __future__ import annotations

from maskwright.errors import GateError, RecipeError
from maskwright.inference.exports import FOLDER, FORMAT
from maskwright.progress import OnProgress, silent
from maskwright.shipping.export import export, installed_formats
from maskwright.storage import write_json
from maskwright.training.run import Run

EXPORTING_S = 30.0
"""Seconds that tracing a model and checking it takes on two cores; both formats take hardly longer than one."""

EXPORTING_SHARE = 0.1
"""Share of the time that exports may take; where it is shorter, `maskwright export` makes them later."""


def exporting_s(budget_s: float) -> float:
    """Seconds that the exports at the end of a run take; 0 where none are made.

    Args:
        budget_s: seconds for the whole run.
    """
    return EXPORTING_S if installed_formats() and EXPORTING_SHARE * budget_s >= EXPORTING_S else 0.0


def export_installed(run: Run, *, on_progress: OnProgress = silent) -> list[str]:
    """Export a run, which was trained just now, for each runtime that is installed.

    A run does not fail by an architecture that cannot be exported: why, is written to `exports/<name>.refused.json`.

    Args:
        run: with weights.
        on_progress: told how far it is.

    Returns:
        The names of the exports that were made.
    """
    made = []
    for name in installed_formats():
        try:
            export(run, format=name, model=run.recipe.model, on_progress=on_progress)
            made.append(name)
        except (GateError, RecipeError) as error:
            write_json(run.folder / FOLDER / f"{name}.refused.json", {"format": FORMAT, "why": str(error)})
    return made
