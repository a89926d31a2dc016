"""What becomes of each entry of a config of MMSegmentation: classes, data, and a row for every entry."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from maskwright.errors import UsageError
from maskwright.experiments import mmsegmentation
from maskwright.experiments.mmsegmentation.config import read_config
from maskwright.experiments.mmsegmentation.layout import SplitFolders
from maskwright.sentences import table
from mmseg_pets import PETS, TEN, changed, row, translated


@pytest.mark.parametrize("name", TEN)
def test_every_entry_has_a_row(name: str) -> None:
    translation = translated(name)
    values = read_config(PETS / f"{name}.py").values
    whats = {row.what for row in translation.rows}
    parts = {
        key: values[key]
        for key in ("model", "optim_wrapper", "param_scheduler", "train_cfg", "custom_hooks")
        if key in values
    }
    dataset = values["train_dataloader"]["dataset"]
    parts["train_pipeline"] = dataset.get("dataset", dataset)["pipeline"]
    missing = [path for key, value in parts.items() for path in leaves(value, key) if not covered(path, whats)]
    assert missing == []


def leaves(value: Any, path: str) -> Iterator[str]:
    """The dotted path of every entry; steps, hooks and losses by their type."""
    if isinstance(value, dict) and path.endswith("loss_decode"):
        value = [value]
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from leaves(entry, f"{path}.{key}")
    elif isinstance(value, list) and value and all(isinstance(entry, dict) and "type" in entry for entry in value):
        for entry in value:
            yield from leaves(entry, f"{path}.{entry['type']}")
    else:
        yield path


NEEDS_NO_ROW = (
    "model.type",
    "model.pretrained",
    "model.train_cfg",
    "model.auxiliary_head",
    "model.data_preprocessor.type",
    ".begin",
    ".by_epoch",
    ".convert_to_iter_based",
    ".requires_grad",
    "optim_wrapper.type",
    "optim_wrapper.clip_grad",
    "norm_type",
    ".meta_keys",
    "param_scheduler",
    "LoadAnnotations.reduce_zero_label",
    ".resize_type",
    ".max_size",
    ".end",
)
"""Ends of entries that are told with another one, or say what is so anyway."""


def covered(path: str, whats: set[str]) -> bool:
    parent = path.rpartition(".")[0]
    whole = any(path.startswith(f"{what}.") for what in whats)  # a row about all that it is part of
    if path.endswith(".type"):
        return whole or path in whats or any(what == parent or what.startswith(f"{parent}.") for what in whats)
    return path in whats or whole or path.endswith(NEEDS_NO_ROW)


@pytest.mark.parametrize("name", TEN)
@pytest.mark.parametrize("lang", ["en", "ru"])
def test_every_row_says_why(name: str, lang: str) -> None:
    for one in translated(name).rows:
        assert one.why(lang).endswith((".", ")", "]")), one
        assert one.kind_text(lang)
        assert len(one.theirs) <= 60
    assert {one.kind for one in translated(name).rows} <= {"carried over", "replaced", "no counterpart"}


def test_every_sentence_is_there_and_used() -> None:
    folder = Path(mmsegmentation.__file__).parent
    command = folder.parents[1] / "cli" / "import_mmseg.py"
    texts = {
        node.value.removeprefix("mmseg.")
        for path in [*folder.glob("*.py"), command]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    keys = {key.removeprefix("mmseg.") for key in table("en") if key.startswith("mmseg.")}
    assert sorted(key for key in keys - texts if not key.startswith("kind_")) == []
    asked = {key for path in folder.glob("*.py") for key in why_keys(path)}
    assert len(asked) > 60
    assert sorted(asked - keys) == []


def why_keys(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if named and node.func.id in ("carried", "replaced", "without", "row") and len(node.args) > 2:
            yield from (part.value for part in ast.walk(node.args[2]) if isinstance(part, ast.Constant))


def test_classes_and_data_are_carried_over() -> None:
    translation = translated("segformer_b0_weights")
    assert translation.classes == ("background", "cat", "dog")
    assert translation.palette == ((0, 0, 0), (255, 0, 0), (0, 255, 0))
    assert translation.ignore == 255
    assert not translation.reads_bgr
    data = translation.data
    assert (data.kind, data.root, data.found) == ("BaseSegDataset", "data/pets", None)
    assert (data.image_suffix, data.mask_suffix, data.reduce_zero_label) == (".jpg", ".png", False)
    assert data.splits == (
        SplitFolders("train", "images/train", "masks/train"),
        SplitFolders("val", "images/val", "masks/val"),
        SplitFolders("test", "images/val", "masks/val"),
    )


def test_a_wrapped_dataset_of_ones_own_is_looked_through() -> None:
    translation = translated("deeplabv3plus_r101_own")
    assert translation.palette is None
    assert translation.data.reduce_zero_label
    assert translation.data.splits[0] == SplitFolders("train", "images/train", "masks/train", "splits/train.txt")
    kinds = {one.theirs: one.why_key for one in translation.rows if one.what == "train_dataloader.dataset.type"}
    assert kinds == {"PetsDataset": "dataset_code", "RepeatDataset": "wrapper"}


def test_rows_tell_what_they_became() -> None:
    translation = translated("segformer_b0_weights")
    crop = row(translation, "train_pipeline.RandomCrop.crop_size")
    assert (crop.theirs, crop.ours, crop.kind) == ("(256, 256)", "crop_hw=[256, 256]", "carried over")
    ratio = row(translation, "train_pipeline.RandomCrop.cat_max_ratio")
    assert (ratio.theirs, ratio.ours, ratio.kind) == ("0.75", "foreground_prob=0.0", "no counterpart")
    assert ratio.why() == (
        "A crop is never drawn again for what it shows here. Nothing stands in for it, so crops are drawn evenly over "
        "the photo, and foreground_prob stays 0."
    )
    hue = row(translation, "train_pipeline.PhotoMetricDistortion.hue_delta")
    assert (hue.theirs, hue.ours, hue.kind) == ("18", "hue_deg=36.0", "replaced")
    weights = row(translation, "model.backbone.init_cfg.checkpoint")
    assert weights.kind == "replaced"
    assert "second argument" in weights.why()
    assert row(translation, "model.decode_head.norm_cfg").why_key == "sync_batch_norm"
    assert row(translation, "default_hooks.checkpoint.save_best").kind == "replaced"


def test_what_has_no_counterpart_is_told() -> None:
    translation = translated("deeplabv3plus_r101_own")
    expected = {
        "model.decode_head.loss_decode.FocalLoss.loss_weight": ("cross_entropy_instead", "cross_entropy_share=1.0"),
        "model.decode_head.loss_decode.FocalLoss.gamma": ("no_counterpart", ""),
        "model.decode_head.sampler": ("no_pixel_sampler", ""),
        "model.test_cfg": ("sliding_window", ""),
        "model.backbone.frozen_stages": ("frozen_stages", ""),
        "train_pipeline.Albu": ("no_such_variation", ""),
        "train_pipeline.RandomCutOut": ("no_such_variation", ""),
        "optim_wrapper.clip_grad": ("no_value_clipping", ""),
        "optim_wrapper.loss_scale": ("no_loss_scale", ""),
        "optim_wrapper.paramwise_cfg.custom_keys.norm.decay_mult": ("no_norm_here", ""),
        "optim_wrapper.paramwise_cfg.custom_keys.layer4.lr_mult": ("no_such_key", ""),
        "custom_imports": ("not_imported", ""),
    }
    found = {what: row(translation, what) for what in expected}
    assert {what: (one.why_key, one.ours) for what, one in found.items()} == expected
    assert {one.kind for one in found.values()} == {"no counterpart"}
    flips = {one.theirs: one.why_key for one in translation.rows if one.what == "train_pipeline.RandomFlip.direction"}
    assert flips == {"horizontal": "carried", "vertical": "no_vertical_flip"}
    assert row(translation, "model.decode_head.loss_decode.LovaszLoss.loss_weight").ours == "lovasz_share=0.5"
    replaced = {
        "model.decode_head.loss_decode.LovaszLoss.reduction": "",
        "optim_wrapper.optimizer.type": "optimiser=adamw",
        "optim_wrapper.dtype": "precision=fp32",
        "param_scheduler.MultiStepLR.type": "schedule=poly, poly_power=1.0",
        "model.data_preprocessor.bgr_to_rgb": "",
        "model.auxiliary_head.loss_decode": "auxiliary_share=0.4",
    }
    assert {what: row(translation, what).ours for what in replaced} == replaced
    assert {row(translation, what).kind for what in replaced} == {"replaced"}


def test_unknown_entries_are_told() -> None:
    translation = changed(
        "segformer_b0_weights",
        optim_wrapper__optimizer__nesterov=True,
        train_cfg__val_begin=5,
        model__decode_head__loss_decode__reduction="sum",
        train_dataloader__dataset__indices=10,
        custom_hooks=[{"type": "MyHook", "speed": 3}],
    )
    for what, theirs in {
        "optim_wrapper.optimizer.nesterov": "True",
        "train_cfg.val_begin": "5",
        "model.decode_head.loss_decode.CrossEntropyLoss.reduction": "sum",
        "train_dataloader.dataset.indices": "10",
        "custom_hooks.MyHook": "{'speed': 3}",
    }.items():
        assert (row(translation, what).kind, row(translation, what).theirs) == ("no counterpart", theirs)


def test_channels_in_the_other_order_are_turned_round() -> None:
    translation = translated("deeplabv3plus_r101_own")
    assert translation.reads_bgr
    assert "first convolution" in row(translation, "model.data_preprocessor.bgr_to_rgb").why()


def test_without_a_preprocessor_nothing_is_normalised() -> None:
    translation = changed("segformer_b0_weights", model__data_preprocessor=..., data_preprocessor=...)
    assert translation.settings["mean_rgb"] == (0, 0, 0)
    assert translation.settings["std_rgb"] == (1, 1, 1)
    assert translation.reads_bgr
    assert "neither normalises" in row(translation, "model.data_preprocessor").why()


def test_the_runners_preprocessor_stands_in_for_the_models() -> None:
    translation = changed("segformer_b0_weights", model__data_preprocessor=...)
    assert translation.settings["mean_rgb"] == (123.675, 116.28, 103.53)


def test_frozen_norms_stay_frozen() -> None:
    norm = {"type": "BN", "requires_grad": False}
    assert changed("deeplabv3plus_r18", model__backbone__norm_cfg=norm).settings["encoder_norm"] == "frozen"


def test_epochs_need_the_photos() -> None:
    translation = translated("segformer_b0_epochs")
    assert "iterations" not in translation.settings
    assert translation.settings["warmup_iterations"] == 0
    length = row(translation, "train_cfg.max_epochs")
    assert length.kind == "replaced"
    assert "iterations stays at 8000" in length.why()
    assert "--set iterations=N" in length.why()


def test_epochs_become_iterations_where_the_photos_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "data" / "pets" / "images" / "train" / "deeper"
    folder.mkdir(parents=True)
    for place in range(30):
        (folder / f"{place}.jpg").touch()
    (folder / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)
    translation = translated("segformer_b0_epochs")
    assert translation.data.found == tmp_path / "data" / "pets"
    settings = translation.settings
    assert settings["iterations"] == 50 * 8
    assert settings["validation_interval"] == 5 * 8
    assert settings["warmup_iterations"] == 2 * 8
    assert "8 batches each" in row(translation, "train_cfg.max_epochs").why()


def test_an_epoch_is_as_long_as_what_is_wrapped_around_the_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, count in (("images/train", 30), ("more", 6)):
        (tmp_path / "data" / "pets" / name).mkdir(parents=True)
        for place in range(count):
            (tmp_path / "data" / "pets" / name / f"{place}.jpg").touch()
    monkeypatch.chdir(tmp_path)
    plain = copy.deepcopy(read_config(PETS / "segformer_b0_epochs.py").values["train_dataloader"]["dataset"])
    more = {**plain, "data_prefix": {"img_path": "more"}}

    def epochs(dataset: object) -> int:
        return changed("segformer_b0_epochs", train_dataloader__dataset=dataset).settings.get("iterations", 0)

    assert epochs(plain) == 50 * 8
    assert epochs({"type": "RepeatDataset", "times": 10, "dataset": plain}) == 50 * 75
    assert epochs({"type": "ConcatDataset", "datasets": [plain, more]}) == 50 * 9
    assert epochs({"type": "ClassBalancedDataset", "dataset": plain}) == 0
    assert epochs({"type": "ConcatDataset", "datasets": [plain, {**more, "data_root": "nowhere"}]}) == 0


def test_a_loop_may_be_told_without_its_type() -> None:
    loop = {"by_epoch": False, "max_iters": 900, "val_interval": 90}
    settings = changed("segformer_b0_weights", train_cfg=loop).settings
    assert (settings["iterations"], settings["validation_interval"]) == (900, 90)
    with pytest.raises(UsageError, match="IterBasedTrainLoop or EpochBasedTrainLoop"):
        changed("segformer_b0_weights", train_cfg={"type": "MyLoop", "by_epoch": True, "max_epochs": 3})


def test_a_fall_that_begins_elsewhere_than_behind_the_rise_is_told() -> None:
    plain = translated("segformer_b0_weights")
    assert row(plain, "param_scheduler.PolyLR.begin").kind == "carried over"
    rise, fall = read_config(PETS / "segformer_b0_weights.py").values["param_scheduler"]
    later = changed("segformer_b0_weights", param_scheduler=[rise, {**fall, "begin": 4000}])
    assert row(later, "param_scheduler.PolyLR.begin").kind == "replaced"
    alone = changed("segformer_b0_weights", param_scheduler=[{**fall, "begin": 4000}])
    assert row(alone, "param_scheduler.PolyLR.begin").kind == "replaced"
    cosine = {"type": "CosineAnnealingLR", "T_max": 2000, "begin": 1500, "by_epoch": False}
    short = changed("segformer_b0_weights", param_scheduler=[rise, cosine])
    assert row(short, "param_scheduler.CosineAnnealingLR.T_max").kind == "replaced"


def test_listed_photos_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data" / "pets").mkdir(parents=True)
    (tmp_path / "data" / "pets" / "train.txt").write_text("a\nb\n\nc\nd\ne\n")
    monkeypatch.chdir(tmp_path)
    translation = changed("segformer_b0_epochs", train_dataloader__dataset__ann_file="train.txt")
    assert translation.settings["iterations"] == 50 * 2


def test_a_longer_key_hides_a_shorter_one() -> None:
    keys = {"backbone": {"lr_mult": 0.1}, "norm": {"decay_mult": 0.0}}
    translation = changed("segformer_b0_weights", optim_wrapper__paramwise_cfg={"custom_keys": keys})
    assert translation.settings["norm_decay_multiplier"] == 1.0
    assert translation.settings["encoder_lr_multiplier"] == 0.1
    assert "hides norm" in row(translation, "optim_wrapper.paramwise_cfg.custom_keys.norm.decay_mult").why()


def test_the_auxiliary_share_is_relative_to_the_main_loss() -> None:
    main = {"type": "CrossEntropyLoss", "loss_weight": 2.0}
    translation = changed("deeplabv3plus_r18", model__decode_head__loss_decode=main)
    assert translation.settings["cross_entropy_share"] == 2.0
    assert translation.settings["auxiliary_share"] == 0.2


def test_losses_of_one_kind_are_added_up() -> None:
    losses = [{"type": "CrossEntropyLoss", "loss_weight": 0.25}, {"type": "CrossEntropyLoss", "loss_weight": 0.5}]
    translation = changed("segformer_b0_weights", model__decode_head__loss_decode=losses)
    assert translation.settings["cross_entropy_share"] == 0.75
    assert translation.settings["dice_share"] == 0.0


def test_class_names_may_be_unknown() -> None:
    translation = changed(
        "segformer_b0_weights",
        **dict.fromkeys([f"{split}_dataloader__dataset__metainfo" for split in ("train", "val", "test")], ...),
    )
    assert translation.classes == ("class 0", "class 1", "class 2")
    assert "--classes" in row(translation, "train_dataloader.dataset.metainfo.classes").why()


def test_types_may_stand_with_their_package() -> None:
    translation = changed(
        "segformer_b0_weights",
        model__type="mmseg.models.segmentors.EncoderDecoder",
        model__backbone__type="mmseg.models.backbones.mit.MixVisionTransformer",
        model__backbone__act_cfg={"type": "torch.nn.GELU"},
        optim_wrapper__optimizer__type="torch.optim.adamw.AdamW",
        train_cfg__type="mmengine.runner.loops.IterBasedTrainLoop",
    )
    assert translation.settings["model"] == "segformer-b0"
    assert translation.settings["optimiser"] == "adamw"
