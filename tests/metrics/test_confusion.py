from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from maskwright.errors import DataError, UsageError
from maskwright.metrics.confusion import confusion

SHAPES = array_shapes(min_dims=1, max_dims=3, max_side=4)


@st.composite
def labelled_and_predicted(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    n_classes = draw(st.integers(1, 254))
    shape = draw(SHAPES)
    labels = st.one_of(st.integers(0, n_classes - 1), st.just(255))
    mask = draw(arrays(np.uint8, shape, elements=labels))
    return mask, draw(arrays(np.uint8, shape, elements=st.integers(0, n_classes - 1))), n_classes


@given(labelled_and_predicted())
def test_equals_counting_pixel_by_pixel(drawn: tuple[np.ndarray, np.ndarray, int]) -> None:
    mask, prediction, n_classes = drawn
    expected = np.zeros((n_classes, n_classes), np.int64)
    for label, predicted in zip(mask.ravel(), prediction.ravel(), strict=True):
        if label != 255:
            expected[label, predicted] += 1
    counts = confusion(mask, prediction, n_classes)
    assert counts.dtype == np.int64
    np.testing.assert_array_equal(counts, expected)


@given(labelled_and_predicted())
def test_sums_are_the_judged_pixels(drawn: tuple[np.ndarray, np.ndarray, int]) -> None:
    mask, prediction, n_classes = drawn
    counts = confusion(mask, prediction, n_classes)
    assert counts.sum() == (mask != 255).sum()
    np.testing.assert_array_equal(counts.sum(axis=1), np.bincount(mask[mask != 255], minlength=n_classes))
    np.testing.assert_array_equal(counts.sum(axis=0), np.bincount(prediction[mask != 255], minlength=n_classes))


@given(labelled_and_predicted())
def test_label_and_prediction_swapped_transposes(drawn: tuple[np.ndarray, np.ndarray, int]) -> None:
    mask, prediction, n_classes = drawn
    mask = np.where(mask == 255, prediction, mask)
    np.testing.assert_array_equal(confusion(mask, prediction, n_classes), confusion(prediction, mask, n_classes).T)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int64])
def test_any_integers_count_alike(dtype: type) -> None:
    mask, prediction = np.array([[0, 2], [255, 1]]), np.array([[0, 1], [2, 1]])
    expected = [[1, 0, 0], [0, 1, 0], [0, 1, 0]]
    assert confusion(mask.astype(dtype), prediction.astype(dtype), 3).tolist() == expected


def test_views_and_most_classes() -> None:
    mask = np.arange(512, dtype=np.uint8).reshape(16, 32)[:, ::2]
    judged = np.where(mask == 254, 253, mask).astype(np.uint8)
    counts = confusion(judged, np.full_like(judged, 253), 254)
    assert counts[:, 253].sum() == (judged != 255).sum() and counts[253, 253] == (judged == 253).sum()


@pytest.mark.parametrize("value", [3, 254, 255])
def test_prediction_outside_the_classes_is_refused(value: int) -> None:
    with pytest.raises(UsageError, match=r"no class.\n  expected: class ids 0 to 2  found: 0, " + str(value)):
        confusion(np.zeros((1, 2), np.uint8), np.array([[0, value]], np.uint8), 3)


def test_label_outside_the_classes_is_refused() -> None:
    with pytest.raises(DataError, match=r"or 255 for pixels that are not judged  found: 0, 7\n  Declare"):
        confusion(np.array([[0, 7]], np.uint8), np.zeros((1, 2), np.uint8), 3)


@pytest.mark.parametrize(
    ("mask", "prediction", "n_classes", "message"),
    [
        (np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), 3, r"another size.*\n.*\(2, 2\)  found: \(2, 3\)"),
        (np.zeros(2, np.uint8), np.zeros(2, np.float32), 3, "prediction holds float32 values"),
        (np.array([-1, 0]), np.zeros(2, np.uint8), 3, "mask holds a value.*\n.*found: -1 to 0"),
        (np.array([300, 0]), np.zeros(2, np.uint8), 3, "found: 0 to 300"),
        (np.zeros(2, np.uint8), np.zeros(2, np.uint8), 0, "0 classes cannot be counted"),
        (np.zeros(2, np.uint8), np.zeros(2, np.uint8), 255, "255 classes cannot be counted"),
    ],
)
def test_what_cannot_be_counted_is_refused(
    mask: np.ndarray, prediction: np.ndarray, n_classes: int, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        confusion(mask, prediction, n_classes)


def test_a_512_pair_takes_under_two_milliseconds() -> None:
    rng = np.random.default_rng(0)
    mask, prediction = (rng.integers(0, 19, (512, 512)).astype(np.uint8) for _ in range(2))
    seconds = []
    for _ in range(30):
        start = time.perf_counter()
        confusion(mask, prediction, 19)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.002
