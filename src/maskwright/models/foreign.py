"""What the models of other packages need before they can be trained and asked here like ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from maskwright.models.importers.rules import Mapped, Origin
from maskwright.models.layers import BatchNorm, resized

LEAST_PX = 128
"""Side of the smallest image that these models are shown: some halve their deepest map three times more."""


class Foreign(Protocol):
    """A model of another package, its tensors called `encoder.*`, and `head.*` or `decoder.*`."""

    @property
    def origin(self) -> Origin:
        """Who publishes weights for it."""

    def translated(self, tensors: Mapping[str, Tensor], source: str) -> Mapped:
        """Published weights under the model's own names.

        Args:
            tensors: by their name in the file.
            source: what messages call the weights.

        Raises:
            WeightsError: they do not fit.
        """


def adopt_norms(module: nn.Module) -> None:
    """Make all plain batch norms ours: see `BatchNorm`. What they hold, and their names, stay."""
    for part in module.modules():
        if type(part) is nn.BatchNorm2d:
            part.__class__ = BatchNorm


def stepped(images: Tensor, step: int) -> Tensor:
    """Images filled up at the right and at the bottom to whole steps, and to the least size.

    Args:
        images: `(B, 3, H, W)`, normalised: what is added has the mean colour.
        step: in pixels.
    """
    low, right = (-(-max(size, LEAST_PX) // step) * step - size for size in images.shape[2:])
    return functional.pad(images, (0, right, 0, low)) if low or right else images


def at_size(
    network: Callable[[Tensor], Tensor], images: Tensor, *, step: int, fixed_hw: Sequence[int] | None
) -> Tensor:
    """Logits `(B, C, H, W)` at the size of the images, of a network that takes only some sizes.

    Args:
        network: images to logits at any scale of theirs.
        images: `(B, 3, H, W)`.
        step: it takes whole steps of so many pixels.
        fixed_hw: the only size that it takes, where there is one: images are scaled to it and logits back.
    """
    height, width = images.shape[2:]
    images = images.contiguous(memory_format=torch.channels_last)
    if fixed_hw is not None:
        return resized(network(resized(images, fixed_hw)).float(), (height, width))
    images = stepped(images, step)
    return resized(network(images).float(), images.shape[2:])[..., :height, :width]
