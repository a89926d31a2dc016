"""The optimiser of a config, with the multipliers of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
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

PATH = "optim_wrapper"

OPTIMISERS = {"AdamW": "adamw", "Adam": "adam", "SGD": "sgd"}
DECAYS = {"AdamW": 0.01, "Adam": 0.0, "SGD": 0.0}
"""PyTorch's weight decay where the config has none."""

HEADS = ("head", "decode_head")
"""Keys that mean everything behind the backbone."""

PLAIN: dict[str, Any] = {
    "head_lr_multiplier": 1.0,
    "encoder_lr_multiplier": 1.0,
    "norm_decay_multiplier": 1.0,
    "bias_decay_multiplier": 1.0,
    "grad_clip": 0.0,
    "precision": "fp32",
    "beta1": 0.9,
    "beta2": 0.999,
}
"""What mmengine and PyTorch do unless a config says otherwise."""


def optimiser_part(wrapper: Any, *, transformer: bool) -> Part:
    """Optimiser, multipliers, clipping and precision.

    Args:
        wrapper: `optim_wrapper` of the config.
        transformer: whether the network is a SegFormer: its norms are called norm, those of the others bn.
    """
    if not isinstance(wrapper, dict) or not isinstance(wrapper.get("optimizer"), dict):
        return refused(f"{PATH}: a wrapper with an optimizer is needed, the config has {text_of(wrapper)}.")
    known = ("optimizer", "paramwise_cfg", "clip_grad", "accumulative_counts", "dtype", "loss_scale", "constructor")
    parts = [
        absent("the config does not say", **PLAIN),
        _optimiser(wrapper["optimizer"]),
        _multipliers(wrapper.get("paramwise_cfg"), transformer=transformer),
        _clipping(wrapper.get("clip_grad")),
        _precision(wrapper),
        unread(wrapper, known, PATH),
    ]
    if wrapper.get("constructor") not in (None, "DefaultOptimWrapperConstructor"):
        parts.append(without(f"{PATH}.constructor", wrapper["constructor"]))
    return total(parts)


def accumulation(wrapper: Any) -> int:
    """How many batches one step is made of."""
    counts = wrapper.get("accumulative_counts", 1) if isinstance(wrapper, dict) else 1
    return counts if isinstance(counts, int) and counts >= 1 else 1


def _optimiser(optimizer: Mapping[str, Any]) -> Part:
    path, name = f"{PATH}.optimizer", type_of(optimizer)
    if name in OPTIMISERS:
        parts = [carried(f"{path}.type", name, optimiser=OPTIMISERS[name])]
    else:
        parts = [replaced(f"{path}.type", name, "adamw_instead", facts={"name": name}, optimiser="adamw")]
    if is_number(optimizer.get("lr")):
        parts.append(carried(f"{path}.lr", optimizer["lr"], lr=optimizer["lr"]))
    else:
        parts.append(refused(f"{path}.lr: a number is needed, the config has {text_of(optimizer.get('lr'))}."))
    if "weight_decay" in optimizer:
        parts.append(carried(f"{path}.weight_decay", optimizer["weight_decay"], weight_decay=optimizer["weight_decay"]))
    else:
        parts.append(absent("PyTorch's default", weight_decay=DECAYS.get(name, 0.0)))
    if name == "SGD":
        parts.append(_momentum(optimizer, path))
        moments: tuple[str, ...] = ("momentum",)
    else:
        parts.append(_betas(optimizer, path))
        moments = ("betas",)
    return total([*parts, unread(optimizer, ("lr", "weight_decay", *moments), path)])


def _momentum(optimizer: Mapping[str, Any], path: str) -> Part:
    if "momentum" in optimizer:
        return carried(f"{path}.momentum", optimizer["momentum"], beta1=optimizer["momentum"])
    return absent("PyTorch's SGD has no momentum unless told", beta1=0.0)


def _betas(optimizer: Mapping[str, Any], path: str) -> Part:
    betas = optimizer.get("betas")
    if betas is None:
        return Part()
    if not isinstance(betas, list | tuple) or len(betas) != 2:
        return refused(f"{path}.betas: two numbers are needed, the config has {text_of(betas)}.")
    return carried(f"{path}.betas", betas, beta1=betas[0], beta2=betas[1])


def _multipliers(paramwise: Any, *, transformer: bool) -> Part:
    path = f"{PATH}.paramwise_cfg"
    if not paramwise:
        return Part()
    keys = paramwise.get("custom_keys", {}) if isinstance(paramwise, dict) else None
    if not isinstance(keys, dict) or not all(isinstance(entry, dict) for entry in keys.values()):
        return refused(f"{path}: dicts with multipliers are needed, the config has {text_of(paramwise)}.")
    parts = []
    row = replaced if keys else carried
    for kind in ("norm", "bias"):
        name = f"{kind}_decay_mult"
        if name in paramwise:
            setting = {f"{kind}_decay_multiplier": paramwise[name]}
            parts.append(row(f"{path}.{name}", paramwise[name], "decay_of_all" if keys else "carried", **setting))
    for key, entry in keys.items():
        parts.append(_custom_key(str(key), entry, f"{path}.custom_keys.{key}", keys, transformer=transformer))
    return total([*parts, unread(paramwise, ("custom_keys", "norm_decay_mult", "bias_decay_mult"), path)])


def _custom_key(key: str, entry: Mapping[str, Any], path: str, keys: Mapping[str, Any], *, transformer: bool) -> Part:
    """One key: it is meant for every parameter whose name holds it, unless a longer key does too."""
    rate, decay = entry.get("lr_mult"), entry.get("decay_mult")
    parts = []
    if key == "pos_block":
        return without(path, entry, "no_pos_block")
    if key in HEADS and rate is not None:
        row = carried if key == "head" or transformer else replaced  # the auxiliary head has "head" in its name alone
        parts.append(row(f"{path}.lr_mult", rate, "head_rate", head_lr_multiplier=rate))
    elif key == "backbone" and rate is not None:
        parts.append(carried(f"{path}.lr_mult", rate, "backbone_rate", encoder_lr_multiplier=rate))
    elif rate not in (None, 1, 1.0):
        parts.append(without(f"{path}.lr_mult", rate, "no_such_key", facts={"word": key}))
    if key == ("norm" if transformer else "bn") and decay is not None:
        if "backbone" in keys:
            parts.append(without(f"{path}.decay_mult", decay, "hidden_key", facts={"word": key}))
        else:
            parts.append(
                replaced(f"{path}.decay_mult", decay, "norm_decay", facts={"word": key}, norm_decay_multiplier=decay)
            )
    elif key == "norm" and decay is not None:
        parts.append(without(f"{path}.decay_mult", decay, "no_norm_here"))
    elif decay not in (None, 1, 1.0):
        parts.append(without(f"{path}.decay_mult", decay, "no_such_key", facts={"word": key}))
    return total([*parts, unread(entry, ("lr_mult", "decay_mult"), path)])


def _clipping(clip: Any) -> Part:
    path = f"{PATH}.clip_grad"
    if not clip:
        return Part()
    if not isinstance(clip, dict) or not is_number(clip.get("max_norm")) or clip.get("norm_type", 2) != 2:
        return without(path, clip, "no_value_clipping")
    part = carried(f"{path}.max_norm", clip["max_norm"], grad_clip=clip["max_norm"])
    return part + unread(clip, ("max_norm", "norm_type"), path)


def _precision(wrapper: Mapping[str, Any]) -> Part:
    if type_of(wrapper) != "AmpOptimWrapper":
        return Part() if type_of(wrapper) in ("", "OptimWrapper") else without(f"{PATH}.type", type_of(wrapper))
    dtype = wrapper.get("dtype") or "float16"
    parts = [without(f"{PATH}.loss_scale", wrapper["loss_scale"], "no_loss_scale")] if "loss_scale" in wrapper else []
    if dtype == "bfloat16":
        return total([carried(f"{PATH}.dtype", dtype, precision="bf16"), *parts])
    return total([replaced(f"{PATH}.dtype", dtype, "no_float16", precision="fp32"), *parts])
