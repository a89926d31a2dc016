"""Counting first: which class was labelled and which was predicted, pixel by pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import DataError, UsageError

IGNORED = 255
"""The class id of pixels that are not judged."""

Counts = NDArray[np.int64]
"""`(C, C) int64`: pixels by labelled class (row) and predicted class (column)."""


def confusion(mask: NDArray[Any], prediction: NDArray[Any], n_classes: int) -> Counts:
    """Count the pixels of one photo, or of any stack of them, by labelled and by predicted class.

    Sums of such counts are the counts of the photos together, so they are added up before anything is averaged
    (the confusion matrix of Csurka et al., "What is a good evaluation measure for semantic segmentation?", BMVC
    2013, section 2, over the whole set).

    Args:
        mask: the label, integers of any shape, usually `(H, W) uint8`: class ids, 255 where nothing is judged.
        prediction: the predicted class ids, integers in 0..C-1, of the same shape.
        n_classes: `C`, in 1..254.

    Returns:
        `(C, C) int64` with entry [label, predicted]; pixels labelled 255 are left out, whatever was predicted there.

    Raises:
        UsageError: the shapes differ, the values are no integers, or a prediction lies outside 0..C-1.
        DataError: a label lies outside 0..C-1 and is not 255.
    """
    _check_shapes(mask, prediction, n_classes)
    labels = _as_bytes(mask, "The mask")
    predictions = _as_bytes(prediction, "The prediction")
    if predictions.size and int(predictions.max()) >= n_classes:
        raise UsageError(
            "The prediction holds a value that is no class.",
            expected=f"class ids 0 to {n_classes - 1}",
            found=_values(predictions),
            do="Does the predictor know the classes of this dataset, in the same order?",
        )
    # 256 rows of C fit into 16 bits for every C up to 254, so that nothing wider than the bins is ever made.
    joint = labels.astype(np.uint16)
    joint *= np.uint16(n_classes)
    joint += predictions
    counts = np.bincount(joint, minlength=256 * n_classes).reshape(256, n_classes)
    if counts[n_classes:IGNORED].any():
        raise DataError(
            "The mask holds a value that is no class.",
            expected=f"class ids 0 to {n_classes - 1}, or {IGNORED} for pixels that are not judged",
            found=_values(labels),
            do="Declare the missing class, or say in classes.yaml which value means that nothing is judged.",
        )
    return counts[:n_classes].astype(np.int64, copy=True)


def _check_shapes(mask: NDArray[Any], prediction: NDArray[Any], n_classes: int) -> None:
    if not 1 <= n_classes < IGNORED:
        raise UsageError(
            f"{n_classes} classes cannot be counted.", expected="1 to 254", do="Pass the number of classes."
        )
    if mask.shape != prediction.shape:
        raise UsageError(
            "The prediction has another size than the mask.",
            expected=f"{mask.shape}",
            found=f"{prediction.shape}",
            do="Predict at the photo's own size; do not resize the mask.",
        )


def _as_bytes(ids: NDArray[Any], what: str) -> NDArray[np.uint8]:
    if ids.dtype == np.uint8:
        return ids.reshape(-1)
    if ids.dtype.kind not in "iub":
        raise UsageError(
            f"{what} holds {ids.dtype} values.", expected="integers", do="Pass class ids, not probabilities."
        )
    if ids.size and (int(ids.min()) < 0 or int(ids.max()) > IGNORED):
        raise UsageError(
            f"{what} holds a value that is no class id.",
            expected=f"0 to {IGNORED}",
            found=f"{ids.min()} to {ids.max()}",
            do=f"Write {IGNORED} where nothing is judged.",
        )
    return ids.reshape(-1).astype(np.uint8)


def _values(ids: NDArray[np.uint8]) -> str:
    found = np.flatnonzero(np.bincount(ids, minlength=256)).tolist()
    return ", ".join(map(str, found[:12])) + (", ..." if len(found) > 12 else "")
