"""ResNet, MobileNetV2 and DeepLabV3+ from MMSegmentation, torchvision, timm and Hugging Face."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from maskwright.models.importers.rules import Origin, Rule, left_out, rule

_WHOLE_IMAGES = "classifies whole images"
_FIRST_OF_STAGE = (1, 2, 4, 7, 11, 14, 17)
"""Places, among MobileNetV2's blocks, of the first block of each stage."""


def _resnet_stages(theirs: str) -> tuple[Rule, ...]:
    """The four stages, which are called alike everywhere."""
    return tuple(
        line
        for stage in range(1, 5)
        for line in (
            *(
                rule(
                    f"{theirs}layer{stage}.{{b}}.{part}{{n}}.{{leaf}}",
                    f"encoder.layer{stage}.{{b}}.{part}{{n}}.{{leaf}}",
                )
                for part in ("conv", "bn")
            ),
            rule(
                f"{theirs}layer{stage}.{{b}}.downsample.{{n}}.{{leaf}}",
                f"encoder.layer{stage}.{{b}}.downsample.{{n}}.{{leaf}}",
            ),
        )
    )


def _separable(theirs: str, ours: str) -> tuple[Rule, ...]:
    """MMSegmentation's depthwise separable convolution."""
    return tuple(
        rule(f"{theirs}.{kind}_conv.{part}.{{leaf}}", f"{ours}.{place}.{number}.{{leaf}}")
        for place, kind in enumerate(("depthwise", "pointwise"))
        for number, part in enumerate(("conv", "bn"))
    )


def _conv_module(theirs: str, ours: str) -> tuple[Rule, ...]:
    """MMCV's convolution with a norm."""
    return tuple(
        rule(f"{theirs}.{part}.{{leaf}}", f"{ours}.{number}.{{leaf}}") for number, part in enumerate(("conv", "bn"))
    )


_MMSEGMENTATION_HEADS = (
    *_conv_module("decode_head.image_pool.1", "head.pooled"),
    *_conv_module("decode_head.aspp_modules.0", "head.branches.0"),
    *(line for n in (1, 2, 3) for line in _separable(f"decode_head.aspp_modules.{n}", f"head.branches.{n}")),
    *_conv_module("decode_head.bottleneck", "head.joined"),
    *_conv_module("decode_head.c1_bottleneck", "head.low"),
    *(line for n in (0, 1) for line in _separable(f"decode_head.sep_bottleneck.{n}", f"head.decoder.{n}")),
    rule("decode_head.conv_seg.{leaf}", "head.classifier.{leaf}"),
    *_conv_module("auxiliary_head.convs.0", "auxiliary.convolution"),
    rule("auxiliary_head.conv_seg.{leaf}", "auxiliary.classifier.{leaf}"),
)

_OF_WHOLE_IMAGES = (left_out("backbone.fc.{leaf}", _WHOLE_IMAGES), left_out("head.fc.{leaf}", _WHOLE_IMAGES))
"""What MMPretrain's checkpoints hold beside the backbone."""

MMSEGMENTATION_V1C = Origin(
    name="ResNet-V1c of MMSegmentation",
    told_by=("backbone.stem.0.weight", "backbone.layer1.0.conv1.weight"),
    encoder_prefix="backbone.",
    forms=("mmsegmentation", "own"),
    family="deeplabv3plus",
    rules=(
        rule("backbone.stem.{n}.{leaf}", "encoder.stem.{n}.{leaf}"),
        *_resnet_stages("backbone."),
        *_MMSEGMENTATION_HEADS,
        *_OF_WHOLE_IMAGES,
    ),
)

MMSEGMENTATION_RESNET = Origin(
    name="ResNet of MMSegmentation",
    told_by=("backbone.conv1.weight", "backbone.layer1.0.conv1.weight"),
    forms=("torchvision", "own"),
    family="deeplabv3plus",
    rules=(
        rule("backbone.conv1.weight", "encoder.conv1.weight"),
        rule("backbone.bn1.{leaf}", "encoder.bn1.{leaf}"),
        *_resnet_stages("backbone."),
        *_MMSEGMENTATION_HEADS,
        *_OF_WHOLE_IMAGES,
    ),
)

RESNET = Origin(
    name="ResNet of torchvision or timm",
    told_by=("conv1.weight", "layer1.0.conv1.weight"),
    forms=("torchvision", "own"),
    rules=(
        rule("conv1.weight", "encoder.conv1.weight"),
        rule("bn1.{leaf}", "encoder.bn1.{leaf}"),
        *_resnet_stages(""),
        left_out("fc.{leaf}", _WHOLE_IMAGES),
    ),
)

TIMM_V1C = Origin(
    name="ResNet-C of timm",
    told_by=("conv1.0.weight", "layer1.0.conv1.weight"),
    forms=("mmsegmentation", "own"),
    rules=(
        rule("conv1.{n}.{leaf}", "encoder.stem.{n}.{leaf}"),
        rule("bn1.{leaf}", "encoder.stem.7.{leaf}"),
        *_resnet_stages(""),
        left_out("fc.{leaf}", _WHOLE_IMAGES),
    ),
)

MOBILENETV2 = Origin(
    name="MobileNetV2 of torchvision",
    told_by=("features.0.0.weight", "features.1.conv.0.0.weight"),
    forms=("own", "tensorflow", "huggingface"),  # names do not tell the padding: a model that has another keeps it
    rules=(
        rule("features.{i}.{n}.{leaf}", "encoder.features.{i}.{n}.{leaf}"),
        rule("features.{i}.conv.{n}.{leaf}", "encoder.features.{i}.conv.{n}.{leaf}"),
        rule("features.{i}.conv.{n}.{m}.{leaf}", "encoder.features.{i}.conv.{n}.{m}.{leaf}"),
        left_out("classifier.{n}.{leaf}", _WHOLE_IMAGES),
    ),
)
MOBILENETV2_SAME = Origin(
    name="MobileNetV2 with TensorFlow's padding, in torchvision's names",
    told_by=MOBILENETV2.told_by,
    forms=("tensorflow", "huggingface"),
    rules=MOBILENETV2.rules,
)
"""Told by what the file says of its padding: the names are the same."""


def _inverted(theirs: dict[str, str], ours: str) -> tuple[Rule, ...]:
    """A block's convolutions and norms: their names by ours behind `features.i.`."""
    return tuple(rule(f"{name}.{{leaf}}", f"{ours}.{place}.{{leaf}}") for place, name in theirs.items())


def _mmsegmentation_block(stage: int, block: int) -> tuple[Rule, ...]:
    theirs, ours = f"backbone.layer{stage + 1}.{block}.conv", f"encoder.features.{_FIRST_OF_STAGE[stage] + block}.conv"
    last = 2 if stage else 1
    return (
        *(line for n in range(last) for line in _conv_module(f"{theirs}.{n}", f"{ours}.{n}")),
        rule(f"{theirs}.{last}.conv.weight", f"{ours}.{last}.weight"),
        rule(f"{theirs}.{last}.bn.{{leaf}}", f"{ours}.{last + 1}.{{leaf}}"),
    )


def _timm_block(stage: int, block: int) -> tuple[Rule, ...]:
    theirs, ours = f"blocks.{stage}.{block}", f"encoder.features.{_FIRST_OF_STAGE[stage] + block}.conv"
    if stage == 0:
        names = {"0.0": "conv_dw", "0.1": "bn1", "1": "conv_pw", "2": "bn2"}
    else:
        names = {"0.0": "conv_pw", "0.1": "bn1", "1.0": "conv_dw", "1.1": "bn2", "2": "conv_pwl", "3": "bn3"}
    return _inverted({place: f"{theirs}.{name}" for place, name in names.items()}, ours)


def _huggingface_block(number: int) -> tuple[Rule, ...]:
    theirs, ours = f"mobilenet_v2.layer.{number}", f"encoder.features.{number + 2}.conv"
    return (
        *_huggingface_conv(f"{theirs}.expand_1x1", f"{ours}.0.0", f"{ours}.0.1"),
        *_huggingface_conv(f"{theirs}.conv_3x3", f"{ours}.1.0", f"{ours}.1.1"),
        *_huggingface_conv(f"{theirs}.reduce_1x1", f"{ours}.2", f"{ours}.3"),
    )


def _huggingface_conv(theirs: str, convolution: str, norm: str) -> tuple[Rule, ...]:
    return (
        rule(f"{theirs}.convolution.{{leaf}}", f"{convolution}.{{leaf}}"),
        rule(f"{theirs}.normalization.running_var", f"{norm}.running_var", change=_larger_epsilon),
        rule(f"{theirs}.normalization.{{leaf}}", f"{norm}.{{leaf}}"),
    )


def _larger_epsilon(variance: Tensor) -> Sequence[Tensor]:
    """A variance to which their epsilon of 0.001 is added, as one to which ours of 0.00001 is: the same sum."""
    return (variance + (1e-3 - 1e-5),)


_STAGE_BLOCKS = tuple((stage, block) for stage, count in enumerate((1, 2, 3, 4, 3, 3, 1)) for block in range(count))

MMSEGMENTATION_MOBILENETV2 = Origin(
    name="MobileNetV2 of MMSegmentation",
    told_by=("backbone.conv1.conv.weight", "backbone.layer1.0.conv.0.conv.weight"),
    encoder_prefix="backbone.",
    family="deeplabv3plus",
    rules=(
        *_conv_module("backbone.conv1", "encoder.features.0"),
        *(line for stage, block in _STAGE_BLOCKS for line in _mmsegmentation_block(stage, block)),
        *_conv_module("backbone.conv2", "encoder.features.18"),
        *_MMSEGMENTATION_HEADS,
        *_OF_WHOLE_IMAGES,
    ),
)

TIMM_MOBILENETV2 = Origin(
    name="MobileNetV2 of timm",
    told_by=("conv_stem.weight", "blocks.0.0.conv_dw.weight", "blocks.1.0.conv_pwl.weight"),
    rules=(
        *_inverted({"0": "conv_stem", "1": "bn1"}, "encoder.features.0"),
        *(line for stage, block in _STAGE_BLOCKS for line in _timm_block(stage, block)),
        *_inverted({"0": "conv_head", "1": "bn2"}, "encoder.features.18"),
        left_out("classifier.{leaf}", _WHOLE_IMAGES),
    ),
)

HUGGING_FACE_MOBILENETV2 = Origin(
    name="MobileNetV2 of Hugging Face",
    told_by=("mobilenet_v2.conv_stem.first_conv.convolution.weight",),
    forms=("huggingface", "tensorflow"),
    family="deeplabv3plus",
    rules=(
        *_huggingface_conv("mobilenet_v2.conv_stem.first_conv", "encoder.features.0.0", "encoder.features.0.1"),
        *_huggingface_conv(
            "mobilenet_v2.conv_stem.conv_3x3", "encoder.features.1.conv.0.0", "encoder.features.1.conv.0.1"
        ),
        *_huggingface_conv(
            "mobilenet_v2.conv_stem.reduce_1x1", "encoder.features.1.conv.1", "encoder.features.1.conv.2"
        ),
        *(line for number in range(16) for line in _huggingface_block(number)),
        *_huggingface_conv("mobilenet_v2.conv_1x1", "encoder.features.18.0", "encoder.features.18.1"),
        *(
            line
            for theirs, ours in (("conv_pool", "pooled"), ("conv_aspp", "branch"), ("conv_projection", "joined"))
            for line in (
                rule(f"segmentation_head.{theirs}.convolution.weight", f"head.{ours}.0.weight"),
                rule(f"segmentation_head.{theirs}.normalization.{{leaf}}", f"head.{ours}.1.{{leaf}}"),
            )
        ),
        rule("segmentation_head.classifier.convolution.{leaf}", "head.classifier.{leaf}"),
        left_out("classifier.{leaf}", _WHOLE_IMAGES),
    ),
)
