"""Averaging last: every number that Maskwright says about a prediction, made from counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import UsageError
from maskwright.metrics.confusion import Counts

Floats = NDArray[np.float64]

ScoreOf = Callable[[NDArray[Any]], Floats]
"""One score of counts `(..., C, C)`, of any number of splits at once: `(...)`, or `(..., C)` for a score per class."""


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of a split, or of one photo, as fractions in [0, 1]; up is better; nan where there is no answer.

    With `n[l, p]` the pixels labelled `l` and predicted `p`, `TP = n[c, c]`, `labelled_px = sum_p n[c, p]` and
    `predicted_px = sum_l n[l, c]`. See docs/metrics.md.

    Args:
        aAcc: pixels predicted right over all judged pixels.
        mIoU: mean of `iou` over all classes, background included, nan left out.
        mAcc: mean of `acc`, likewise.
        mDice: mean of `dice`, likewise.
        mDice_foreground: mean of `dice` over all classes but the first.
        dice: `(C,)`, 2 TP / (labelled_px + predicted_px) (Dice 1945); nan where neither labelled nor predicted.
        iou: `(C,)`, TP / (labelled_px + predicted_px - TP) (Jaccard 1912); nan in the same places.
        acc: `(C,)`, TP / labelled_px; nan where nothing is labelled.
        precision: `(C,)`, TP / predicted_px; nan where nothing is predicted.
        recall: `(C,)`, the same as `acc`, under the name that goes with precision.
        predicted_px: `(C,) int64`, judged pixels predicted as the class.
        labelled_px: `(C,) int64`, pixels labelled as the class.
    """

    aAcc: float
    mIoU: float
    mAcc: float
    mDice: float
    mDice_foreground: float
    dice: Floats
    iou: Floats
    acc: Floats
    precision: Floats
    recall: Floats
    predicted_px: NDArray[np.int64]
    labelled_px: NDArray[np.int64]

    @property
    def judged_px(self) -> int:
        """How many pixels were judged: all but those labelled 255."""
        return int(self.labelled_px.sum())

    @property
    def predicted_share(self) -> Floats:
        """`(C,)`, predicted_px over all judged pixels; nan where none was judged."""
        return ratio(self.predicted_px, self.judged_px)

    @property
    def labelled_share(self) -> Floats:
        """`(C,)`, labelled_px over all judged pixels; nan where none was judged."""
        return ratio(self.labelled_px, self.judged_px)

    def summary(self) -> dict[str, float]:
        """The five summaries by name."""
        return {name: float(getattr(self, name)) for name in SUMMARY}

    def per_class(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """One record per class: name, dice, iou, acc, precision, recall, predicted_px, labelled_px.

        Args:
            names: the classes' names, by id.
        """
        return [
            {"name": name}
            | {score: float(getattr(self, score)[position]) for score in PER_CLASS}
            | {
                "predicted_px": int(self.predicted_px[position]),
                "labelled_px": int(self.labelled_px[position]),
            }
            for position, name in enumerate(_as_many(names, len(self.dice)))
        ]


def scores(counts: Counts) -> Scores:
    """The scores of counted pixels.

    Args:
        counts: `(C, C)` with entry [label, predicted], or `(N, C, C)`, which are summed over the photos first.

    Returns:
        The scores; nan where there is no answer, and nan is left out of means.

    Raises:
        UsageError: the counts are not square, or hold a negative number.
    """
    counts = _summed(counts)
    _, labelled, predicted = _areas(counts)
    named: dict[str, Any] = {name: float(score(counts)) for name, score in SUMMARIES.items()}
    named |= {name: score(counts) for name, score in CLASS_SCORES.items()}
    return Scores(**named, predicted_px=predicted, labelled_px=labelled)


def dice(counts: NDArray[Any]) -> Floats:
    """Dice per class: 2 TP / (labelled + predicted) (Dice 1945).

    Args:
        counts: `(..., C, C)` with entry [label, predicted], already summed over the photos of each split.

    Returns:
        `(..., C)`, nan where the class is neither labelled nor predicted.
    """
    hits, labelled, predicted = _areas(counts)
    return ratio(2 * hits, labelled + predicted)


def iou(counts: NDArray[Any]) -> Floats:
    """IoU per class, `(..., C)`: TP / (labelled + predicted - TP) (Jaccard 1912); nan as for `dice`."""
    hits, labelled, predicted = _areas(counts)
    return ratio(hits, labelled + predicted - hits)


def recall(counts: NDArray[Any]) -> Floats:
    """Recall per class, `(..., C)`: TP / labelled; nan where nothing is labelled."""
    hits, labelled, _ = _areas(counts)
    return ratio(hits, labelled)


def precision(counts: NDArray[Any]) -> Floats:
    """Precision per class, `(..., C)`: TP / predicted; nan where nothing is predicted."""
    hits, _, predicted = _areas(counts)
    return ratio(hits, predicted)


def overall_accuracy(counts: NDArray[Any]) -> Floats:
    """Pixels predicted right over all judged pixels, `(...)` of `(..., C, C)`; nan where none was judged."""
    hits, labelled, _ = _areas(counts)
    return ratio(hits.sum(axis=-1), labelled.sum(axis=-1))


def ratio(part: Any, whole: Any) -> Floats:
    """`part / whole` in float64, nan where `whole` is 0."""
    part, whole = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    quotient: Floats = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole != 0)
    return quotient


def share(parts: NDArray[Any]) -> Floats:
    """`(...)` of `(..., 2)`: the part over the whole that stand side by side; nan where the whole is 0."""
    return ratio(parts[..., 0], parts[..., 1])


def mean(values: Floats) -> Floats:
    """The mean over the last axis of what is not nan; nan where nothing is left."""
    there = ~np.isnan(values)
    return ratio(np.where(there, values, 0.0).sum(axis=-1), there.sum(axis=-1))


CLASS_SCORES: Mapping[str, ScoreOf] = {
    "dice": dice,
    "iou": iou,
    "acc": recall,
    "precision": precision,
    "recall": recall,
}
"""The scores of one class by name, in the order in which they are written."""

SUMMARIES: Mapping[str, ScoreOf] = {
    "aAcc": overall_accuracy,
    "mIoU": lambda counts: mean(iou(counts)),
    "mAcc": lambda counts: mean(recall(counts)),
    "mDice": lambda counts: mean(dice(counts)),
    "mDice_foreground": lambda counts: mean(dice(counts)[..., 1:]),
}
"""The summaries by name, in the order in which they are written."""

SUMMARY, PER_CLASS = tuple(SUMMARIES), tuple(CLASS_SCORES)
"""The names of the summaries and of the scores of one class."""


def _areas(counts: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Pixels predicted right, labelled and predicted, `(..., C)` each."""
    return np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1), counts.sum(axis=-2)


def _summed(counts: Counts) -> Counts:
    if counts.ndim == 3:
        counts = counts.sum(axis=0)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or (counts < 0).any():
        raise UsageError(
            "These are not counts of pixels.",
            expected="(C, C) or (N, C, C) numbers of pixels, from 0",
            found=f"an array of shape {counts.shape}",
            do="Make them with maskwright.metrics.confusion.confusion.",
        )
    return counts


def _as_many(names: Sequence[str], count: int) -> Sequence[str]:
    if len(names) != count:
        raise UsageError(
            "The names do not fit the scores.",
            expected=f"{count} names",
            found=", ".join(names),
            do="Pass the names of the classes that were counted.",
        )
    return names
