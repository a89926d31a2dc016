"""The model of a config: which network it is, and whether the one built here computes the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maskwright.experiments.mmsegmentation.architecture import (
    HEAD,
    IMPORTABLE,
    MIX_TRANSFORMER,
    MOBILENET,
    MOBILENET_STRIDES,
    RESNET,
    RESNET_STRIDES,
    RESNETS,
    SEGFORMERS,
    Entry,
    Network,
    deeplabv3plus_mobilenet,
    deeplabv3plus_resnet,
    segformer,
)
from maskwright.experiments.mmsegmentation.losses import auxiliary_loss, main_loss
from maskwright.experiments.mmsegmentation.rows import (
    Part,
    absent,
    carried,
    refused,
    replaced,
    same,
    text_of,
    total,
    type_of,
    unread,
    without,
)

RESNET_TYPES = ("ResNetV1c", "ResNet")

NO_EFFECT = ("with_cp", "zero_init_residual", "pretrained", "init_cfg", "frozen_stages")
"""Entries of a backbone that do not change what the network computes."""

BACKBONES = {"MixVisionTransformer": MIX_TRANSFORMER, "MobileNetV2": MOBILENET, **dict.fromkeys(RESNET_TYPES, RESNET)}

BATCH_NORMS = ("BN", "BN2d", "SyncBN")


def model_part(model: Mapping[str, Any]) -> Part:
    """The model, its loss, and what of the network is trained.

    Args:
        model: `model` of the config.
    """
    network = find_network(model)
    if isinstance(network, Part):
        return network + _other_differences(model)
    backbone, head = model["backbone"], model["decode_head"]
    auxiliary = model.get("auxiliary_head")
    facts = {"name": network.name}
    return total(
        [
            carried("model.backbone.type", type_of(backbone), "network", facts=facts, model=network.name),
            carried("model.decode_head.type", type_of(head), "network", facts=facts, **network.settings),
            _backbone(backbone, network),
            _head(head, network),
            main_loss(head),
            _auxiliary(auxiliary, network, head),
            _rest(model),
        ]
    )


def find_network(model: Mapping[str, Any]) -> Network | Part:
    """The network that a model is, or why it is none of those that can be imported."""
    backbone, head = model.get("backbone"), model.get("decode_head")
    types = type_of(model), type_of(backbone), type_of(head)
    if types[0] != "EncoderDecoder" or not isinstance(backbone, dict) or not isinstance(head, dict):
        return _unknown(model)
    if model.get("neck") is not None:
        return refused(f"model.neck: no network that can be imported has one, the config has {type_of(model['neck'])}.")
    if types[1:] == ("MixVisionTransformer", "SegformerHead"):
        return _segformer(backbone)
    if types[2] == "DepthwiseSeparableASPPHead" and types[1] in RESNET_TYPES:
        return _on_resnet(backbone, deep_stem=types[1] == "ResNetV1c")
    if types[2] == "DepthwiseSeparableASPPHead" and types[1] == "MobileNetV2":
        stride = _output_stride(backbone, MOBILENET_STRIDES, ((1, 2, 2, 2, 1, 2, 1), (1,) * 7))
        return stride if isinstance(stride, Part) else deeplabv3plus_mobilenet(output_stride=stride)
    return _unknown(model)


def _unknown(model: Mapping[str, Any]) -> Part:
    found = ", ".join(f"{part} {type_of(model.get(part)) or 'of no type'}" for part in ("backbone", "decode_head"))
    found = f"{type_of(model) or 'no type'} with {found}"
    return refused(f"model: {found} is not a network that can be imported. Those are: {IMPORTABLE}.")


def _other_differences(model: Mapping[str, Any]) -> Part:
    """What else is wrong with a network of no known size, so that all of it is told at once."""
    backbone, head = model.get("backbone"), model.get("decode_head")
    entries = BACKBONES.get(type_of(backbone))
    if entries is None or not isinstance(backbone, dict) or not isinstance(head, dict):
        return Part()
    found = (
        _fixed(backbone, entries, "model.backbone", type_of(backbone)),
        _fixed(head, HEAD, "model.decode_head", "it"),
    )
    return Part(problems=total(found).problems)


def _segformer(backbone: Mapping[str, Any]) -> Network | Part:
    width, layers = backbone.get("embed_dims", 64), backbone.get("num_layers", [3, 4, 6, 3])
    for name, size in SEGFORMERS.items():
        if same(size, (width, layers)):
            return segformer(name)
    sizes = ", ".join(f"{name[-2:].upper()} {width} and {layers}" for name, (width, layers) in SEGFORMERS.items())
    found = f"{text_of(width)} and {text_of(layers)}"
    return refused(f"model.backbone.embed_dims and num_layers: {found} are no SegFormer's; those are {sizes}.")


def _on_resnet(backbone: Mapping[str, Any], *, deep_stem: bool) -> Network | Part:
    depth = backbone.get("depth")
    stride = _output_stride(backbone, RESNET_STRIDES, ((1, 2, 2, 2), (1, 1, 1, 1)))
    if depth not in tuple(RESNETS):
        wrong = refused(
            f"model.backbone.depth: {', '.join(map(str, RESNETS))} can be imported, the config has {depth}."
        )
        return wrong + stride if isinstance(stride, Part) else wrong
    return (
        stride if isinstance(stride, Part) else deeplabv3plus_resnet(depth, output_stride=stride, deep_stem=deep_stem)
    )


def _output_stride(backbone: Mapping[str, Any], known: Mapping[int, Any], default: tuple[Any, Any]) -> int | Part:
    found = backbone.get("strides", default[0]), backbone.get("dilations", default[1])
    for stride, pair in known.items():
        if same(pair, found):
            return stride
    pairs = " or ".join(f"{strides} and {dilations}" for strides, dilations in known.values())
    return refused(
        f"model.backbone.strides and dilations: {pairs} can be imported, the config has {found[0]} and {found[1]}."
    )


def _backbone(backbone: Mapping[str, Any], network: Network) -> Part:
    path = "model.backbone"
    sizes = [key for key in ("depth", "embed_dims", "num_layers", "strides", "dilations") if key in backbone]
    transformer = network.name in SEGFORMERS
    rates = ("drop_rate", "attn_drop_rate", "drop_path_rate") if transformer else ()
    known = {"type", "norm_cfg", "norm_eval", *sizes, *rates, *NO_EFFECT, *network.backbone}
    return total(
        [
            *(
                carried(f"{path}.{key}", backbone[key], "network", facts={"name": network.name})
                for key in sizes
                if key not in network.backbone
            ),
            _fixed(backbone, network.backbone, path, network.name),
            _drop_rates(backbone, path) if transformer else Part(),
            _layer_norm(backbone, path) if transformer else _encoder_norm(backbone, path),
            _initialised(backbone, path),
            _unknown_entries(backbone, known, path),
        ]
    )


def _fixed(entries: Mapping[str, Any], needed: Mapping[str, Entry], path: str, name: str) -> Part:
    """Entries that the network must have as they are: rows where it has, problems where it has not."""
    parts = []
    for key, entry in needed.items():
        found = entries.get(key, entry.default)
        if not same(found, entry.ours):
            left_out = "" if key in entries else " (MMSegmentation's default)"
            parts.append(
                refused(f"{path}.{key}: {name} has {text_of(entry.ours)}, the config {text_of(found)}{left_out}.")
            )
        elif key in entries:
            parts.append(carried(f"{path}.{key}", found, "network", facts={"name": name}))
    return total(parts)


def _unknown_entries(entries: Mapping[str, Any], known: set[str], path: str) -> Part:
    """An entry that nothing is known about might change what is computed."""
    return total(
        refused(f"{path}.{key}: this entry is not known, so it might change what the network computes.")
        for key in entries
        if key not in known
    )


def _drop_rates(backbone: Mapping[str, Any], path: str) -> Part:
    parts = [
        carried(f"{path}.drop_path_rate", backbone["drop_path_rate"], drop_path=backbone["drop_path_rate"])
        if "drop_path_rate" in backbone
        else absent("MixVisionTransformer skips nothing unless told", drop_path=0.0)
    ]
    for key in ("drop_rate", "attn_drop_rate"):
        if key in backbone:
            row = (
                without(f"{path}.{key}", backbone[key], "no_dropout_inside")
                if backbone[key]
                else carried(f"{path}.{key}", backbone[key], "no_effect")
            )
            parts.append(row)
    return total(parts)


def _layer_norm(backbone: Mapping[str, Any], path: str) -> Part:
    norm = backbone.get("norm_cfg", {"type": "LN", "eps": 1e-6})
    if type_of(norm) != "LN" or norm.get("eps", 1e-5) != 1e-6:
        return refused(f"{path}.norm_cfg: SegFormer has {{'type': 'LN', 'eps': 1e-06}}, the config {text_of(norm)}.")
    parts = [absent("the encoder has no batch norm", encoder_norm="train")]
    if "norm_cfg" in backbone:
        parts.append(carried(f"{path}.norm_cfg", norm, "network", facts={"name": "SegFormer"}))
    if norm.get("requires_grad") is False:
        parts.append(without(f"{path}.norm_cfg.requires_grad", False, "norm_is_trained"))
    return total(parts)


def _encoder_norm(backbone: Mapping[str, Any], path: str) -> Part:
    norm = backbone.get("norm_cfg", {"type": "BN"})
    parts = [_batch_norm(norm, f"{path}.norm_cfg") if "norm_cfg" in backbone else Part()]
    if isinstance(norm, dict) and norm.get("requires_grad") is False:
        parts.append(carried(f"{path}.norm_cfg.requires_grad", False, "norm_frozen", encoder_norm="frozen"))
        if "norm_eval" in backbone:
            parts.append(carried(f"{path}.norm_eval", backbone["norm_eval"], "norm_frozen"))
    elif backbone.get("norm_eval"):
        parts.append(carried(f"{path}.norm_eval", True, encoder_norm="keep_statistics"))
    elif "norm_eval" in backbone:
        parts.append(carried(f"{path}.norm_eval", False, encoder_norm="train"))
    else:
        parts.append(absent("MMSegmentation trains batch norms unless told", encoder_norm="train"))
    return total(parts)


def _batch_norm(norm: Any, path: str) -> Part:
    if type_of(norm) not in BATCH_NORMS:
        return refused(f"{path}: the network has batch norm (BN or SyncBN), the config {text_of(norm)}.")
    parts = [
        replaced(path, norm, "sync_batch_norm") if type_of(norm) == "SyncBN" else carried(path, norm, "batch_norm")
    ]
    if norm.get("eps", 1e-5) != 1e-5:
        parts.append(refused(f"{path}.eps: the network has 1e-05, the config {norm['eps']}."))
    if norm.get("momentum", 0.1) != 0.1:
        parts.append(without(f"{path}.momentum", norm["momentum"], "norm_momentum"))
    return total([*parts, unread(norm, ("requires_grad", "eps", "momentum"), path)])


def _initialised(backbone: Mapping[str, Any], path: str) -> Part:
    """Entries that only say where weights come from, how memory is saved, or what is not trained."""
    parts = []
    if "frozen_stages" in backbone:
        row, why = (carried, "no_effect") if backbone["frozen_stages"] == -1 else (without, "frozen_stages")
        parts.append(row(f"{path}.frozen_stages", backbone["frozen_stages"], why))
    parts += [_weights(backbone, key, path) for key in ("pretrained", "init_cfg")]
    memory = [key for key in ("with_cp", "zero_init_residual") if key in backbone]
    parts += [without(f"{path}.{key}", backbone[key], "no_effect") for key in memory]
    return total(parts)


def _weights(entries: Mapping[str, Any], key: str, path: str) -> Part:
    value = entries.get(key)
    checkpoint = value.get("checkpoint") if isinstance(value, dict) else value
    if checkpoint:
        what = f"{path}.{key}.checkpoint" if isinstance(value, dict) else f"{path}.{key}"
        return replaced(what, checkpoint, "weights")
    return without(f"{path}.{key}", value, "initialisation") if value else Part()


def _head(head: Mapping[str, Any], network: Network) -> Part:
    path = "model.decode_head"
    width = head.get("channels")
    known = {
        *("type", "channels", "num_classes", "out_channels", "dropout_ratio", "norm_cfg", "loss_decode"),
        *("ignore_index", "sampler", "init_cfg", *network.decode_head),
    }
    if not isinstance(width, int):
        channels = refused(f"{path}.channels: a number is needed, the config has {text_of(width)}.")
    else:
        channels = carried(
            f"{path}.channels", width, decoder_channels=0 if width == network.decoder_channels else width
        )
    return total(
        [
            channels,
            _fixed(head, network.decode_head, path, network.name),
            _classes(head, path),
            carried(
                f"{path}.dropout_ratio", head.get("dropout_ratio", 0.1), head_dropout=head.get("dropout_ratio", 0.1)
            ),
            _batch_norm(head.get("norm_cfg"), f"{path}.norm_cfg"),
            _weights(head, "init_cfg", path),
            _unknown_entries(head, known, path),
        ]
    )


def _classes(head: Mapping[str, Any], path: str) -> Part:
    count, outputs = head.get("num_classes"), head.get("out_channels")
    if not isinstance(count, int) or not 2 <= count <= 254:
        return refused(f"{path}.num_classes: 2 to 254 classes can be imported, the config has {text_of(count)}.")
    if outputs not in (None, count):
        return refused(f"{path}.out_channels: the network has one output per class ({count}), the config {outputs}.")
    part = carried(f"{path}.num_classes", count, "classes")
    return part + carried(f"{path}.out_channels", outputs, "classes") if outputs else part


def _auxiliary(auxiliary: Any, network: Network, head: Mapping[str, Any]) -> Part:
    path = "model.auxiliary_head"
    if isinstance(auxiliary, list) and len(auxiliary) == 1:
        auxiliary = auxiliary[0]
    if not network.auxiliary_head:
        return without(path, type_of(auxiliary), "no_auxiliary_head") if auxiliary else Part()
    if not auxiliary:
        return absent("the config has no auxiliary head", auxiliary_share=0.0)
    if not isinstance(auxiliary, dict) or type_of(auxiliary) != "FCNHead":
        found = type_of(auxiliary) or text_of(auxiliary)
        return refused(f"{path}: {network.name} has one FCNHead there, the config {found}.")
    known = {
        *("type", "num_classes", "dropout_ratio", "norm_cfg", "loss_decode", "ignore_index", "sampler", "init_cfg"),
        *network.auxiliary_head,
    }
    parts = [
        carried(f"{path}.type", "FCNHead", "network", facts={"name": network.name}),
        _fixed(auxiliary, network.auxiliary_head, path, network.name),
        _batch_norm(auxiliary.get("norm_cfg"), f"{path}.norm_cfg"),
        auxiliary_loss(auxiliary, head),
        carried(f"{path}.num_classes", auxiliary.get("num_classes"), "classes"),
        _unknown_entries(auxiliary, known, path),
    ]
    if auxiliary.get("num_classes") != head.get("num_classes"):
        parts.append(
            refused(f"{path}.num_classes: {auxiliary.get('num_classes')}, but the head has {head.get('num_classes')}.")
        )
    dropout = auxiliary.get("dropout_ratio", 0.1)
    if dropout == head.get("dropout_ratio", 0.1):
        parts.append(carried(f"{path}.dropout_ratio", dropout, "one_dropout"))
    else:
        parts.append(replaced(f"{path}.dropout_ratio", dropout, "one_dropout"))
    return total(parts)


def _rest(model: Mapping[str, Any]) -> Part:
    test = model.get("test_cfg")
    test = test if isinstance(test, dict) else {}
    parts = [_weights(model, "pretrained", "model"), _weights(model, "init_cfg", "model")]
    if test.get("mode") == "slide":
        parts.append(without("model.test_cfg", test, "sliding_window"))
    elif test:
        parts.append(carried("model.test_cfg.mode", test.get("mode"), "whole_photo"))
        parts.append(unread(test, ("mode",), "model.test_cfg"))
    if model.get("train_cfg"):
        parts.append(without("model.train_cfg", model["train_cfg"]))
    known = (
        *("backbone", "neck", "decode_head", "auxiliary_head", "pretrained", "init_cfg", "train_cfg", "test_cfg"),
        "data_preprocessor",
    )
    return total([*parts, unread(model, known, "model")])
