"""A model whose batch norms all keep their statistics, as code of one's own: no photo of a batch changes another's."""

from __future__ import annotations

from torch import nn

from maskwright.models import build_model
from maskwright.models.layers import settle_norms


def frozen(classes: int) -> nn.Module:
    """mlp-mobilenetv2 with frozen batch norms in the head; those of the encoder are the recipe's to freeze."""
    model = build_model("mlp-mobilenetv2", classes=classes)
    settle_norms(model.get_submodule("head"), "frozen")
    return model
