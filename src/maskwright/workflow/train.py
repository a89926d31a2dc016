"""Training into a run folder."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from maskwright.audit.audit import Audit
from maskwright.data.classes import classes_yaml
from maskwright.data.dataset import Dataset
from maskwright.data.encode import write_findings, write_jpeg
from maskwright.data.pictures import fitted, overlay, write_sample_pictures
from maskwright.data.statistics import Statistics, describe
from maskwright.errors import RunError, UsageError, shown
from maskwright.models import check_architecture, check_options, refuse_unnamed_code
from maskwright.progress import OnProgress, silent
from maskwright.recipe.files import recipe_text, write_recipe
from maskwright.recipe.plan import with_derived_weights
from maskwright.recipe.recipe import Recipe, with_settings
from maskwright.scale.cluster import check_cluster
from maskwright.shipping.bundle import data_of
from maskwright.storage import clear_leftovers, json_text, read_json, refuse_inside, write_json, write_text
from maskwright.training.presence import training_in
from maskwright.training.run import Run, is_begun, make_run, open_run, refuse_begun, refuse_lost_state
from maskwright.workflow.plan import check_class_weights, check_set_aside, check_splits, plan
from maskwright.workflow.start import settled


def train(
    dataset: Dataset,
    *,
    out: Path | str,
    recipe: Recipe | None = None,
    settings: Mapping[str, Any] | None = None,
    budget_s: float | None = None,
    threads: int | None = None,
    device: str = "auto",
    resume: bool = False,
    ray: str | None = None,
    nodes: int | None = None,
    on_progress: OnProgress = silent,
) -> Run:
    """Train a model.

    Args:
        dataset: with labelled samples in "train" and "val".
        out: the run folder, new or empty; with `resume`, the run to go on with.
        recipe: all settings; None plans them for `budget_s` (20 minutes unless given).
        settings: settings by name over those of the recipe.
        budget_s: seconds for all of it; the length is adapted to it. None trains a given recipe as it stands, and with
            `resume` to the length that the run has.
        threads: threads of torch, where the recipe is planned.
        device: "auto", "cpu", "cuda" or "cuda:N", where the recipe is planned.
        resume: go on where the run in `out` stopped, with the settings that it was started with, or none; begin anew
            where it was killed before training.
        ray: address of a Ray cluster whose machines share every batch, see `maskwright.scale.training`.
        nodes: how many of them at most.
        on_progress: told about each iteration.

    Returns:
        The run.

    Raises:
        UsageError: something lies in `out` already, there is no such cluster, or `nodes` are given without one.
        RunError: there is no run to go on with, its state is gone, or it was made from other data.
        Interrupted: Ctrl-C; the state is on disk.
    """
    began = time.monotonic()
    check_cluster(ray, nodes=nodes)
    refuse_inside(Path(out), dataset.root)
    refuse_lost_state(Path(out)) if resume else refuse_begun(Path(out))
    check_splits(dataset)
    asked = what_was_asked(recipe, settings or {}, threads, device)
    if resume and recipe is None:
        recipe = imported_recipe(Path(out), settings or {})
    if resume and is_begun(Path(out)):
        refuse_changes(asked, out=Path(out))
        run = reopened(Path(out), dataset)
        left_s = budget_s
    else:
        statistics = describe(dataset)
        if recipe is None:
            budget_s = 1200.0 if budget_s is None else budget_s
            recipe = plan(
                dataset,
                budget_s=budget_s,
                settings=settings,
                threads=threads,
                device=device,
                statistics=statistics,
                on_progress=on_progress,
            )
        else:
            recipe = prepared(recipe, dataset, statistics, settings or {}, on_progress)
        run = start_run(dataset, recipe, Path(out), statistics, asked=asked, again=resume)
        left_s = None if budget_s is None else budget_s - 1.0
    from maskwright.scale.training import fit_on_ray
    from maskwright.training.loop import fit

    standing = (fit if ray is None else partial(fit_on_ray, address=ray, nodes=nodes))(
        dataset,
        run.recipe,
        run,
        deadline=None if left_s is None else began + left_s,
        on_progress=on_progress,
    )
    run.add_timings({"train": standing.seconds})
    return run


def imported_recipe(out: Path, settings: Mapping[str, Any]) -> Recipe | None:
    """The recipe of a run that was imported and has not trained yet; None for any other folder.

    Raises:
        RecipeError: it names code outside of Maskwright that the settings do not name.
    """
    if not (out / "import.json").is_file() or is_begun(out):
        return None
    recipe = open_run(out).recipe
    refuse_unnamed_code(recipe.model, settings.get("model"))
    return recipe


def prepared(
    recipe: Recipe,
    dataset: Dataset,
    statistics: Statistics,
    settings: Mapping[str, Any],
    on_progress: OnProgress = silent,
) -> Recipe:
    """A given recipe, checked and completed against the data that it will see."""
    recipe = with_settings(_without_weights(recipe, settings), dict(settings), source="--set", reason="given")
    recipe = with_derived_weights(recipe, statistics)
    check_architecture(recipe.model)
    recipe = settled(recipe, classes=len(dataset.classes), on_progress=on_progress)
    check_options(recipe)
    check_class_weights(recipe, dataset)
    check_set_aside(recipe, dataset)
    return recipe


def _without_weights(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """A recipe without its weights, and without what these wanted, where the settings name others."""
    if settings.get("weights", recipe.weights) == recipe.weights:
        return recipe
    plain, wants = Recipe(), ("weights", "weights_digest", "form", "mean_rgb", "std_rgb")
    changes = {name: getattr(plain, name) for name in wants}
    return with_settings(recipe, changes, source="--weights", reason=plain.reason("weights"))


def start_run(
    dataset: Dataset,
    recipe: Recipe,
    out: Path,
    statistics: Statistics,
    *,
    asked: Mapping[str, Any],
    audit: tuple[Audit, Mapping[str, Any]] | None = None,
    again: bool = False,
) -> Run:
    """A new run folder with everything that is known before training.

    Args:
        dataset: what is trained on.
        recipe: complete.
        out: the folder.
        statistics: of the dataset.
        asked: as `what_was_asked` gives it.
        audit: as `audit_for_run` gives it; without one there is only what was found while reading.
        again: as in `make_run`.

    Raises:
        UsageError: something lies there already.
        RecipeError: the recipe sets aside by a rule.
    """
    from maskwright.training.batches import training_photos
    from maskwright.training.machine import environment

    training_photos(dataset, recipe)  # refused before there is a folder
    run = make_run(out, again=again)
    write_recipe(recipe, run.folder / "recipe.yaml")
    write_text(run.folder / "classes.yaml", classes_yaml(dataset.classes))
    write_json(run.folder / "environment.json", {**environment(), "threads": recipe.threads, "device": recipe.device})
    write_findings(audit[0].findings if audit else dataset.findings, run.folder / "findings.jsonl")
    if audit:
        write_json(run.folder / "audit.json", audit[1])
    write_sample_pictures(dataset, run.folder / "pictures")
    write_augmented(dataset, recipe, run.folder / "pictures" / "augmented.jpg")
    write_json(_asked(run.folder), {"format": 1, "asked": asked})
    write_json(run.folder / "data.json", statistics.to_json())  # last: see is_begun
    return run


def what_was_asked(
    recipe: Recipe | None, settings: Mapping[str, Any], threads: int | None, device: str
) -> dict[str, Any]:
    """What a person chose for a training, by the option of the command line: a run keeps it, for `refuse_changes`."""
    by = None if recipe is None else hashlib.sha256(recipe_text(recipe).encode()).hexdigest()
    options = {"--recipe": by, "--threads": threads, "--device": None if device == "auto" else device}
    given = {name: value for name, value in options.items() if value is not None}
    asked: dict[str, Any] = json.loads(json_text(given | {f"--set {name}": settings[name] for name in settings}))
    return asked


def refuse_changes(asked: Mapping[str, Any], *, out: Path) -> None:
    """Refuse to go on with the run in `out` by anything but its recipe: what was asked for is that, or nothing.

    Args:
        asked: as `what_was_asked` gives it. The run's own model may be named at any time, for trust.
        out: the run.

    Raises:
        UsageError: something else is asked for than what the run was started with.
        RecipeError: the run names code outside of Maskwright that the settings do not name.
    """
    own = open_run(out).recipe.model
    refuse_unnamed_code(own, asked.get("--set model"))
    file = _asked(out)
    known = {**(read_json(file, format_version=1)["asked"] if file.is_file() else {}), "--set model": own}
    names = [name for name, value in asked.items() if name not in known or known[name] != value]
    if names:
        raise UsageError(
            "--resume goes on with the run's own recipe.", found=", ".join(names), do="Leave these out, or start anew."
        )


def _asked(out: Path) -> Path:
    return out / "state" / "asked.json"


def reopened(out: Path, dataset: Dataset) -> Run:
    """A run to go on with, made from this data.

    Raises:
        RunError: there is no run, its data were others, or another process trains it.
    """
    run = open_run(out)
    with training_in(out):  # or these would be the files that another process is writing
        clear_leftovers(out)
    made_from = data_of(run.folder)
    changed = [name for name in ("train", "val") if made_from[name] != dataset.digest(name)]
    if changed:
        raise RunError(
            f"{shown(out)}: was made from other photos, masks or classes (split {', '.join(changed)}).",
            do="Give the data as they were, or start a new run.",
        )
    return run


def write_augmented(dataset: Dataset, recipe: Recipe, path: Path, *, count: int = 16) -> None:
    """Sixteen training samples as the network sees them, four to a row, their masks drawn over them."""
    from maskwright.training.batches import make_batch, training_photos

    wanted = with_settings(recipe, {"batch_size": count}, source="pictures", reason="")
    batch = make_batch(training_photos(dataset, recipe), wanted, 0)
    tiles = [
        fitted(overlay(image, mask, dataset.classes), 256)
        for image, mask in zip(batch.images, batch.masks, strict=True)
    ]
    rows = [np.hstack(tiles[start : start + 4]) for start in range(0, count, 4)]
    write_jpeg(path, np.vstack(rows))
