"""maskwright plan: the recipe that fits the data, the machine and the time."""

from __future__ import annotations

import time
from pathlib import Path

from maskwright.cli import options
from maskwright.cli.budget import seconds
from maskwright.cli.names import names
from maskwright.cli.screen import Screen
from maskwright.cli.settings import chosen_settings
from maskwright.cli.texts import data_lines, plan_lines
from maskwright.cli.verb import Answer, verb
from maskwright.errors import UsageError, shown
from maskwright.sentences import say


@verb
def plan(
    screen: Screen,
    data: options.Data,
    out: options.OutFile = Path("recipe.yaml"),
    classes: options.Names = None,
    budget: options.Budget = "20m",
    model: options.Model = None,
    settings: options.Settings = None,
    weights: options.Weights = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    device: options.Device = "auto",
    offline: options.Offline = False,
    strict: options.Strict = False,
    allow_leak: options.AllowLeak = False,
) -> Answer:
    """Choose settings, each with its reason.

    Looks at the data, measures this machine, and fits the length of training to the time. Writes the recipe and, beside
    it, a picture of sixteen photos as the network will see them.
    """
    began = time.monotonic()
    budget_s = seconds(budget)
    class_names = names(classes)
    if out.exists():
        raise UsageError(f"-o {shown(out)}: lies there already, and nothing is overwritten.", do="Name another file.")
    from maskwright.data.reading import read
    from maskwright.data.statistics import describe
    from maskwright.recipe.files import write_recipe
    from maskwright.recipe.recipe import settings as declared_settings
    from maskwright.workflow.plan import plan as make_plan
    from maskwright.workflow.train import write_augmented

    given = chosen_settings(settings, model=model, weights=weights, offline=offline)
    dataset = read(data, classes=class_names, strict=strict, allow_leak=allow_leak, on_progress=screen.on_progress)
    statistics = describe(dataset)
    recipe = make_plan(
        dataset,
        budget_s=budget_s - (time.monotonic() - began),
        settings=given,
        seed=seed,
        threads=threads,
        device=device,
        statistics=statistics,
        on_progress=screen.on_progress,
    )
    pictures = out.with_name(f"{out.stem}.samples.jpg")
    write_recipe(recipe, out)
    write_augmented(dataset, recipe, pictures)
    reasons = {
        one.name: {"value": getattr(recipe, one.name), "reason": recipe.reason(one.name)} for one in declared_settings()
    }
    lines = [
        *data_lines(statistics, screen.lang),
        *plan_lines(recipe, out, screen.lang),
        say("cli.planned_pictures", screen.lang, file=shown(pictures)),
        say("cli.planned_next", screen.lang, data=shown(data), file=shown(out)),
    ]
    return Answer({"recipe": str(out), "pictures": str(pictures), "settings": reasons}, "\n".join(lines))
