"""Drawn pets as an audit leaves them: findings, and probabilities of a model that has learnt its lesson."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PilImage

from maskwright.audit.folder import beside
from maskwright.audit.probabilities import write_probs
from maskwright.data.finding import Finding
from maskwright.data.pets.scenes import draw_scene
from maskwright.data.pets.write import draw_dataset

SIDE = 96


def audited_pets(folder: Path, *, images: int = 24) -> Path:
    """Draw photos with faults in a quarter of the training masks, with a finding for each fault.

    Args:
        folder: new.
        images: how many.

    Returns:
        The folder of the dataset.
    """
    drawn = draw_dataset(folder, images=images, size_px=SIDE, faults=0.25)
    place = beside(folder)
    findings = []
    for index in range(images):
        label_file = next(folder.glob(f"labels/*/pet_{index:05d}.png"))
        sample = f"{label_file.parent.name}/{label_file.stem}"
        _, truth = draw_scene(drawn.seed, index, SIDE)
        write_probs(place.probs, sample, _soft(truth))
        with PilImage.open(label_file) as label:
            wrong = np.asarray(label) != truth
        if wrong.sum() > 9:
            facts = {"file": f"img/{sample}.jpg", "other": "img/train/other.jpg"}
            severity = min(1.0, 0.3 + 4 * float(wrong.mean()))
            findings.append(Finding(sample, "duplicate_differs", severity, facts, _box(wrong)))
    findings.sort(key=lambda finding: -finding.severity)
    place.findings.write_text("".join(json.dumps(each.record()) + "\n" for each in findings), encoding="utf-8")
    return folder


def _soft(truth: np.ndarray) -> np.ndarray:
    """Probabilities that say what is true, less sure near contours."""
    blurred = np.stack([cv2.GaussianBlur((truth == each).astype(np.float32), (0, 0), 1.0) for each in range(3)])
    return blurred / blurred.sum(0)


def _box(wrong: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(wrong)
    return int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1
