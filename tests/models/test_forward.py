"""Photos as a network sees them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maskwright.models.forward import normalised, probs_of_batch
from maskwright.models.scaling import mean_hw, scaled
from maskwright.recipe.recipe import make_recipe


def test_photos_are_normalised_as_the_recipe_says() -> None:
    recipe = make_recipe({"mean_rgb": (127.5, 100, 0), "std_rgb": (127.5, 50, 1)}, source="test")
    photo = np.array([[[[255, 150, 7]]]], np.uint8)
    assert normalised(photo, recipe, torch.device("cpu")).flatten().tolist() == pytest.approx([1, 1, 7])


class Sloping(torch.nn.Module):
    """Answers by the column, so that a mirrored photo has a mirrored answer only where it is turned back."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen: list[tuple[int, ...]] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(tuple(images.shape))
        slope = torch.linspace(0, 1, images.shape[3]).expand(len(images), 1, *images.shape[2:])
        return torch.cat([slope, -slope], 1) + self.weight


def test_a_network_is_asked_at_the_recipes_short_side_and_answers_at_the_photos() -> None:
    recipe, model = make_recipe({"short_side_px": 32}, source="test"), Sloping()
    probs = probs_of_batch(model, [np.zeros((64, 96, 3), np.uint8)] * 2, recipe)
    assert model.seen == [(2, 3, 32, 48)] and probs.shape == (2, 2, 64, 96)
    assert torch.allclose(probs.sum(1), torch.ones(2, 64, 96))


def test_a_line_is_not_scaled_up_to_gigapixels() -> None:
    up, as_it_is = (make_recipe(settings, source="test") for settings in ({"short_side_px": 384}, {}))
    line = [np.zeros((5000, 1, 3), np.uint8)]
    assert scaled(line, up, 1.0).shape == (1, 24 * 384, 2, 3)
    assert scaled(line, as_it_is, 1.0).shape == (1, 5000, 1, 3)
    assert scaled([np.zeros((24, 1, 3), np.uint8)], up, 1.0).shape == (1, 9216, 384, 3)


def test_several_looks_are_their_mean() -> None:
    photos, model = [np.zeros((64, 96, 3), np.uint8)], Sloping()
    recipe = make_recipe({"tta_scales": (1.0, 1.5), "tta_flip": True}, source="test")
    once = probs_of_batch(model, photos, recipe)
    assert model.seen == [(1, 3, 64, 96)]
    probs = probs_of_batch(model, photos, recipe, tta=True)
    assert model.seen[1:] == [(1, 3, 64, 96)] * 2 + [(1, 3, 96, 144)] * 2 and probs.shape == once.shape
    assert torch.allclose(probs, (once + once.flip(3)) / 2, atol=0.01) and not torch.allclose(probs, once, atol=0.1)
    assert recipe.tta_work == 2 * (1 + 1.5**2)


def test_the_mean_over_looks_at_a_large_photo_is_taken_at_the_largest_looks_size() -> None:
    recipe = make_recipe({"short_side_px": 40, "tta_scales": (0.8, 1.2), "tta_flip": True}, source="test")
    assert mean_hw(480, 640, recipe, tta=True) == (48, 64)
    assert mean_hw(480, 640, recipe, tta=False) == (480, 640)  # one look: its logits are scaled to the photo
    assert mean_hw(44, 64, recipe, tta=True) == (44, 64)
    probs = probs_of_batch(Sloping(), [np.zeros((480, 640, 3), np.uint8)], recipe, tta=True)
    assert probs.shape == (1, 2, 480, 640) and torch.allclose(probs.sum(1), torch.ones(1, 480, 640))
    exact = make_recipe({"short_side_px": 480, "tta_scales": (0.8, 1.2), "tta_flip": True}, source="test")
    near = probs_of_batch(Sloping(), [np.zeros((480, 640, 3), np.uint8)], exact, tta=True)
    assert torch.allclose(probs, near, atol=0.01)
