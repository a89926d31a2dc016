"""MobileNetV2 as an encoder.

Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, table 2, width 1. Names of modules
are torchvision's.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from maskwright.models.layers import conv_norm, draw_convolutions

STAGES = (
    # expansion, channels, blocks, stride of the first
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)

CHANNELS = (24, 32, 96, 320)
"""Of the maps at strides 4, 8, 16 and 32."""
LAST_CHANNELS = 1280
"""Of the last convolution, before what pools and classifies."""


class MobileNetV2(nn.Module):
    """Images `(B, 3, H, W)` to four maps `(B, C_i, H / s_i, W / s_i)`, sizes rounded up.

    Args:
        output_stride: of the last map: 8, 16 or 32. Strides that this leaves out become dilations.
        dilated: which blocks of a dilated stage are: "first" with the stage's dilation, as in MMSegmentation, or
            "rest", the first block with that of the stage before, as in the authors' code.
        same_padding: pad as TensorFlow does, for weights that come from there.
        last_convolution: add the 1x1 convolution to 1280 channels behind the last map.
    """

    def __init__(
        self,
        *,
        output_stride: int = 32,
        dilated: Literal["first", "rest"] = "rest",
        same_padding: bool = False,
        last_convolution: bool = False,
    ) -> None:
        super().__init__()
        blocks: list[nn.Module] = [conv_norm(3, 32, 3, stride=2, act=nn.ReLU6, same_padding=same_padding)]
        self.ends: list[int] = []
        channels, stride, dilation = 32, 2, 1
        for expansion, width, count, step in STAGES:
            if step == 2:
                self.ends.append(len(blocks) - 1)
            before = dilation
            if step == 2 and stride >= output_stride:
                step, dilation = 1, dilation * 2
            stride *= step
            for place in range(count):
                taps = before if place == 0 else dilation
                if dilated == "first":
                    taps = dilation if place == 0 else 1
                blocks.append(
                    InvertedResidual(channels, width, expansion, step if place == 0 else 1, taps, same_padding)
                )
                channels = width
        self.ends = [*self.ends[1:], len(blocks) - 1]
        if last_convolution:
            blocks.append(conv_norm(channels, LAST_CHANNELS, act=nn.ReLU6))
            self.ends[-1] += 1
        self.features = nn.Sequential(*blocks)
        self.channels = (*CHANNELS[:3], LAST_CHANNELS if last_convolution else CHANNELS[3])
        draw_convolutions(self)

    def forward(self, images: Tensor) -> list[Tensor]:
        x, maps = images, []
        for place, block in enumerate(self.features):
            x = block(x)
            if place in self.ends:
                maps.append(x)
        return maps


class InvertedResidual(nn.Module):
    """Wide inside, narrow outside: 1x1, 3x3 per channel, 1x1 without activation; added to its input where it fits."""

    def __init__(
        self, incoming: int, outgoing: int, expansion: int, stride: int, dilation: int, same_padding: bool
    ) -> None:
        super().__init__()
        width = incoming * expansion
        inside = conv_norm(
            width,
            width,
            3,
            stride=stride,
            dilation=dilation,
            groups=width,
            act=nn.ReLU6,
            same_padding=same_padding,
        )
        widen = [] if expansion == 1 else [conv_norm(incoming, width, act=nn.ReLU6)]
        self.conv = nn.Sequential(*widen, inside, *conv_norm(width, outgoing, act=None))
        self.residual = stride == 1 and incoming == outgoing

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return x + out if self.residual else out
