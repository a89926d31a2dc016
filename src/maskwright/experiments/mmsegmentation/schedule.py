"""How long a config trains, and the course of its learning rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
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
from maskwright.recipe.recipe import Recipe

FALLS = {"PolyLR": "poly", "CosineAnnealingLR": "cosine"}
WARM_UPS = ("LinearLR", "ConstantLR")


@dataclass(frozen=True)
class Length:
    """How the config counts time.

    Args:
        epoch: batches of an epoch; 0 where the photos could not be counted.
        accumulated: batches that one step is made of; an iteration here is a step.
    """

    epoch: int
    accumulated: int = 1

    def iterations(self, batches: float) -> int:
        """Steps in so many batches."""
        return math.ceil(batches / self.accumulated)


def loop_part(loop: Any, length: Length) -> Part:
    """Iterations and the validation interval.

    Args:
        loop: `train_cfg` of the config.
        length: see `Length`.
    """
    name = type_of(loop)
    counts = {"EpochBasedTrainLoop": True, "IterBasedTrainLoop": False}
    by_epoch = counts.get(name) if name or not isinstance(loop, dict) else loop.get("by_epoch")
    if not isinstance(loop, dict) or not isinstance(by_epoch, bool):
        return refused(
            f"train_cfg: an IterBasedTrainLoop or EpochBasedTrainLoop is needed, the config has {text_of(loop)}."
        )
    most, interval = ("max_epochs", 1) if by_epoch else ("max_iters", 1000)
    wrong = [key for key in (most, "val_interval") if not is_number(loop.get(key, interval if key != most else None))]
    if wrong:
        return total(
            refused(f"train_cfg.{key}: a number is needed, the config has {text_of(loop.get(key))}.") for key in wrong
        )
    parts = [
        carried("train_cfg.type", name or "by_epoch", "counted_in"),
        _span(f"train_cfg.{most}", loop[most], "iterations", by_epoch=by_epoch, length=length),
        _span(
            "train_cfg.val_interval",
            loop.get("val_interval", interval),
            "validation_interval",
            by_epoch=by_epoch,
            length=length,
        ),
    ]
    known = ("by_epoch", most, "val_interval")
    return total([*parts, unread(loop, known, "train_cfg")])


def _span(what: str, theirs: Any, setting: str, *, by_epoch: bool, length: Length) -> Part:
    if by_epoch and not length.epoch:
        stays = 0 if setting == "warmup_iterations" else Recipe.model_fields[setting].default
        return replaced(what, theirs, "photos_not_counted", facts={"setting": setting, "value": stays})
    iterations = max(1, length.iterations(theirs * length.epoch if by_epoch else theirs))
    settings: dict[str, Any] = {setting: iterations}
    if by_epoch:
        return carried(what, theirs, "epochs", facts={"epoch": length.epoch}, **settings)
    if length.accumulated > 1:
        return replaced(what, theirs, "accumulated", facts={"count": length.accumulated}, **settings)
    return carried(what, theirs, **settings)


def schedule_part(schedulers: Any, length: Length, *, lr: float, iterations: int) -> Part:
    """Warm-up and fall of the learning rate.

    Args:
        schedulers: `param_scheduler` of the config: one or a list.
        length: see `Length`.
        lr: the peak learning rate.
        iterations: of the whole training here; 0 where it is not known.
    """
    entries = schedulers if isinstance(schedulers, list | tuple) else [schedulers] if schedulers else []
    if not all(isinstance(entry, dict) and type_of(entry) for entry in entries):
        return refused(f"param_scheduler: dicts with a type are needed, the config has {text_of(schedulers)}.")
    warm_ups = [entry for entry in entries if _is_warm_up(entry)]
    falls = [entry for entry in entries if not _is_warm_up(entry)]
    parts = [absent("the config has none", warmup_iterations=0, schedule="constant", lr_min_frac=0.0)]
    parts += [_warm_up(entry, length) for entry in warm_ups[:1]]
    rise = total(parts).settings["warmup_iterations"]
    parts += [_fall(entry, length, lr=lr, rise=rise, iterations=iterations) for entry in falls[:1]]
    parts += [
        without(f"param_scheduler.{type_of(entry)}", _rest_of(entry), "one_fall")
        for entry in (*warm_ups[1:], *falls[1:])
    ]
    return total(parts)


def _is_warm_up(entry: Mapping[str, Any]) -> bool:
    """A rise from the first iteration on."""
    if type_of(entry) not in WARM_UPS or entry.get("begin", 0) != 0:
        return False
    start, end = entry.get("start_factor", entry.get("factor", 1 / 3)), entry.get("end_factor", 1.0)
    return is_number(start) and is_number(end) and start < end


def _warm_up(entry: Mapping[str, Any], length: Length) -> Part:
    path = f"param_scheduler.{type_of(entry)}"
    end, by_epoch = entry.get("end"), entry.get("by_epoch", True)
    if not is_number(end):
        parts = [without(f"{path}.end", end, "endless_warm_up")]
    else:
        parts = [_span(f"{path}.end", end, "warmup_iterations", by_epoch=by_epoch, length=length)]
    start = entry.get("start_factor", entry.get("factor", 1 / 3))
    row = carried if type_of(entry) == "LinearLR" and start <= 0.01 else replaced
    parts.append(row(f"{path}.start_factor", start, "warm_up_from_zero"))
    known = ("begin", "end", "by_epoch", "start_factor", "end_factor", "factor", "convert_to_iter_based")
    return total([*parts, unread(entry, known, path)])


def _fall(entry: Mapping[str, Any], length: Length, *, lr: float, rise: int, iterations: int) -> Part:
    name = type_of(entry)
    path = f"param_scheduler.{name}"
    known = ["begin", "end", "by_epoch", "convert_to_iter_based", "eta_min", "eta_min_ratio"]
    if name in FALLS:
        parts = [carried(f"{path}.type", name, schedule=FALLS[name])]
    elif name == "LinearLR":
        parts = [carried(f"{path}.type", name, "linear_fall", schedule="poly", poly_power=1.0)]
        known += ["start_factor", "end_factor"]
    elif name == "ConstantLR":
        parts = [replaced(f"{path}.type", name, "constant", schedule="constant")]
    else:
        parts = [replaced(f"{path}.type", name, "poly_instead", facts={"name": name}, schedule="poly", poly_power=1.0)]
    if name == "PolyLR":
        power = entry.get("power", 1.0)
        parts.append(carried(f"{path}.power", power, poly_power=power))
        known.append("power")
    if name == "CosineAnnealingLR":
        known.append("T_max")
    if iterations:
        begins = {"begin": 0, **entry} if rise else entry  # mmengine's own default
        parts += [_at(begins, "begin", path, length, "falls_from_the_rise", rise)]
        parts += [_at(entry, "end", path, length, "falls_to_the_end", iterations)]
        parts += [_at(entry, "T_max", path, length, "whole_length", iterations - rise)]
    parts.append(_lowest(entry, path, lr))
    return total([*parts, unread(entry, known, path)])


def _lowest(entry: Mapping[str, Any], path: str, lr: float) -> Part:
    if is_number(entry.get("eta_min_ratio")):
        return carried(f"{path}.eta_min_ratio", entry["eta_min_ratio"], lr_min_frac=entry["eta_min_ratio"])
    if type_of(entry) == "LinearLR":
        end = entry.get("end_factor", 1.0)
        return carried(f"{path}.end_factor", end, lr_min_frac=end)
    lowest = entry.get("eta_min", 0.0)
    if not is_number(lowest) or lr <= 0:
        return refused(f"{path}.eta_min: a number is needed, the config has {text_of(lowest)}.")
    if "eta_min" not in entry:
        return absent("it falls to 0", lr_min_frac=0.0)
    return carried(f"{path}.eta_min", lowest, "lowest_rate", facts={"lr": f"{lr:g}"}, lr_min_frac=round(lowest / lr, 8))


def _at(entry: Mapping[str, Any], key: str, path: str, length: Length, why: str, ours: int) -> Part:
    """A row for when something happens, which is `ours` here whatever the config says."""
    theirs, by_epoch = entry.get(key), entry.get("by_epoch", True)
    if not is_number(theirs) or (by_epoch and not length.epoch):
        return Part()
    at = length.iterations(theirs * length.epoch if by_epoch else theirs)
    # mmengine's counting of iterations from 0 or 1 makes up to one of difference.
    return (carried if abs(at - ours) <= 1 else replaced)(f"{path}.{key}", theirs, why)


def _rest_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "type"}
