"""Losses on logits at the crop's size; pixels with 255 count nowhere."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from maskwright.data.classes import IGNORE
from maskwright.recipe.recipe import Recipe
from maskwright.training.sharing import ALONE, Share

BINS = 4096
"""Steps that errors are counted in for the Lovász loss."""


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
    """The recipe's sum of cross-entropy, Dice and Lovász loss.

    Args:
        logits: `(B, C, H, W)` float32.
        masks: `(B, H, W)` int64 class ids, 255 for ignore.
        recipe: the losses' shares, class weights, label smoothing.
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
    if recipe.lovasz_share:
        loss = loss + recipe.lovasz_share * lovasz_loss(logits, masks, share=share)
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


def lovasz_loss(logits: Tensor, masks: Tensor, *, share: Share = ALONE) -> Tensor:
    """The Lovász-Softmax loss: a convex stand-in for one minus the IoU, mean over the classes that the batch labels.

    `sum e_i g_i` over the judged pixels of the whole batch (Berman et al., "The Lovász-Softmax loss", CVPR 2018,
    equations 9 and 11): `e_i` is how far pixel i is from right, and `g_i` what the class's Jaccard loss grows by when
    the pixel joins those that are further from right. The paper sorts the pixels for that. Here they are counted in
    `BINS` steps of their errors: with F of the class's G pixels and B of the others further from right, the Jaccard
    loss is `1 - (G - F) / (G + B)`, and its slopes are `1 / (G + B)` for a pixel of the class and
    `(G - F) / (G + B)^2` for another, in the middle of its step and such that those of a step add up to the loss's
    growth over it. So the value is the paper's for errors rounded to a step, at a third of the time, and the counts
    of several processes can be added.
    """
    judged = masks != IGNORE
    probs, target = logits.softmax(1).movedim(1, 0)[:, judged], masks[judged]
    losses = []
    for class_id, of_class in enumerate(probs):
        own = target == class_id
        errors = torch.where(own, 1 - of_class, of_class)
        place = ((1 - errors.detach()) * BINS).long().clamp_(0, BINS - 1) + BINS * own
        counts = share.total(torch.bincount(place, minlength=2 * BINS).double()).view(2, BINS)
        labelled = counts[1].sum()
        if not bool(labelled > 0):
            continue
        slopes = _jaccard_slopes(counts, labelled)
        losses.append(share.total((errors * slopes.to(errors.dtype).flatten()[place]).sum()))
    return torch.stack(losses).mean() if losses else logits.sum() * 0


def _jaccard_slopes(counts: Tensor, labelled: Tensor) -> Tensor:
    """What one more pixel adds to the Jaccard loss, `(2, BINS)` for pixels of other classes and of the class itself.

    Args:
        counts: `(2, BINS)`, how many pixels there are of either kind, the largest errors first.
        labelled: of the class.
    """
    ends = counts.cumsum(1)
    others, missed = ends - counts / 2
    slopes = torch.stack([(labelled - missed) / (labelled + others).square(), 1 / (labelled + others)])
    growth = (1 - (labelled - ends[1]) / (labelled + ends[0])).diff(prepend=counts.new_zeros(1))
    return slopes * growth / (counts * slopes).sum(0).clamp(min=torch.finfo(counts.dtype).tiny)


def class_weight_tensor(recipe: Recipe, like: Tensor) -> Tensor | None:
    """The recipe's class weights on the device of `like`, or None."""
    if recipe.class_weights == "none":
        return None
    assert not isinstance(recipe.class_weights, str), "a rule is replaced by its list before training"
    weights: Sequence[float] = recipe.class_weights
    return torch.tensor(weights, dtype=torch.float32, device=like.device)
