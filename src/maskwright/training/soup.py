"""A model soup: the mean of the weights of several trainings that begin with the same ones.

Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing
inference time", ICML 2022. The trainings, here called members, follow one another within one run; they differ in the
order of the photos and in how these are varied.
"""

from __future__ import annotations

import torch
from torch import nn

from maskwright.recipe.recipe import Recipe


def into_member(iteration: int, recipe: Recipe) -> int:
    """How many iterations of its member an iteration comes after; the whole training is the one member of no soup."""
    return iteration % recipe.soup_iterations if recipe.soup_iterations else iteration


def ends_member(iterations: int, recipe: Recipe) -> bool:
    """Whether a member ends with so many iterations done."""
    return bool(recipe.soup_iterations) and iterations % recipe.soup_iterations == 0


def is_long_enough(iterations: int, recipe: Recipe) -> bool:
    """Whether a member of so many iterations counts, where training ends with it: half the others' length does."""
    return 2 * iterations >= recipe.soup_iterations


def usable(iterations: int, recipe: Recipe) -> int:
    """How many of so many further iterations to do after the end of a member: none of a last one too short to count."""
    rest = into_member(iterations, recipe)
    return iterations if is_long_enough(rest, recipe) else iterations - rest


@torch.no_grad()
def add_member(soup: nn.Module, member: nn.Module, number: int) -> None:
    """Make the mean of `number - 1` members that of `number`.

    Args:
        soup: the mean so far; changed in place.
        member: what comes to it.
        number: from 1.
    """
    held, added = soup.state_dict(), member.state_dict()
    for name, tensor in held.items():
        if tensor.is_floating_point():
            tensor.lerp_(added[name], 1 / number)
        else:
            tensor.copy_(added[name])
