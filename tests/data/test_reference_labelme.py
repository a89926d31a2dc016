"""The LabelMe files of the reference case, read and compared with its masks."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from maskwright.data.reading import read
from shared_data import shared


def test_labelme_files_agree_with_the_masks(tmp_path: Path) -> None:
    data = shared("data", "cats_dogs_256")
    for kind in ("labelme", "img"):
        shutil.copytree(data / kind / "val", tmp_path / kind / "val")
    drawn = read(tmp_path, cache=False)
    assert (len(drawn), drawn.layout, drawn.classes.names) == (120, "LabelMe", ("background", "cat", "dog"))
    assert drawn.findings == ()
    masks = {sample.id: sample for sample in read(data, classes=drawn.classes.names, allow_leak=True).split("val")}
    overlaps = np.array([_iou(sample.mask(), masks[sample.id].mask()) for sample in drawn])
    assert np.median(overlaps) >= 0.995
    assert np.count_nonzero(overlaps >= 0.9) >= 114  # the others are those where one of the two is wrong


def _iou(drawn: np.ndarray | None, label: np.ndarray | None) -> float:
    """Mean IoU over the animals that either has."""
    assert drawn is not None
    assert label is not None
    present = [animal for animal in (1, 2) if (drawn == animal).any() or (label == animal).any()]
    both = [
        np.sum((drawn == animal) & (label == animal)) / np.sum((drawn == animal) | (label == animal))
        for animal in present
    ]
    return float(np.mean(both))
