"""maskwright sweep: try settings, and say which ones matter."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from statistics import mean
from typing import TYPE_CHECKING

from maskwright.cli import options
from maskwright.cli.budget import seconds
from maskwright.cli.names import names, refuse_unnamed, run_folder
from maskwright.cli.screen import Screen, duration
from maskwright.cli.settings import chosen_settings
from maskwright.cli.texts import ended, table
from maskwright.cli.verb import Answer, verb
from maskwright.errors import shown
from maskwright.sentences import percent, say

if TYPE_CHECKING:
    from maskwright.experiments.sweeps import Sweep
    from maskwright.experiments.trials import Start

MOST_TRIALS = 20
"""Rows of the table; the page has them all."""
LONGEST = 24
"""Characters of a setting's value."""


@verb
def sweep(
    screen: Screen,
    data: options.Data,
    space: options.SpaceFile,
    out: options.Out = None,
    sampler: options.Sampler = "tpe",
    pruner: options.Pruner = "none",
    trials: options.Trials = None,
    budget: options.SweepBudget = None,
    trial_budget: options.TrialBudget = None,
    workers: options.Workers = 1,
    finalists: options.Finalists = 3,
    seeds: options.Seeds = 3,
    metric: options.Metric = "mDice",
    recipe: options.RecipeFile = None,
    classes: options.Names = None,
    settings: options.Settings = None,
    weights: options.Weights = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    device: options.Device = "auto",
    offline: options.Offline = False,
    strict: options.Strict = False,
    allow_leak: options.AllowLeak = False,
    resume: options.Resume = False,
    ray: options.Ray = None,
) -> Answer:
    """Try settings, train the best ones again with other seeds, and tell which settings matter.

    Each trial is a run in OUT/trials, trained in a process of its own, with --ray on the machines of a cluster. A
    killed sweep goes on with the same command and --resume. Without -o, the sweep goes to sweeps/NAME. Needs pip
    install "maskwright[optuna]".
    """
    refuse_unnamed(out, resume=resume, kind="sweep")
    from maskwright.workflow.sweep import sweep as sweep_settings

    with _starting(ray) as start:
        found = sweep_settings(
            data,
            space,
            out or run_folder(data, kind="sweep"),
            classes=names(classes),
            recipe=recipe,
            settings=chosen_settings(settings, weights=weights, offline=offline),
            sampler=sampler,
            pruner=pruner,
            metric=metric,
            trials=trials,
            budget_s=None if budget is None else seconds(budget),
            trial_budget_s=None if trial_budget is None else seconds(trial_budget),
            workers=workers,
            finalists=finalists,
            seeds=seeds,
            seed=seed or 0,
            threads=threads,
            device=device,
            strict=strict,
            allow_leak=allow_leak,
            resume=resume,
            lang=screen.lang,
            start=start,
            on_progress=screen.on_progress,
        )
    return Answer(found.to_json(), sweep_text(found, screen.lang))


def _starting(ray: str | None) -> AbstractContextManager[Start]:
    """What starts the trials: here, or on the machines of a cluster."""
    from maskwright.scale.trials import starting_on_ray
    from maskwright.workflow.trial import run_trial, start_process

    return nullcontext(start_process) if ray is None else starting_on_ray(ray, run_trial)


def sweep_text(sweep: Sweep, lang: str) -> str:
    """The sweep as a person reads it on a terminal: trials, what matters, who was trained again, the verdict."""
    from maskwright.experiments.sweep_words import counts_text, verdicts

    best = next(iter(sweep.scores_again()), None)
    parts = [
        say("sweep.counts", lang, trials=len(sweep.trials), parts=counts_text(sweep, lang))
        + "\n"
        + _trials_table(sweep, lang),
        _importance_table(sweep, lang),
        _again_table(sweep, lang),
        "\n".join(verdicts(sweep, lang)),
        "\n".join(
            [
                say("sweep.folder", lang, folder=shown(sweep.folder)),
                say("sweep.page", lang, file=shown(sweep.folder / "report.html")),
                *([] if best is None else [_next(sweep, best, lang)]),
            ]
        ),
    ]
    return "\n\n".join(filter(None, parts))


def _trials_table(sweep: Sweep, lang: str) -> str:
    head = [say(f"sweep.{key}", lang) for key in ("trial", "state")]
    head += [sweep.plan.metric, say("sweep.done", lang), say("sweep.time", lang)]
    rows = [[*head, *sweep.space.searched]]
    for trial in sweep.by_score[:MOST_TRIALS]:
        done = trial.course[-1][0] if trial.course else 0
        reached = trial.course[-1][1] if trial.course else None
        rows.append(
            [
                str(trial.number),
                say(f"sweep.state_{trial.state}", lang),
                percent(reached if trial.value is None else trial.value),
                f"{done} %",
                duration(trial.seconds),
                *(value_text(trial.settings.get(name, "–")) for name in sweep.space.searched),
            ]
        )
    return table(rows)


def _importance_table(sweep: Sweep, lang: str) -> str:
    from maskwright.evaluation.compare_words import number, p_text

    found = sweep.importances()
    if not found:
        return ""
    rows = [["", say("sweep.explains", lang), "p", say("sweep.points", lang), say("sweep.best", lang)]]
    rows += [
        [
            entry.name,
            f"{100 * entry.share:.0f} %",
            p_text(entry.p_holm, lang),
            number(100 * entry.spread, lang),
            value_text(entry.best),
        ]
        for entry in found
    ]
    return say("sweep.importance", lang) + "\n" + table(rows)


def _again_table(sweep: Sweep, lang: str) -> str:
    again = sweep.scores_again()
    if not again:
        return ""
    rows = [[say("sweep.trial", lang), sweep.plan.metric, *(f"{place}" for place in range(1, sweep.plan.seeds + 1))]]
    for trial, scores in again.items():
        each = [percent(score) for score in scores]
        rows.append([str(trial), percent(mean(scores)), *each, *[""] * (sweep.plan.seeds - len(each))])
    return say("sweep.again", lang) + "\n" + table(rows)


def _next(sweep: Sweep, number: int, lang: str) -> str:
    return say("sweep.next", lang, recipe=shown(sweep.folder / "finalists" / f"{number:04}.yaml"))


def value_text(value: object) -> str:
    """A setting's value as it fits into a column."""
    return ended(f"{value:.4g}" if isinstance(value, float) else str(value), LONGEST)
