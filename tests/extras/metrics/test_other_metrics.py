"""Our scores beside those of torchmetrics, scikit-learn and MONAI: equal where those are right, and where they differ
from docs/metrics.md's table, the table is out of date."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, jaccard_score

from maskwright.metrics.boundaries import boundaries
from maskwright.metrics.calibration import calibration
from maskwright.metrics.confusion import confusion
from maskwright.metrics.scores import Scores, scores

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what their imports say of other packages
    from monai.metrics import compute_dice, compute_hausdorff_distance, compute_surface_dice
    from torchmetrics.classification import MulticlassCalibrationError, MulticlassF1Score, MulticlassJaccardIndex
    from torchmetrics.segmentation import DiceScore, HausdorffDistance, MeanIoU

CLASSES = 3
SEEDS = range(12)


@pytest.fixture(autouse=True)
def _their_warnings() -> Iterator[None]:
    """MONAI warns of every class that is not there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _photo(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Discs of two classes, and the same a little off and with another one."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((80, 100), np.uint8)
    for class_id in (1, 2):
        centre = int(rng.integers(15, 85)), int(rng.integers(15, 65))
        cv2.circle(mask, centre, int(rng.integers(6, 18)), class_id, -1)
    prediction = np.roll(mask, tuple(rng.integers(-4, 5, 2)), (0, 1))
    cv2.circle(prediction, (int(rng.integers(0, 100)), int(rng.integers(0, 80))), 5, int(rng.integers(0, 3)), -1)
    return mask, prediction


def _without_two() -> tuple[np.ndarray, np.ndarray]:
    """A mask with both classes, and the same without the second."""
    mask, _ = _photo(0)
    return mask, np.where(mask == 2, 0, mask).astype(np.uint8)


def _scores(mask: np.ndarray, prediction: np.ndarray) -> Scores:
    return scores(confusion(mask, prediction, CLASSES))


def _ids(mask: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(mask.astype(np.int64))[None]


def _planes(mask: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack([mask == class_id for class_id in range(CLASSES)])[None].astype(np.float32))


def _both(prediction: np.ndarray, mask: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    return _planes(prediction), _planes(mask)


@pytest.mark.parametrize("seed", SEEDS)
def test_dice_and_iou_of_a_photo(seed: int) -> None:
    mask, prediction = _photo(seed)
    own = _scores(mask, prediction)
    labels = list(range(CLASSES))
    assert own.iou == pytest.approx(jaccard_score(mask.ravel(), prediction.ravel(), labels=labels, average=None))
    assert own.dice == pytest.approx(f1_score(mask.ravel(), prediction.ravel(), labels=labels, average=None))
    jaccard = MulticlassJaccardIndex(num_classes=CLASSES, average="none")
    assert own.iou == pytest.approx(jaccard(_ids(prediction), _ids(mask)).numpy(), abs=1e-6)
    dice = DiceScore(num_classes=CLASSES, average="none", input_format="index")
    assert own.dice == pytest.approx(dice(_ids(prediction), _ids(mask)).numpy(), abs=1e-6)
    assert own.dice == pytest.approx(compute_dice(*_both(prediction, mask)).numpy()[0], abs=1e-6)


def test_dice_and_iou_of_many_photos_are_those_of_their_sum() -> None:
    photos = [_photo(seed) for seed in SEEDS]
    own = scores(np.stack([confusion(*photo, CLASSES) for photo in photos]))
    jaccard = MulticlassJaccardIndex(num_classes=CLASSES, average="none")
    dice = DiceScore(num_classes=CLASSES, average="none", input_format="index", aggregation_level="global")
    by_photo = DiceScore(num_classes=CLASSES, average="none", input_format="index")
    for mask, prediction in photos:
        for each in (jaccard, dice, by_photo):
            each.update(_ids(prediction), _ids(mask))
    assert own.iou == pytest.approx(jaccard.compute().numpy(), abs=1e-6)
    assert own.dice == pytest.approx(dice.compute().numpy(), abs=1e-6)
    assert own.dice[2] != pytest.approx(by_photo.compute()[2].item(), abs=1e-3), "torchmetrics' default: photos alike"


def test_pixels_that_are_not_judged() -> None:
    mask, prediction = _photo(1)
    mask[::3] = 255
    own = _scores(mask, prediction)
    jaccard = MulticlassJaccardIndex(num_classes=CLASSES, average="none", ignore_index=255)
    assert own.iou == pytest.approx(jaccard(_ids(prediction), _ids(mask)).numpy(), abs=1e-6)
    f1 = MulticlassF1Score(num_classes=CLASSES, average="none", ignore_index=255, multidim_average="global")
    assert own.dice == pytest.approx(f1(_ids(prediction), _ids(mask)).numpy(), abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("tolerance", [1, 2, 3.5])
def test_surface_dice_and_hausdorff(seed: int, tolerance: float) -> None:
    mask, prediction = _photo(seed)
    own = boundaries(mask, prediction, CLASSES, tolerance_px=tolerance)
    theirs = compute_surface_dice(*_both(prediction, mask), [tolerance] * CLASSES, include_background=True)
    assert own.surface_dice == pytest.approx(theirs.numpy()[0], abs=1e-6)
    theirs = compute_hausdorff_distance(*_both(prediction, mask), include_background=True, percentile=95)
    assert own.hausdorff_px == pytest.approx(theirs.numpy()[0], abs=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_calibration_error(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (CLASSES, 40, 50))
    mask = (logits / 2 + rng.gumbel(size=logits.shape)).argmax(axis=0).astype(np.uint8)
    probs = torch.softmax(torch.from_numpy(logits.astype(np.float32)), dim=0)
    theirs = MulticlassCalibrationError(num_classes=CLASSES, n_bins=15)(probs[None], _ids(mask))
    assert calibration(mask, probs.numpy()).ece() == pytest.approx(theirs.item(), abs=1e-5)


def test_the_table_of_differences_a_missed_class() -> None:
    mask, prediction = _without_two()
    own = boundaries(mask, prediction, CLASSES)
    assert own.hausdorff_px[2] == pytest.approx(math.hypot(80, 100))
    planes = _both(prediction, mask)
    assert compute_hausdorff_distance(*planes, include_background=True, percentile=95)[0, 2].isnan()
    theirs = HausdorffDistance(num_classes=CLASSES, include_background=True, input_format="index")
    assert theirs(_ids(prediction), _ids(mask)).isinf()
    assert own.surface_dice[2] == compute_surface_dice(*planes, [2] * CLASSES, include_background=True)[0, 2] == 0


def test_the_table_of_differences_an_invented_class() -> None:
    prediction, mask = _without_two()
    own = _scores(mask, prediction)
    assert own.dice[2] == 0 and own.mDice == pytest.approx(np.mean(own.dice))
    assert compute_dice(*_both(prediction, mask))[0, 2].isnan(), "left out of MONAI's mean: the mistake raises it"
    assert compute_dice(*_both(prediction, mask), ignore_empty=False)[0, 2] == 0


def test_the_table_of_differences_a_class_that_is_nowhere() -> None:
    _, mask = _without_two()
    own = _scores(mask, mask)
    assert np.isnan([own.dice[2], own.iou[2]]).all() and own.mDice == own.mIoU == 1
    ids = _ids(mask)
    assert MulticlassJaccardIndex(num_classes=CLASSES, average="none")(ids, ids)[2] == 0
    assert MeanIoU(num_classes=CLASSES, per_class=True, input_format="index")(ids, ids)[2] == -1
    assert compute_dice(*_both(mask, mask), ignore_empty=False)[0, 2] == 1
    labels = list(range(CLASSES))
    macro = f1_score(mask.ravel(), mask.ravel(), labels=labels, average="macro", zero_division=0)
    assert macro == pytest.approx(2 / 3)
    with pytest.raises(RuntimeError, match="max"):
        HausdorffDistance(num_classes=CLASSES, include_background=True, input_format="index")(ids, ids)
