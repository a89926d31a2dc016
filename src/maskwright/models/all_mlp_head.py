"""The all-MLP decoder, from Xie et al., "SegFormer", NeurIPS 2021, equation 4.

It mixes channels at each stage's own resolution. Bilinear upsampling acts on each channel alone and a 1x1 convolution
on each pixel alone, so they commute: `W [up(x1); up(x2); ...] = up(W1 x1) + up(W2 x2) + ...`, and `W_i (L_i x + b_i)`
is one linear map `(W_i L_i) x + W_i b_i`. The textbook's order does the same at 1/4 resolution throughout, nine times
as dear.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from maskwright.models.layers import BatchNorm, conv_norm, resized


class AllMLPHead(nn.Module):
    """Feature maps `(B, C_i, H_i, W_i)` to logits `(B, C, H_0, W_0)`.

    Args:
        incoming: channels `C_i` of the maps, the finest first.
        width: channels that all of them are brought to.
        classes: number of classes C.
        dropout: of whole channels before the classifier.
        projections: what brings a map to `width`: "linear", a linear layer as in the paper, or "conv_norm", a 1x1
            convolution with batch norm and ReLU as in MMSegmentation.
    """

    def __init__(
        self,
        incoming: Sequence[int],
        width: int,
        classes: int,
        dropout: float,
        *,
        projections: Literal["linear", "conv_norm"] = "linear",
    ) -> None:
        super().__init__()
        made = [nn.Linear(one, width) if projections == "linear" else conv_norm(one, width) for one in incoming]
        self.projections = nn.ModuleList(made)
        self.fuse = nn.Linear(width * len(incoming), width, bias=False)
        self.norm = BatchNorm(width)
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = nn.Conv2d(width, classes, 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        size = maps[0].shape[2:]
        total: Tensor | None = None
        for projection, mix, features in zip(self.projections, self._mixes(), maps, strict=True):
            mixed = resized(_mixed(projection, mix, features), size)
            total = mixed if total is None else total + mixed
        logits: Tensor = self.classifier(self.dropout(functional.relu(self.norm(total))))
        return logits

    def _mixes(self) -> tuple[Tensor, ...]:
        """The fusing matrix cut into one `(width, width)` part per stage."""
        return self.fuse.weight.chunk(len(self.projections), dim=1)


def _mixed(projection: nn.Module, mix: Tensor, features: Tensor) -> Tensor:
    bias: Tensor | None = None
    if isinstance(projection, nn.Linear):
        mix, bias = mix @ projection.weight, mix @ projection.bias
    else:
        features = projection(features)
    return functional.linear(features.permute(0, 2, 3, 1), mix, bias).permute(0, 3, 1, 2)
