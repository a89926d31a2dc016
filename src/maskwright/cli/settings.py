"""Settings of the recipe from the options that set one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any


def chosen_settings(assignments: Sequence[str] | None, *, offline: bool = False, **options: Any) -> dict[str, Any]:
    """Settings by name, from `--set` and from options of the same name; `--set` says it last.

    Args:
        assignments: what `--set` was given, "key=value" each.
        offline: forbid every network call from here on.
        options: settings that have an option of their own; None where it was left out.

    Raises:
        RecipeError: an assignment names no setting, or has no value.
    """
    from maskwright.recipe.files import parse_settings

    if offline:
        os.environ["MASKWRIGHT_OFFLINE"] = "1"
    given = {name: value for name, value in options.items() if value is not None}
    return {**given, **parse_settings(assignments or ())}
