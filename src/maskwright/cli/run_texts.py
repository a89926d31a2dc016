"""One run, or two of them, as a person reads them on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from maskwright.cli.screen import duration
from maskwright.cli.texts import aligned, scores_table, setting_text, table, width_of
from maskwright.errors import shown
from maskwright.evaluation.contenders import machine_of
from maskwright.experiments.details import RunDetails
from maskwright.experiments.labels import Labels
from maskwright.experiments.run_difference import RunDifference, SplitDifference
from maskwright.experiments.run_words import age
from maskwright.experiments.runs import RunSummary
from maskwright.sentences import percent, say

MOST_VALIDATIONS = 12
"""Lines of a course; with more validations every second, third, ... is left out, never the best one or the last."""
LONGEST = 40
"""Characters of a setting's value; --json has all of them."""


def details_text(details: RunDetails, lang: str) -> str:
    """All that is known of a run: a paragraph for what it is, its course, its scores and its files.

    Args:
        details: of the run.
        lang: "en" or "ru".
    """
    parts = ["\n".join(_about(details, lang)), _course(details, lang), *_scores(details, lang), _files(details, lang)]
    return "\n\n".join(part for part in parts if part)


def difference_text(difference: RunDifference, runs: Sequence[RunSummary], lang: str) -> str:
    """In what two runs differ: settings with their reasons, data, environment.

    Args:
        difference: of the two.
        runs: what a list tells of them.
        lang: "en" or "ru".
    """
    width = max(width_of(run.name) for run in runs)
    names = [aligned(run.name, width) for run in runs]
    blocks = [[f"{name}  mDice {percent(run.best_mdice)} %" for name, run in zip(names, runs, strict=True)]]
    for each in difference.settings:
        values = [setting_text(value, LONGEST) for value in each.values]
        longest = max(map(width_of, values))
        rows = zip(names, values, each.reasons, strict=True)
        blocks.append([each.name, *(f"  {name}  {aligned(value, longest)}  {why}" for name, value, why in rows)])
    if difference.same_recipe:
        blocks.append([say("runs.same_recipe", lang)])
    blocks.append([_split(each, runs, lang) for each in difference.data] or [say("runs.same_data", lang)])
    for key, values_of in difference.environment.items():
        blocks.append([key, *(f"  {name}  {value}" for name, value in zip(names, values_of, strict=True))])
    if not difference.environment:
        blocks.append([say("runs.same_environment", lang)])
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks)


def labels_text(name: str, labels: Labels, lang: str) -> str:
    """What a person says of a run, as it is now."""
    parts = [
        *([say("runs.archived", lang)] if labels.archived else []),
        *([say("runs.tagged", lang, tags=", ".join(labels.tags))] if labels.tags else []),
        *([say("runs.noted", lang, note=labels.note.replace("\n", "\n  "))] if labels.note else []),
    ]
    return f"{name}: {'; '.join(parts) or say('runs.unlabelled', lang)}"


def _about(details: RunDetails, lang: str) -> Iterator[str]:
    run = details.summary
    yield f"{run.name}  ({shown(run.folder)})"
    if run.trouble:
        yield run.trouble
    labels = Labels(run.tags, run.archived, run.note)
    if labels != Labels() or not run.trouble:  # which may be that of the labels: then nothing is known of them
        yield labels_text(say("runs.labels", lang), labels, lang)
    facts = {"iteration": run.iteration, "iterations": run.iterations or "–", "time": duration(run.seconds)}
    state = say(f"runs.is_{run.status}", lang)
    if run.started is not None:
        yield say("runs.state", lang, state=state, **facts)
        moment = f"{datetime.fromtimestamp(run.started):%Y-%m-%d %H:%M}"
        yield say("runs.begun", lang, moment=moment, age=age(run.started, lang), resumes=details.log.resumes)
    else:
        yield f"{say('runs.status', lang)}: {state}"
    if run.best_mdice is not None:
        yield say("runs.best", lang, mdice=percent(run.best_mdice), iteration=run.best_iteration)
    recipe = details.recipe
    if recipe is not None:
        facts = {"model": recipe.model, "crop": "×".join(map(str, recipe.crop_hw)), "batch": recipe.batch_size}
        yield say("runs.trains", lang, **facts, lr=recipe.lr, weights=recipe.weights, seed=recipe.seed)
    if details.data:
        yield _data_line(details, lang)
    if details.environment:
        yield _environment_line(details.environment, lang)
    for tracker, why in details.unsent.items():
        yield say("runs.unsent", lang, tracker=tracker, why=" ".join(why.split())[:300], run=shown(run.folder))


def _data_line(details: RunDetails, lang: str) -> str:
    run = details.summary
    splits = ", ".join(f"{name} {split.get('images', '–')}" for name, split in details.data["splits"].items())
    where = run.data_path or say("runs.in_memory", lang)
    gone = "" if run.data_here or not run.data_path else f" ({say('runs.not_here', lang)})"
    return say("runs.data_line", lang, path=where + gone, splits=splits)


def _environment_line(environment: Mapping[str, Any], lang: str) -> str:
    told = {name: environment.get(name) or "–" for name in ("maskwright", "torch", "python")}
    return say("runs.made_with", lang, **told, machine=machine_of(environment) or "–")


def _course(details: RunDetails, lang: str) -> str:
    log = details.log
    if not log.validations:
        return ""
    losses = {step["iteration"]: step.get("loss") for step in log.steps}
    step = -(-len(log.validations) // MOST_VALIDATIONS)
    kept = list(log.validations[::-1][::step])[::-1]
    if log.best is not None and log.best not in kept:
        kept = sorted([*kept, log.best], key=lambda each: each["iteration"])
    head = [say(f"runs.{column}", lang) for column in ("iterations", "time", "loss", "mdice")]
    rows = [
        [
            str(each["iteration"]),
            duration(each["seconds"]),
            "–" if losses.get(each["iteration"]) is None else f"{losses[each['iteration']]:.4f}",
            percent(each["metrics"]["mDice"]) + (" *" if each is log.best else "  "),
        ]
        for each in kept
    ]
    return "\n".join([say("runs.course", lang, count=len(log.validations)), table([head, *rows])])


def _scores(details: RunDetails, lang: str) -> Iterator[str]:
    """The scores of each class: what evaluate said, and of the best validation where it said nothing of "val"."""
    best = details.log.best
    if "val" not in details.scores and best is not None and best.get("per_class"):
        title = say("runs.best_scores", lang, iteration=best["iteration"])
        yield f"{title}\n{scores_table(best['per_class'], best['metrics'], lang)}"
    for split, found in details.scores.items():
        title = say("cli.split", lang, split=split, images=found["images"])
        yield f"{title}\n{scores_table(found['per_class'], found['metrics'], lang)}"


def _files(details: RunDetails, lang: str) -> str:
    rows = [[name, _size(size, lang)] for name, size in details.files.items()]
    total = [say("runs.all_files", lang), _size(sum(details.files.values()), lang)]
    return table([[say("runs.file", lang), say("runs.size", lang)], *rows, total])


def _size(size: int, lang: str) -> str:
    return say("runs.mb", lang, n=f"{size / 1e6:.1f}") if size >= 1e6 else say("runs.kb", lang, n=f"{size / 1e3:.1f}")


def _split(difference: SplitDifference, runs: Sequence[RunSummary], lang: str) -> str:
    facts = {"split": difference.split, "one": runs[0].name, "other": runs[1].name}
    if None in difference.digests:
        lacking = runs[0 if difference.digests[0] is None else 1].name
        return say("runs.split_unknown", lang, split=difference.split, run=lacking)
    if difference.only is None:
        return say("runs.split_differs", lang, split=difference.split)
    if difference.only == (0, 0):
        return say("runs.split_masks", lang, split=difference.split)
    return say("runs.split_photos", lang, **facts, here=difference.only[0], there=difference.only[1])
