"""The same photos across runs: numbers by photo, the least share of pixels on which answers differ, small masks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from maskwright.data.dataset import Dataset
from maskwright.evaluation.evaluate import Evaluation, evaluate
from maskwright.web.runs_photos import photos_value, small_mask
from tiny import tiny_dataset


def _judged(folder: Path, dataset: Dataset, shift: int) -> tuple[Evaluation, list[np.ndarray]]:
    """An evaluation of a predictor that moves the right mask, and what it predicts."""
    right = {sample.image().tobytes(): np.roll(sample.mask(), shift, axis=1) for sample in dataset}

    def predict(image: np.ndarray) -> np.ndarray:
        return np.stack([right[image.tobytes()] == class_id for class_id in range(3)]).astype(np.float32)

    evaluation = evaluate(predict, dataset)
    evaluation.save(folder / "evaluation" / "val")
    return evaluation, [right[sample.image().tobytes()] for sample in dataset.split("val")]


def test_scores_and_differences_of_each_photo(tmp_path: Path) -> None:
    dataset = tiny_dataset(val=4)
    one, first = _judged(tmp_path / "one", dataset, 0)
    other, second = _judged(tmp_path / "other", dataset, 5)
    value = photos_value(dataset, {"one": tmp_path / "one", "other": tmp_path / "other"}, "val")
    assert value["ids"] == list(one.sample_ids)
    assert value["runs"]["one"]["scores"] == [1.0] * 4
    assert value["runs"]["other"]["scores"] == [round(other.scores_of(place).mDice, 5) for place in range(4)]
    differing = [float((a != b).mean()) for a, b in zip(first, second, strict=True)]
    assert all(0 < least <= true + 1e-5 for least, true in zip(value["differ"], differing, strict=True))
    assert value["others"] == []
    assert value["splits"] == ["train", "val"]
    assert [each["name"] for each in value["classes"]] == ["background", "square", "disc"]
    assert value["sizes_hw"] == [[64, 64]] * 4


def test_a_run_that_was_not_judged_or_on_other_photos(tmp_path: Path) -> None:
    dataset = tiny_dataset(val=4)
    _judged(tmp_path / "one", dataset, 3)
    fewer = replace(dataset, samples=tuple(sample for sample in dataset if sample.id != "val/3"))
    _judged(tmp_path / "fewer", fewer, 3)
    runs = {name: tmp_path / name for name in ("one", "fewer", "none")}
    value = photos_value(dataset, runs, "val")
    assert value["runs"]["fewer"]["scores"][3] is None
    assert value["runs"]["fewer"]["scores"][:3] == value["runs"]["one"]["scores"][:3]
    assert value["others"] == ["fewer"]
    assert value["runs"]["none"]["scores"] is None
    assert "counts.npz" in value["runs"]["none"]["trouble"]
    assert value["differ"][3] is None


def test_a_small_mask_has_no_class_of_its_own() -> None:
    mask = np.zeros((100, 200), np.uint8)
    mask[20:60, 30:90] = 2
    mask[90:] = 255
    small = small_mask(mask, 50)
    assert small.shape == (25, 50)
    assert set(np.unique(small)) == {0, 2, 255}
    assert small_mask(mask, None) is mask
    assert small_mask(mask, 4000) is mask
