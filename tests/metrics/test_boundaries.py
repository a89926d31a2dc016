"""Contours: against definitions written out pixel by pixel, on classes that are not there, on what is not judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from maskwright.errors import UsageError
from maskwright.metrics.boundaries import Boundaries, boundaries, stacked

IDS = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([0, 1, 2]))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_number_is_that_of_the_definition(data: Any) -> None:
    mask = data.draw(IDS)
    prediction = data.draw(arrays(np.uint8, mask.shape, elements=st.sampled_from([0, 1, 2])))
    mask[data.draw(arrays(np.bool_, mask.shape))] = data.draw(st.sampled_from([0, 255]))
    found = boundaries(mask, prediction, 3, band_px=2, tolerance_px=1.5)
    judged = np.argwhere(mask != 255)
    counted = {(y, x) for y, x in np.ndindex(mask.shape) if any(np.hypot(*(judged - (y, x)).T) <= 1.5)}
    for class_id in range(3):
        there = ((mask == class_id) | (prediction == class_id)) & (mask != 255)
        label = np.where(mask == 255, prediction, mask)
        _assert_defined(found, class_id, label == class_id, prediction == class_id, counted if there.any() else set())


def _assert_defined(
    found: Boundaries, class_id: int, given_: np.ndarray, own: np.ndarray, counted: set[tuple[int, int]]
) -> None:
    bands = [_band(area, 2) for area in (given_, own)]
    within = [len((bands[0] & bands[1]) & counted), len((bands[0] | bands[1]) & counted)]
    assert found.band_px[class_id].tolist() == within
    contours = [_band(area, 1, corners=False) for area in (given_, own)]
    diagonal = float(np.hypot(*given_.shape))
    pairs = [(_places(one & counted), _places(other)) for one, other in (contours, contours[::-1])]
    distances = [_nearest(one, other, diagonal) for one, other in pairs]
    within = sum(int((each <= 1.5).sum()) for each in distances)
    assert found.surface_px[class_id].tolist() == [within, sum(map(len, distances))]
    known = [np.percentile(each, 95) for each in distances if len(each)]
    assert found.hausdorff_px[class_id] == pytest.approx(max(known) if known else np.nan, abs=1e-5, nan_ok=True)


def test_a_shifted_square() -> None:
    mask, prediction = np.zeros((100, 100), np.uint8), np.zeros((100, 100), np.uint8)
    mask[20:60, 20:60] = prediction[20:60, 23:63] = 1
    found = boundaries(mask, prediction, 2, tolerance_px=2)
    assert found.hausdorff_px[1] == 3
    assert boundaries(mask, prediction, 2, tolerance_px=3).surface_dice[1] == 1
    assert 0 < found.surface_dice[1] < 1
    assert 0 < found.boundary_iou[1] < 1


def test_classes_that_are_not_there() -> None:
    mask, prediction = np.zeros((30, 40), np.uint8), np.zeros((30, 40), np.uint8)
    mask[5:10, 5:10], prediction[20:25, 20:30] = 1, 2
    found = boundaries(mask, prediction, 4)
    assert found.boundary_iou[1:3].tolist() == found.surface_dice[1:3].tolist() == [0, 0]
    assert found.hausdorff_px[1:3].tolist() == [50, 50], "the diagonal: nothing can be farther away"
    assert np.isnan([found.boundary_iou[3], found.surface_dice[3], found.hausdorff_px[3]]).all()


def test_contours_far_in_what_is_not_judged_do_not_count() -> None:
    mask, prediction = np.zeros((40, 40), np.uint8), np.zeros((40, 40), np.uint8)
    mask[10:30, 10:30] = prediction[10:30, 10:30] = 1
    mask[:, 20:] = 255
    half = boundaries(mask, prediction, 2, tolerance_px=2)
    assert half.surface_px[1].tolist() == [2 * (20 + 2 * 9 + 2 * 2)] * 2, "a side, two halves, two pixels farther in"
    assert half.surface_dice[1] == half.boundary_iou[1] == 1
    prediction[:, 25:] = 2
    assert boundaries(mask, prediction, 3, tolerance_px=2).surface_px[:2].tolist() == half.surface_px.tolist()
    assert np.isnan(boundaries(mask, prediction, 3, tolerance_px=2).hausdorff_px[2]), (
        "predicted where nothing is judged"
    )
    assert np.isnan(boundaries(np.full((9, 9), 255, np.uint8), prediction[:9, :9], 3).surface_dice).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), width_px=st.integers(1, 3))
def test_a_ring_that_is_not_judged_around_a_right_object_changes_nothing(seed: int, width_px: int) -> None:
    mask = np.zeros((64, 64), np.uint8)
    y, x, radius, other_radius = np.random.default_rng(seed).integers((20, 20, 5, 3), (44, 44, 18, 22))
    mask[_disc(y, x, radius)] = 1
    prediction = np.where(_disc(63 - y, x, other_radius) & (mask == 0), 2, mask).astype(np.uint8)
    ring = _disc(y, x, radius + width_px) & ~_disc(y, x, radius - width_px) & (mask == prediction)
    plain, ringed = (boundaries(each, prediction, 3, tolerance_px=width_px + 1) for each in (mask, _void(mask, ring)))
    for name in ("band_px", "surface_px", "hausdorff_px"):
        assert getattr(ringed, name)[1].tolist() == getattr(plain, name)[1].tolist()


@pytest.mark.parametrize("radius", range(46, 56))
def test_a_ring_as_in_voc_asks_for_no_more_than_it_does_not_hide(radius: int) -> None:
    mask = _disc(64, 64, 50, size=128).astype(np.uint8)
    ringed = _void(mask, _disc(64, 64, 53, size=128) & ~_disc(64, 64, 48, size=128))
    found = boundaries(ringed, _disc(64, 64, radius, size=128).astype(np.uint8), 2, tolerance_px=3)
    beyond = max(0, 48 - radius, radius - 53)
    assert (found.surface_dice == 1).all()
    assert (found.hausdorff_px <= 1.5 * beyond).all()
    assert (found.boundary_iou >= 1 - 0.35 * beyond).all()


def test_an_object_in_a_ring_that_is_missed_costs() -> None:
    mask = _void(np.zeros((64, 64), np.uint8), _disc(32, 32, 15))
    mask[_disc(32, 32, 10)] = 1
    found = boundaries(mask, np.zeros_like(mask), 2)
    assert (found.surface_dice[1], found.boundary_iou[1]) == (0, 0)
    assert found.hausdorff_px[1] == pytest.approx(np.hypot(64, 64))


def test_photos_are_counted_together() -> None:
    square = np.zeros((50, 50), np.uint8)
    square[10:20, 10:20] = 1
    photos = [boundaries(square, np.roll(square, shift, axis=1), 2, tolerance_px=2) for shift in (0, 2, 6)]
    together = stacked(photos)
    assert together.surface_px.shape == (3, 2, 2)
    sums = sum(photo.surface_px for photo in photos)
    assert together.surface_dice.tolist() == (sums[:, 0] / sums[:, 1]).tolist()
    assert together.hausdorff95_px[1] == 2, "the median"


def test_another_size_is_refused() -> None:
    with pytest.raises(UsageError, match="Contours can be compared on masks of one photo only"):
        boundaries(np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8), 2)


def _band(area: np.ndarray, width: int, *, corners: bool = True) -> set[tuple[int, int]]:
    """Pixels of an area with a pixel outside of it, or the photo's edge, within a square, or beside it."""
    steps = range(-width, width + 1)
    around = [(y, x) for y in steps for x in steps if corners or abs(y) + abs(x) <= 1]
    inside = {(int(y), int(x)) for y, x in np.argwhere(area)}
    return {(y, x) for y, x in inside if any((y + dy, x + dx) not in inside for dy, dx in around)}


def _disc(y: int, x: int, radius: int, *, size: int = 64) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size]
    return np.hypot(rows - y, columns - x) < radius


def _void(mask: np.ndarray, where: np.ndarray) -> np.ndarray:
    return np.where(where, 255, mask).astype(np.uint8)


def _places(pixels: set[tuple[int, int]]) -> np.ndarray:
    return np.array(sorted(pixels)).reshape(-1, 2)


def _nearest(places: np.ndarray, targets: np.ndarray, farthest: float) -> np.ndarray:
    if not len(targets):
        return np.full(len(places), farthest)
    return np.sqrt(((places[:, None] - targets[None]) ** 2).sum(axis=2)).min(axis=1, initial=np.inf)
