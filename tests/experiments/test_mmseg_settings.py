"""The settings that configs of MMSegmentation become."""

from __future__ import annotations

from typing import Any

import pytest

from maskwright.experiments.mmsegmentation.config import read_config
from maskwright.experiments.mmsegmentation.translate import translate
from maskwright.recipe.recipe import make_recipe
from mmseg_pets import TEN, row, translated
from shared_data import shared

OFF = {
    "aspect": 1.0,
    "rotation_deg": 0.0,
    "foreground_prob": 0.0,
    "blur_prob": 0.0,
    "noise_prob": 0.0,
    "copy_paste_prob": 0.0,
    "ema_decay": 0.0,
    "patience": 0,
    "grad_clip": 0.0,
    "label_smoothing": 0.0,
}
"""What MMSegmentation does not do unless told."""


EXPECTED: dict[str, dict[str, Any]] = {
    "segformer_b0_weights": {
        **OFF,
        "model": "segformer-b0",
        "form": "mmsegmentation",
        "decoder_channels": 0,
        "drop_path": 0.1,
        "head_dropout": 0.1,
        "mean_rgb": (123.675, 116.28, 103.53),
        "std_rgb": (58.395, 57.12, 57.375),
        "cross_entropy_share": 1.0,
        "dice_share": 0.0,
        "class_weights": (0.1, 1.0, 1.0),
        "optimiser": "adamw",
        "lr": 6e-5,
        "weight_decay": 0.01,
        "beta1": 0.9,
        "beta2": 0.999,
        "head_lr_multiplier": 10.0,
        "encoder_lr_multiplier": 1.0,
        "norm_decay_multiplier": 0.0,
        "bias_decay_multiplier": 1.0,
        "schedule": "poly",
        "poly_power": 1.0,
        "lr_min_frac": 0.0,
        "warmup_iterations": 1500,
        "iterations": 8000,
        "validation_interval": 800,
        "batch_size": 4,
        "short_side_px": 256,
        "scale_min": 0.5,
        "scale_max": 2.0,
        "crop_hw": (256, 256),
        "flip_prob": 0.5,
        "colour_prob": 0.5,
        "brightness": 0.25,
        "contrast": 0.5,
        "saturation": 0.5,
        "hue_deg": 36.0,
        "precision": "fp32",
    },
    "segformer_b0_dice": {
        **OFF,
        "cross_entropy_share": 1.0,
        "dice_share": 3.0,
        "class_weights": "none",
        "batch_size": 8,
        "seed": 42,
        "lr": 6e-5,
    },
    "segformer_b2_512": {
        **OFF,
        "model": "segformer-b2",
        "decoder_channels": 768,
        "batch_size": 8,
        "iterations": 4000,
        "validation_interval": 400,
        "warmup_iterations": 400,
        "precision": "bf16",
        "ema_decay": 0.998,
        "short_side_px": 512,
        "scale_min": 0.75,
        "scale_max": 1.5,
        "crop_hw": (512, 512),
        "brightness": 0.125,
        "contrast": 0.2,
        "saturation": 0.3,
        "hue_deg": 18.0,
    },
    "segformer_b1_loops": {
        **OFF,
        "model": "segformer-b1",
        "iterations": 4000,
        "class_weights": (0.0476, 0.4762, 0.4762),
        "head_lr_multiplier": 10.0,
        "norm_decay_multiplier": 0.0,
        "schedule": "constant",
        "warmup_iterations": 0,
        "short_side_px": 256,
        "scale_min": 0.5,
        "scale_max": 2.0,
        "crop_hw": (192, 256),
        "colour_prob": 0.0,
    },
    "segformer_b0_epochs": {
        **OFF,
        "batch_size": 4,
        "rotation_deg": 15,
        "flip_prob": 0.3,
        "short_side_px": 320,
        "scale_min": 1.0,
        "scale_max": 1.0,
        "crop_hw": (256, 256),
        "poly_power": 0.9,
        "lr_min_frac": 0.01,
        "patience": 6,
        "colour_prob": 0.0,
    },
    "segformer_b0_newstyle": {
        **OFF,
        "model": "segformer-b0",
        "lr": 1e-4,
        "iterations": 6000,
        "norm_decay_multiplier": 1.0,
        "drop_path": 0.0,
        "poly_power": 1.0,
        "lr_min_frac": 1.0,
    },
    "deeplabv3plus_r18": {
        **OFF,
        "model": "deeplabv3plus-r18",
        "form": "own",
        "output_stride": 8,
        "decoder_channels": 0,
        "auxiliary_share": 0.4,
        "encoder_norm": "train",
        "optimiser": "sgd",
        "lr": 0.01,
        "beta1": 0.9,
        "weight_decay": 0.0005,
        "schedule": "poly",
        "poly_power": 0.9,
        "lr_min_frac": 0.01,
        "iterations": 20000,
    },
    "deeplabv3plus_r50_os16": {
        **OFF,
        "model": "deeplabv3plus-r50",
        "form": "own",
        "output_stride": 16,
        "decoder_channels": 256,
        "auxiliary_share": 0.0,
        "encoder_norm": "keep_statistics",
        "scale_min": 0.5,
        "scale_max": 1.5,
        "validation_interval": 1000,
    },
    "deeplabv3plus_mobilenetv2": {
        **OFF,
        "model": "deeplabv3plus-mobilenetv2",
        "output_stride": 8,
        "optimiser": "adamw",
        "lr": 5e-4,
        "encoder_lr_multiplier": 0.1,
        "head_lr_multiplier": 1.0,
        "norm_decay_multiplier": 0.0,
        "bias_decay_multiplier": 0.0,
        "grad_clip": 1.0,
        "schedule": "cosine",
        "lr_min_frac": 0.01,
        "warmup_iterations": 500,
    },
    "deeplabv3plus_r101_own": {
        **OFF,
        "model": "deeplabv3plus-r101",
        "form": "torchvision",
        "output_stride": 8,
        "mean_rgb": (123.675, 116.28, 103.53),
        "std_rgb": (58.395, 57.12, 57.375),
        "cross_entropy_share": 1.0,
        "dice_share": 0.0,
        "lovasz_share": 0.5,
        "auxiliary_share": 0.4,
        "optimiser": "adamw",
        "lr": 1e-4,
        "norm_decay_multiplier": 1.0,
        "precision": "fp32",
        "schedule": "poly",
        "short_side_px": 362,
        "scale_min": 0.7072,
        "scale_max": 1.4144,
        "crop_hw": (256, 320),
        "flip_prob": 0.3,
    },
}


@pytest.mark.parametrize("name", TEN)
def test_the_ten_have_their_settings(name: str) -> None:
    translation = translated(name)
    expected = {**EXPECTED[name]}
    assert {setting: translation.settings.get(setting) for setting in expected} == expected


@pytest.mark.parametrize("name", TEN)
def test_their_settings_make_a_recipe_with_a_reason_each(name: str) -> None:
    translation = translated(name)
    recipe = make_recipe(translation.settings, source=name, reasons=translation.reasons)
    assert recipe.weights == "none"
    assert set(translation.reasons) == set(translation.settings)
    assert all(reason.startswith("given: ") for reason in translation.reasons.values())
    assert recipe.reason("lr") == f"given: optim_wrapper.optimizer.lr={recipe.lr} of the config"


def test_the_real_config_is_translated() -> None:
    translation = translate(read_config(shared("fixtures", "mmseg", "mmengine_real_config.py")))
    expected = {
        **OFF,
        "model": "segformer-b0",
        "form": "mmsegmentation",
        "class_weights": (0.1, 1.0, 1.0),
        "lr": 6e-5,
        "head_lr_multiplier": 10.0,
        "norm_decay_multiplier": 0.0,
        "iterations": 21,
        "validation_interval": 10,
        "warmup_iterations": 2,
        "batch_size": 4,
        "crop_hw": (256, 256),
        "short_side_px": 256,
        "seed": 0,
    }
    assert {setting: translation.settings.get(setting) for setting in expected} == expected
    assert translation.classes == ("background", "cat", "dog")
    assert row(translation, "optim_wrapper.paramwise_cfg.custom_keys.pos_block").kind == "no counterpart"
    assert row(translation, "train_pipeline.RandomResize.scale").kind == "replaced"  # a square, see scale_square
