"""How good a prediction is, from its probabilities alone: where it is unsure, and which Dice it may expect to reach.

No label is needed, so it can be asked of photos that nobody has labelled.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL.PngImagePlugin import PngInfo

from maskwright.audit.settings import AuditSettings
from maskwright.inference.predictor import Probs, most_probable
from maskwright.metrics.calibration import LEAST_PROB
from maskwright.storage import write_bytes

EXPECTED = "expected_dice"
"""The key under which a map of uncertainty holds the estimate of its photo, as a PNG text."""


def write_quality(path: Path, probs: Probs) -> float:
    """Write a photo's map of uncertainty as a grey PNG, 0 certain to 255, which holds the expected Dice, too.

    Args:
        path: the file, written whole or not at all.
        probs: `(C, H, W) float32`.

    Returns:
        The expected Dice.
    """
    expected, buffer, text = expected_dice(probs), io.BytesIO(), PngInfo()
    text.add_text(EXPECTED, f"{expected:.6f}")
    grey = np.rint(255 * uncertainty(probs)).astype(np.uint8)
    PIL.Image.fromarray(grey).save(buffer, "PNG", pnginfo=text)
    write_bytes(path, buffer.getvalue())
    return float(f"{expected:.6f}")


def read_quality(path: Path) -> float | None:
    """The expected Dice that a map of uncertainty holds; None where it is no such file."""
    try:
        with PIL.Image.open(path) as image:
            return float(image.info[EXPECTED])
    except (OSError, KeyError, ValueError):
        return None


def uncertainty(probs: Probs) -> NDArray[np.float32]:
    """The entropy of each pixel, as a share of the largest there could be.

    Args:
        probs: `(C, H, W) float32`, sums to 1 over `C`; `C` is at least 2.

    Returns:
        `(H, W) float32` in [0, 1]: 0 where one class is certain, 1 where all are equally probable (Shannon 1948,
        section 6, divided by log C).
    """
    entropy = -(probs * np.log(np.maximum(probs, LEAST_PROB))).sum(axis=0) / np.log(len(probs))
    return np.asarray(np.clip(entropy, 0, 1), np.float32)


def expected_dice(probs: Probs) -> float:
    """The mDice that the most probable mask may expect to reach on its photo.

    With `m` the mask of a class and `p` its probabilities, expected Dice is taken as
    2 E|m n label| / (|m| + E|label|) = 2 sum(p in m) / (|m| + sum(p)), with as many pixels more on both sides as the
    smallest object has: so the audit takes it of a given mask. A class counts in the mean as far as the photo has it
    at all, for which its highest probability stands.

    Args:
        probs: `(C, H, W) float32`, sums to 1 over `C`.

    Returns:
        In [0, 1]. It believes the probabilities: where they are too sure it is too high, but its order of the photos
        is what counts, and `Diagnosis.quality` measures that.
    """
    own = most_probable(probs)
    smallest = max(4, round(AuditSettings().object_frac * own.size))
    dice, there = np.zeros(len(probs)), np.zeros(len(probs))
    for class_id, plane in enumerate(probs):
        inside = own == class_id
        hits, sizes = float(plane[inside].sum()), int(np.count_nonzero(inside)) + float(plane.sum())
        dice[class_id], there[class_id] = (2 * hits + smallest) / (sizes + smallest), plane.max()
    return float(np.average(dice, weights=there))
