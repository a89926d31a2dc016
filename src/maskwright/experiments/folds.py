"""Out-of-fold training: every photo is judged by a model that has not seen it."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskwright.audit.probabilities import write_probs
from maskwright.data.classes import IGNORE, classes_yaml
from maskwright.data.dataset import Dataset
from maskwright.data.sample import Sample
from maskwright.data.split import chance
from maskwright.inference.predictor import probs_of
from maskwright.progress import OnProgress, Progress, silent
from maskwright.recipe.files import write_recipe
from maskwright.recipe.recipe import Recipe, with_settings
from maskwright.storage import write_text
from maskwright.training.run import Run, make_run, open_run

SHOWN_TO_VALIDATION = 8
"""Training photos that a fold is validated on: the loop wants some, and nothing is chosen by what they say."""


@dataclass(frozen=True)
class Fold:
    """One of the models that judge.

    Args:
        number: from 0.
        held_out: ids of the samples that it does not see and judges.
    """

    number: int
    held_out: frozenset[str]


def draw_folds(samples: Sequence[Sample], count: int, *, seed: int = 0) -> tuple[Fold, ...]:
    """Divide samples into folds with the same share of photos of each set of classes.

    Samples of one group (the same photo, frames of one video) share a fold, or the model would have seen what it is
    asked about.

    Args:
        samples: labelled ones.
        count: how many folds, at least 2.
        seed: another seed gives another division.

    Returns:
        The folds; each sample is held out by exactly one.
    """
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.group or sample.id].append(sample)
    order = sorted(groups, key=lambda name: (_classes(groups[name]), chance(seed, name)))
    folds: list[list[str]] = [[] for _ in range(count)]
    for name in order:  # neighbours have the same classes, so dealing them out in turn stratifies
        min(folds, key=len).extend(sample.id for sample in groups[name])
    return tuple(Fold(number, frozenset(ids)) for number, ids in enumerate(folds))


def seen_by(fold: Fold, dataset: Dataset) -> Dataset:
    """What the model of a fold is trained on: all labelled samples but those that it holds out and their groups.

    A few of them are validated on, because the loop wants that; nothing is chosen by it.

    Args:
        fold: which.
        dataset: labelled samples of any splits.

    Returns:
        A dataset with the splits "train" and "val".
    """
    groups = {sample.group for sample in dataset if sample.id in fold.held_out and sample.group}
    seen = [each for each in dataset.labelled if each.id not in fold.held_out and each.group not in groups]
    train = [replace(sample, split="train") for sample in seen]
    val = [replace(sample, split="val") for sample in seen[:: max(1, len(seen) // SHOWN_TO_VALIDATION)]]
    return replace(dataset, samples=(*train, *val[:SHOWN_TO_VALIDATION]))


def train_fold(
    fold: Fold,
    seen: Dataset,
    recipe: Recipe,
    folder: Path,
    *,
    deadline: float,
    on_progress: OnProgress = silent,
) -> Run:
    """Train the model of a fold, or go on where a kill or Ctrl-C stopped it.

    Args:
        fold: which.
        seen: see `seen_by`.
        recipe: how; the seed is changed with the fold.
        folder: the run folder of this fold.
        deadline: `time.monotonic()` at which it must have ended.
        on_progress: told after every iteration.

    Returns:
        The run.

    Raises:
        Interrupted: the user pressed Ctrl-C; the same call goes on.
    """
    from maskwright.training.loop import fit

    if (folder / "state").is_dir():
        run = open_run(folder)
    else:
        run = make_run(folder, again=True)
        recipe = with_settings(recipe, {"seed": recipe.seed + fold.number}, source="the folds", reason="rule: per fold")
        write_recipe(recipe, run.folder / "recipe.yaml")
        write_text(run.folder / "classes.yaml", classes_yaml(seen.classes))
    fit(seen, run.recipe, run, deadline=deadline, on_progress=on_progress)
    return run


def judge_fold(fold: Fold, dataset: Dataset, run: Run, probs: Path, *, on_progress: OnProgress = silent) -> None:
    """Write the probabilities of a fold's held-out samples: the mean over the photo and its mirror image.

    The last weights judge, not the best ones: those would be chosen by labels.

    Args:
        fold: which.
        dataset: holds the samples.
        run: of `train_fold`.
        probs: where they are kept: see `audit.probabilities`.
        on_progress: told after each photo and each mirror image.
    """
    from maskwright.inference.runtimes.torch import TorchPredictor

    recipe = run.recipe
    last = run.folder / "weights" / "last.safetensors"
    predictor = TorchPredictor(last, recipe=recipe, classes=dataset.classes, digest="", device=recipe.device, tta=False)
    held = [sample for sample in dataset if sample.id in fold.held_out]
    done = itertools.count(1)

    def told(answers: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        for answer in answers:
            on_progress(Progress("stage.judge", next(done), 2 * len(held)))
            yield answer

    plain = probs_of(predictor, (sample.image() for sample in held))
    mirrored = probs_of(predictor, (np.ascontiguousarray(sample.image()[:, ::-1]) for sample in held))
    for sample, one, other in zip(held, told(plain), told(mirrored), strict=True):
        write_probs(probs, sample.id, np.float32(0.5) * (one + other[:, :, ::-1]))


def _classes(group: Sequence[Sample]) -> tuple[int, ...]:
    masks = [mask for mask in (sample.mask() for sample in group) if mask is not None]
    present = {int(value) for mask in masks for value in np.flatnonzero(np.bincount(mask.ravel(), minlength=256))}
    return tuple(sorted(present - {IGNORE}))
