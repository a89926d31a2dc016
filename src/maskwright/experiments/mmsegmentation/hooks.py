"""The hooks of a config, and what it says about the run."""

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

OF_THE_RUN = {
    "work_dir": "own_folder",
    "resume": "resume",
    "default_scope": "machinery",
    "env_cfg": "machinery",
    "launcher": "machinery",
    "log_level": "machinery",
    "log_processor": "machinery",
    "visualizer": "machinery",
    "experiment_name": "machinery",
    "custom_imports": "not_imported",
    "auto_scale_lr": "machinery",
    "tta_model": "no_test_time",
    "val_cfg": "machinery",
    "test_cfg": "machinery",
}
"""Entries about the run itself, and the sentence about each."""


def hooks_part(values: Mapping[str, Any]) -> Part:
    """Averaged weights, early stopping, what is kept, the seed.

    Args:
        values: the config.
    """
    custom, default = values.get("custom_hooks") or [], values.get("default_hooks") or {}
    parts = [absent("the config has no such hook", ema_decay=0.0, patience=0)]
    if not isinstance(custom, list | tuple) or not all(type_of(hook) for hook in custom):
        parts.append(refused(f"custom_hooks: a list of hooks is needed, the config has {text_of(custom)}."))
        custom = []
    for hook in custom:
        path = f"custom_hooks.{type_of(hook)}"
        parts.append(HOOKS.get(type_of(hook), _unknown)(hook, path))
    if isinstance(default, dict):
        checkpoint = default.get("checkpoint")
        if isinstance(checkpoint, dict):
            parts.append(_checkpoint(checkpoint))
        parts += [
            carried(f"default_hooks.{name}", type_of(hook), "machinery")
            for name, hook in default.items()
            if name != "checkpoint" and hook
        ]
    return total([*parts, _seed(values.get("randomness")), _evaluators(values)])


def run_part(values: Mapping[str, Any]) -> Part:
    """What a config says about the run and not about the training."""
    parts = [
        without(name, values[name], why) if why != "machinery" else carried(name, values[name], why)
        for name, why in OF_THE_RUN.items()
        if values.get(name) not in (None, False, {})
    ]
    if values.get("load_from"):
        parts.append(replaced("load_from", values["load_from"], "weights"))
    return total(parts)


def _ema(hook: Mapping[str, Any], path: str) -> Part:
    momentum, kind = hook.get("momentum", 0.0002), hook.get("ema_type", "ExponentialMovingAverage")
    if not is_number(momentum):
        return refused(f"{path}.momentum: a number is needed, the config has {text_of(momentum)}.")
    parts = [carried(f"{path}.momentum", momentum, "ema", ema_decay=round(1 - momentum, 10))]
    if "ema_type" in hook:
        row = carried if kind == "ExponentialMovingAverage" else replaced
        parts.append(row(f"{path}.ema_type", kind, "ema"))
    if "update_buffers" in hook:
        parts.append(replaced(f"{path}.update_buffers", hook["update_buffers"], "ema"))
    return total([*parts, unread(hook, ("momentum", "ema_type", "update_buffers"), path)])


def _early_stopping(hook: Mapping[str, Any], path: str) -> Part:
    patience = hook.get("patience", 5)
    parts = [carried(f"{path}.patience", patience, "patience", patience=patience)]
    if "monitor" in hook:
        row = carried if hook["monitor"] == "mDice" else replaced
        parts.append(row(f"{path}.monitor", hook["monitor"], "judged_by_mdice"))
    return total([*parts, unread(hook, ("patience", "monitor", "rule"), path)])


def _unknown(hook: Mapping[str, Any], path: str) -> Part:
    return without(path, {key: value for key, value in hook.items() if key != "type"})


def _checkpoint(hook: Mapping[str, Any]) -> Part:
    path = "default_hooks.checkpoint"
    parts = []
    if "save_best" in hook:
        row = carried if hook["save_best"] in ("mDice", "auto") else replaced
        parts.append(row(f"{path}.save_best", hook["save_best"], "judged_by_mdice"))
    kept = [key for key in ("interval", "max_keep_ckpts") if key in hook]
    parts += [replaced(f"{path}.{key}", hook[key], "best_and_last") for key in kept]
    return total(
        [*parts, unread(hook, ("save_best", "interval", "max_keep_ckpts", "by_epoch", "rule", "save_last"), path)]
    )


def _seed(randomness: Any) -> Part:
    if not isinstance(randomness, dict) or randomness.get("seed") is None:
        return Part()
    part = carried("randomness.seed", randomness["seed"], "seed", seed=randomness["seed"])
    return part + unread(randomness, ("seed", "diff_rank_seed", "deterministic"), "randomness")


def _evaluators(values: Mapping[str, Any]) -> Part:
    parts = []
    for name in ("val_evaluator", "test_evaluator"):
        evaluator = values.get(name)
        for one in evaluator if isinstance(evaluator, list | tuple) else [evaluator] if evaluator else []:
            if type_of(one) == "IoUMetric":
                parts.append(carried(f"{name}.IoUMetric", one.get("iou_metrics", ["mIoU"]), "all_scores"))
            else:
                parts.append(without(name, type_of(one) or text_of(one)))
    return total(parts)


HOOKS = {"EMAHook": _ema, "EarlyStoppingHook": _early_stopping}
