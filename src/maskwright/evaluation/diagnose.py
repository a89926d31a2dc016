"""Diagnosing a predictor: one pass over the labelled photos of a split, one photo in memory at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.audit.audit import worst_first
from maskwright.audit.judging import JudgedMask, judge_mask
from maskwright.audit.label_issues import settle
from maskwright.audit.measures import measure_photo
from maskwright.audit.view import view
from maskwright.data.classes import Classes
from maskwright.data.dataset import Dataset
from maskwright.data.finding import Finding
from maskwright.data.sample import Mask, Sample
from maskwright.errors import UsageError
from maskwright.evaluation.causes import AUDIT, explain
from maskwright.evaluation.diagnosis import PHOTO, Diagnosis
from maskwright.evaluation.evaluate import count, evaluation_of, labelled_samples, mask_of
from maskwright.inference.load import load
from maskwright.inference.predictor import Predictor, Probs, check_classes, most_probable, probs_of
from maskwright.inference.quality import expected_dice, uncertainty
from maskwright.metrics.boundaries import Boundaries, boundaries, stacked
from maskwright.metrics.calibration import Calibration, calibration
from maskwright.metrics.confusion import Counts
from maskwright.progress import OnProgress, Progress, silent
from maskwright.training.run import Run

SEEN_SPLIT = "train"
"""What a model says against labels that it was trained on means nothing."""


def diagnose(
    run: Run | Path | str | Predictor, dataset: Dataset, *, split: str = "val", on_progress: OnProgress = silent
) -> Diagnosis:
    """Say why a predictor is wrong on the labelled samples of a split.

    Photos are read, predicted and looked at as a stream: what is kept of each is a few kilobytes, whatever its size.

    Args:
        run: a run, the folder of a run or of a bundle, or a predictor; where it knows its `classes`, their names must
            be the dataset's, in order.
        dataset: the labels that it is judged by.
        split: name of the split.
        on_progress: told after each photo.

    Returns:
        The diagnosis; `diagnosis.save(folder)` keeps it.

    Raises:
        DataError: there is no such split, or nothing in it is labelled.
        UsageError: the predictor tells other classes apart, or answers with another shape.
        RunError: neither a run nor a bundle lies there.
    """
    predictor = _predictor(run)
    samples, classes = labelled_samples(dataset, split), dataset.classes
    check_classes(predictor, classes.names)
    looked: list[_Looked] = []
    gaps: list[NDArray[np.float32]] = []
    histograms = Calibration.none(len(classes))
    on_progress(Progress("stage.diagnose", 0, len(samples)))
    answers = probs_of(predictor, (sample.image() for sample in samples))
    for number, (sample, probs) in enumerate(zip(samples, answers, strict=True)):
        mask = mask_of(sample)
        looked.append(_look(sample, mask, _fitting(probs, sample, classes), classes, number))
        own = calibration(mask, probs)
        histograms += own
        gaps.append(own.gaps)
        on_progress(Progress("stage.diagnose", number + 1, len(samples)))
    return Diagnosis(
        evaluation_of(samples, split, np.stack([each.counts for each in looked]), predictor),
        *_tables(looked),
        np.array([each.photo for each in looked], PHOTO),
        stacked([each.contours for each in looked]),
        histograms,
        np.stack(gaps),
        () if split == SEEN_SPLIT else _disputed(looked),
        str(dataset.root or ""),
    )


@dataclass(frozen=True)
class _Looked:
    """What is kept of one photo: nothing that is as large as the photo, nor a view of it."""

    counts: Counts
    objects: NDArray[Any]
    errors: NDArray[Any]
    contours: Boundaries
    photo: tuple[float, ...]
    judged: JudgedMask


def _predictor(run: Run | Path | str | Predictor) -> Predictor:
    if isinstance(run, (str, Path)):
        return load(run)
    return load(run.folder) if isinstance(run, Run) else run


def _fitting(probs: Probs, sample: Sample, classes: Classes) -> Probs:
    if len(probs) != len(classes):
        raise UsageError(
            f"{sample.id}: the predictor answers for other classes than the dataset has.",
            expected=f"probabilities of {len(classes)} classes: {', '.join(classes.names)}",
            found=str(len(probs)),
            do="Give a predictor that was made for these classes.",
        )
    return probs


def _look(sample: Sample, mask: Mask, probs: Probs, classes: Classes, number: int) -> _Looked:
    prediction = most_probable(probs)
    measured = measure_photo(view(sample, classes, AUDIT))
    explained = explain(mask, prediction, len(classes), number)
    return _Looked(
        count(sample, mask, prediction, len(classes)),
        explained.objects,
        explained.errors,
        boundaries(mask, prediction, len(classes)),
        (
            measured.brightness,
            measured.saturation,
            measured.sharpness,
            float(uncertainty(probs).mean()),
            expected_dice(probs),
        ),
        judge_mask(sample, mask, probs, classes, AUDIT),
    )


def _tables(looked: Sequence[_Looked]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The errors and the objects of all photos; errors name their object by its place in the whole table."""
    objects = np.concatenate([each.objects for each in looked])
    errors = [each.errors.copy() for each in looked]
    before = 0
    for own, each in zip(errors, looked, strict=True):
        own["object"] += before
        before += len(each.objects)
    return np.concatenate(errors), objects


def _disputed(looked: Sequence[_Looked]) -> tuple[Finding, ...]:
    """The labels that the model, where it is sure and as far as it is to be believed, says are wrong."""
    issues = settle([each.judged for each in looked], AUDIT)
    found = (finding for issue in issues for finding in issue.findings())
    return worst_first(finding for finding in found if finding.severity >= AUDIT.issue_severity)
