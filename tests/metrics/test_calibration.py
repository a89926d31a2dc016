"""Calibration: against the definitions on all pixels at once, streamed or not, and where nothing was judged."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from maskwright.errors import UsageError
from maskwright.metrics.calibration import BINS, THINNED_PX, Calibration, calibration


def _photo(seed: int, *, sharpness: float = 1.0, size_hw: tuple[int, int] = (40, 50)) -> tuple[np.ndarray, np.ndarray]:
    """A mask drawn from the probabilities, which are then made too sure."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (3, *size_hw))
    drawn = logits + rng.gumbel(size=logits.shape)
    mask = drawn.argmax(axis=0).astype(np.uint8)
    return mask, _softmax(sharpness * logits)


def _softmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max(axis=0))
    return (raised / raised.sum(axis=0)).astype(np.float32)


def test_both_errors_are_those_of_their_definitions() -> None:
    mask, probs = _photo(0, sharpness=2)
    mask[:3] = 255
    found = calibration(mask, probs)
    judged = mask != 255
    top, hit = probs.max(axis=0)[judged], (probs.argmax(axis=0) == mask)[judged]
    assert found.ece() == pytest.approx(_ece(top, hit), abs=1e-6)
    assert found.adaptive_ece() == pytest.approx(_adaptive(top, hit), abs=2e-3)
    for class_id in range(3):
        own, right = probs[class_id][judged], mask[judged] == class_id
        assert found.ece(class_id) == pytest.approx(_ece(own, right), abs=1e-6)
        assert found.adaptive_ece(class_id) == pytest.approx(_adaptive(own, right), abs=2e-3)


def test_streaming_changes_nothing() -> None:
    photos = [_photo(seed, sharpness=1.5) for seed in range(4)]
    together = sum((calibration(*photo) for photo in photos), Calibration.none(3))
    mask, probs = np.vstack([mask for mask, _ in photos]), np.concatenate([probs for _, probs in photos], axis=1)
    at_once = calibration(mask, probs)
    assert together.ece() == pytest.approx(at_once.ece(), abs=1e-12)
    assert (together.pixels == at_once.pixels).all() and (together.hits == at_once.hits).all()
    assert together.pixels.shape == Calibration.none(3).pixels.shape


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.5])
def test_the_temperature_is_the_likeliest(sharpness: float) -> None:
    mask, probs = _photo(3, sharpness=sharpness)
    found = calibration(mask, probs)
    assert mask.size <= THINNED_PX

    def likelihood(temperature: float) -> float:
        cooled = _softmax(np.log(np.maximum(probs, 1e-7)) / temperature)
        return float(-np.log(np.take_along_axis(cooled, mask[None].astype(int), axis=0)).sum())

    exact = minimize_scalar(likelihood, bounds=(0.1, 10), method="bounded").x
    assert found.temperature == pytest.approx(exact, rel=2e-3)
    assert found.temperature == pytest.approx(sharpness, rel=0.1)
    cooled = _softmax(np.log(np.maximum(probs, 1e-7)) / exact)
    at_temperature = _ece(cooled.max(axis=0).ravel(), (cooled.argmax(axis=0) == mask).ravel())
    assert found.thinned_ece(found.temperature) == pytest.approx(at_temperature, abs=0.01)
    assert found.thinned_ece() == pytest.approx(found.ece(), abs=1e-6), "all pixels, and no temperature"


def test_thinned_pixels_lie_in_all_rows_and_columns() -> None:
    """Columns of a photo as wide as every so many-th pixel are not all of one kind."""
    width = 256
    mask = np.tile(np.arange(width) % 16 < 8, (width, 1)).astype(np.uint8)
    sure = np.where(np.arange(width) % 16 == 0, 0.99, 0.6) * np.ones((width, 1))
    probs = np.stack([np.where(mask == 0, sure, 1 - sure), np.where(mask == 0, 1 - sure, sure)]).astype(np.float32)
    mask[:, ::16] = np.random.default_rng(0).integers(0, 2, (width, width // 16))
    found = calibration(mask, probs)
    assert found.sharpened[20, 0].sum() == THINNED_PX
    assert found.thinned_ece() == pytest.approx(found.ece(), abs=0.01)
    again = calibration(mask, probs)
    assert again.likelihood.tolist() == found.likelihood.tolist(), "drawn anew, the same"


def test_the_reliability_diagram() -> None:
    mask = np.array([[0, 0, 0, 1]], np.uint8)
    probs = np.array([[[0.9, 0.9, 0.9, 0.9]], [[0.1, 0.1, 0.1, 0.1]]], np.float32)
    diagram = calibration(mask, probs).reliability()
    assert diagram.shape == (BINS, 3)
    assert diagram[13] == pytest.approx([4, 0.9, 0.75])
    assert diagram[0][0] == 0 and np.isnan(diagram[0][1:]).all()


def test_nothing_judged_says_nothing() -> None:
    found = calibration(np.full((4, 4), 255, np.uint8), np.full((2, 4, 4), 0.5, np.float32))
    values = (found.ece(), found.adaptive_ece(), found.temperature, found.thinned_ece(found.temperature))
    assert np.isnan(values).all()


def test_certain_answers_stay_finite() -> None:
    mask = np.array([[0, 1, 1]], np.uint8)
    probs = np.array([[[1, 0, 1]], [[0, 1, 0]]], np.float32)
    found = calibration(mask, probs)
    assert found.ece() == pytest.approx(1 / 3)
    assert np.isfinite(found.temperature)


def test_another_size_is_refused() -> None:
    with pytest.raises(UsageError, match="belong to another photo"):
        calibration(np.zeros((4, 4), np.uint8), np.zeros((2, 4, 5), np.float32))


def _ece(probability: np.ndarray, hit: np.ndarray) -> float:
    which = np.minimum((probability * BINS).astype(int), BINS - 1)
    return _error(probability, hit, [which == place for place in range(BINS)])


def _adaptive(probability: np.ndarray, hit: np.ndarray) -> float:
    order = np.argsort(probability, kind="stable")
    return _error(probability, hit, np.array_split(order, BINS))


def _error(probability: np.ndarray, hit: np.ndarray, bins: list[np.ndarray]) -> float:
    gaps = [abs(float(probability[each].sum(dtype=float)) - float(hit[each].sum())) for each in bins]
    return sum(gaps) / hit.size
