"""maskwright train: train by a recipe."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from maskwright.cli import options
from maskwright.cli.budget import seconds
from maskwright.cli.names import classes_for, refuse_unnamed, run_folder
from maskwright.cli.run import with_opening
from maskwright.cli.screen import Screen
from maskwright.cli.settings import chosen_settings
from maskwright.cli.track import tracked
from maskwright.cli.verb import Answer, verb
from maskwright.errors import shown
from maskwright.sentences import percent, say


@verb
def train(
    screen: Screen,
    data: options.Data,
    out: options.Out = None,
    recipe: options.RecipeFile = None,
    classes: options.Names = None,
    budget: options.BudgetOrNone = None,
    settings: options.Settings = None,
    weights: options.Weights = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    device: options.Device = "auto",
    offline: options.Offline = False,
    strict: options.Strict = False,
    allow_leak: options.AllowLeak = False,
    resume: options.Resume = False,
    track: options.Track = None,
    ray: options.Ray = None,
    nodes: options.Nodes = None,
) -> Answer:
    """Train by a recipe, given or planned.

    Without --budget, a given recipe is trained as it stands, and the recipe.yaml of a run replays that run. Without
    --recipe, one is planned (for 20 minutes unless --budget says otherwise). Without -o, the run goes to runs/NAME.
    --ray shares every batch among the machines of a cluster.
    """
    began = time.monotonic()
    budget_s = None if budget is None else seconds(budget)
    class_names = classes_for(classes, data, out if resume or recipe is None else Path(recipe).parent)
    refuse_unnamed(out, resume=resume)
    folder = out or run_folder(data)
    from maskwright.data.reading import read
    from maskwright.models import refuse_unnamed_code
    from maskwright.recipe.ready import recipe_of
    from maskwright.scale.cluster import check_cluster
    from maskwright.workflow.train import train as train_by

    check_cluster(ray, nodes=nodes)
    given = chosen_settings(settings, weights=weights, seed=seed, threads=threads, offline=offline)
    if recipe is not None and device != "auto":
        given = {"device": device, **given}
    by = None if recipe is None else recipe_of(recipe)
    if by is not None:
        refuse_unnamed_code(by.model, given.get("model"))
    with tracked(screen, folder, track, with_opening(screen, folder)) as on_progress:
        dataset = read(data, classes=class_names, strict=strict, allow_leak=allow_leak, on_progress=screen.on_progress)
        made = train_by(
            dataset,
            out=folder,
            recipe=by,
            settings=given,
            budget_s=None if budget_s is None else budget_s - (time.monotonic() - began),
            threads=threads,
            device=device,
            resume=resume,
            ray=ray,
            nodes=nodes,
            on_progress=on_progress,
        )
    return _answer(made.folder, data, screen.lang)


def _answer(folder: Path, data: Path, lang: str) -> Answer:
    from maskwright.training.run import open_run

    run = open_run(folder)
    end = [entry for entry in run.log() if entry["event"] == "end"][-1]
    facts: dict[str, Any] = {key: end[key] for key in ("iteration", "best_iteration", "best_mDice")}
    lines = [
        say(
            "cli.trained",
            lang,
            iterations=end["iteration"],
            mdice=percent(end["best_mDice"]),
            best=end["best_iteration"],
        ),
        "  " + say("cli.run_weights", lang, file=shown(run.best_weights)),
        say("cli.trained_next", lang, run=shown(folder), data=shown(data)),
    ]
    return Answer({"run": str(folder), "weights": str(run.best_weights), **facts}, "\n".join(lines))
