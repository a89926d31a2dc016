"""The ladder: recipes that stand ready, one after the other on one's own data, in one table with verdicts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.data.dataset import Dataset
from maskwright.data.statistics import Statistics, describe
from maskwright.evaluation.compare import compare
from maskwright.evaluation.comparison import Comparison
from maskwright.evaluation.contenders import Contender
from maskwright.progress import OnProgress, Progress, silent
from maskwright.recipe.ready import READY, at_length, recipe_of
from maskwright.recipe.recipe import Recipe
from maskwright.reports.compare_report import compare_report
from maskwright.reports.report import report
from maskwright.sentences import say
from maskwright.storage import refuse_inside, refuse_occupied
from maskwright.training.run import Run, is_begun, open_run
from maskwright.workflow.judge import judge
from maskwright.workflow.plan import after_training_s, check_splits, plan, validation_s
from maskwright.workflow.train import prepared, train

OURS = "ours"
"""The last rung: what `plan` makes of the data, the machine and the time."""

RUNGS = (*READY, OURS)

LAST = "report.html"
"""The file of a run that is written last: where it is there, the rung is finished."""

FEWEST_VALIDATIONS = 3
"""With fewer a training shows no course, and its best weights are hardly chosen."""

OURS_S = 1200.0
"""The time of the last rung where no budget is given, as for every plan."""


@dataclass(frozen=True)
class Ladder:
    """What a ladder made.

    Args:
        folder: where all of it lies: a run for each rung, `01-first-user` and so on, and the page `ladder.html`.
        runs: the rungs, in their order.
        comparison: of all of them.
    """

    folder: Path
    runs: tuple[Run, ...]
    comparison: Comparison

    @property
    def page(self) -> Path:
        """The page of the comparison."""
        return self.folder / "ladder.html"


def ladder(
    dataset: Dataset,
    out: Path | str,
    *,
    budget_s: float | None = None,
    seed: int | None = None,
    threads: int | None = None,
    device: str = "auto",
    resume: bool = False,
    lang: str = "en",
    on_progress: OnProgress = silent,
) -> Ladder:
    """Train, judge and compare the recipes that stand ready, and the one that is planned for these data.

    Args:
        dataset: with labelled samples in "train" and "val".
        out: the folder of the ladder, new or empty; with `resume`, the one to go on with.
        budget_s: seconds for each rung, all that follows its training included: its length, warm-up and interval of
            validation are scaled to that. None trains the recipes as they stand, and plans the last one for 20 minutes.
        seed: seed of every random draw, the same for all rungs; None takes the recipes' default.
        threads: threads of torch; None takes all cores.
        device: "auto", "cpu", "cuda" or "cuda:N".
        resume: keep the rungs that are finished, and go on with the one that was stopped or killed.
        lang: language of the reports, "en" or "ru".
        on_progress: told which rung is at work and how far it is.

    Returns:
        The runs and their comparison.

    Raises:
        UsageError: something lies in `out` already.
        RunError: a rung was made from other data.
        Interrupted: Ctrl-C; the state is on disk.
    """
    folder = Path(out)
    refuse_inside(folder, dataset.root)
    if not resume:
        refuse_occupied(folder, do="Name another folder, or go on with that ladder: --resume.")
    check_splits(dataset)
    statistics = describe(dataset)
    chosen = _machine(seed, threads, device)
    rungs = [folder / f"{number:02d}-{name}" for number, name in enumerate(RUNGS, start=1)]
    for number, (name, rung) in enumerate(zip(RUNGS, rungs, strict=True)):
        if (rung / LAST).is_file():
            continue
        on_progress(Progress("stage.rung", number, len(RUNGS), note=_announcement(name, rung)))
        if resume and is_begun(rung):
            run = train(dataset, out=rung, resume=True, on_progress=on_progress)
        else:
            recipe, training_s = _fitted(name, dataset, statistics, budget_s, chosen, on_progress)
            run = train(dataset, out=rung, recipe=recipe, budget_s=training_s, resume=resume, on_progress=on_progress)
        judge(run, dataset, threads=run.recipe.threads, on_progress=on_progress)
        report(run, lang=lang)
    made = Ladder(folder, tuple(map(open_run, rungs)), compare(rungs, on_progress=on_progress))
    compare_report(made.comparison, made.page, lang=lang, doubts=_doubts(made, lang))
    return made


def ladder_lines(made: Ladder, lang: str = "en") -> list[str]:
    """What each rung is and what it changes, in words.

    Args:
        made: a finished ladder.
        lang: "en" or "ru".
    """
    lines = [f"{run.folder.name}: {_about(name, lang)}" for name, run in zip(RUNGS, made.runs, strict=True)]
    ours = made.runs[-1].recipe
    start = "ladder.from_nothing" if ours.weights == "none" else "ladder.from_weights"
    return [*lines[:-1], f"{lines[-1]} {say(start, lang, model=ours.model, weights=ours.weights)}"]


def too_short(made: Ladder, lang: str = "en") -> dict[str, str]:
    """The rungs whose training was too short to say anything of their recipes, each with its figures in words.

    Args:
        made: a finished ladder.
        lang: "en" or "ru".
    """
    found = {}
    for name, run in zip(RUNGS, made.comparison.runs, strict=True):
        warmup = (run.recipe if name == OURS else recipe_of(name)).warmup_iterations
        facts = {"iterations": run.iterations, "warmup": warmup, "validations": len(run.log.validations)}
        if run.iterations < warmup or len(run.log.validations) < FEWEST_VALIDATIONS:
            rung = run.folder.name
            found[rung] = say("ladder.short_rung", lang, rung=rung, fewest=FEWEST_VALIDATIONS, **facts)
    return found


def best_rung(made: Ladder) -> Contender | None:
    """The rung with the best score, None where it is better than none of the others by more than chance.

    Args:
        made: a finished ladder.
    """
    best = max(made.comparison.runs, key=lambda run: run.evaluation.scores.mDice)
    pairs = [pair for pair in made.comparison.pairs if pair.verdict != "undecided"]
    return best if any(best.name == (pair.one if pair.verdict == "better" else pair.other) for pair in pairs) else None


def _doubts(made: Ladder, lang: str) -> list[str]:
    short = too_short(made, lang)
    return ["\n".join([say("ladder.short", lang), *short.values()])] if short else []


def _about(name: str, lang: str) -> str:
    return say(f"ladder.{name.replace('-', '_')}", lang)


def _announcement(name: str, rung: Path) -> Callable[[str], str]:
    return lambda lang: f"{rung.name}: {_about(name, lang)}"


def _machine(seed: int | None, threads: int | None, device: str) -> dict[str, Any]:
    """What is the same for all rungs, as settings."""
    from maskwright.training.machine import machine

    here = machine(device=device, threads=threads)
    same = {"threads": min(here.cores, 16), "device": here.device}
    return same if seed is None else {"seed": seed, **same}


def _fitted(
    name: str,
    dataset: Dataset,
    statistics: Statistics,
    budget_s: float | None,
    chosen: Mapping[str, Any],
    on_progress: OnProgress,
) -> tuple[Recipe, float | None]:
    """The recipe of a rung, of a length that fills its time, and the seconds that are left for training."""
    from maskwright.training.measure import step_seconds

    began = time.monotonic()
    if name == OURS:
        return _planned(dataset, statistics, OURS_S if budget_s is None else budget_s, chosen, on_progress)
    recipe = prepared(recipe_of(name), dataset, statistics, chosen, on_progress)
    if budget_s is None:
        return recipe, None
    step_s = step_seconds(recipe, classes=len(dataset.classes), limit_s=0.02 * budget_s)
    training_s = budget_s - after_training_s(recipe, statistics, step_s, budget_s) - (time.monotonic() - began)
    validations = recipe.iterations // recipe.validation_interval
    each_s = step_s + validations * validation_s(recipe, statistics, step_s) / recipe.iterations
    affordable = max(validations, int(training_s / each_s))
    reason = f"measured: {step_s:.3f} s an iteration, {training_s:.0f} s in all; {recipe.iterations} as it stands"
    return at_length(recipe, affordable, reason=reason), training_s


def _planned(
    dataset: Dataset, statistics: Statistics, budget_s: float, chosen: Mapping[str, Any], on_progress: OnProgress
) -> tuple[Recipe, float]:
    """The recipe of the last rung, and the seconds that are left for its training."""
    began, following_s = time.monotonic(), 0.0

    def follows_s(recipe: Recipe, step_s: float) -> float:
        nonlocal following_s
        following_s = after_training_s(recipe, statistics, step_s, budget_s)
        return following_s

    recipe = plan(
        dataset,
        budget_s=budget_s,
        follows_s=follows_s,
        settings=chosen,
        statistics=statistics,
        on_progress=on_progress,
    )
    return recipe, budget_s - following_s - (time.monotonic() - began)
