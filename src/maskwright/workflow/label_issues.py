"""Masks judged by models that have not seen them: folds trained within a budget, or a run trained on others."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from maskwright.audit.folder import AuditFolder
from maskwright.audit.judging import Probs
from maskwright.audit.label_issue import LabelIssue
from maskwright.audit.label_issues import judged_masks, settle, trust_in
from maskwright.audit.probabilities import (
    Source,
    begin,
    data_digest,
    has_probs,
    read_probs,
    sources,
    take_over,
    write_probs,
)
from maskwright.audit.settings import AuditSettings
from maskwright.data.dataset import Dataset
from maskwright.data.listing import Note
from maskwright.data.sample import Sample
from maskwright.errors import DataError, Interrupted, UsageError, shown
from maskwright.experiments.out_of_fold import JUDGING_S, out_of_fold
from maskwright.inference.load import load
from maskwright.inference.predictor import check_classes, probs_of
from maskwright.progress import OnProgress, Progress, silent
from maskwright.recipe.recipe import Recipe
from maskwright.workflow.plan import plan
from maskwright.workflow.unseen import unseen_by

FOLDS = 3
"""Each model sees two thirds of the photos: more folds would see more, and train for less time."""

FEW_FOLDS_S = 360.0
"""Below this budget there are two: a third model would take too much time from the others."""

CROP_FRAC = 0.75
"""Side of the training crops as a share of the photos': nearly twice as many iterations in the same time, and on the
reference case the same scores in half of it."""

LARGEST_CROP_PX = 384

LEAST_FOLDS_S = 45.0
"""Below it models learn too little to judge anybody."""

FEWEST_PHOTOS = 12
"""Below it a fold has nothing to learn from."""


def judge_by_folds(
    dataset: Dataset,
    targets: Sequence[str],
    folder: AuditFolder,
    *,
    budget_s: float,
    spent_s: float = 0.0,
    settings: Mapping[str, Any] | None = None,
    threads: int | None = None,
    device: str = "auto",
    on_progress: OnProgress = silent,
) -> None:
    """Train models that have each not seen a part of the photos, and keep what they say of that part.

    Args:
        dataset: labelled samples; those that are not targets are learned from too, but for a split "test".
        targets: ids of the samples to be judged.
        folder: `probs/` is written there.
        budget_s: seconds for all of it.
        spent_s: seconds of it that went, or will go, into other work.
        settings: settings of the training by name, e.g. weights and seed.
        threads: threads of torch; None takes all cores.
        device: "auto", "cpu", "cuda" or "cuda:N".
        on_progress: told about each iteration.

    Raises:
        DataError: there are too few labelled photos.
        UsageError: the budget is too short for them; the message says which one is not.
        Interrupted: the user pressed Ctrl-C; the same call goes on where it stopped.
    """
    if len(targets) < FEWEST_PHOTOS:
        raise DataError(
            f"{dataset.root or 'This dataset'}: too few labelled photos to train models that judge them.",
            expected=f"at least {FEWEST_PHOTOS}",
            found=str(len(targets)),
            do="Audit without --budget, or give a model that was trained on other photos: --run RUN.",
        )
    folds_s = budget_s - spent_s
    if folds_s < least_folds_s(len(targets)):
        refuse_budget(budget_s, spent_s + least_folds_s(len(targets)))
    wanted = {"crop_hw": _crop_hw(dataset), **(settings or {})}

    def how(seen: Dataset, seconds: float) -> Recipe:
        return plan(seen, budget_s=seconds, settings=wanted, threads=threads, device=device, on_progress=on_progress)

    out_of_fold(
        learned_from(dataset, targets),
        targets,
        how,
        folder,
        folds=FOLDS if folds_s >= FEW_FOLDS_S else 2,
        budget_s=folds_s,
        settings={**wanted, "device": device, "budget_s": round(budget_s)},
        on_progress=on_progress,
    )


def least_folds_s(targets: int) -> float:
    """The fewest seconds in which folds make sense: judging so many photos must leave a third of it for learning."""
    return max(LEAST_FOLDS_S, 1.5 * JUDGING_S * targets)


def refuse_budget(budget_s: float, least_s: float) -> None:
    """Refuse a budget that cannot be kept.

    Raises:
        UsageError: always.
    """
    least = 10 * math.ceil(least_s / 10)
    raise UsageError(
        f"--budget {budget_s:g}s: too short for models that judge these photos, and it could not be kept.",
        expected=f"at least {least}s here, and better 10m or more",
        do=f"Give more time: --budget {least}s. Without --budget no models are trained.",
    )


def judge_by_run(
    dataset: Dataset,
    targets: Sequence[str],
    folder: AuditFolder,
    run: Path,
    *,
    threads: int | None = None,
    device: str = "auto",
    model: str | None = None,
    on_progress: OnProgress = silent,
) -> None:
    """Keep what a run says of those samples that it has not been trained on.

    Args:
        dataset: holds the samples.
        targets: ids of the samples to be judged.
        folder: `probs/` is written there.
        run: a run folder or a bundle.
        threads: threads of torch; None leaves them as they are.
        device: "auto", "cpu", "cuda" or "cuda:N".
        model: code of one's own that the run may import, as for `load`.
        on_progress: told after each photo.

    Raises:
        RunError: the run was trained on all of these photos: it has learned the faults that it is asked about.
        UsageError: it tells other classes apart.
        Interrupted: the user pressed Ctrl-C; the same call goes on where it stopped.
    """
    # What the network itself says of a pixel: a vote over the photo would hide where it doubts the label.
    predictor = load(run, device=device, threads=threads, model=model, postprocess=False)
    check_classes(predictor, dataset.classes.names)
    unseen, notes = unseen_by(run, dataset, targets)
    samples = only(dataset, unseen)
    photos = {sample.id: sample.photo_key for sample in samples}
    about = {"data": data_digest(samples, unseen), "settings": {"run": predictor.digest}}
    told = sources(folder.probs)
    if any((each.about, each.photos, each.classes) == (about, photos, dataset.classes.names) for each in told):
        return
    by_folds = {name for each in told if "run" not in each.about.get("settings", {}) for name in each.photos}
    if lost := len(by_folds & photos.keys()):
        notes = (*notes, ("audit.folds_replaced", (("run", shown(run)), ("count", str(lost)))))
    source = Source(about, dataset.classes.names, photos, notes)
    work = folder.path / "judging"
    if sources(work) != (source,):  # what an earlier attempt began is of other photos or another model
        shutil.rmtree(work, ignore_errors=True)
        begin(work, source)
    left = samples.filter(lambda sample: not has_probs(work, sample.id))
    answers = probs_of(predictor, (sample.image() for sample in left))
    try:
        for done, (sample, answer) in enumerate(zip(left, answers, strict=True), start=1 + len(samples) - len(left)):
            write_probs(work, sample.id, answer)
            on_progress(Progress("stage.judge", done, len(samples)))
    except KeyboardInterrupt:
        raise Interrupted("Stopped while judging; nothing is lost.", do="The same command goes on.") from None
    take_over(work, folder.probs, source)


@dataclass(frozen=True)
class Ranking:
    """What models said of masks.

    Args:
        issues: every mask that was judged, in any order.
        trust: how far the weakest of those models is believed about single objects, in [0, 1]: see `trust_in`.
        notes: what has to be told about those models, as (sentence key, facts).
    """

    issues: tuple[LabelIssue, ...] = ()
    trust: float = 1.0
    notes: tuple[Note, ...] = ()


def ranked(dataset: Dataset, targets: Sequence[str], folder: AuditFolder, settings: AuditSettings) -> Ranking:
    """What models said of targets whose photos are still the ones that they judged; each model is believed by itself.

    Args:
        dataset: holds the samples.
        targets: ids of the samples that are asked about.
        folder: where `probs/` lies.
        settings: the thresholds.
    """

    def kept(sample: Sample) -> Probs | None:
        return read_probs(folder.probs, sample.id)

    asked = only(dataset, targets)
    issues: list[LabelIssue] = []
    notes: list[Note] = []
    trust = 1.0
    for source in sources(folder.probs):
        judged = source.of(asked)
        if len(judged):
            masks = judged_masks(judged, kept, dataset.classes, settings)
            issues += settle(masks, settings)
            notes += source.notes
            trust = min(trust, trust_in(masks, settings).objects)
    if trust < settings.issue_severity:
        notes.append(("audit.not_believed", ()))
    return Ranking(tuple(issues), trust, tuple(notes))


def learned_from(dataset: Dataset, targets: Sequence[str]) -> Dataset:
    """What folds learn from: everything labelled, but of a split "test" only what is to be judged."""
    wanted = set(targets)
    return dataset.labelled.filter(lambda sample: sample.id in wanted or sample.split != "test")


def only(dataset: Dataset, ids: Sequence[str]) -> Dataset:
    """The samples with these ids."""
    wanted = set(ids)
    return dataset.filter(lambda sample: sample.id in wanted)


def _crop_hw(dataset: Dataset) -> tuple[int, int]:
    side = median(min(sample.size_hw) for sample in dataset)
    crop = max(64, min(LARGEST_CROP_PX, round(CROP_FRAC * side / 32) * 32))
    return crop, crop
