"""The networks that a config of MMSegmentation may describe: what Maskwright builds like them, and how they must be.

A value that is left out of a config has MMSegmentation's default, so the tables hold those too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

IMPORTABLE = (
    "EncoderDecoder of MixVisionTransformer (the sizes B0 to B5) and SegformerHead; "
    "EncoderDecoder of ResNetV1c or ResNet (depth 18, 50 or 101) or MobileNetV2 and DepthwiseSeparableASPPHead, "
    "with an FCNHead as auxiliary_head or without one"
)


@dataclass(frozen=True)
class Entry:
    """How an entry of a network must be.

    Args:
        ours: what the network built here has.
        default: what MMSegmentation takes where the config says nothing.
    """

    ours: Any
    default: Any


@dataclass(frozen=True)
class Network:
    """One of the networks, as MMSegmentation describes it.

    Args:
        name: the model's name here.
        settings: settings that make it the same network, beside `model`.
        decoder_channels: the width of the decoder that it has where the setting is 0.
        backbone: how the entries of the backbone must be.
        decode_head: the same for the head.
        auxiliary_head: the same for the auxiliary head; empty where there is none here.
    """

    name: str
    settings: Mapping[str, Any]
    decoder_channels: int
    backbone: Mapping[str, Entry]
    decode_head: Mapping[str, Entry]
    auxiliary_head: Mapping[str, Entry] = field(default_factory=dict)


def always(value: Any) -> Entry:
    """An entry whose default is what it must be."""
    return Entry(value, value)


HEAD = {
    "conv_cfg": always(None),
    "act_cfg": always({"type": "ReLU"}),
    "threshold": always(None),
    "align_corners": always(False),
}
"""Entries of every head."""

MIX_TRANSFORMER = {
    "in_channels": always(3),
    "num_stages": always(4),
    "num_heads": Entry([1, 2, 5, 8], [1, 2, 4, 8]),
    "patch_sizes": always([7, 3, 3, 3]),
    "strides": always([4, 2, 2, 2]),
    "sr_ratios": always([8, 4, 2, 1]),
    "out_indices": always([0, 1, 2, 3]),
    "mlp_ratio": always(4),
    "qkv_bias": always(True),
    "act_cfg": always({"type": "GELU"}),
}

RESNET = {
    "in_channels": always(3),
    "stem_channels": always(64),
    "base_channels": always(64),
    "num_stages": always(4),
    "out_indices": always([0, 1, 2, 3]),
    "style": always("pytorch"),
    "deep_stem": always(False),
    "avg_down": always(False),
    "conv_cfg": always(None),
    "dcn": always(None),
    "stage_with_dcn": always([False] * 4),
    "plugins": always(None),
    "multi_grid": always(None),
    "contract_dilation": Entry(True, False),
}

MOBILENET = {
    "widen_factor": always(1),
    "out_indices": always([1, 2, 4, 6]),
    "conv_cfg": always(None),
    "act_cfg": always({"type": "ReLU6"}),
}

SEGFORMERS = {
    "segformer-b0": (32, [2, 2, 2, 2]),
    "segformer-b1": (64, [2, 2, 2, 2]),
    "segformer-b2": (64, [3, 4, 6, 3]),
    "segformer-b3": (64, [3, 4, 18, 3]),
    "segformer-b4": (64, [3, 8, 27, 3]),
    "segformer-b5": (64, [3, 6, 40, 3]),
}
"""embed_dims and num_layers."""

RESNETS = {
    18: ("deeplabv3plus-r18", (64, 256, 512), 128, 12, 64),
    50: ("deeplabv3plus-r50", (256, 1024, 2048), 512, 48, 256),
    101: ("deeplabv3plus-r101", (256, 1024, 2048), 512, 48, 256),
}
"""By depth: the name; channels of the first, third and last map; of the decoder, of the low-level branch, and of the
auxiliary head."""

RESNET_STRIDES = {8: ((1, 2, 1, 1), (1, 1, 2, 4)), 16: ((1, 2, 2, 1), (1, 1, 1, 2))}
MOBILENET_STRIDES = {
    8: ((1, 2, 2, 1, 1, 1, 1), (1, 1, 1, 2, 2, 4, 4)),
    16: ((1, 2, 2, 2, 1, 1, 1), (1, 1, 1, 1, 1, 2, 2)),
}
"""strides and dilations of the stages, by output stride."""

DILATIONS = {8: [1, 12, 24, 36], 16: [1, 6, 12, 18]}
"""Of the head's branches, by output stride."""


def segformer(name: str) -> Network:
    """A SegFormer: Xie et al., NeurIPS 2021, with MMSegmentation's head."""
    width = SEGFORMERS[name][0]
    return Network(
        name=name,
        settings={"form": "mmsegmentation"},
        decoder_channels=256,
        backbone=MIX_TRANSFORMER,
        decode_head={
            **HEAD,
            "in_channels": Entry([width, 2 * width, 5 * width, 8 * width], None),
            "in_index": Entry([0, 1, 2, 3], -1),
            "interpolate_mode": always("bilinear"),
            "input_transform": always("multiple_select"),
        },
    )


def deeplabv3plus_resnet(depth: int, *, output_stride: int, deep_stem: bool) -> Network:
    """DeepLabV3+ on a ResNet.

    Args:
        depth: 18, 50 or 101.
        output_stride: 8 or 16.
        deep_stem: whether the stem is three convolutions (ResNetV1c) or one (ResNet).
    """
    name, maps, width, low_width, auxiliary_width = RESNETS[depth]
    return Network(
        name=name,
        settings={"form": "own" if deep_stem else "torchvision", "output_stride": output_stride},
        decoder_channels=width,
        backbone=RESNET,
        decode_head=_aspp_head(maps, low_width, output_stride),
        auxiliary_head=_auxiliary_head(maps, auxiliary_width),
    )


def deeplabv3plus_mobilenet(*, output_stride: int) -> Network:
    """DeepLabV3+ on a MobileNetV2."""
    maps = (24, 96, 320)
    return Network(
        name="deeplabv3plus-mobilenetv2",
        settings={"form": "own", "output_stride": output_stride},
        decoder_channels=512,
        backbone=MOBILENET,
        decode_head=_aspp_head(maps, 48, output_stride),
        auxiliary_head=_auxiliary_head(maps, 256),
    )


def _aspp_head(maps: tuple[int, int, int], low_width: int, output_stride: int) -> dict[str, Entry]:
    return {
        **HEAD,
        "in_channels": Entry(maps[2], None),
        "in_index": Entry(3, -1),
        "input_transform": always(None),
        "dilations": Entry(DILATIONS[output_stride], DILATIONS[16]),
        "c1_in_channels": Entry(maps[0], None),
        "c1_channels": Entry(low_width, None),
    }


def _auxiliary_head(maps: tuple[int, int, int], width: int) -> dict[str, Entry]:
    return {
        **HEAD,
        "in_channels": Entry(maps[1], None),
        "in_index": Entry(2, -1),
        "input_transform": always(None),
        "channels": Entry(width, None),
        "num_convs": Entry(1, 2),
        "kernel_size": always(3),
        "concat_input": Entry(False, True),
        "dilation": always(1),
    }
