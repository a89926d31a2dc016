"""The losses of a config's heads: cross-entropy, Dice and Lovász are carried over; one of them stands in for others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maskwright.experiments.mmsegmentation.rows import (
    Part,
    absent,
    carried,
    is_number,
    refused,
    replaced,
    same,
    text_of,
    total,
    type_of,
    unread,
    without,
)

DEFAULT = {"type": "CrossEntropyLoss", "use_sigmoid": False, "loss_weight": 1.0}
"""MMSegmentation's, where a head names none."""

LIKE_DICE = ("TverskyLoss",)

LOVASZ = {"loss_type": "multi_class", "classes": "present", "per_image": False, "reduction": "mean"}
"""The form of MMSegmentation's Lovász loss that ours has."""

SMOOTHINGS = ("label_smoothing", "label_smooth_val", "label_smooth")
"""What losses of one's own call it; MMSegmentation's cross-entropy has none."""


@dataclass(frozen=True)
class Loss:
    """The losses of one head, told apart.

    Args:
        path: where they stand.
        cross_entropy: the cross-entropies.
        dice: the Dice losses.
        lovasz: the Lovász losses.
        others: all others.
    """

    path: str
    cross_entropy: tuple[Mapping[str, Any], ...] = ()
    dice: tuple[Mapping[str, Any], ...] = ()
    lovasz: tuple[Mapping[str, Any], ...] = ()
    others: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)


def main_loss(head: Mapping[str, Any]) -> Part:
    """The loss of the head that predicts.

    Args:
        head: `model.decode_head` of the config.
    """
    path = "model.decode_head"
    loss = _told_apart(head.get("loss_decode", DEFAULT), f"{path}.loss_decode")
    if isinstance(loss, Part):
        return loss
    parts = [
        absent(
            "the config has no such loss",
            cross_entropy_share=0.0,
            dice_share=0.0,
            lovasz_share=0.0,
            label_smoothing=0.0,
        ),
        absent("the config weighs all classes alike", class_weights="none"),
        *(_cross_entropy(one, loss.path, head) for one in loss.cross_entropy),
        *(_dice(one, loss.path) for one in loss.dice),
        *(_lovasz(one, loss.path) for one in loss.lovasz),
        *(_other(one, loss) for one in loss.others),
        _several(loss),
    ]
    if head.get("sampler"):
        parts.append(without(f"{path}.sampler", type_of(head["sampler"]) or head["sampler"], "no_pixel_sampler"))
    if head.get("ignore_index", 255) != 255:
        parts.append(carried(f"{path}.ignore_index", head["ignore_index"], "ignore"))
    return total(parts)


def auxiliary_loss(auxiliary: Mapping[str, Any], head: Mapping[str, Any]) -> Part:
    """The share of the auxiliary head's loss, which here is the main loss again.

    Args:
        auxiliary: `model.auxiliary_head` of the config.
        head: `model.decode_head`.
    """
    own = _told_apart(auxiliary.get("loss_decode", DEFAULT), "model.auxiliary_head.loss_decode")
    main = _told_apart(head.get("loss_decode", DEFAULT), "model.decode_head.loss_decode")
    if isinstance(own, Part) or isinstance(main, Part):
        return own if isinstance(own, Part) else Part()
    shares, main_shares = _shares(own), _shares(main)
    common = next((kind for kind in main_shares if kind in shares), "")
    share = shares[common] / main_shares[common] if common else sum(shares.values())
    alike = {kind: value * share for kind, value in main_shares.items()} == shares
    if alike and not own.others:
        part = carried(own.path, _shown(shares), "auxiliary", auxiliary_share=share)
    else:
        part = replaced(own.path, _shown(shares), "auxiliary_like_main", auxiliary_share=share)
    losses = (*own.cross_entropy, *own.dice, *own.lovasz, *own.others)
    return total([part, *(_like_main(loss, main, own.path) for loss in losses)])


def _shown(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{kind} {share:g}" for kind, share in shares.items()) or "none"


def _like_main(loss: Mapping[str, Any], main: Loss, path: str) -> Part:
    """Rows for the other entries of an auxiliary loss: there are none of its own here."""
    others = (*main.cross_entropy, *main.dice, *main.lovasz, *main.others)
    twin = next((other for other in others if type_of(other) == type_of(loss)), {})
    parts = []
    for key in loss:
        if key not in ("type", "loss_weight", "loss_name"):
            row = carried if (loss[key] or None) == (twin.get(key) or None) else replaced
            parts.append(row(f"{path}.{type_of(loss)}.{key}", loss[key], "auxiliary_entry"))
    return total(parts)


def _told_apart(decode: Any, path: str) -> Loss | Part:
    losses = list(decode) if isinstance(decode, list | tuple) else [decode]
    if not losses or not all(isinstance(loss, dict) and type_of(loss) for loss in losses):
        return refused(f"{path}: a loss or a list of losses is needed, the config has {text_of(decode)}.")
    wrong = [loss for loss in losses if not is_number(loss.get("loss_weight", 1.0))]
    if wrong:
        return refused(f"{path}.loss_weight: a number is needed, the config has {text_of(wrong[0]['loss_weight'])}.")
    of_type = {name: tuple(loss for loss in losses if type_of(loss) == name) for name in map(type_of, losses)}
    cross_entropy, dice, lovasz = (of_type.pop(name, ()) for name in ("CrossEntropyLoss", "DiceLoss", "LovaszLoss"))
    return Loss(path, cross_entropy, dice, lovasz, tuple(loss for loss in losses if type_of(loss) in of_type))


def _shares(loss: Loss) -> dict[str, float]:
    losses = {"cross-entropy": loss.cross_entropy, "Dice": loss.dice, "Lovász": loss.lovasz}
    return {kind: _weight(*those) for kind, those in losses.items() if _weight(*those)}


def _weight(*losses: Mapping[str, Any]) -> float:
    return float(sum(loss.get("loss_weight", 1.0) for loss in losses))


def _cross_entropy(loss: Mapping[str, Any], path: str, head: Mapping[str, Any]) -> Part:
    path = f"{path}.CrossEntropyLoss"
    parts = [carried(f"{path}.loss_weight", loss.get("loss_weight", 1.0), cross_entropy_share=_weight(loss))]
    if loss.get("use_sigmoid"):
        parts.append(replaced(f"{path}.use_sigmoid", True, "sigmoid_cross_entropy"))
    elif "use_sigmoid" in loss:
        parts.append(carried(f"{path}.use_sigmoid", False, "softmax"))
    if loss.get("class_weight") is not None:
        parts.append(_class_weights(loss["class_weight"], f"{path}.class_weight", head))
    elif "class_weight" in loss:
        parts.append(carried(f"{path}.class_weight", None, class_weights="none"))
    parts += [carried(f"{path}.{name}", loss[name], label_smoothing=loss[name]) for name in SMOOTHINGS if name in loss]
    if "avg_non_ignore" in loss:
        row = carried if loss["avg_non_ignore"] else replaced
        parts.append(row(f"{path}.avg_non_ignore", loss["avg_non_ignore"], "mean_over_judged"))
    if "loss_name" in loss:
        parts.append(carried(f"{path}.loss_name", loss["loss_name"], "only_a_name"))
    known = ("loss_weight", "use_sigmoid", "class_weight", "avg_non_ignore", "loss_name", *SMOOTHINGS)
    return total([*parts, unread(loss, known, path)])


def _class_weights(weights: Any, path: str, head: Mapping[str, Any]) -> Part:
    if not isinstance(weights, list | tuple) or not all(is_number(weight) and weight >= 0 for weight in weights):
        return without(path, weights, "class_weight_file")
    count = head.get("num_classes")
    if len(weights) != count:
        return refused(f"{path}: {len(weights)} weights for {count} classes.")
    return carried(path, weights, class_weights=tuple(weights))


def _dice(loss: Mapping[str, Any], path: str) -> Part:
    path = f"{path}.DiceLoss"
    parts = [replaced(f"{path}.loss_weight", loss.get("loss_weight", 1.0), "dice", dice_share=_weight(loss))]
    if loss.get("use_sigmoid", True):
        parts.append(replaced(f"{path}.use_sigmoid", True, "sigmoid_dice"))
    else:
        parts.append(carried(f"{path}.use_sigmoid", False, "softmax"))
    parts += [
        replaced(f"{path}.{name}", loss[name], "dice_form")
        for name in ("naive_dice", "eps", "smooth", "exponent")
        if name in loss
    ]
    if "loss_name" in loss:
        parts.append(carried(f"{path}.loss_name", loss["loss_name"], "only_a_name"))
    known = ("loss_weight", "use_sigmoid", "naive_dice", "eps", "smooth", "exponent", "loss_name")
    return total([*parts, unread(loss, known, path)])


def _lovasz(loss: Mapping[str, Any], path: str) -> Part:
    path = f"{path}.LovaszLoss"
    parts = [carried(f"{path}.loss_weight", loss.get("loss_weight", 1.0), lovasz_share=_weight(loss))]
    told = [name for name in LOVASZ if name in loss]
    parts += [
        carried(f"{path}.{name}", loss[name], "lovasz_form")
        if loss[name] == LOVASZ[name]
        else replaced(f"{path}.{name}", loss[name], "lovasz_form")
        for name in told
    ]
    return total([*parts, unread(loss, ("loss_weight", "loss_name", *told), path)])


def _other(loss: Mapping[str, Any], all_losses: Loss) -> Part:
    """A loss that Maskwright does not have: the nearest one that it has stands in, unless the config has that too."""
    name, weight = type_of(loss), _weight(loss)
    path = f"{all_losses.path}.{name}"
    like_dice = name in LIKE_DICE
    if all_losses.dice if like_dice else all_losses.cross_entropy:
        part = without(f"{path}.loss_weight", weight, "loss_left_out", facts={"name": name})
    elif like_dice:
        part = without(f"{path}.loss_weight", weight, "dice_instead", facts={"name": name}, dice_share=weight)
    else:
        part = without(
            f"{path}.loss_weight", weight, "cross_entropy_instead", facts={"name": name}, cross_entropy_share=weight
        )
    return total([part, unread(loss, ("loss_weight", "loss_name"), path)])


def _several(loss: Loss) -> Part:
    """Several losses of one kind are one with the sum of their weights."""
    parts = []
    if len(loss.cross_entropy) > 1:
        parts.append(
            absent("the sum of the config's cross-entropies", cross_entropy_share=_weight(*loss.cross_entropy))
        )
        weights = [one.get("class_weight") for one in loss.cross_entropy]
        if not all(same(weight, weights[0]) for weight in weights):
            parts.append(refused(f"{loss.path}: two cross-entropies with different class weights."))
    if len(loss.dice) > 1:
        parts.append(absent("the sum of the config's Dice losses", dice_share=_weight(*loss.dice)))
    if len(loss.lovasz) > 1:
        parts.append(absent("the sum of the config's Lovász losses", lovasz_share=_weight(*loss.lovasz)))
    return total(parts)
