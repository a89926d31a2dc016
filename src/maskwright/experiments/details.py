"""All that is known of one run."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.errors import RunError
from maskwright.experiments.runs import RunSummary, summarise
from maskwright.recipe.files import read_recipe
from maskwright.recipe.recipe import Recipe, settings
from maskwright.storage import read_if_there, read_json
from maskwright.training.training_log import TrainingLog, read_training_log


@dataclass(frozen=True, eq=False)
class RunDetails:
    """All that is known of one run.

    Args:
        summary: what a list tells of it.
        recipe: what it is trained by; None for a damaged run, of which nothing more is read.
        environment: what it was made with.
        data: `data.json`; empty where there is none.
        log: the course of its training.
        scores: what `evaluate` said, by split, as in `metrics.json`.
        unsent: why the latest attempt to send it was broken off, by tracker; those that were not are left out.
        files: bytes of each file in it and of all files in each of its folders, by name.
    """

    summary: RunSummary
    recipe: Recipe | None
    environment: Mapping[str, Any]
    data: Mapping[str, Any]
    log: TrainingLog
    scores: Mapping[str, Mapping[str, Any]]
    unsent: Mapping[str, str]
    files: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """All of it, as plain values; of the log the validations."""
        return {
            **self.summary.to_json(),
            "resumes": self.log.resumes,
            "environment": dict(self.environment),
            "data_json": dict(self.data),
            "settings": {} if self.recipe is None else _told(self.recipe),
            "validations": list(self.log.validations),
            "scores": dict(self.scores),
            "unsent": dict(self.unsent),
            "files": dict(self.files),
        }


def read_details(run: Path, *, name: str) -> RunDetails:
    """Read all that is known of a run.

    Args:
        run: its folder.
        name: what to call it.

    Raises:
        RunError: one of its files is damaged.
        RecipeError: its recipe holds wrong settings.
    """
    summary = summarise(run, name=name)
    files = _files(run)
    if summary.status == "damaged":
        return RunDetails(summary, None, {}, {}, TrainingLog(), {}, {}, files)
    begun = (run / "recipe.yaml").is_file()
    return RunDetails(
        summary=summary,
        recipe=read_recipe(run / "recipe.yaml") if begun else None,
        environment=read_if_there(run / "environment.json"),
        data=read_if_there(run / "data.json"),
        log=read_training_log(run / "log.jsonl"),
        scores={path.parent.name: read_json(path) for path in sorted((run / "evaluation").glob("*/metrics.json"))},
        unsent={path.stem: why for path in sorted((run / "trackers").glob("*.json")) if (why := _trouble(path))},
        files=files,
    )


def _told(recipe: Recipe) -> dict[str, Any]:
    return {each.name: {"value": getattr(recipe, each.name), "reason": recipe.reason(each.name)} for each in settings()}


def _trouble(path: Path) -> str:
    """Why a tracker did not take all; a note that cannot be read is no reason to tell nothing of the run."""
    try:
        return str(dict(read_json(path)).get("trouble") or "")
    except (RunError, TypeError, ValueError) as error:
        return str(error)


def _files(run: Path) -> dict[str, int]:
    sizes = Counter[str]()
    for path in run.rglob("*"):
        parts = path.relative_to(run).parts
        with suppress(OSError):  # a training replaces files meanwhile
            about = path.lstat()
            if stat.S_ISREG(about.st_mode):
                sizes[parts[0] + "/" * (len(parts) > 1)] += about.st_size
    return dict(sorted(sizes.items()))
