"""The pipelines of a config: how photos are scaled, cropped and varied."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from maskwright.experiments.mmsegmentation.rows import (
    Part,
    absent,
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

NOT_THERE: dict[str, Any] = {
    "short_side_px": 0,
    "scale_min": 1.0,
    "scale_max": 1.0,
    "aspect": 1.0,
    "rotation_deg": 0.0,
    "flip_prob": 0.0,
    "foreground_prob": 0.0,
    "colour_prob": 0.0,
    "brightness": 0.0,
    "contrast": 0.0,
    "saturation": 0.0,
    "hue_deg": 0.0,
    "blur_prob": 0.0,
    "noise_prob": 0.0,
    "copy_paste_prob": 0.0,
}
"""Variations as they are where a pipeline has no step for them."""

MACHINERY = ("PackSegInputs", "LoadImageFromFile", "LoadAnnotations")


def train_part(pipeline: Any) -> Part:
    """The variations of the training pipeline.

    Args:
        pipeline: `train_dataloader.dataset.pipeline`: steps with a type.
    """
    steps, problem = _steps(pipeline, "train_pipeline")
    parts = [absent("its training pipeline has no such step", **NOT_THERE), problem]
    parts += [STEPS.get(type_of(step), _unknown)(step, f"train_pipeline.{type_of(step)}") for step in steps]
    return total([*parts, _crop_without_step(steps)])


def test_part(pipeline: Any, *, name: str, short_side_px: int) -> Part:
    """How photos are scaled before they are judged.

    Args:
        pipeline: of the validation or test data.
        name: what rows call it.
        short_side_px: what training scales them to.
    """
    steps, problem = _steps(pipeline, name)
    parts = [problem]
    for step in steps:
        kind, path = type_of(step), f"{name}.{type_of(step)}"
        if kind in ("Resize", "ResizeShortestEdge"):
            side = _short_side(step.get("scale"))
            row = carried if side == short_side_px and step.get("keep_ratio", kind != "Resize") else replaced
            why = "judged_like_training" if short_side_px else "judged_at_own_size"
            facts = {"side": short_side_px} if short_side_px else None
            parts.append(row(f"{path}.scale", step.get("scale"), why, facts=facts))
            parts.append(unread(step, ("scale", "keep_ratio", "max_size"), path))
        elif kind in MACHINERY:
            parts.append(_machinery(step, path))
        else:
            parts.append(without(path, step))
    return total(parts)


def _steps(pipeline: Any, name: str) -> tuple[list[Mapping[str, Any]], Part]:
    if not isinstance(pipeline, list | tuple) or not all(type_of(step) for step in pipeline):
        return [], refused(f"{name}: a list of steps, each with a type, is needed, the config has {text_of(pipeline)}.")
    return list(pipeline), Part()


def _machinery(step: Mapping[str, Any], path: str) -> Part:
    rows = [carried(path, type_of(step), "machinery")]
    rows += [
        without(f"{path}.{key}", value)
        for key, value in step.items()
        if key not in ("type", "reduce_zero_label", "backend_args", "file_client_args", "meta_keys", "imdecode_backend")
    ]
    return total(rows)


def _unknown(step: Mapping[str, Any], path: str) -> Part:
    return without(path, {key: value for key, value in step.items() if key != "type"}, "no_such_variation")


def _random_resize(step: Mapping[str, Any], path: str) -> Part:
    """Scale inside `scale`, times a ratio drawn from `ratio_range`."""
    scale, ratios = step.get("scale"), step.get("ratio_range")
    ends = _pair(ratios)
    known = ("scale", "ratio_range", "keep_ratio", "resize_type")
    if ratios is None and isinstance(scale, list | tuple) and len(scale) == 2 and all(map(_pair, scale)):
        return _between(scale, f"{path}.scale") + _proportions(step, path) + unread(step, known, path)
    side = _short_side(scale)
    if not side or (ratios is not None and (ends is None or ends[0] <= 0)):
        return refused(f"{path}: scale and ratio_range are needed, the config has {text_of(scale)}, {text_of(ratios)}.")
    parts = [_scaled(step, path, side)]
    if ends is None:
        parts.append(absent("its RandomResize draws no ratio", scale_min=1.0, scale_max=1.0))
    else:
        row = carried if ends[0] == ends[1] else replaced
        parts.append(row(f"{path}.ratio_range", ratios, "ratio_range", scale_min=ends[0], scale_max=ends[1]))
    return total([*parts, unread(step, known, path)])


def _scaled(step: Mapping[str, Any], path: str, side: int) -> Part:
    """`short_side_px` from `scale` and `keep_ratio`."""
    scale = step["scale"]
    if not step.get("keep_ratio", type_of(step) == "ResizeShortestEdge"):
        return replaced(f"{path}.scale", scale, "proportions_kept", short_side_px=side) + _proportions(step, path)
    longest = _long_side(scale)
    # A photo of the usual 4:3 fits a longer shape by its short side, as here; a square holds it by its long side.
    row, why = (carried, "scale_inside") if 3 * longest >= 4 * side else (replaced, "scale_square")
    part = row(f"{path}.scale", scale, why, facts={"long": longest, "short": side}, short_side_px=side)
    return part + _proportions(step, path)


def _proportions(step: Mapping[str, Any], path: str) -> Part:
    if "keep_ratio" not in step:
        return Part()
    return (carried if step["keep_ratio"] else replaced)(f"{path}.keep_ratio", step["keep_ratio"], "proportions_kept")


def _choice_resize(step: Mapping[str, Any], path: str) -> Part:
    scales = step.get("scales")
    if not isinstance(scales, list | tuple) or not scales or not all(map(_short_side, scales)):
        return refused(f"{path}.scales: sizes are needed, the config has {text_of(scales)}.")
    known = ("scales", "resize_type", "max_size", "keep_ratio")
    return _between(scales, f"{path}.scales") + _proportions(step, path) + unread(step, known, path)


def _between(scales: Sequence[Any], what: str) -> Part:
    """Short sides drawn between the smallest and the largest: one short side in their middle, and a scale."""
    low, high = min(map(_short_side, scales)), max(map(_short_side, scales))
    side = max(1, round(math.sqrt(low * high)))
    return replaced(
        what,
        scales,
        "sides_between",
        facts={"low": low, "high": high},
        short_side_px=side,
        scale_min=round(low / side, 4),
        scale_max=round(high / side, 4),
    )


def _resize(step: Mapping[str, Any], path: str) -> Part:
    side = _short_side(step.get("scale"))
    if not side:
        return without(path, step.get("scale_factor", step.get("scale")), "no_such_variation")
    known = ("scale", "keep_ratio", "max_size")
    return total(
        [
            _scaled(step, path, side),
            absent("its Resize draws no ratio", scale_min=1.0, scale_max=1.0),
            unread(step, known, path),
        ]
    )


def _random_crop(step: Mapping[str, Any], path: str) -> Part:
    size = step.get("crop_size")
    pair = (size, size) if isinstance(size, int) else tuple(size) if isinstance(size, list | tuple) else ()
    if len(pair) != 2 or not all(isinstance(side, int) for side in pair):
        return refused(f"{path}.crop_size: height and width are needed, the config has {text_of(size)}.")
    parts = [carried(f"{path}.crop_size", size, "crop_size", crop_hw=pair)]
    if "cat_max_ratio" in step:
        parts.append(without(f"{path}.cat_max_ratio", step["cat_max_ratio"], "no_cat_max_ratio", foreground_prob=0.0))
    if "ignore_index" in step:
        parts.append(without(f"{path}.ignore_index", step["ignore_index"], "no_cat_max_ratio"))
    return total([*parts, unread(step, ("crop_size", "cat_max_ratio", "ignore_index"), path)])


def _random_flip(step: Mapping[str, Any], path: str) -> Part:
    prob, direction = step.get("prob"), step.get("direction", "horizontal")
    parts = []
    if isinstance(prob, list | tuple) and isinstance(direction, list | tuple) and len(prob) == len(direction):
        pairs = list(zip(direction, prob, strict=True))
    elif isinstance(direction, list | tuple) and is_number(prob):
        pairs = [(one, prob / len(direction)) for one in direction]
    else:
        pairs = [(direction, prob)]
    for one, chance in pairs:
        if one == "horizontal":
            parts.append(carried(f"{path}.prob", chance, flip_prob=chance))
            if "direction" in step:
                parts.append(carried(f"{path}.direction", one))
        else:
            parts.append(without(f"{path}.direction", one, "no_vertical_flip"))
    return total([*parts, unread(step, ("prob", "direction"), path)])


def _random_rotate(step: Mapping[str, Any], path: str) -> Part:
    degree, prob = step.get("degree"), step.get("prob", 1.0)
    ends = _pair(degree) or ((-degree, degree) if is_number(degree) else None)
    if ends is None:
        return refused(f"{path}.degree: an angle or two are needed, the config has {text_of(degree)}.")
    largest = max(map(abs, ends))
    row = carried if -ends[0] == ends[1] else replaced
    parts = [row(f"{path}.degree", degree, "rotation", rotation_deg=largest)]
    if prob != 1:
        parts.append(replaced(f"{path}.prob", prob, "rotation_always"))
    padding = [key for key in ("pad_val", "seg_pad_val") if key in step]
    parts += [replaced(f"{path}.{key}", step[key], "edges_mirrored") for key in padding]
    return total([*parts, unread(step, ("degree", "prob", "pad_val", "seg_pad_val"), path)])


def _photometric(step: Mapping[str, Any], path: str) -> Part:
    """Each of the four is drawn with probability 1/2 there; all four together with probability 1/2 here."""
    delta, hue = step.get("brightness_delta", 32), step.get("hue_delta", 18)
    contrast = _pair(step.get("contrast_range", (0.5, 1.5)))
    saturation = _pair(step.get("saturation_range", (0.5, 1.5)))
    if not is_number(delta) or not is_number(hue) or contrast is None or saturation is None:
        return refused(f"{path}: numbers are needed, the config has {text_of(step)}.")
    return total(
        [
            carried(path, "", "photometric", colour_prob=0.5),
            replaced(f"{path}.brightness_delta", delta, "brightness", brightness=min(round(delta / 128, 4), 0.99)),
            replaced(f"{path}.contrast_range", contrast, "contrast", contrast=min(_reach(contrast), 0.99)),
            replaced(f"{path}.saturation_range", saturation, "saturation", saturation=min(_reach(saturation), 1.0)),
            replaced(f"{path}.hue_delta", hue, "hue", hue_deg=min(2.0 * hue, 180.0)),
            unread(step, ("brightness_delta", "contrast_range", "saturation_range", "hue_delta"), path),
        ]
    )


def _reach(ends: tuple[float, float]) -> float:
    return round(max(abs(1 - ends[0]), abs(ends[1] - 1)), 4)


def _crop_without_step(steps: list[Mapping[str, Any]]) -> Part:
    """The size of a crop where the pipeline crops nothing: that of the photos after the last Resize."""
    if any(type_of(step) == "RandomCrop" for step in steps):
        return Part()
    for step in reversed(steps):
        scale = _pair(step.get("scale")) if type_of(step) in ("Resize", "RandomResize") else None
        if scale:
            return replaced("train_pipeline.RandomCrop", "", "whole_photos", crop_hw=(int(scale[1]), int(scale[0])))
    return replaced("train_pipeline.RandomCrop", "", "whole_photos")


def _pair(value: Any) -> tuple[float, float] | None:
    if isinstance(value, list | tuple) and len(value) == 2 and all(map(is_number, value)):
        return value[0], value[1]
    return None


def _short_side(scale: Any) -> int:
    """The shorter of the two sides that a size allows; 0 where it is none."""
    sides = (scale, scale) if is_number(scale) else _pair(scale)
    return int(min(sides)) if sides and min(sides) >= 1 else 0


def _long_side(scale: Any) -> int:
    sides = _pair(scale)
    return int(max(sides)) if sides else int(scale)


STEPS: Mapping[str, Callable[[Mapping[str, Any], str], Part]] = {
    "LoadImageFromFile": _machinery,
    "LoadAnnotations": _machinery,
    "PackSegInputs": _machinery,
    "RandomResize": _random_resize,
    "RandomChoiceResize": _choice_resize,
    "Resize": _resize,
    "ResizeShortestEdge": _resize,
    "RandomCrop": _random_crop,
    "RandomFlip": _random_flip,
    "RandomRotate": _random_rotate,
    "PhotoMetricDistortion": _photometric,
}
"""What a step of the training pipeline becomes."""
