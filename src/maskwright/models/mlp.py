"""The light pair: a convolutional encoder with an ImageNet past, and SegFormer's all-MLP head at 1/4 resolution.

Nothing is dilated, so the encoder costs what it costs to classify, and the head mixes each map where it is: on a CPU
that is the most to be had for a millisecond.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

from maskwright.models.all_mlp_head import AllMLPHead
from maskwright.models.layers import draw_convolutions
from maskwright.models.mobilenetv2 import MobileNetV2
from maskwright.models.resnet import ResNet
from maskwright.models.segmenter import Segmenter


def mlp_mobilenetv2(
    classes: int,
    *,
    form: Literal["own", "tensorflow"] = "own",
    decoder_channels: int = 0,
    head_dropout: float = 0.0,
) -> Segmenter:
    """MobileNetV2, its last convolution included, and the all-MLP head.

    Args:
        classes: number of classes C.
        form: "own" pads alike on all sides, "tensorflow" as weights from there want it.
        decoder_channels: width of the head; 0 is 128.
        head_dropout: dropout of whole channels before the classifier.
    """
    encoder = MobileNetV2(same_padding=form == "tensorflow", last_convolution=True)
    return _with_head(encoder, classes, decoder_channels or 128, head_dropout)


def mlp_resnet(
    depth: int,
    classes: int,
    *,
    form: Literal["own", "mmsegmentation"] = "own",
    decoder_channels: int = 0,
    head_dropout: float = 0.0,
) -> Segmenter:
    """ResNet and the all-MLP head.

    Args:
        depth: 18, 50 or 101.
        classes: number of classes C.
        form: "own" has torchvision's plain stem, "mmsegmentation" the deep one of ResNet-V1c.
        decoder_channels: width of the head; 0 is 256.
        head_dropout: dropout of whole channels before the classifier.
    """
    encoder = ResNet(depth, stem="plain" if form == "own" else "deep")
    return _with_head(encoder, classes, decoder_channels or 256, head_dropout)


mlp_r18 = partial(mlp_resnet, 18)
mlp_r50 = partial(mlp_resnet, 50)


def _with_head(encoder: MobileNetV2 | ResNet, classes: int, width: int, dropout: float) -> Segmenter:
    head = AllMLPHead(encoder.channels, width, classes, dropout)
    draw_convolutions(head)
    return Segmenter(encoder, head)
