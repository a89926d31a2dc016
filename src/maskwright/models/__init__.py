"""Architectures by name. Importing this module loads no torch; building a model does."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from maskwright.errors import RecipeError, nearest

if TYPE_CHECKING:
    from torch import nn

ARCHITECTURES = {
    "segformer-b0": "maskwright.models.segformer:segformer_b0",
}
"""A name, and the function `(classes, *, drop_path, head_dropout) -> nn.Module` that builds it.

A model takes normalised images `(B, 3, H, W)` and gives logits `(B, C, H, W)` at the same size.
"""


def check_architecture(name: str) -> None:
    """Refuse a name that is no architecture.

    Args:
        name: one of the table's, or `package.module:function` of one's own.

    Raises:
        RecipeError: there is no such architecture.
    """
    if name not in ARCHITECTURES and ":" not in name:
        raise RecipeError(f"model={name}: there is no such architecture.", do=nearest(name, list(ARCHITECTURES)))


def build_model(name: str, *, classes: int, drop_path: float = 0.0, head_dropout: float = 0.0) -> nn.Module:
    """Build an architecture with freshly drawn weights (torch's global generator).

    Args:
        name: see `check_architecture`.
        classes: number of classes C.
        drop_path: largest probability of skipping a residual branch, in [0, 1).
        head_dropout: dropout before the classifier, in [0, 1).

    Returns:
        A module `(B, 3, H, W) -> (B, C, H, W)`, in channels_last memory format.

    Raises:
        RecipeError: there is no such architecture.
    """
    check_architecture(name)
    module, function = ARCHITECTURES.get(name, name).split(":")
    try:
        build = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise RecipeError(
            f"model={name}: cannot be imported.",
            found=str(error),
            do="Name a function as package.module:function that Python can import from here.",
        ) from None
    model: nn.Module = build(classes, drop_path=drop_path, head_dropout=head_dropout)
    return model
