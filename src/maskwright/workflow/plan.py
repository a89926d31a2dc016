"""From a dataset and a time to a recipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from maskwright.data.dataset import Dataset
from maskwright.data.statistics import Statistics, describe
from maskwright.errors import DataError
from maskwright.evaluation.tuning_photos import WORKING_SIDE_PX
from maskwright.models import ARCHITECTURES, check_architecture, check_options, has_norms
from maskwright.progress import OnProgress, Progress, silent
from maskwright.recipe.plan import ENLARGED_EPOCHS, draft, enlarged, looked_once, scheduled, with_norms_frozen
from maskwright.recipe.recipe import Recipe
from maskwright.workflow.exporting import exporting_s
from maskwright.workflow.start import choose_start

TUNING_S, DIAGNOSING_S = 6e-6, 2e-6
"""Seconds per pixel of validation on two cores: 120 photos of 256 x 256 are tuned in 47 s and diagnosed in 15 s."""

TUNING_SHARE = 0.1
"""Of the time: where tuning takes more, training is worth more, and `maskwright tune` does it afterwards."""

FOLLOWING_SHARE = 0.2
"""Of the time: where what follows the training would take more, photos are looked at once."""


def nothing_follows(_recipe: Recipe, _step_s: float) -> float:
    """For who trains and does no more."""
    return 0.0


def plan(
    dataset: Dataset,
    *,
    budget_s: float = 1200.0,
    follows_s: Callable[[Recipe, float], float] = nothing_follows,
    settings: Mapping[str, Any] | None = None,
    seed: int | None = None,
    threads: int | None = None,
    device: str = "auto",
    statistics: Statistics | None = None,
    on_progress: OnProgress = silent,
) -> Recipe:
    """Choose every setting for the data, the machine and the time.

    Args:
        dataset: with labelled samples in "train" and "val".
        budget_s: seconds for the whole command, from this call on.
        follows_s: how many of them follow the training, of the recipe and the seconds of one iteration.
        settings: settings by name that are kept as given.
        seed: seed of every random draw; None takes the recipe's default.
        threads: threads of torch; None takes all cores.
        device: "auto", "cpu", "cuda" or "cuda:N".
        statistics: of the dataset, where they are known already.
        on_progress: told while the machine is measured.

    Returns:
        A complete recipe with a reason for each setting.

    Raises:
        DataError: a split is missing.
        RecipeError: a given setting is wrong.
    """
    from maskwright.training.machine import machine
    from maskwright.training.measure import step_seconds

    began = time.monotonic()
    check_splits(dataset)
    chosen = {"seed": seed, "threads": threads, "device": None if device == "auto" else device}
    given = {**(settings or {}), **{name: value for name, value in chosen.items() if value is not None}}
    statistics = statistics or describe(dataset)
    if "model" in given:
        check_architecture(str(given["model"]))
    start = choose_start(given, classes=len(dataset.classes), on_progress=on_progress)
    recipe = draft(statistics, machine(device=device, threads=threads), given, start=start)
    if recipe.model in ARCHITECTURES and has_norms(recipe.model):
        recipe = with_norms_frozen(recipe, statistics, given)
    check_options(recipe)
    check_class_weights(recipe, dataset)
    check_set_aside(recipe, dataset)
    on_progress(Progress("stage.measure", 0, 1))
    step_s = step_seconds(recipe, classes=len(dataset.classes), limit_s=0.05 * budget_s)
    larger = enlarged(recipe, statistics, given)
    if larger != recipe and _sees_enough(
        larger, statistics, step_s * _area(larger) / _area(recipe), budget_s, follows_s
    ):
        recipe = larger
        step_s = step_seconds(recipe, classes=len(dataset.classes), limit_s=0.05 * budget_s)
    on_progress(Progress("stage.measure", 1, 1))
    if recipe.tta_work > 1 and follows_s(recipe, step_s) > FOLLOWING_SHARE * budget_s:
        recipe = looked_once(recipe, given)
    seconds = budget_s - (time.monotonic() - began) - follows_s(recipe, step_s)
    return scheduled(
        recipe,
        statistics,
        step_s=step_s,
        judging_s=_forward_s(recipe, statistics, step_s),
        seconds=max(seconds, step_s),
        given=given,
    )


def _sees_enough(
    recipe: Recipe,
    statistics: Statistics,
    step_s: float,
    budget_s: float,
    follows_s: Callable[[Recipe, float], float],
) -> bool:
    """Whether there is time for the least number of epochs that enlarged photos are worth."""
    iterations = (budget_s - follows_s(recipe, step_s)) / step_s
    return iterations * recipe.batch_size >= ENLARGED_EPOCHS * statistics.splits["train"].labelled


def _area(recipe: Recipe) -> int:
    return recipe.crop_hw[0] * recipe.crop_hw[1]


def check_splits(dataset: Dataset) -> None:
    """Refuse a dataset that cannot be trained and judged on.

    Raises:
        DataError: "train" or "val" holds no labelled sample.
    """
    for name in ("train", "val"):
        if not any(sample.split == name and sample.labelled for sample in dataset):
            raise DataError(
                f"{dataset.root or 'This dataset'}: the split {name!r} has no labelled photo.",
                expected="labelled photos in train and val",
                found=", ".join(dataset.splits) or "no samples",
                do="Put about a fifth of the photos into val, or give one flat folder, which is split for you.",
            )


def check_class_weights(recipe: Recipe, dataset: Dataset) -> None:
    """Refuse a list of class weights of another length than the classes.

    Raises:
        DataError: the lengths differ.
    """
    weights = recipe.class_weights
    if not isinstance(weights, str) and len(weights) != len(dataset.classes):
        raise DataError(
            f"class_weights: {len(weights)} weights for {len(dataset.classes)} classes.",
            expected=", ".join(dataset.classes.names),
            found=str(list(weights)),
            do="Give one weight per class, in this order.",
        )


def check_set_aside(recipe: Recipe, dataset: Dataset) -> None:
    """Refuse to set aside what is no training photo, or all of them.

    Raises:
        DataError: an id is that of no labelled photo in "train", or none is left.
    """
    train = dict.fromkeys(sample.id for sample in dataset.split("train").labelled)
    unknown = [each for each in recipe.photos_aside if each not in train]
    if unknown:
        raise DataError(
            f"set_aside: {unknown[0]!r} is no labelled photo of the split 'train'.",
            expected=f"ids such as {next(iter(train))}",
            found=f"{len(unknown)} that are none",
            do="Take it out of set_aside.",
        )
    if len(set(recipe.photos_aside)) == len(train):
        raise DataError(
            "set_aside: no photo is left to learn from.",
            expected=f"fewer than all {len(train)} labelled photos of the split 'train'",
            do="Mend their masks: maskwright review DATA",
        )


def validation_s(recipe: Recipe, statistics: Statistics, step_s: float) -> float:
    """Seconds of one validation while training; the arguments are those of `after_training_s`."""
    labelled = statistics.splits["val"].labelled
    return _forward_s(recipe, statistics, step_s) * min(labelled, recipe.validation_photos or labelled)


def after_training_s(recipe: Recipe, statistics: Statistics, step_s: float, budget_s: float) -> float:
    """Seconds that tuning, judging, pictures, exports, report and bundle will take after training.

    Args:
        recipe: what is trained.
        statistics: of the dataset.
        step_s: seconds of one training iteration.
        budget_s: seconds for all of it. More than half of them are not kept for what follows: where there are too many
            photos to judge for that, the whole takes longer, but something is trained.
    """
    judged = sum(split.labelled for name, split in statistics.splits.items() if name in ("val", "test"))
    val, diagnosed_s = statistics.splits["val"], DIAGNOSING_S * _judged_px(statistics)
    predictions = judged + (val.labelled if tuning_s(statistics, budget_s) else 0)
    looks_s = recipe.tta_work * _forward_s(recipe, statistics, step_s)
    seconds = 4.0 + 1.5 * looks_s * predictions + diagnosed_s + tuning_s(statistics, budget_s) + exporting_s(budget_s)
    return min(seconds, 0.5 * budget_s)


def tuning_s(statistics: Statistics, budget_s: float) -> float:
    """Seconds that the search for post-processing takes; 0 where that is too much of the time and it is left out.

    Args:
        statistics: of the dataset.
        budget_s: seconds for all of it.
    """
    val = statistics.splits["val"]
    seconds = TUNING_S * min(_judged_px(statistics), val.labelled * WORKING_SIDE_PX**2)
    return seconds if seconds <= TUNING_SHARE * budget_s else 0.0


def _judged_px(statistics: Statistics) -> int:
    return sum(statistics.splits["val"].class_px)


def _forward_s(recipe: Recipe, statistics: Statistics, step_s: float) -> float:
    """Seconds of predicting one photo: forward is about a third of an iteration, and a photo may be many crops."""
    (height, width), _ = statistics.splits["val"].sizes[0]
    scale = recipe.short_side_px / min(height, width) if recipe.short_side_px else 1.0
    crops = scale**2 * height * width / (recipe.crop_hw[0] * recipe.crop_hw[1])
    return step_s / recipe.batch_size / 2.5 * crops
