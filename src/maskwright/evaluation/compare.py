"""Runs side by side: what differs between them, and whether their scores do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from maskwright.data.dataset import Dataset
from maskwright.errors import UsageError
from maskwright.evaluation.compare_notebook import comparison_html
from maskwright.evaluation.contenders import Contender, contenders
from maskwright.evaluation.verdicts import Pair, RecipePair, dice_drawn, pairs_of, recipe_pairs_of
from maskwright.progress import OnProgress, silent
from maskwright.recipe.fingerprint import differing

OVERFIT_LOST = 0.005
"""Below that nothing is said: on the reference case mDice shakes by 0.3 points from one validation to the next."""
OVERFIT_SHARE = 0.75
"""A best score in the last quarter of the training is no sign that it was too long."""


@dataclass(frozen=True)
class RecipeGroup:
    """The runs of one recipe on the same training data, which differ in their seed alone.

    Args:
        name: A, B, C, ... in the order of the runs.
        runs: their names.
        mean: the mean of their mDice.
        sd: its standard deviation over the seeds; nan for a single run.
    """

    name: str
    runs: tuple[str, ...]
    mean: float
    sd: float


@dataclass(frozen=True)
class DataDifference:
    """How the training data of a run differ from those of the first run.

    Args:
        run: the run.
        first: the run that it is held against.
        only_here: training photos that the first run lacks; None where either keeps no list of its photos.
        only_there: training photos that this run lacks.
        known: whether both runs say what they were trained on.
    """

    run: str
    first: str
    only_here: int | None
    only_there: int | None
    known: bool = True


@dataclass(frozen=True)
class Overfit:
    """A run that was trained past its best.

    Args:
        run: the run.
        best_iteration: where its mDice on the validation photos was best; these weights were kept.
        iterations: how long it went on.
        lost: how much mDice the last weights are below, as a fraction.
    """

    run: str
    best_iteration: int
    iterations: int
    lost: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs on the same photos, and which of them differ by more than chance.

    Args:
        split: the split that they were judged on.
        runs: in the order in which they were given.
        recipes: their recipes; single runs are groups of one.
        pairs: each run against each later one; about these weights.
        recipe_pairs: each recipe of three or more seeds against each later one; about new seeds, too.
        settings: the settings that differ, with the value of each recipe.
        data: runs whose training data are not known to be those of the first.
        overfits: runs that were trained past their best.
    """

    split: str
    runs: tuple[Contender, ...]
    recipes: tuple[RecipeGroup, ...]
    pairs: tuple[Pair, ...]
    recipe_pairs: tuple[RecipePair, ...]
    settings: Mapping[str, tuple[Any, ...]]
    data: tuple[DataDifference, ...]
    overfits: tuple[Overfit, ...]

    @property
    def photos(self) -> int:
        """How many photos were judged."""
        return len(self.runs[0].evaluation.sample_ids)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.runs[0].evaluation.classes

    @cached_property
    def recipe_of(self) -> dict[str, str]:
        """The name of each run's recipe."""
        return {run: group.name for group in self.recipes for run in group.runs}

    def _repr_html_(self) -> str:
        return comparison_html(self)

    def to_json(self) -> dict[str, Any]:
        """The comparison as `maskwright compare --json` prints it: fractions in [0, 1], None for nan and infinity."""
        return {
            "split": self.split,
            "eval_digest": self.runs[0].evaluation.eval_digest,
            "images": self.photos,
            "classes": list(self.classes),
            "runs": [_run_json(run, self.recipe_of[run.name]) for run in self.runs],
            "recipes": [asdict(group) for group in self.recipes],
            "pairs": [{**asdict(pair), "verdict": pair.verdict} for pair in self.pairs],
            "recipe_pairs": [{**asdict(pair), "verdict": pair.verdict} for pair in self.recipe_pairs],
            "settings": {name: list(values) for name, values in self.settings.items()},
            "data": [asdict(each) for each in self.data],
            "overfits": [asdict(each) for each in self.overfits],
        }


def compare(
    runs: Sequence[Path | str],
    *,
    split: str = "val",
    data: Dataset | None = None,
    threads: int | None = None,
    model: str | None = None,
    on_progress: OnProgress = silent,
) -> Comparison:
    """Whether runs differ by more than chance, and in what.

    Each pair of runs gets the difference of their mDice with a 95 % interval (paired bootstrap over photos, 10,000
    resamples) and a p-value (paired permutation, corrected for all pairs by Holm). That speaks of these weights.
    Recipes that were trained with at least three seeds each are compared, too, over seeds and photos.

    Args:
        runs: at least two run folders or bundles.
        split: the split that they are judged on.
        data: judge all of them anew on this, as after mending validation masks; None takes the evaluations that lie
            in the runs.
        threads: threads of torch; None leaves them as they are.
        model: `package.module:function` of one's own that a run may have imported; None allows none.
        on_progress: told how far each evaluation is.

    Returns:
        The comparison.

    Raises:
        RunError: a folder is neither a run nor a bundle, or was not judged on this split.
        UsageError: fewer than two runs, one of them twice, or they were judged on other photos, masks or classes.
    """
    if len(runs) < 2:
        raise UsageError(
            "A comparison needs at least two runs.",
            found=f"{len(runs)}",
            do="maskwright compare RUN RUN [RUN ...]",
        )
    folders = [Path(run) for run in runs]
    found = contenders(folders, split, data, threads=threads, model=model, on_progress=on_progress)
    _refuse_other_photos(found)
    evaluations = {each.name: each.evaluation for each in found}
    groups = _groups(found)
    recipe_of = {run: group.name for group in groups for run in group.runs}
    drawn = {name: dice_drawn(evaluation) for name, evaluation in evaluations.items()}
    return Comparison(
        split=split,
        runs=found,
        recipes=groups,
        pairs=tuple(pairs_of(evaluations, recipe_of, drawn)),
        recipe_pairs=tuple(recipe_pairs_of(evaluations, {group.name: group.runs for group in groups}, drawn)),
        settings=differing([next(each for each in found if each.name == group.runs[0]).recipe for group in groups]),
        data=tuple(_data_differences(found)),
        overfits=tuple(_overfits(found)),
    )


def _refuse_other_photos(found: Sequence[Contender]) -> None:
    first = found[0]
    for other in found[1:]:
        one, two = first.evaluation, other.evaluation
        if one.eval_digest == two.eval_digest:
            continue
        what = "photos or masks"
        if one.classes != two.classes:
            what = f"classes ({', '.join(one.classes)} against {', '.join(two.classes)})"
        elif set(one.sample_ids) != set(two.sample_ids):
            what = f"photos ({len(set(one.sample_ids) ^ set(two.sample_ids))} of them were judged for one run only)"
        raise UsageError(
            f"{first.name} and {other.name} were judged on other {what}, so that their scores cannot be compared.",
            expected=f"the same photos, masks and classes in the split {one.split!r} (digest {one.eval_digest[:8]})",
            found=f"digest {two.eval_digest[:8]}",
            do="Judge all of them anew on the same data: --data DATA",
        )


def _groups(found: Sequence[Contender]) -> tuple[RecipeGroup, ...]:
    runs: dict[tuple[str, str], list[Contender]] = {}
    for each in found:
        runs.setdefault(each.key, []).append(each)
    groups = []
    for place, members in enumerate(runs.values()):
        scores = np.array([each.evaluation.scores.mDice for each in members])
        sd = float(scores.std(ddof=1)) if len(scores) > 1 else float("nan")
        name = chr(ord("A") + place) if place < 26 else f"R{place + 1}"
        groups.append(RecipeGroup(name, tuple(each.name for each in members), float(scores.mean()), sd))
    return tuple(groups)


def _data_differences(found: Sequence[Contender]) -> list[DataDifference]:
    """Of the training data; which photos are judged is the same for all."""
    first, differences = found[0], []
    for each in found[1:]:
        if "train" not in each.data or "train" not in first.data:
            differences.append(DataDifference(each.name, first.name, None, None, known=False))
        elif each.data["train"].digest != first.data["train"].digest:
            here, there = each.data["train"].photos, first.data["train"].photos
            counts = (None, None) if here is None or there is None else (len(here - there), len(there - here))
            differences.append(DataDifference(each.name, first.name, *counts))
    return differences


def _overfits(found: Sequence[Contender]) -> list[Overfit]:
    return [
        Overfit(each.name, int(best["iteration"]), each.iterations, each.log.lost)
        for each in found
        if (best := each.log.best) is not None
        if each.log.lost >= OVERFIT_LOST and best["iteration"] <= OVERFIT_SHARE * each.iterations
    ]


def _run_json(run: Contender, recipe: str) -> dict[str, Any]:
    best, scores = run.log.best, run.evaluation.scores
    return {
        "name": run.name,
        "folder": str(run.folder),
        "recipe": recipe,
        "seed": run.recipe.seed,
        "iterations": run.iterations,
        "best_iteration": None if best is None else best["iteration"],
        "lost": run.log.lost,
        "iteration_s": run.log.iteration_s,
        "machine": run.machine,
        "weights_bytes": run.weights_bytes,
        "latency_ms": run.latency_ms,
        "train_digest": run.data["train"].digest if "train" in run.data else None,
        "metrics": scores.summary(),
        "per_class": scores.per_class(run.evaluation.classes),
    }
