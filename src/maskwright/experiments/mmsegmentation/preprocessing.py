"""How a config normalises and pads its photos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maskwright.experiments.mmsegmentation.rows import (
    Part,
    carried,
    is_number,
    refused,
    replaced,
    text_of,
    total,
    type_of,
    unread,
    without,
)

PATH = "model.data_preprocessor"


def preprocessor_part(values: Mapping[str, Any]) -> Part:
    """Mean, deviation, the order of the channels, and padding.

    Args:
        values: the config.
    """
    entries = preprocessor_of(values)
    if entries is None:
        # mmengine's BaseDataPreprocessor changes nothing, and photos are read by OpenCV.
        return replaced(PATH, None, "no_preprocessor", mean_rgb=(0.0, 0.0, 0.0), std_rgb=(1.0, 1.0, 1.0))
    if not isinstance(entries, dict) or type_of(entries) != "SegDataPreProcessor":
        found = type_of(entries) or text_of(entries)
        return refused(f"{PATH}.type: SegDataPreProcessor can be imported, the config has {found}.")
    known = ("mean", "std", "size", "size_divisor", "pad_val", "seg_pad_val", "bgr_to_rgb", "rgb_to_bgr", "test_cfg")
    parts = [_order(entries), _normalisation(entries)]
    padding = [key for key in ("size", "size_divisor", "pad_val", "seg_pad_val") if entries.get(key) is not None]
    parts += [replaced(f"{PATH}.{key}", entries[key], "padding") for key in padding]
    if entries.get("test_cfg"):
        parts.append(without(f"{PATH}.test_cfg", entries["test_cfg"], "padding"))
    return total([*parts, unread(entries, known, PATH)])


def preprocessor_of(values: Mapping[str, Any]) -> Any:
    """The preprocessor that the runner would use: the model's, else the one beside it."""
    model = values.get("model")
    own = model.get("data_preprocessor") if isinstance(model, dict) else None
    return own if own is not None else values.get("data_preprocessor")


def reads_bgr(values: Mapping[str, Any]) -> bool:
    """Whether the network was given blue, green and red in this order."""
    entries = preprocessor_of(values)
    return not isinstance(entries, dict) or not _turning(entries)


def _turning(entries: Mapping[str, Any]) -> str:
    """The entry that turns the three channels round: either one does; "" where none is on."""
    return next((key for key in ("bgr_to_rgb", "rgb_to_bgr") if entries.get(key)), "")


def _order(entries: Mapping[str, Any]) -> Part:
    if key := _turning(entries):
        return carried(f"{PATH}.{key}", True, "channels")
    return replaced(f"{PATH}.bgr_to_rgb", entries.get("bgr_to_rgb", False), "channels_reversed")


def _normalisation(entries: Mapping[str, Any]) -> Part:
    mean, std = entries.get("mean"), entries.get("std")
    if mean is None and std is None:
        return replaced(f"{PATH}.mean", None, "no_normalisation", mean_rgb=(0.0, 0.0, 0.0), std_rgb=(1.0, 1.0, 1.0))
    wrong = [
        refused(f"{PATH}.{key}: three numbers are needed, the config has {text_of(value)}.")
        for key, value in (("mean", mean), ("std", std))
        if not isinstance(value, list | tuple) or len(value) != 3 or not all(map(is_number, value))
    ]
    if wrong:
        return total(wrong)
    assert isinstance(mean, list | tuple) and isinstance(std, list | tuple)
    turned = not _turning(entries)
    mean_rgb, std_rgb = (tuple(float(part) for part in (reversed(value) if turned else value)) for value in (mean, std))
    return carried(f"{PATH}.mean", mean, mean_rgb=mean_rgb) + carried(f"{PATH}.std", std, std_rgb=std_rgb)
