from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from maskwright.data import grouping
from maskwright.errors import UsageError
from maskwright.inference.predictor import Predictor, masks_of, most_probable, probs_of


def brightness(image: np.ndarray) -> np.ndarray:
    """Two classes: dark and bright."""
    bright = image.mean(axis=2, dtype=np.float32) / 255
    return np.stack([1 - bright, bright])


class Batched:
    """The same answers through every other door, with a list of what was asked at once."""

    def __init__(self) -> None:
        self.groups: list[list[tuple[int, ...]]] = []

    def __call__(self, image: np.ndarray) -> np.ndarray:
        raise AssertionError(f"the batch was to be asked, not one of {image.shape}")

    def many(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.groups.append([image.shape[:2] for image in images])
        return [brightness(image) for image in images]

    def masks(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [most_probable(probs) for probs in self.many(images)]


class OneMask:
    def __call__(self, image: np.ndarray) -> np.ndarray:
        return brightness(image)

    def mask(self, image: np.ndarray) -> np.ndarray:
        return most_probable(brightness(image))


def photos(*sizes: tuple[int, int], seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


SIZES = [(5, 7)] * 3 + [(8, 4)] * 2 + [(5, 7)] + [(6, 6)] * 10


@pytest.mark.parametrize("predictor", [Batched(), OneMask()])
def test_every_door_gives_the_same_answers(predictor: Predictor) -> None:
    images = photos(*SIZES)
    for one, other in zip(probs_of(brightness, images), probs_of(predictor, images), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(masks_of(brightness, images), masks_of(predictor, images), strict=True):
        assert other.dtype == np.uint8
        np.testing.assert_array_equal(one, other)


def test_the_first_of_equal_classes_is_taken() -> None:
    equal = np.full((3, 2, 2), 1 / 3, np.float32)
    assert most_probable(equal).tolist() == [[0, 0], [0, 0]]


def test_only_neighbours_of_one_size_go_together() -> None:
    predictor = Batched()
    assert len(list(masks_of(predictor, photos(*SIZES), batch=4))) == len(SIZES)
    assert [len(group) for group in predictor.groups] == [3, 2, 1, 4, 4, 2]
    assert all(len(set(group)) == 1 for group in predictor.groups)


def test_large_photos_go_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "BATCH_PIXELS", 100)
    predictor = Batched()
    list(probs_of(predictor, photos(*[(7, 7)] * 4, (20, 20), (20, 20))))
    assert [len(group) for group in predictor.groups] == [2, 2, 1, 1]


def test_photos_are_taken_as_they_are_needed() -> None:
    taken = 0

    def stream() -> Iterator[np.ndarray]:
        nonlocal taken
        for image in photos(*[(4, 4)] * 100):
            taken += 1
            yield image

    masks = masks_of(brightness, stream(), batch=8)
    next(masks)
    assert taken <= 9


def test_no_photos_give_no_answers() -> None:
    assert list(masks_of(brightness, [])) == [] == list(probs_of(brightness, iter([])))


def test_wrong_answers_are_refused() -> None:
    image = photos((6, 8))
    with pytest.raises(UsageError, match=r"another shape.*\n  expected: \(C, 6, 8\)  found: \(2, 3, 4\)\n.*own size"):
        list(probs_of(lambda _: np.zeros((2, 3, 4), np.float32), image))

    class Short(Batched):
        def masks(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
            return super().masks(images)[1:]

    with pytest.raises(UsageError, match=r"another number of photos.*\n  expected: 1  found: 0"):
        list(masks_of(Short(), image))

    class Flat(Batched):
        def masks(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
            return [mask.ravel() for mask in super().masks(images)]

    with pytest.raises(UsageError, match=r"expected: \(6, 8\)  found: \(48,\)"):
        list(masks_of(Flat(), image))
