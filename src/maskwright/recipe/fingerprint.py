"""Whether two recipes are the same, and in what they differ."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from maskwright.recipe.recipe import Recipe, settings
from maskwright.storage import json_text

APART = ("seed", "threads", "device")
"""What may differ between two runs of one recipe: the luck of the draw, and the machine."""


def fingerprint(recipe: Recipe) -> str:
    """Hex digest of a recipe but for its seed, threads and device; equal digest = the same recipe."""
    return hashlib.blake2b(json_text(_told(recipe)).encode(), digest_size=16).hexdigest()


def differing(recipes: Sequence[Recipe]) -> dict[str, tuple[Any, ...]]:
    """What makes recipes others: the settings that are not the same everywhere, in the order of their declaration.

    Returns:
        By the setting's name the value of each recipe; seed, threads and device are left out.
    """
    told = [_told(recipe) for recipe in recipes]
    return {
        entry.name: tuple(getattr(recipe, entry.name) for recipe in recipes)
        for entry in settings()
        if any(values.get(entry.name) != told[0].get(entry.name) for values in told)
    }


def _told(recipe: Recipe) -> dict[str, Any]:
    """The settings that make the recipe; weights whose digest is known are the same wherever their file lies."""
    values = recipe.model_dump(exclude=set(APART))
    return values | {"weights": ""} if recipe.weights_digest else values
