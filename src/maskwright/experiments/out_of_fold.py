"""Probabilities of a dataset's own photos, each from a model that has not seen it, within a time budget."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from maskwright.audit.folder import AuditFolder
from maskwright.audit.probabilities import INDEX, Source, data_digest, sources, take_over
from maskwright.data.dataset import Dataset
from maskwright.errors import RunError
from maskwright.experiments.folds import draw_folds, judge_fold, seen_by, train_fold
from maskwright.progress import OnProgress, Progress, silent
from maskwright.recipe.files import read_recipe, write_recipe
from maskwright.recipe.recipe import Recipe
from maskwright.storage import read_json, write_json

JUDGING_S = 0.1
"""Seconds of judging a photo, both ways round, until it has been measured: MobileNetV2 at 256x256 on two busy cores."""

Plan = Callable[[Dataset, float], Recipe]
"""(what a fold trains on, seconds) -> how."""


def out_of_fold(
    dataset: Dataset,
    targets: Sequence[str],
    plan: Plan,
    folder: AuditFolder,
    *,
    folds: int,
    budget_s: float,
    settings: Mapping[str, Any],
    on_progress: OnProgress = silent,
) -> None:
    """Train the folds and write the probabilities of every target to `folder.probs`; what is there already is taken.

    Each fold trains on everything labelled but what it holds out, so other splits help to judge one. The old
    probabilities stay until the new ones are whole.

    Args:
        dataset: labelled samples of any splits.
        targets: ids of the samples to be judged.
        plan: called once, for the first fold.
        folder: `folds/` is there while the work goes on.
        folds: how many.
        budget_s: seconds for all of it.
        settings: what else decides the result; with others the work begins anew.
        on_progress: told about each iteration.

    Raises:
        Interrupted: the user pressed Ctrl-C; the same call goes on where it stopped.
    """
    about = {
        "data": data_digest(dataset, targets),
        "settings": {name: str(value) for name, value in {**settings, "folds": folds}.items()},
    }
    wanted = set(targets)
    if any(source.about == about and source.photos.keys() == wanted for source in sources(folder.probs)):
        return
    work = folder.path / "folds"
    if _begun(work) != about:
        shutil.rmtree(work, ignore_errors=True)
        write_json(work / INDEX, {"format": 1, "made_from": about, "done": [], "seconds": 0.0})
    state = read_json(work / INDEX, format_version=1)
    ends = time.monotonic() + budget_s - state["seconds"]
    for fold in draw_folds([sample for sample in dataset.labelled if sample.id in wanted], folds):
        if fold.number in state["done"]:
            continue
        deadline = time.monotonic() + max(ends - time.monotonic(), 0.0) / (folds - len(state["done"]))
        seen = seen_by(fold, dataset)
        if not (work / "recipe.yaml").is_file():
            write_recipe(plan(seen, deadline - time.monotonic()), work / "recipe.yaml")
        recipe = read_recipe(work / "recipe.yaml")
        judging_s = state.get("judging_s", JUDGING_S) * len(fold.held_out)
        told = _of_all(on_progress, fold.number, folds)
        run = train_fold(
            fold, seen, recipe, work / f"fold-{fold.number}", deadline=deadline - judging_s, on_progress=told
        )
        trained = time.monotonic()
        judge_fold(fold, dataset, run, work / "probs", on_progress=on_progress)
        state |= {
            "done": [*state["done"], fold.number],
            "judging_s": (time.monotonic() - trained) / len(fold.held_out),
            "seconds": budget_s - (ends - time.monotonic()),
        }
        write_json(work / INDEX, state)
    photos = {sample.id: sample.photo_key for sample in dataset if sample.id in wanted}
    take_over(work / "probs", folder.probs, Source(about, dataset.classes.names, photos))
    shutil.rmtree(work, ignore_errors=True)


def _begun(work: Path) -> Any:
    """What the folds in a folder are made from; None where none are begun."""
    try:
        return read_json(work / INDEX, format_version=1)["made_from"]
    except (RunError, KeyError, TypeError):
        return None


def _of_all(on_progress: OnProgress, number: int, folds: int) -> OnProgress:
    """Progress of one fold as progress of all."""

    def told(progress: Progress) -> None:
        total = progress.total or 1
        left_s = (progress.seconds_left or 0.0) * (1 + (folds - 1 - number) * total / max(1, total - progress.done))
        facts = {name: value for name, value in progress.facts.items() if name == "loss"}
        on_progress(Progress("stage.folds", number * total + progress.done, folds * total, facts, seconds_left=left_s))

    return told
