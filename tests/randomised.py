"""Models whose every number matters: weights, norms and running statistics, all drawn."""

from __future__ import annotations

from torch import Tensor, nn


def randomise(model: nn.Module) -> nn.Module:
    """Draw all weights so that features stay about as large from layer to layer; the model in eval mode."""
    for module in model.modules():
        for name, one in module.named_parameters(recurse=False):
            if one.ndim > 1:
                nn.init.normal_(one, std=(1.5 / one[0].numel()) ** 0.5)
            elif name == "weight":
                nn.init.uniform_(one, 0.7, 1.3)
            else:
                nn.init.normal_(one, std=0.1)
        for name, one in module.named_buffers(recurse=False):
            if name == "running_mean":
                nn.init.normal_(one, std=0.1)
            elif name == "running_var":
                nn.init.uniform_(one, 0.5, 2.0)
    return model.eval()


def relative(a: Tensor, b: Tensor) -> float:
    """The relative error of a against b."""
    return float((a - b).norm() / b.norm())
