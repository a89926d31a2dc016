"""An encoder, a head, and perhaps an auxiliary head: what every architecture here is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from maskwright.models.layers import channels_last, resized

if TYPE_CHECKING:
    from maskwright.models import Architecture


class Segmenter(nn.Module):
    """Normalised images `(B, 3, H, W)` to logits `(B, C, H, W)`, for any H and W.

    In training an auxiliary head answers too: then there is a pair, the logits and the auxiliary ones.

    Args:
        encoder: images to a list of feature maps, the finest first.
        head: feature maps to logits at some size.
        auxiliary: the same, for training only.
    """

    architecture: Architecture | None = None
    """What `build_model` built it from."""

    def __init__(self, encoder: nn.Module, head: nn.Module, auxiliary: nn.Module | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.auxiliary = auxiliary
        nn.init.normal_(head.classifier.weight, std=0.01)  # type: ignore[union-attr, arg-type]  # all classes as likely
        channels_last(self)

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        maps = self.encoder(images)
        logits = resized(self.head(maps).float(), images.shape[2:])
        if self.training and self.auxiliary is not None:
            return logits, resized(self.auxiliary(maps).float(), images.shape[2:])
        return logits
