"""The optimiser with its parameter groups, the learning rate's course, and the averaged weights."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from maskwright.recipe.recipe import Recipe
from maskwright.recipe.soup import into_member


def make_optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimiser, with groups for what decays and learns at a rate of its own.

    AdamW is Loshchilov and Hutter, ICLR 2019; Adam is Kingma and Ba, ICLR 2015, with L2 decay; SGD has momentum.
    Each group carries `lr_factor`: its learning rate over the schedule's.
    """
    decays = {"weight": 1.0, "norm": recipe.norm_decay_multiplier, "bias": recipe.bias_decay_multiplier}
    rates = {True: recipe.encoder_lr_multiplier, False: recipe.head_lr_multiplier}
    groups: dict[tuple[str, bool], list[Tensor]] = {}
    for name, kind, parameter in _parameters(model):
        groups.setdefault((kind, name.startswith("encoder.")), []).append(parameter)
    described = [
        {"params": parameters, "weight_decay": recipe.weight_decay * decays[kind], "lr_factor": rates[in_encoder]}
        for (kind, in_encoder), parameters in groups.items()
    ]
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(described, lr=recipe.lr, momentum=recipe.beta1, fused=True)
    make = torch.optim.AdamW if recipe.optimiser == "adamw" else torch.optim.Adam
    return make(described, lr=recipe.lr, betas=(recipe.beta1, recipe.beta2), fused=True)


def _parameters(model: nn.Module) -> Iterator[tuple[str, str, Tensor]]:
    """Each parameter that trains: its name, whether it is a "weight", of a "norm" or a "bias", and itself."""
    norms = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm)
    for prefix, module in model.named_modules():
        for leaf, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad:
                kind = "norm" if isinstance(module, norms) else "bias" if leaf == "bias" else "weight"
                yield f"{prefix}.{leaf}", kind, parameter


def set_lr(optimiser: torch.optim.Optimizer, lr: float) -> None:
    """Give every group its share of the learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = lr * group["lr_factor"]


def lr_at(iteration: int, recipe: Recipe) -> float:
    """The learning rate of an iteration: a linear rise, then the schedule over the progress of the rest.

    Args:
        iteration: from 0.
        recipe: `lr`, `schedule`, `warmup_iterations`, `iterations`, `length_changes`; each member of a soup has a rise
            and a fall of its own.
    """
    warmup, done = recipe.warmup_iterations, into_member(iteration, recipe)
    if done < warmup:
        return recipe.lr * (done + 1) / (warmup + 1)
    progress = _progress(iteration, recipe)
    if recipe.schedule == "constant":
        fall = 1.0
    elif recipe.schedule == "cosine":
        fall = 0.5 + 0.5 * math.cos(math.pi * progress)
    else:
        fall = (1 - progress) ** recipe.poly_power
    return recipe.lr * (recipe.lr_min_frac + (1 - recipe.lr_min_frac) * fall)


def _progress(iteration: int, recipe: Recipe) -> float:
    """The part of the fall that is done, in [0, 1]; a change of length changes its speed, never its value."""
    start = iteration - into_member(iteration, recipe)
    longest = start + (recipe.soup_iterations or sys.maxsize)
    progress, since, length = 0.0, start + recipe.warmup_iterations, min(recipe.iterations, longest)
    for at, new_length in recipe.length_changes:
        if at >= iteration:
            break
        until = max(at, since)  # a change during the rise changes what comes behind it
        progress += (1 - progress) * (until - since) / max(length - since, 1)
        since, length = until, min(new_length, longest)
    return min(1.0, progress + (1 - progress) * (iteration - since) / max(length - since, 1))


def update_average(average: nn.Module, model: nn.Module, *, decay: float, iteration: int) -> None:
    """Exponential moving average of the weights; the decay rises from 0 so that the first draw is soon forgotten.

    `d = min(decay, (1 + t) / (10 + t))`, as in TensorFlow's ExponentialMovingAverage.
    """
    decay = min(decay, (1 + iteration) / (10 + iteration))
    _move_towards(average, model, 1 - decay)


def add_member(soup: nn.Module, member: nn.Module, number: int) -> None:
    """Make the mean of `number - 1` members of a soup that of `number`.

    Args:
        soup: the mean so far; changed in place.
        member: what comes to it.
        number: from 1.
    """
    _move_towards(soup, member, 1 / number)


@torch.no_grad()
def _move_towards(average: nn.Module, model: nn.Module, share: float) -> None:
    """Move weights and running statistics by a share of the way to a model's."""
    ours = [tensor for tensor in average.state_dict().values() if tensor.is_floating_point()]
    theirs = [tensor for tensor in model.state_dict().values() if tensor.is_floating_point()]
    torch._foreach_lerp_(ours, theirs, share)
