"""Where weights come from, each with its key map. A new origin is one table of rules and one line here."""

from __future__ import annotations

from collections.abc import Iterable

from maskwright.models.importers.convolutional import (
    HUGGING_FACE_MOBILENETV2,
    MMSEGMENTATION_MOBILENETV2,
    MMSEGMENTATION_RESNET,
    MMSEGMENTATION_V1C,
    MOBILENETV2,
    MOBILENETV2_SAME,
    RESNET,
    TIMM_MOBILENETV2,
    TIMM_V1C,
)
from maskwright.models.importers.rules import Origin, tells
from maskwright.models.importers.segformer import AUTHORS, HUGGING_FACE, HUGGING_FACE_5, MMSEGMENTATION

ORIGINS = (
    MMSEGMENTATION,
    HUGGING_FACE,
    HUGGING_FACE_5,
    AUTHORS,
    MMSEGMENTATION_RESNET,
    MMSEGMENTATION_MOBILENETV2,
    RESNET,
    TIMM_V1C,
    MMSEGMENTATION_V1C,
    MOBILENETV2,
    TIMM_MOBILENETV2,
    HUGGING_FACE_MOBILENETV2,
)
"""Looked through in this order: those that take names without a prefix come after those that have them with it."""


def origin_of(names: Iterable[str], *, same_padding: bool = False) -> Origin | None:
    """Where tensors of these names come from, or None.

    Args:
        names: of all tensors.
        same_padding: whether they are said to want TensorFlow's padding.
    """
    known = list(names)
    origin = next((one for one in ORIGINS if tells(one, known)), None)
    return MOBILENETV2_SAME if origin is MOBILENETV2 and same_padding else origin
