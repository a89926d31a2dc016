"""The mean of several predictors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from maskwright.data.classes import make_classes
from maskwright.errors import UsageError
from maskwright.inference.ensemble import Ensemble
from maskwright.inference.predictor import masks_of, probs_of

CLASSES = make_classes(["background", "cat", "dog"])


class Fixed:
    """Says the same of every pixel."""

    def __init__(self, *probs: float, classes: Any = CLASSES) -> None:
        self.probs, self.classes, self.digest = np.array(probs, np.float32), classes, repr(probs)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self.probs[:, None, None], (3, *image.shape[:2]))


def test_it_is_the_mean_however_it_is_asked() -> None:
    made = Ensemble([Fixed(0.8, 0.1, 0.1), Fixed(0.1, 0.6, 0.3), Fixed(0.0, 0.8, 0.2)])
    images = [np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5, 3), np.uint8), np.zeros((2, 2, 3), np.uint8)]
    np.testing.assert_allclose(made(images[0])[:, 0, 0], [0.3, 0.5, 0.2], atol=1e-7)
    assert [probs.shape for probs in probs_of(made, images)] == [(3, 4, 5), (3, 4, 5), (3, 2, 2)]
    assert [mask.max() for mask in masks_of(made, images)] == [1, 1, 1] and made.mask(images[0]).shape == (4, 5)
    np.testing.assert_allclose(made(images[0]).sum(0), 1, atol=1e-6)


def test_one_alone_is_itself_and_its_answer_is_not_written_into() -> None:
    alone = Fixed(0.2, 0.5, 0.3)
    image = np.zeros((2, 3, 3), np.uint8)
    np.testing.assert_array_equal(Ensemble([alone])(image), alone(image))


def test_the_digest_tells_members_but_not_their_order() -> None:
    first, second = Fixed(0.8, 0.1, 0.1), Fixed(0.1, 0.6, 0.3)
    assert Ensemble([first, second]).digest == Ensemble([second, first]).digest
    assert len({Ensemble([first]).digest, Ensemble([first, second]).digest, Ensemble([first, first]).digest}) == 3


def test_other_classes_are_refused_and_all_named() -> None:
    good = Fixed(1, 0, 0)
    other = Fixed(1, 0, 0, classes=make_classes(["background", "dog", "cat"]))
    values = Fixed(1, 0, 0, classes=make_classes(["background", "cat", "dog"], values=(0, 100, 200)))
    with pytest.raises(UsageError, match=r"other classes apart.\n.*0 background, 1 cat, 2 dog.*number 2: .*number 3: "):
        Ensemble([good, other, values])
    with pytest.raises(UsageError, match="number 2: classes that it does not name"):
        Ensemble([good, lambda image: image])
    with pytest.raises(UsageError, match="no predictor in it"):
        Ensemble([])
