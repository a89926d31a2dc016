"""What a sweep says, in whole sentences."""

from __future__ import annotations

from statistics import mean

from maskwright.evaluation.compare_words import number, p_text
from maskwright.experiments.importance import judged, judged_percent
from maskwright.experiments.sweeps import Sweep, ranked
from maskwright.sentences import say

STATES = ("complete", "pruned", "stopped", "failed")


def verdicts(sweep: Sweep, lang: str = "en") -> list[str]:
    """What may be concluded: of the settings, of the recipes that were trained again, and of the luck in it.

    Args:
        sweep: the sweep.
        lang: "en" or "ru".
    """
    return [*_of_settings(sweep, lang), *_of_finalists(sweep, lang)]


def counts_text(sweep: Sweep, lang: str = "en") -> str:
    """How the trials ended, e.g. "4 complete, 8 stopped early as worse"."""
    counts = {state: sum(trial.state == state for trial in sweep.trials) for state in STATES}
    return ", ".join(say(f"sweep.count_{state}", lang, n=count) for state, count in counts.items() if count) or "–"


def _of_settings(sweep: Sweep, lang: str) -> list[str]:
    compared, found = len(judged(sweep.trials)), sweep.importances()
    if not found:
        return [say("sweep.few", lang, trials=compared)]
    mattering = [entry for entry in found if entry.matters]
    words = [
        say(
            "sweep.matters" if place == 0 else "sweep.matters_too",
            lang,
            name=entry.name,
            share=round(100 * entry.share),
            p=p_text(entry.p_holm, lang),
            points=number(100 * entry.spread, lang),
            metric=sweep.plan.metric,
        )
        for place, entry in enumerate(mattering)
    ]
    noise = sweep.noise
    if not mattering:
        words.append(say("sweep.nothing", lang, trials=compared))
    if noise is not None:
        words.append(say("sweep.noise", lang, noise=number(100 * noise, lang), metric=sweep.plan.metric))
        small = [entry.name for entry in mattering if entry.spread < 2 * noise]
        if small:
            words.append(say("sweep.small", lang, names=", ".join(small)))
    if judged_percent(sweep.trials) < 100:
        words.append(say("sweep.judged_early", lang, percent=judged_percent(sweep.trials)))
    return words


def _of_finalists(sweep: Sweep, lang: str) -> list[str]:
    again, complete, wanted = sweep.scores_again(), len(ranked(sweep.trials)), sweep.plan.finalists
    few = [say("sweep.finalists_few", lang, there=complete, wanted=wanted)] if complete < wanted else []
    if few and sweep.plan.pruner != "none":
        few.append(say("sweep.finalists_pruned", lang, pruner=sweep.plan.pruner))
    if not again or sweep.comparison is None:
        return few
    first = next(iter(again))
    facts = {"first": first, "mean": number(100 * mean(again[first]), lang), "metric": sweep.plan.metric}
    pairs = sweep.comparison.recipe_pairs
    trial_of = {group.name: trial_number(group.runs[0]) for group in sweep.comparison.recipes}
    told = [(trial_of[pair.one], trial_of[pair.other]) for pair in pairs if pair.verdict == "better"]
    told += [(trial_of[pair.other], trial_of[pair.one]) for pair in pairs if pair.verdict == "worse"]
    if not pairs:
        words = [say("sweep.finalists_alone", lang, **facts)]
    elif told:
        better = [say("sweep.finalist_better", lang, one=one, other=other) for one, other in told]
        words = [say("sweep.finalists_differ", lang, told="; ".join(better), **facts)]
    else:
        words = [say("sweep.finalists_equal", lang, count=len(again), **facts)]
    words += few
    trainings, there = min(wanted, complete) * sweep.plan.seeds, sum(map(len, again.values()))
    if there < trainings:
        words.append(say("sweep.finalists_missing", lang, there=there, wanted=trainings))
    as_trial = sweep.trials[first].value
    if as_trial is not None and as_trial > mean(again[first]):
        words.append(say("sweep.luck", lang, value=number(100 * as_trial, lang), **facts))
    return words


def trial_number(run: str) -> int:
    """Which trial a finalist's run belongs to, from the name of its folder: "0007-seed1"."""
    return int(run.rpartition("/")[2].partition("-")[0])
