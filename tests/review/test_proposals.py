"""Proposals find the object that is in the photo, and change nothing else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from maskwright.data.classes import IGNORE
from maskwright.data.pets.scenes import draw_scene
from maskwright.errors import UsageError
from maskwright.review import snapping
from maskwright.review.proposals import Region, grabcut, of_model, replaced
from maskwright.review.superpixels import superpixels
from tiny import tiny_dataset

NOWHERE = np.zeros((64, 64), np.uint8)


def _object(number: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8], int]:
    """A photo, its mask, and the class of the object in it."""
    sample = tiny_dataset()[number]
    mask = sample.mask()
    assert mask is not None
    return sample.image(), mask, int(mask.max())


def _iou(mask: NDArray[np.uint8], truth: NDArray[np.uint8], class_id: int) -> float:
    found, there = mask == class_id, truth == class_id
    return float((found & there).sum() / (found | there).sum())


@pytest.mark.parametrize("number", [0, 1, 2])
def test_grabcut_mends_a_mask_whose_outline_is_off(number: int) -> None:
    image, truth, class_id = _object(number)
    for wrong in (np.roll(truth, (4, 5), (0, 1)), cv2.erode(truth, np.ones((9, 9), np.uint8))):
        assert _iou(np.asarray(wrong, np.uint8), truth, class_id) < 0.75
        mended = grabcut(image, np.asarray(wrong, np.uint8), Region(class_id))
        assert _iou(mended, truth, class_id) > 0.97


def test_grabcut_needs_no_mask_where_a_box_is_drawn() -> None:
    image, truth, class_id = _object()
    x, y, width, height = cv2.boundingRect((truth == class_id).astype(np.uint8))
    found = grabcut(image, NOWHERE, Region(class_id, (x - 3, y - 3, width + 6, height + 6)))
    assert _iou(found, truth, class_id) > 0.97


def test_grabcut_is_the_same_each_time() -> None:
    image, truth, class_id = _object()
    wrong = np.roll(truth, 4, 0)
    assert np.array_equal(grabcut(image, wrong, Region(class_id)), grabcut(image, wrong, Region(class_id)))


def test_a_click_beside_the_object_is_obeyed() -> None:
    image, truth, class_id = _object()
    y, x = (int(place) for place in np.argwhere(truth == class_id)[0] + 2)
    found = grabcut(image, truth, Region(class_id, None, ((x, y, 0),)))
    assert found[y, x] == 0


def test_where_there_is_nothing_to_begin_with_a_box_is_asked_for() -> None:
    image, _, class_id = _object()
    with pytest.raises(UsageError, match="Draw a box around the object"):
        grabcut(image, NOWHERE, Region(class_id))
    with pytest.raises(UsageError, match="leaves some of the photo outside"):
        grabcut(image, NOWHERE, Region(class_id, (0, 0, 64, 64)))


def test_in_a_box_only_the_box_changes() -> None:
    mask = NOWHERE.copy()
    mask[10:20, 10:20], mask[40:50, 40:50], mask[22:26, 10:20] = 1, 1, 255
    found = np.zeros(mask.shape, bool)
    found[12:24, 8:18] = True
    new = replaced(mask, found, Region(1, (5, 5, 30, 30)))
    assert (new[40:50, 40:50] == 1).all()
    assert (new[22:26, 10:20] == 255).all()
    assert (new[12:22, 8:18] == 1).all()
    assert not new[10:12, 10:20].any()
    assert (mask[10:20, 10:20] == 1).all()


def test_clicks_leave_other_objects_of_the_class_alone() -> None:
    mask = NOWHERE.copy()
    mask[10:20, 10:20], mask[40:50, 40:50] = 1, 1
    found = np.zeros(mask.shape, bool)
    found[12:24, 12:24] = True
    new = replaced(mask, found, Region(1, None, ((15, 15, 1),)))
    assert (new[40:50, 40:50] == 1).all()
    assert np.array_equal(new[:30] == 1, found[:30])
    assert np.array_equal(replaced(mask, found, Region(1)) == 1, found)


def test_the_model_s_blurred_outline_moves_to_the_photo_s_edges() -> None:
    before, after = [], []
    for index in range(4):
        image, truth = draw_scene(5, index, 128)
        exact = np.stack([truth == class_id for class_id in range(3)]).astype(np.float32)
        coarse = [cv2.resize(cv2.resize(plane, (16, 16), interpolation=cv2.INTER_AREA), (128, 128)) for plane in exact]
        probs = np.stack(coarse).astype(np.float32)
        near = cv2.dilate(cv2.morphologyEx(truth, cv2.MORPH_GRADIENT, np.ones((3, 3))), np.ones((9, 9))) > 0
        before.append((probs.argmax(axis=0) != truth)[near].mean())
        after.append((of_model(probs)(image, truth, Region()) != truth)[near].mean())
    assert np.mean(after) < 0.9 * np.mean(before)


def test_the_filter_is_the_one_of_the_paper() -> None:
    image, truth, _ = _object()
    plane = np.random.default_rng(0).random((1, 64, 64), dtype=np.float32)
    smooth = snapping.guided(image, plane, radius_px=3, epsilon=1e-3)
    guide = image.astype(np.float64) / 255
    slopes = np.zeros((64, 64, 4))
    for y in range(10, 30):
        for x in range(10, 30):  # equations 19 and 20 as they stand, window by window
            window = (slice(y - 3, y + 4), slice(x - 3, x + 4))
            colours, values = guide[window].reshape(-1, 3), plane[0][window].ravel().astype(np.float64)
            sigma = np.cov(colours.T, bias=True) + 1e-3 * np.eye(3)
            a = np.linalg.solve(sigma, (colours * values[:, None]).mean(0) - colours.mean(0) * values.mean())
            slopes[y, x] = (*a, values.mean() - a @ colours.mean(0))
    mean = slopes[14 - 3 : 14 + 4, 20 - 3 : 20 + 4].reshape(-1, 4).mean(0)
    assert smooth[0, 14, 20] == pytest.approx(mean[:3] @ guide[14, 20] + mean[3], abs=1e-4)
    assert truth.shape == smooth.shape[1:]


def test_large_photos_are_filtered_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    image, truth = draw_scene(5, 1, 128)
    probs = np.stack([truth == class_id for class_id in range(3)]).astype(np.float32)
    whole = snapping.snapped(image, probs)
    monkeypatch.setattr(snapping, "SIDE_PX", 64)
    assert (snapping.snapped(image, probs) == whole).mean() > 0.98


def test_superpixels_are_small_and_end_where_the_object_ends() -> None:
    image, truth = draw_scene(5, 2, 128)
    regions = superpixels(image)
    sizes = np.bincount(regions.ravel())
    assert regions.shape == truth.shape
    assert 200 < len(sizes) <= 256
    assert sizes.min() > 0
    assert sizes.max() < 128 * 128 / 20
    best = np.stack([np.bincount(regions.ravel(), (truth == class_id).ravel()) for class_id in range(3)]).argmax(axis=0)
    assert (best[regions] == truth).mean() > 0.97


def test_large_photos_have_more_superpixels_of_the_same_share() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    regions = superpixels(cv2.resize(image, (1500, 1000), interpolation=cv2.INTER_CUBIC).astype(np.uint8))
    assert regions.shape == (1000, 1500)
    assert 2000 < regions.max() < 3500


def test_what_is_not_judged_stays_so_in_a_models_proposal() -> None:
    image, truth, class_id = _object()
    probs = np.stack([truth == number for number in range(3)]).astype(np.float32)
    mask = np.array(NOWHERE)
    mask[:, :20] = IGNORE
    proposed = of_model(probs)(image, mask, Region(class_id))
    assert (proposed[:, :20] == IGNORE).all() and (proposed[:, 20:] != IGNORE).all()
