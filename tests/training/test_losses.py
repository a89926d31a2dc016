"""Losses against their definitions; ignored pixels count nowhere."""

import numpy as np
import pytest
import torch

from maskwright.recipe.recipe import make_recipe
from maskwright.training.losses import cross_entropy, dice_loss, lovasz_loss, segmentation_loss, total_loss


def case() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 8, 8, generator=generator, dtype=torch.float64).float()
    masks = torch.randint(0, 3, (2, 8, 8), generator=generator)
    masks[0, :3] = 255
    return logits, masks


@pytest.mark.parametrize("weights", [None, (0.1, 1.0, 2.0)])
def test_cross_entropy_is_the_weighted_mean_over_judged_pixels(weights: tuple[float, ...] | None) -> None:
    logits, masks = case()
    probs = logits.softmax(1).numpy()
    total = norm = 0.0
    for b, y, x in np.argwhere(masks.numpy() != 255):
        label = int(masks[b, y, x])
        weight = weights[label] if weights else 1.0
        total -= weight * np.log(probs[b, label, y, x])
        norm += weight
    got = cross_entropy(logits, masks, torch.tensor(weights) if weights else None)
    assert float(got) == pytest.approx(total / norm, rel=1e-5)


def test_dice_is_its_formula_over_labelled_classes() -> None:
    logits, masks = case()
    masks[masks == 2] = 1  # class 2 is then labelled nowhere and has no say
    probs, judged = logits.softmax(1).numpy(), (masks != 255).numpy()
    losses = []
    for label in (0, 1):
        p, y = probs[:, label] * judged, (masks.numpy() == label) & judged
        losses.append(1 - (2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1))
    assert float(dice_loss(logits, masks)) == pytest.approx(np.mean(losses), rel=1e-5)


@pytest.mark.parametrize("certainty", [0.1, 1.0, 8.0])
def test_lovasz_is_what_sorting_gives(certainty: float) -> None:
    logits, masks = case()
    logits = (certainty * logits.repeat_interleave(4, 2).repeat_interleave(4, 3)).requires_grad_()
    masks = masks.repeat_interleave(4, 1).repeat_interleave(4, 2)
    masks[masks == 2] = 1  # class 2 is then labelled nowhere and has no say
    probs, target = logits.softmax(1).movedim(1, 0)[:, masks != 255], masks[masks != 255]
    wanted = logits.sum() * 0
    for label in (0, 1):
        own = (target == label).float()
        errors, order = (own - probs[label]).abs().sort(descending=True)
        hits, union = own[order].cumsum(0), own.sum() + (1 - own[order]).cumsum(0)
        jaccard = 1 - (own.sum() - hits) / union
        wanted = wanted + (errors * jaccard.diff(prepend=jaccard.new_zeros(1))).sum() / 2
    got = lovasz_loss(logits, masks)
    assert got.item() == pytest.approx(wanted.item(), abs=2e-4)
    ours, theirs = (torch.autograd.grad(loss, logits)[0] for loss in (got, wanted))
    assert torch.cosine_similarity(ours.flatten(), theirs.flatten(), 0) > 0.99


def test_lovasz_falls_when_a_pixel_becomes_right() -> None:
    logits, masks = case()
    before = lovasz_loss(logits, masks)
    wrong = np.argwhere(((logits.argmax(1) != masks) & (masks != 255)).numpy())[0]
    logits[wrong[0], :, wrong[1], wrong[2]] = torch.nn.functional.one_hot(masks[tuple(wrong)], 3) * 9.0
    assert lovasz_loss(logits, masks) < before


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"class_weights": [0.1, 1, 1]},
        {"label_smoothing": 0.1, "dice_share": 0},
        {"cross_entropy_share": 0, "dice_share": 0, "lovasz_share": 1},
    ],
)
def test_ignored_pixels_have_no_gradient(settings: dict[str, object]) -> None:
    logits, masks = case()
    logits.requires_grad_()
    segmentation_loss(logits, masks, make_recipe(settings, source="test")).backward()
    assert logits.grad is not None
    assert logits.grad[0, :, :3].abs().max() == 0
    assert logits.grad[1].abs().min() > 0


@pytest.mark.parametrize("weights", ["none", (0.0, 1.0, 1.0)])
def test_a_batch_without_anything_to_judge_is_zero(weights: object) -> None:
    logits, masks = case()
    logits.requires_grad_()
    masks[:] = 255 if weights == "none" else 0
    recipe = make_recipe({"class_weights": weights, "dice_share": 0}, source="test")
    loss = segmentation_loss(logits, masks, recipe)
    loss.backward()
    assert float(loss.detach()) == 0
    assert logits.grad is not None and torch.isfinite(logits.grad).all()


def test_an_auxiliary_head_adds_its_share() -> None:
    logits, masks = case()
    recipe = make_recipe({"auxiliary_share": 0.4}, source="test")
    alone = segmentation_loss(logits, masks, recipe)
    assert total_loss(logits, masks, recipe) == alone
    both = total_loss((logits, 2 * logits), masks, recipe)
    assert both == pytest.approx(float(alone + 0.4 * segmentation_loss(2 * logits, masks, recipe)))
