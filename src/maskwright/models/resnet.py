"""ResNet as an encoder.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, table 1; the stride of a bottleneck lies in its
3x3 convolution. The deep stem (three 3x3 convolutions, "V1c") is He et al., "Bag of Tricks", CVPR 2019, section 4.2.
Names of modules are torchvision's, those of the deep stem MMSegmentation's.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from maskwright.models.layers import BatchNorm, draw_convolutions

BLOCKS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
"""Blocks per stage, by depth."""


class ResNet(nn.Module):
    """Images `(B, 3, H, W)` to four maps `(B, C_i, H / s_i, W / s_i)`, sizes rounded up.

    Args:
        depth: 18, 50 or 101.
        output_stride: of the last map: 8, 16 or 32. Strides that this leaves out become dilations; the first block of a
            stage has half of its stage's dilation, as in MMSegmentation (`contract_dilation`).
        stem: "plain", one 7x7 convolution, or "deep", three 3x3 ones.
    """

    def __init__(self, depth: int, *, output_stride: int = 32, stem: Literal["plain", "deep"] = "plain") -> None:
        super().__init__()
        self.deep = stem == "deep"
        if self.deep:
            self.stem = _deep_stem()
        else:
            self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
            self.bn1 = BatchNorm(64)
        block = BasicBlock if depth < 50 else Bottleneck
        channels, stride, dilation = 64, 4, 1
        widths = []
        for stage, count in enumerate(BLOCKS[depth]):
            step, first_dilation = 1, dilation
            if stage and stride < output_stride:
                step, stride = 2, stride * 2
            elif stage:
                dilation *= 2
            blocks = []
            for place in range(count):
                blocks.append(
                    block(channels, 64 * 2**stage, step if place == 0 else 1, dilation if place else first_dilation)
                )
                channels = 64 * 2**stage * block.expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
            widths.append(channels)
        self.channels = tuple(widths)
        draw_convolutions(self)
        for module in self.modules():
            if isinstance(module, BasicBlock | Bottleneck):
                nn.init.zeros_(module.last_norm.weight)  # every block starts as an identity

    def forward(self, images: Tensor) -> list[Tensor]:
        x = self.stem(images) if self.deep else functional.relu(self.bn1(self.conv1(images)), inplace=True)
        x = functional.max_pool2d(x, 3, 2, padding=1)
        maps = []
        for stage in range(1, 5):
            x = self.get_submodule(f"layer{stage}")(x)
            maps.append(x)
        return maps


class BasicBlock(nn.Module):
    """Two 3x3 convolutions; only the first one is dilated."""

    expansion = 1

    def __init__(self, incoming: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(incoming, width, 3, stride, padding=dilation, dilation=dilation, bias=False)
        self.bn1 = BatchNorm(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = BatchNorm(width)
        self.downsample = _shortcut(incoming, width, stride)

    @property
    def last_norm(self) -> BatchNorm:
        return self.bn2

    def forward(self, x: Tensor) -> Tensor:
        out = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        out = self.bn2(self.conv2(out))
        return functional.relu(out + (x if self.downsample is None else self.downsample(x)), inplace=True)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, the last one to four times the width."""

    expansion = 4

    def __init__(self, incoming: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(incoming, width, 1, bias=False)
        self.bn1 = BatchNorm(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = BatchNorm(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = BatchNorm(4 * width)
        self.downsample = _shortcut(incoming, 4 * width, stride)

    @property
    def last_norm(self) -> BatchNorm:
        return self.bn3

    def forward(self, x: Tensor) -> Tensor:
        out = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        out = functional.relu(self.bn2(self.conv2(out)), inplace=True)
        out = self.bn3(self.conv3(out))
        return functional.relu(out + (x if self.downsample is None else self.downsample(x)), inplace=True)


def _shortcut(incoming: int, outgoing: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and incoming == outgoing:
        return None
    return nn.Sequential(nn.Conv2d(incoming, outgoing, 1, stride, bias=False), BatchNorm(outgoing))


def _deep_stem() -> nn.Sequential:
    layers: list[nn.Module] = []
    for incoming, outgoing, stride in ((3, 32, 2), (32, 32, 1), (32, 64, 1)):
        layers += [nn.Conv2d(incoming, outgoing, 3, stride, padding=1, bias=False), BatchNorm(outgoing), nn.ReLU(True)]
    return nn.Sequential(*layers)
