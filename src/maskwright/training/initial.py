"""The weights that training starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from maskwright.errors import WeightsError, shown
from maskwright.models.loading import load_weights
from maskwright.recipe.recipe import Recipe
from maskwright.storage import file_digest
from maskwright.weights.hub import PREFIX, hub_weights
from maskwright.weights.store import cached, described, open_verified, stored


def load_initial(model: nn.Module, recipe: Recipe) -> dict[str, Any]:
    """Fill a freshly drawn model with the recipe's weights.

    Args:
        model: changed in place.
        recipe: `weights` names a file or an item of the cache; "none" changes nothing.

    Returns:
        What was loaded from where, for `initial_weights.json`.

    Raises:
        WeightsError: the weights are not there, are others than the recipe's, or do not fit.
    """
    if recipe.weights == "none":
        return {"format": 1, "name": "none"}
    path = weights_file(recipe)
    loaded = load_weights(model, path, source=recipe.weights)
    if loaded.options:
        wanted = ", ".join(f"{name}: {value}" for name, value in loaded.options.items())
        raise WeightsError(
            f"{recipe.weights}: these weights do not fit the recipe.", expected=wanted, do="Write that into the recipe."
        )
    there = next((one for one in stored() if one.sha256 == recipe.weights_digest), None)
    about = there or (hub_weights(recipe.weights) if recipe.weights.startswith(PREFIX) else described(path))
    return {
        "format": 1,
        "name": recipe.weights,
        "sha256": recipe.weights_digest,
        "licence": about.licence,
        "commercial": about.commercial,
        "origin": loaded.origin,
        "loaded": len(loaded.loaded),
        "place": loaded.place,
        "unread": list(loaded.unread),
        "left_out": dict(loaded.left_out),
        "new": dict(loaded.new),
    }


def weights_file(recipe: Recipe) -> Path:
    """The file of the recipe's weights: an item of the cache by name or digest, one of the hub, or the path itself.

    Raises:
        WeightsError: it is not there, or is another file than the recipe says.
    """
    wanted = recipe.weights_digest
    item = cached(recipe.weights) or next((one for one in stored() if wanted and one.sha256 == wanted), None)
    if item is not None and item.sha256 == (wanted or item.sha256):
        return open_verified(item)
    path = hub_weights(recipe.weights).path if recipe.weights.startswith(PREFIX) else Path(recipe.weights)
    if path.is_file() and (not wanted or file_digest(path) == wanted):
        return path
    raise WeightsError(
        f"weights {recipe.weights}: the file that the recipe was made with is not here.",
        expected=f"SHA-256 {wanted}" if wanted else "an item of the cache, or a file",
        found=f"another file, {shown(item.path if item else path)}"
        if item or path.is_file()
        else "neither in the cache nor as a file",
        do="Take it in: maskwright weights add FILE, or maskwright weights get NAME",
    )
