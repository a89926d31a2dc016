"""A model soup: the mean of the weights of several trainings that begin with the same ones.

Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves accuracy without increasing
inference time", ICML 2022. The trainings, here called members, follow one another within one run; they differ in the
order of the photos and in how these are varied.
"""

from __future__ import annotations

from maskwright.recipe.recipe import Recipe


def into_member(iteration: int, recipe: Recipe) -> int:
    """How many iterations of its member an iteration comes after; the whole training is the one member of no soup."""
    return iteration % recipe.soup_iterations if recipe.soup_iterations else iteration


def ends_member(iterations: int, recipe: Recipe, *, members: int) -> bool:
    """Whether a member ends with so many iterations done.

    Where the training ends within one, that counts if it has half the others' length, or if there is no other.

    Args:
        iterations: done, at least 1.
        recipe: `soup_iterations`, and where the training ends.
        members: that have ended before.
    """
    if not recipe.soup_iterations:
        return False
    done = into_member(iterations, recipe)
    return done == 0 or (iterations == recipe.final_length and (not members or 2 * done >= recipe.soup_iterations))


def usable(length: int, iterations: int, recipe: Recipe) -> int:
    """The length of a training for which there is time, less a last member that would be too short to count.

    Args:
        length: iterations in all.
        iterations: done.
        recipe: `soup_iterations`.
    """
    rest = into_member(length, recipe)
    counts = length == rest or 2 * rest >= recipe.soup_iterations  # the first one does in any case
    return length if counts else max(length - rest, iterations)
