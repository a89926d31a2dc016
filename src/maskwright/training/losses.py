"""Losses on logits at the crop's size; pixels with 255 count nowhere."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from maskwright.data.classes import IGNORE
from maskwright.recipe.recipe import Recipe
from maskwright.training.sharing import ALONE, Share


def total_loss(answer: Tensor | tuple[Tensor, Tensor], masks: Tensor, recipe: Recipe, share: Share = ALONE) -> Tensor:
    """The loss of what a model answers in training: that of its logits, and a share of that of its auxiliary logits.

    Args:
        answer: logits `(B, C, H, W)` float32, or a pair with the auxiliary head's.
        masks: `(B, H, W)` int64 class ids, 255 for ignore.
        recipe: see `segmentation_loss`, and `auxiliary_share`.
        share: this process's part of the batch; the loss is that of all of it.
    """
    if isinstance(answer, Tensor):
        return segmentation_loss(answer, masks, recipe, share)
    logits, auxiliary = answer
    loss = segmentation_loss(logits, masks, recipe, share)
    return loss + recipe.auxiliary_share * segmentation_loss(auxiliary, masks, recipe, share)


def segmentation_loss(logits: Tensor, masks: Tensor, recipe: Recipe, share: Share = ALONE) -> Tensor:
    """The recipe's sum of cross-entropy and Dice.

    Args:
        logits: `(B, C, H, W)` float32.
        masks: `(B, H, W)` int64 class ids, 255 for ignore.
        recipe: shares, class weights, label smoothing.
        share: this process's part of the batch.

    Returns:
        A scalar; 0 where every pixel is ignored.
    """
    loss = logits.new_zeros(())
    if recipe.cross_entropy_share:
        weights = class_weight_tensor(recipe, logits)
        loss = loss + recipe.cross_entropy_share * cross_entropy(logits, masks, weights, recipe.label_smoothing, share)
    if recipe.dice_share:
        loss = loss + recipe.dice_share * dice_loss(logits, masks, share=share)
    return loss


def cross_entropy(
    logits: Tensor, masks: Tensor, class_weights: Tensor | None, smoothing: float = 0.0, share: Share = ALONE
) -> Tensor:
    """Cross-entropy, the weighted mean over judged pixels: `sum w_y (-log p_y) / sum w_y`."""
    judged = masks != IGNORE
    weights = judged if class_weights is None else judged * class_weights[masks.where(judged, 0)]
    total = share.total(weights.sum(dtype=torch.float32))
    if not bool(total > 0):
        return logits.sum() * 0  # nothing has a mean
    losses = functional.cross_entropy(
        logits, masks, weight=class_weights, ignore_index=IGNORE, label_smoothing=smoothing, reduction="sum"
    )
    return share.total(losses) / total


def dice_loss(logits: Tensor, masks: Tensor, *, smooth: float = 1.0, share: Share = ALONE) -> Tensor:
    """One minus the soft Dice, mean over the classes that the batch labels.

    `Dice_c = (2 sum p_c y_c + s) / (sum p_c + sum y_c + s)`, summed over the judged pixels of the whole batch
    (Milletari et al., "V-Net", 3DV 2016, without the squares).
    """
    judged = (masks != IGNORE).unsqueeze(1)
    probs = logits.softmax(1) * judged
    # The inverse of ignoring: 255 becomes class 0 and is then masked out.
    target = functional.one_hot(masks.where(masks != IGNORE, 0), logits.shape[1]).permute(0, 3, 1, 2) * judged
    target = target.to(probs.dtype)
    dims = (0, 2, 3)
    sums = torch.stack([(probs * target).sum(dims), probs.sum(dims), target.sum(dims)])
    overlap, predicted, labelled = share.total(sums)
    present = labelled > 0
    dice = (2 * overlap + smooth) / (predicted + labelled + smooth)
    loss: Tensor = ((1 - dice) * present).sum() / present.sum().clamp(min=1)
    return loss


def class_weight_tensor(recipe: Recipe, like: Tensor) -> Tensor | None:
    """The recipe's class weights on the device of `like`, or None."""
    if recipe.class_weights == "none":
        return None
    assert not isinstance(recipe.class_weights, str), "a rule is replaced by its list before training"
    weights: Sequence[float] = recipe.class_weights
    return torch.tensor(weights, dtype=torch.float32, device=like.device)
