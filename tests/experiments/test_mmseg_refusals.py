"""Configs of MMSegmentation that are not imported, and what they are told."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from maskwright.errors import MaskwrightError, RecipeError, UsageError
from maskwright.experiments.mmsegmentation.config import Config, read_config
from maskwright.experiments.mmsegmentation.translate import translate
from mmseg_pets import PETS, changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"model__decode_head__type": "UPerHead"},
            "EncoderDecoder with backbone MixVisionTransformer, decode_head UPerHead",
        ),
        ({"model__backbone": {"type": "SwinTransformer"}}, "backbone SwinTransformer, decode_head SegformerHead"),
        ({"model__type": "CascadeEncoderDecoder"}, "CascadeEncoderDecoder with"),
        ({"model__backbone__type": "ResNetV1c"}, "backbone ResNetV1c, decode_head SegformerHead"),
        ({"model": 3}, "model: a network is needed, the config has 3"),
    ],
)
def test_another_network_is_refused_with_what_can_be_imported(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        changed("segformer_b0_weights", **change)
    assert "segformer_b0_weights.py: this config cannot be imported." in str(refused.value)
    assert message in str(refused.value)
    if "model" not in change:
        assert "MixVisionTransformer (the sizes B0 to B5) and SegformerHead" in str(refused.value)
        assert "ResNetV1c or ResNet (depth 18, 50 or 101) or MobileNetV2" in str(refused.value)


def test_everything_that_would_compute_something_else_is_told_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        changed(
            "segformer_b0_weights",
            model__backbone__num_heads=[1, 2, 4, 8],
            model__backbone__sr_ratios=...,
            model__backbone__qkv_bias=False,
            model__backbone__norm_cfg={"type": "LN"},
            model__backbone__window=7,
            model__decode_head__align_corners=True,
            model__decode_head__norm_cfg={"type": "GN", "num_groups": 32},
            model__decode_head__in_channels=[64, 128, 320, 512],
            model__decode_head__out_channels=1,
            model__decode_head__loss_decode__class_weight=[1.0, 2.0],
        )
    for problem in (
        "model.backbone.num_heads: segformer-b0 has [1, 2, 5, 8], the config [1, 2, 4, 8].",
        "model.backbone.qkv_bias: segformer-b0 has True, the config False.",
        "model.backbone.norm_cfg: SegFormer has",
        "model.backbone.window: this entry is not known, so it might change what the network computes.",
        "model.decode_head.align_corners: segformer-b0 has False, the config True.",
        "model.decode_head.norm_cfg: the network has batch norm (BN or SyncBN), the config {'type': 'GN'",
        "model.decode_head.in_channels: segformer-b0 has [32, 64, 160, 256], the config [64, 128, 320, 512].",
        "model.decode_head.out_channels: the network has one output per class (3), the config 1.",
        "model.decode_head.loss_decode.CrossEntropyLoss.class_weight: 2 weights for 3 classes.",
    ):
        assert problem in str(refused.value)
    assert "sr_ratios" not in str(refused.value)  # MMSegmentation's default is what the network has
    assert "Nothing was written." in str(refused.value)


def test_defaults_that_differ_are_told_as_such() -> None:
    with pytest.raises(
        UsageError, match=r"num_heads: segformer-b0 has .*, the config \[1, 2, 4, 8\] \(MMSegmentation's default\)"
    ):
        changed("segformer_b0_weights", model__backbone__num_heads=...)


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        (
            "deeplabv3plus_r18",
            {"model__backbone__depth": 34},
            "model.backbone.depth: 18, 50, 101 can be imported, the config has 34.",
        ),
        (
            "deeplabv3plus_r18",
            {"model__backbone__strides": (1, 2, 2, 2)},
            "model.backbone.strides and dilations: (1, 2, 1, 1) and (1, 1, 2, 4) or",
        ),
        (
            "deeplabv3plus_r18",
            {"model__decode_head__c1_channels": 48},
            "c1_channels: deeplabv3plus-r18 has 12, the config 48.",
        ),
        (
            "deeplabv3plus_r18",
            {"model__decode_head__dilations": (1, 6, 12, 18)},
            "dilations: deeplabv3plus-r18 has [1, 12, 24, 36], the config (1, 6, 12, 18).",
        ),
        (
            "deeplabv3plus_r18",
            {"model__backbone__contract_dilation": ...},
            "contract_dilation: deeplabv3plus-r18 has True, the config False (MMSegmentation's default).",
        ),
        (
            "deeplabv3plus_r18",
            {"model__backbone__style": "caffe"},
            "style: deeplabv3plus-r18 has pytorch, the config caffe.",
        ),
        (
            "deeplabv3plus_r18",
            {"model__auxiliary_head__type": "UPerHead"},
            "model.auxiliary_head: deeplabv3plus-r18 has one FCNHead there, the config UPerHead.",
        ),
        (
            "deeplabv3plus_r18",
            {"model__auxiliary_head__num_classes": 19},
            "model.auxiliary_head.num_classes: 19, but the head has 3.",
        ),
        (
            "deeplabv3plus_r18",
            {"model__backbone__norm_cfg": {"type": "BN", "eps": 1e-3}},
            "model.backbone.norm_cfg.eps: the network has 1e-05, the config 0.001.",
        ),
        (
            "deeplabv3plus_mobilenetv2",
            {"model__backbone__widen_factor": 0.5},
            "widen_factor: deeplabv3plus-mobilenetv2 has 1, the config 0.5.",
        ),
        (
            "deeplabv3plus_r18",
            {"model__neck": {"type": "FPN"}},
            "model.neck: no network that can be imported has one, the config has FPN.",
        ),
        (
            "segformer_b0_weights",
            {"model__backbone__embed_dims": 48},
            "48 and [2, 2, 2, 2] are no SegFormer's; those are B0 32 and [2, 2, 2, 2]",
        ),
        (
            "segformer_b0_weights",
            {"model__decode_head__num_classes": 19},
            "model.decode_head.num_classes: 19, but train_dataloader.dataset.metainfo.classes has 3 names.",
        ),
        (
            "segformer_b0_weights",
            {"model__data_preprocessor__type": "Mine"},
            "model.data_preprocessor.type: SegDataPreProcessor can be imported, the config has Mine.",
        ),
        (
            "segformer_b0_weights",
            {"model__data_preprocessor__mean": [1, 2]},
            "model.data_preprocessor.mean: three numbers are needed, the config has [1, 2].",
        ),
        (
            "segformer_b0_weights",
            {"optim_wrapper": ...},
            "optim_wrapper: a wrapper with an optimizer is needed, the config has None.",
        ),
        (
            "segformer_b0_weights",
            {"optim_wrapper__optimizer__lr": "fast"},
            "optim_wrapper.optimizer.lr: a number is needed, the config has fast.",
        ),
        (
            "segformer_b0_weights",
            {"train_cfg": {"type": "MyLoop"}},
            "train_cfg: an IterBasedTrainLoop or EpochBasedTrainLoop is needed",
        ),
        (
            "segformer_b0_weights",
            {"train_cfg__max_iters": None},
            "train_cfg.max_iters: a number is needed, the config has None.",
        ),
        (
            "segformer_b0_weights",
            {"train_dataloader__dataset__pipeline": "x"},
            "train_pipeline: a list of steps, each with a type, is needed, the config has x.",
        ),
        (
            "segformer_b0_weights",
            {"train_dataloader__batch_size": ...},
            "train_dataloader.batch_size: a whole number is needed",
        ),
    ],
)
def test_what_does_not_fit_is_refused(name: str, change: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError) as refused:
        changed(name, **change)
    assert problem in str(refused.value)


def test_sizes_and_the_rest_are_told_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        changed("deeplabv3plus_r18", model__backbone__depth=34, model__decode_head__align_corners=True)
    assert "model.backbone.depth: 18, 50, 101" in str(refused.value)
    assert "model.decode_head.align_corners" in str(refused.value)


def test_a_value_out_of_range_is_refused_by_its_setting() -> None:
    with pytest.raises(RecipeError, match=r"segformer_b0_weights\.py: crop_hw: expected"):
        changed(
            "segformer_b0_weights", train_dataloader__dataset__pipeline=[{"type": "RandomCrop", "crop_size": (8, 8)}]
        )


def test_a_config_of_the_old_generation_is_refused() -> None:
    values = {"model": {}, "data": {"samples_per_gpu": 2}, "optimizer": {}, "lr_config": {}, "runner": {}}
    with pytest.raises(
        UsageError, match=r"old\.py: a config of MMSegmentation 0\.x.\n  expected: one of MMSegmentation 1\.x"
    ):
        translate(Config(Path("old.py"), values))


def test_no_value_makes_it_stumble() -> None:
    """Whatever stands in an entry: a translation or a readable refusal."""
    rng = random.Random(0)
    odd = [
        None,
        "x",
        -1,
        [],
        {},
        True,
        [1, 2],
        {"type": 5},
        {"type": "Foo"},
        [None],
        [[1]],
        float("nan"),
        10**70,
        {1: 2},
    ]
    configs = [read_config(PETS / f"{name}.py").values for name in ("segformer_b2_512", "deeplabv3plus_r101_own")]
    ended = set()
    for _ in range(400):
        values = copy.deepcopy(rng.choice(configs))
        entries, key = rng.choice(list(places(values)))
        entries[key] = copy.deepcopy(rng.choice(odd))
        try:
            ended.add(type(translate(Config(Path("odd.py"), values))).__name__)
        except MaskwrightError as error:
            ended.add(type(error).__name__)
    assert {"Translation", "UsageError"} <= ended


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])
