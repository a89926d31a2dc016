"""What the weights that a training starts from have learned from, by their name in the recipe."""

from __future__ import annotations

DRAWINGS = "drawings-"
"""How the names of weights begin that were learned from drawn photos."""


def knows_photos(weights: str) -> bool:
    """Whether what a training starts from has learned from photos: then most of it is to be kept.

    Args:
        weights: as in a recipe.
    """
    return weights != "none" and not weights.startswith(DRAWINGS)
