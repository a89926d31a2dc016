"""A predictor whose errors are known: it tells the drawn squares and discs apart, with one fault per photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from maskwright.data.dataset import Dataset
from maskwright.evaluation.diagnose import diagnose
from maskwright.evaluation.diagnosis import Diagnosis
from maskwright.evaluation.diagnosis_gallery import write_diagnosis_gallery

FAULTS = ("none", "missed", "wrong_class", "contour", "invented")
"""What is wrong with the photos of a split, in turn."""


class Faulty:
    """A predictor that knows the right masks.

    Args:
        dataset: the samples that it may be asked about.
        sure: the probability of the class that it says.
    """

    def __init__(self, dataset: Dataset, *, sure: float = 0.9) -> None:
        self.count, self.sure = len(dataset.classes), sure
        self.asked = 0
        samples = (sample for split in dataset.splits for sample in enumerate(dataset.split(split)))
        self.known = {sample.image().tobytes(): (sample.mask(), FAULTS[n % len(FAULTS)]) for n, sample in samples}

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.asked += 1
        truth, fault = self.known[image.tobytes()]
        assert truth is not None
        mask = _with(truth, fault)
        rest = (1 - self.sure) / (self.count - 1)
        planes = [np.where(mask == class_id, self.sure, rest) for class_id in range(self.count)]
        return np.stack(planes).astype(np.float32)


def _with(truth: np.ndarray, fault: str) -> np.ndarray:
    mask = truth.copy()
    if fault == "missed":
        mask[:] = 0
    elif fault == "wrong_class":
        mask[truth > 0] = 3 - truth[truth > 0]
    elif fault == "contour":
        mask = np.roll(truth, 1, axis=0)
    elif fault == "invented":
        corner = (slice(0, 9), slice(0, 9)) if not truth[:12, :12].any() else (slice(-9, None), slice(-9, None))
        mask[corner] = 1
    return mask


def diagnosed(folder: Path, dataset: Dataset, *, split: str = "val", sure: float = 0.9) -> Diagnosis:
    """A diagnosis of the faulty predictor, saved with its pictures."""
    predictor = Faulty(dataset, sure=sure)
    made = diagnose(predictor, dataset, split=split)
    made.save(folder)
    write_diagnosis_gallery(predictor, dataset, made, folder / "gallery")
    return made
