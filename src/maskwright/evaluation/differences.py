"""In what runs differ beside their scores: recipe, training data, and whether they were trained past their best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from maskwright.evaluation.contenders import Contender, SplitData

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
        seeds: those of them that each have a seed of their own, the first of equals.
        mean: the mean of their mDice.
        sd: its standard deviation over the seeds; nan for a single run.
    """

    name: str
    runs: tuple[str, ...]
    seeds: tuple[str, ...]
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
        shared: training photos that both have; None likewise.
        other_masks: how many of these have other masks; None where either keeps no list of its masks.
        known: whether both runs say what they were trained on.
    """

    run: str
    first: str
    only_here: int | None = None
    only_there: int | None = None
    shared: int | None = None
    other_masks: int | None = None
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


def groups_of(found: Sequence[Contender]) -> tuple[RecipeGroup, ...]:
    """The runs by recipe and training data, in the order of the runs."""
    runs: dict[tuple[str, str, bool], list[Contender]] = {}
    for each in found:
        runs.setdefault(each.key, []).append(each)
    groups = []
    for place, members in enumerate(runs.values()):
        scores = np.array([each.evaluation.scores.mDice for each in members])
        sd = float(scores.std(ddof=1)) if len(scores) > 1 else float("nan")
        name = chr(ord("A") + place) if place < 26 else f"R{place + 1}"
        seeds = {each.recipe.seed: each.name for each in reversed(members)}
        names, own = tuple(each.name for each in members), tuple(reversed(seeds.values()))
        groups.append(RecipeGroup(name, names, own, float(scores.mean()), sd))
    return tuple(groups)


def data_differences(found: Sequence[Contender]) -> list[DataDifference]:
    """The runs whose training data are not known to be those of the first."""
    first, differences = found[0], []
    for each in found[1:]:
        if "train" not in each.data or "train" not in first.data:
            differences.append(DataDifference(each.name, first.name, known=False))
        elif each.data["train"].digest != first.data["train"].digest:
            differences.append(_difference(each.name, first.name, each.data["train"], first.data["train"]))
    return differences


def _difference(run: str, first: str, here: SplitData, there: SplitData) -> DataDifference:
    if here.photos is None or there.photos is None:
        return DataDifference(run, first)
    shared, masks = here.photos & there.photos, None
    if here.masks is not None and there.masks is not None:
        masks = sum(here.masks[photo] != there.masks[photo] for photo in shared)
    only_here, only_there = len(here.photos - shared), len(there.photos - shared)
    return DataDifference(run, first, only_here, only_there, len(shared), masks)


def overfits_of(found: Sequence[Contender]) -> list[Overfit]:
    """The runs that were trained past their best; the members of a soup have schedules of their own."""
    return [
        Overfit(each.name, int(best["iteration"]), each.iterations, each.log.lost)
        for each in found
        if (best := each.log.best) is not None
        if not each.recipe.soup_iterations
        if each.log.lost >= OVERFIT_LOST and best["iteration"] <= OVERFIT_SHARE * each.iterations
    ]
