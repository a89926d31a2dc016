"""Recipes that stand ready: YAML files of the package, to be trained by as they are or copied and changed."""

from __future__ import annotations

import math
from importlib import resources
from pathlib import Path

from maskwright.errors import RecipeError, nearest, shown
from maskwright.recipe.files import read_recipe
from maskwright.recipe.recipe import Recipe, with_settings

READY = ("first-user", "first-user-head-lr", "first-user-dropout")
"""Their names, in the order of the ladder: `src/maskwright/recipes/NAME.yaml`."""


def recipe_of(wanted: Path | str) -> Recipe:
    """A recipe by its file, or by its name where it stands ready.

    Args:
        wanted: what `--recipe` was given; a file goes before a name.

    Raises:
        RecipeError: neither is there, or the file is no recipe.
    """
    if str(wanted) not in READY or Path(wanted).is_file():
        if not Path(wanted).exists():
            known = [*READY, *(path.name for path in Path(wanted).parent.glob("*.y*ml"))]
            raise RecipeError(
                f"--recipe {shown(wanted)}: neither a file nor a recipe that stands ready.",
                expected="a file that maskwright plan wrote, or one of " + ", ".join(READY),
                do=nearest(Path(wanted).name, known),
            )
        return read_recipe(Path(wanted))
    with resources.as_file(resources.files("maskwright") / "recipes" / f"{wanted}.yaml") as file:
        return read_recipe(file)


def at_length(recipe: Recipe, iterations: int, *, reason: str) -> Recipe:
    """A recipe with another length, its schedule in proportion: the warm-up and the interval of validation with it.

    Args:
        recipe: as it stands.
        iterations: the new length.
        reason: why.
    """
    share = iterations / recipe.iterations
    return with_settings(
        recipe,
        {
            "iterations": iterations,
            "warmup_iterations": round(share * recipe.warmup_iterations),
            "soup_iterations": math.ceil(share * recipe.soup_iterations),
            "validation_interval": math.ceil(share * recipe.validation_interval),
        },
        source="the budget",
        reason=reason,
    )
