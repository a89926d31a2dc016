"""recipe.yaml: one setting a line, its reason behind it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from maskwright.declared import parse_assignments, reasons_in, setting_line
from maskwright.errors import RecipeError, shown
from maskwright.recipe.recipe import Recipe, make_recipe, settings
from maskwright.storage import write_text

FORMAT = 1


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write `recipe.yaml`, whole or not at all; weights in its own folder by their place there: folders are moved."""
    weights, folder = Path(recipe.weights), path.parent.resolve()
    if weights.is_absolute() and weights.is_relative_to(folder):
        recipe = recipe.model_copy(update={"weights": weights.relative_to(folder).as_posix()})
    write_text(path, recipe_text(recipe))


def recipe_text(recipe: Recipe) -> str:
    """The text of `recipe.yaml`: `name: value  # reason [unit]`."""
    lines = ["# A Maskwright recipe. Behind each setting stands why it has its value.", f"format: {FORMAT}"]
    lines += [setting_line(each.name, getattr(recipe, each.name), recipe.reason(each.name)) for each in settings()]
    return "\n".join(lines) + "\n"


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; settings that it does not name take their defaults.

    Raises:
        RecipeError: the file is missing, is not flat YAML, is of another format version, or holds wrong settings.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.safe_load(text) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RecipeError(
            f"{shown(path)}: cannot be read as a recipe.",
            expected="lines like  lr: 0.001",
            found=" ".join(str(error).split())[:200],
            do="maskwright plan DATA -o recipe.yaml writes one.",
        ) from None
    if not isinstance(values, dict):
        raise RecipeError(
            f"{shown(path)}: not a recipe.", expected="lines like  lr: 0.001", found=type(values).__name__
        )
    version = values.pop("format", FORMAT)
    if version != FORMAT:
        raise RecipeError(
            f"{shown(path)}: this format version is not known here.",
            expected=f"format {FORMAT}",
            found=f"format {version}",
            do="Use a newer Maskwright: pip install -U maskwright",
        )
    reasons = reasons_in(text)
    reasons.pop("reasons", None)
    if isinstance(values.get("weights"), str) and (path.parent / values["weights"]).is_file():
        values["weights"] = str((path.parent / values["weights"]).resolve())  # a run keeps its own beside its recipe
    values.pop("reasons", None)
    return make_recipe(values, source=shown(path), reasons={key: reasons[key] for key in reasons if key in values})


def without_place(text: str, weights: str) -> str:
    """The text of a recipe that names the file which training started from, but not where that lay.

    Args:
        text: of `recipe.yaml`.
        weights: its setting of that name.
    """
    return text.replace(weights, Path(weights).name) if Path(weights).is_absolute() else text


def parse_settings(assignments: Sequence[str]) -> dict[str, Any]:
    """Settings from `--set key=value`, values read as YAML.

    Raises:
        RecipeError: an assignment has no "=", or names no setting.
    """
    return parse_assignments(assignments, [entry.name for entry in settings()])
