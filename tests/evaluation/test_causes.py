"""Causes: they part the wrong pixels without rest, and each scene has the cause that a person would name."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from maskwright.evaluation.causes import CAUSES, explain
from maskwright.evaluation.lost import righted
from maskwright.metrics.confusion import confusion

BACKGROUND, CAT, DOG, IGNORED = 0, 1, 2, 255


def _discs(draws: list[tuple[int, int, int, int]], shape: tuple[int, int]) -> np.ndarray:
    canvas = np.zeros(shape, np.uint8)
    for y, x, radius, value in draws:
        cv2.circle(canvas, (x, y), radius, value, -1)
    return canvas


DRAWS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60), st.integers(0, 14), st.integers(0, 3)), max_size=5)
NOISE = arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.sampled_from([0, 1, 2, 3]))


@settings(max_examples=80, deadline=None)
@given(DRAWS, DRAWS, DRAWS)
def test_causes_part_the_wrong_pixels_of_scenes(labelled: Any, drawn: Any, ignored: Any) -> None:
    mask, prediction, hidden = (_discs(each, (41, 61)) for each in (labelled, drawn, ignored))
    mask[hidden == 1] = IGNORED
    _assert_parted(mask, prediction)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_causes_part_the_wrong_pixels_of_noise(data: Any) -> None:
    mask = data.draw(NOISE)
    prediction = data.draw(arrays(np.uint8, mask.shape, elements=st.sampled_from([0, 1, 2, 3])))
    hidden = data.draw(arrays(np.bool_, mask.shape))
    _assert_parted(np.where(hidden, IGNORED, mask).astype(np.uint8), prediction)


def _assert_parted(mask: np.ndarray, prediction: np.ndarray) -> None:
    found = explain(mask, prediction, 4, photo=7)
    wrong = (mask != IGNORED) & (mask != prediction)
    assert ((found.causes > 0) == wrong).all()
    assert found.causes.max(initial=0) <= len(CAUSES)
    errors, counts = found.errors, confusion(mask, prediction, 4)
    assert (errors["photo"] == 7).all() and (errors["label"] != errors["predicted"]).all()
    right = righted(counts, errors)
    assert right.tolist() == np.diag(counts.sum(axis=1)).tolist(), "every wrong pixel is in the table once"
    for place in range(len(CAUSES)):
        assert errors["px"][errors["cause"] == place].sum() == (found.causes == place + 1).sum()
    owners = found.objects[errors["object"]]
    assert (owners["class_id"] == np.where(errors["label"] > 0, errors["label"], errors["predicted"])).all()
    assert (owners["labelled"] == (errors["label"] > 0)).all()
    for labelled, ids in ((True, mask), (False, prediction)):
        own = found.objects[found.objects["labelled"] == labelled]
        assert own["area_px"].sum() == ((ids > 0) & (ids < 4) & (mask != IGNORED)).sum()


def _shares(mask: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """The causes that there are, with their share of the wrong pixels."""
    causes = explain(mask, prediction, 3).causes
    counts = np.bincount(causes[causes > 0] - 1, minlength=len(CAUSES))
    return {cause: count / counts.sum() for cause, count in zip(CAUSES, counts, strict=True) if count}


def _scene(*draws: tuple[int, int, int, int]) -> np.ndarray:
    return _discs(list(draws), (200, 300))


A_CAT = (100, 80, 50, CAT)

SCENES = {
    "missed": (_scene(A_CAT), _scene()),
    "invented": (_scene(A_CAT), _scene(A_CAT, (100, 230, 40, DOG))),
    "wrong_class": (_scene(A_CAT), _scene((100, 80, 50, DOG))),
    "contour": (_scene(A_CAT), _scene((100, 80, 48, CAT))),
    "part_missing": (_scene(A_CAT, (100, 150, 24, CAT)), _scene(A_CAT)),
    "part_extra": (_scene(A_CAT), _scene(A_CAT, (100, 150, 28, CAT))),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_scene_has_the_cause_that_a_person_names(cause: str) -> None:
    shares = _shares(*SCENES[cause])
    assert shares[cause] > 0.85, shares
    assert set(shares) <= {cause, "contour"}, "only the seam to a part may be contour"


def test_a_swapped_object_keeps_its_contour_apart() -> None:
    shares = _shares(_scene(A_CAT), _scene((100, 80, 47, DOG)))
    assert set(shares) == {"wrong_class", "contour"}
    assert shares["contour"] < 0.2


def test_the_seam_between_two_right_objects_is_contour() -> None:
    mask, prediction = np.zeros((100, 100), np.uint8), np.zeros((100, 100), np.uint8)
    for ids, seam in ((mask, 50), (prediction, 52)):
        ids[20:80, 10:seam], ids[20:80, seam:90] = CAT, DOG
    assert _shares(mask, prediction) == {"contour": 1.0}


def test_half_an_object_under_another_class_is_wrong_class() -> None:
    mask = np.zeros((100, 100), np.uint8)
    mask[20:80, 10:90] = CAT
    prediction = mask.copy()
    prediction[20:80, 60:90] = DOG
    shares = _shares(mask, prediction)
    assert shares["wrong_class"] > 0.75
    assert set(shares) == {"wrong_class", "contour"}


def test_the_band_grows_with_the_object() -> None:
    for factor in (1, 2, 4):
        size = (200 * factor, 300 * factor)
        mask = _discs([(100 * factor, 150 * factor, 60 * factor, CAT)], size)
        prediction = _discs([(100 * factor, 150 * factor, 57 * factor, CAT)], size)
        assert _shares(mask, prediction) == {"contour": 1.0}


def test_objects_are_met_above_half() -> None:
    mask, prediction = _scene(A_CAT, (100, 230, 40, DOG)), _scene((100, 90, 50, CAT), (100, 230, 20, DOG))
    objects = explain(mask, prediction, 3).objects
    rows = [(bool(one["labelled"]), int(one["class_id"]), bool(one["met"])) for one in objects]
    assert rows == [(True, CAT, True), (True, DOG, False), (False, CAT, True), (False, DOG, False)]


def test_specks_and_places() -> None:
    mask = np.zeros((256, 256), np.uint8)
    mask[100:103, 100:103], mask[3:60, 100:150], mask[120:180, 100:150] = CAT, DOG, CAT
    objects = explain(mask, mask, 3).objects
    own = objects[objects["labelled"]]
    order = np.argsort(own["area_px"])
    assert own["counted"][order].tolist() == [False, True, True]
    assert own["off_centre"][order] == pytest.approx([0.207, 0.533, 0.123], abs=0.001)


def test_nothing_to_explain() -> None:
    for mask in (np.zeros((5, 7), np.uint8), np.full((5, 7), IGNORED, np.uint8)):
        found = explain(mask, np.zeros((5, 7), np.uint8), 3)
        assert not found.causes.any() and not len(found.errors) and not len(found.objects)
