"""What the architectures are put together from: batch norm that bears a batch of one, and convolutions with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional


class BatchNorm(nn.BatchNorm2d):
    """Batch norm (Ioffe and Szegedy, ICML 2015) that also works where a batch has no statistics, and can keep them.

    A channel with a single value in the whole batch (one photo, pooled) has no variance: the running statistics are
    used then, and left as they are. With `keeps_statistics` they always are.
    """

    keeps_statistics = False

    def forward(self, x: Tensor) -> Tensor:
        if self.training and (self.keeps_statistics or x.numel() == x.shape[1]):
            return functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            )
        normed: Tensor = super().forward(x)
        return normed


def settle_norms(encoder: nn.Module, mode: Literal["train", "keep_statistics", "frozen"]) -> int:
    """Say how the batch norms of an encoder train.

    Args:
        encoder: its batch norms are changed in place.
        mode: "train"; "keep_statistics": scale and offset train; "frozen": nothing does.

    Returns:
        How many batch norms there are.
    """
    norms = [module for module in encoder.modules() if isinstance(module, BatchNorm)]
    for norm in norms:
        norm.keeps_statistics = mode != "train"
        norm.requires_grad_(mode != "frozen")
    return len(norms)


def conv_norm(
    incoming: int,
    outgoing: int,
    kernel: int = 1,
    *,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    act: type[nn.Module] | None = nn.ReLU,
    same_padding: bool = False,
) -> nn.Sequential:
    """A convolution without bias, batch norm, and an activation.

    Args:
        incoming: channels.
        outgoing: channels.
        kernel: odd side of the kernel, in pixels.
        stride: step, in pixels.
        dilation: distance of the kernel's taps, in pixels.
        groups: of the convolution.
        act: the activation, or None.
        same_padding: pad as TensorFlow does, see `StridedConv2d`; otherwise alike on all sides.
    """
    convolution = (StridedConv2d if stride > 1 else nn.Conv2d)(
        incoming,
        outgoing,
        kernel,
        stride,
        padding=dilation * (kernel // 2),
        dilation=dilation,
        groups=groups,
        bias=False,
    )
    if isinstance(convolution, StridedConv2d):
        convolution.same_padding = same_padding
    return nn.Sequential(convolution, BatchNorm(outgoing), *([] if act is None else [act(inplace=True)]))


def depthwise_separable(incoming: int, outgoing: int, *, dilation: int = 1) -> nn.Sequential:
    """A 3x3 convolution per channel and a 1x1 one over channels, each with batch norm and ReLU (Chollet 2017)."""
    return nn.Sequential(
        conv_norm(incoming, incoming, 3, dilation=dilation, groups=incoming), conv_norm(incoming, outgoing)
    )


class StridedConv2d(nn.Conv2d):
    """A strided convolution, for weights of TensorFlow with its SAME padding: the odd pixel that is missing at the end.

    There the output's side is `ceil(n / s)` and the padding `max((ceil(n / s) - 1) s + d (k - 1) + 1 - n, 0)`, half of
    it, rounded down, before. Weights trained that way see a photo shifted by half a step where both sides are padded
    alike.

    On a CPU a depthwise one is computed in float32 also where the rest is bfloat16: oneDNN's bfloat16 gradient of it
    takes 3 to 15 times as long (101 of the 349 ms of an iteration of mlp-mobilenetv2; in float32 24).
    """

    same_padding = False

    def forward(self, x: Tensor) -> Tensor:
        if self.groups > 1 and x.device.type == "cpu" and x.dtype == torch.bfloat16:
            with torch.autocast("cpu", enabled=False):
                return self._strided(x.float()).to(x.dtype)
        return self._strided(x)

    def _strided(self, x: Tensor) -> Tensor:
        if not self.same_padding:
            return super().forward(x)
        pads: list[int] = []
        for axis in (1, 0):  # functional.pad counts from the last axis
            size, step = x.shape[2 + axis], self.stride[axis]
            reach = self.dilation[axis] * (self.kernel_size[axis] - 1) + 1
            missing = max((-(-size // step) - 1) * step + reach - size, 0)
            pads += [missing // 2, missing - missing // 2]
        padded = functional.pad(x, pads)
        return functional.conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


def draw_convolutions(module: nn.Module) -> None:
    """He's initialisation by fan-out of every convolution (He et al., ICCV 2015); norms start as identities."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def resized(x: Tensor, size: Sequence[int]) -> Tensor:
    """Features `(B, C, H, W)` at another size, bilinearly, corners not aligned."""
    if tuple(x.shape[2:]) == tuple(size):
        return x
    return functional.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)


def channels_last(module: nn.Module) -> nn.Module:
    """The module with its weights in channels_last memory format."""
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
