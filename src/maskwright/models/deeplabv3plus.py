"""DeepLabV3+.

Chen et al., "Encoder-Decoder with Atrous Separable Convolution for Semantic Image Segmentation", ECCV 2018. By default
in the form of MMSegmentation's `deeplabv3plus_*-d8`: output stride 8, the last ASPP map reduced by a 3x3 convolution,
an auxiliary head of one 3x3 convolution on the third stage (Zhao et al., "Pyramid Scene Parsing Network", CVPR 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from maskwright.models.layers import conv_norm, depthwise_separable, draw_convolutions, resized
from maskwright.models.mobilenetv2 import MobileNetV2
from maskwright.models.resnet import ResNet
from maskwright.models.segmenter import Segmenter

RATES = {8: (12, 24, 36), 16: (6, 12, 18)}
"""Dilations of the atrous branches by output stride (section 3.1)."""


def deeplabv3plus_resnet(
    depth: int,
    classes: int,
    *,
    form: Literal["own", "torchvision"] = "own",
    output_stride: int = 0,
    decoder_channels: int = 0,
    head_dropout: float = 0.0,
    auxiliary: bool = True,
) -> Segmenter:
    """DeepLabV3+ on a ResNet.

    Args:
        depth: 18, 50 or 101.
        classes: number of classes C.
        form: "own" has the deep stem (ResNet-V1c), "torchvision" the plain one.
        output_stride: 8 or 16; 0 is 8.
        decoder_channels: width of the decoder; 0 is 512, and 128 for depth 18.
        head_dropout: dropout of whole channels before the classifiers.
        auxiliary: whether to build the auxiliary head.
    """
    encoder = ResNet(depth, output_stride=output_stride or 8, stem="deep" if form == "own" else "plain")
    width, low = (128, 12) if depth == 18 else (512, 48)
    head = DeepLabV3PlusHead(
        encoder.channels,
        classes,
        width=decoder_channels or width,
        low_width=low,
        rates=RATES[output_stride or 8],
        dropout=head_dropout,
    )
    third = encoder.channels[2]
    return Segmenter(encoder, head, ConvHead(third, third // 4, classes, head_dropout) if auxiliary else None)


deeplabv3plus_r18 = partial(deeplabv3plus_resnet, 18)
deeplabv3plus_r50 = partial(deeplabv3plus_resnet, 50)
deeplabv3plus_r101 = partial(deeplabv3plus_resnet, 101)


def deeplabv3plus_mobilenetv2(
    classes: int,
    *,
    form: Literal["own", "tensorflow", "huggingface"] = "own",
    output_stride: int = 0,
    decoder_channels: int = 0,
    head_dropout: float = 0.0,
    auxiliary: bool = True,
) -> Segmenter:
    """DeepLabV3+ on a MobileNetV2.

    Args:
        classes: number of classes C.
        form: "own" is MMSegmentation's; "tensorflow" pads as weights from there want it, and dilates as the authors
            do; "huggingface" is their MobileNetV2ForSemanticSegmentation: TensorFlow's padding, and a head with
            pooling and one 1x1 branch, without a decoder and without an auxiliary head.
        output_stride: 8 or 16; 0 is 8.
        decoder_channels: width of the decoder; 0 is 512, and 256 for "huggingface".
        head_dropout: dropout of whole channels before the classifiers.
        auxiliary: whether to build the auxiliary head.
    """
    encoder = MobileNetV2(
        output_stride=output_stride or 8,
        dilated="first" if form == "own" else "rest",
        same_padding=form != "own",
    )
    if form == "huggingface":
        return Segmenter(encoder, PooledHead(encoder.channels[3], decoder_channels or 256, classes, head_dropout))
    head = DeepLabV3PlusHead(
        encoder.channels,
        classes,
        width=decoder_channels or 512,
        low_width=48,
        rates=RATES[output_stride or 8],
        dropout=head_dropout,
    )
    third = encoder.channels[2]
    return Segmenter(encoder, head, ConvHead(third, 256, classes, head_dropout) if auxiliary else None)


class DeepLabV3PlusHead(nn.Module):
    """Atrous spatial pyramid pooling of the last map, joined with the first map; logits at 1/4 size.

    Args:
        incoming: channels of the encoder's maps.
        classes: number of classes C.
        width: channels of every branch and of the decoder.
        low_width: channels that the first map is reduced to.
        rates: dilations of the three atrous branches.
        dropout: of whole channels before the classifier.
    """

    def __init__(
        self,
        incoming: Sequence[int],
        classes: int,
        *,
        width: int,
        low_width: int,
        rates: Sequence[int],
        dropout: float,
    ) -> None:
        super().__init__()
        first, last = incoming[0], incoming[-1]
        self.pooled = conv_norm(last, width)
        self.branches = nn.ModuleList(
            [conv_norm(last, width), *(depthwise_separable(last, width, dilation=rate) for rate in rates)]
        )
        self.joined = conv_norm((len(rates) + 2) * width, width, 3)
        self.low = conv_norm(first, low_width)
        self.decoder = nn.Sequential(depthwise_separable(width + low_width, width), depthwise_separable(width, width))
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = nn.Conv2d(width, classes, 1)
        draw_convolutions(self)

    def forward(self, maps: list[Tensor]) -> Tensor:
        x = maps[-1]
        pooled = self.pooled(functional.adaptive_avg_pool2d(x, 1)).expand(-1, -1, *x.shape[2:])
        joined = self.joined(torch.cat([pooled, *(branch(x) for branch in self.branches)], dim=1))
        low = self.low(maps[0])
        decoded = self.decoder(torch.cat([resized(joined, low.shape[2:]), low], dim=1))
        logits: Tensor = self.classifier(self.dropout(decoded))
        return logits


class ConvHead(nn.Module):
    """A 3x3 convolution and a classifier on the third map (MMSegmentation's FCNHead, as an auxiliary head)."""

    def __init__(self, incoming: int, width: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.convolution = conv_norm(incoming, width, 3)
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = nn.Conv2d(width, classes, 1)
        draw_convolutions(self)

    def forward(self, maps: list[Tensor]) -> Tensor:
        logits: Tensor = self.classifier(self.dropout(self.convolution(maps[2])))
        return logits


class PooledHead(nn.Module):
    """A pooled branch and a 1x1 branch of the last map, joined (Sandler et al., CVPR 2018, section 6.3)."""

    def __init__(self, incoming: int, width: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.pooled = conv_norm(incoming, width)
        self.branch = conv_norm(incoming, width)
        self.joined = conv_norm(2 * width, width)
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = nn.Conv2d(width, classes, 1)
        draw_convolutions(self)

    def forward(self, maps: list[Tensor]) -> Tensor:
        x = maps[-1]
        pooled = self.pooled(functional.adaptive_avg_pool2d(x, 1)).expand(-1, -1, *x.shape[2:])
        logits: Tensor = self.classifier(self.dropout(self.joined(torch.cat([pooled, self.branch(x)], dim=1))))
        return logits
