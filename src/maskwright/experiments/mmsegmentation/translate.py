"""From a config of MMSegmentation to a recipe, classes and a data layout, with a row for every entry."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.data.classes import Colour
from maskwright.errors import UsageError, shown
from maskwright.experiments.mmsegmentation.config import Config
from maskwright.experiments.mmsegmentation.hooks import hooks_part, run_part
from maskwright.experiments.mmsegmentation.layout import (
    DataLayout,
    classes_part,
    count_photos,
    dataset_of,
    find_layout,
    ignore_value,
    layout_part,
)
from maskwright.experiments.mmsegmentation.model import model_part
from maskwright.experiments.mmsegmentation.optimiser import accumulation, optimiser_part
from maskwright.experiments.mmsegmentation.pipeline import test_part, train_part
from maskwright.experiments.mmsegmentation.preprocessing import preprocessor_part, reads_bgr
from maskwright.experiments.mmsegmentation.rows import (
    Part,
    Row,
    carried,
    refused,
    replaced,
    text_of,
    total,
    type_of,
    unread,
    without,
)
from maskwright.experiments.mmsegmentation.schedule import Length, loop_part, schedule_part
from maskwright.recipe.recipe import make_recipe

OLD = ("runner", "lr_config", "optimizer_config", "data")
"""Names that only configs of MMSegmentation 0.x use."""

LOADER = ("batch_size", "num_workers", "persistent_workers", "pin_memory", "sampler", "dataset", "drop_last")


@dataclass(frozen=True)
class Translation:
    """What a config means here.

    Args:
        settings: settings of a recipe; with the defaults of the others they make a valid one.
        reasons: why each of them has its value.
        classes: the names of the classes.
        palette: their colours, or None where the config has none that tell them apart.
        ignore: the value in the masks of pixels that are not judged.
        data: how the data lies on disk.
        reads_bgr: whether the network of a checkpoint takes blue, green, red: then the input channels of its first
            convolution have to be turned round for Maskwright, which gives red, green, blue.
        rows: every entry of the config and what became of it.
    """

    settings: Mapping[str, Any]
    reasons: Mapping[str, str]
    classes: tuple[str, ...]
    palette: tuple[Colour, ...] | None
    ignore: int
    data: DataLayout
    reads_bgr: bool
    rows: tuple[Row, ...]


def translate(config: Config) -> Translation:
    """Say what a config means here, entry by entry.

    What MMSegmentation does not do unless told is switched off in the settings, so that the run is the config's.

    Args:
        config: see `read_config`.

    Raises:
        UsageError: the network is none that can be imported, or would compute something else here; all reasons at once.
        RecipeError: a value is out of the range of its setting.
    """
    values = config.values
    if any(name in values for name in OLD) and "train_dataloader" not in values:
        raise UsageError(
            f"{shown(config.path)}: a config of MMSegmentation 0.x.",
            expected="one of MMSegmentation 1.x: train_dataloader, optim_wrapper, train_cfg",
            found=", ".join(name for name in OLD if name in values),
            do="MMSegmentation's migration guide says how to turn it into one of 1.x.",
        )
    layout = find_layout(values, config.path)
    names, palette, classes = classes_part(values)
    part = total([_model(values), _training(values, config.path), _data(values, layout), classes, run_part(values)])
    if part.problems:
        raise UsageError(
            f"{shown(config.path)}: this config cannot be imported.\n  " + "\n  ".join(part.problems),
            do="Nothing was written. An entry of a network that differs would make it compute something else.",
        )
    make_recipe(part.settings, source=shown(config.path), reasons=part.reasons)
    return Translation(
        settings=part.settings,
        reasons=part.reasons,
        classes=names,
        palette=palette,
        ignore=ignore_value(values),
        data=layout,
        reads_bgr=reads_bgr(values),
        rows=part.rows,
    )


def _model(values: Mapping[str, Any]) -> Part:
    model = values.get("model")
    if not isinstance(model, dict):
        return refused(f"model: a network is needed, the config has {text_of(model)}.")
    return model_part(model) + preprocessor_part(values)


def _training(values: Mapping[str, Any], config: Path) -> Part:
    wrapper = values.get("optim_wrapper")
    loader = values.get("train_dataloader")
    batch = loader.get("batch_size") if isinstance(loader, dict) else None
    batch = batch if isinstance(batch, int) and batch > 0 else 0
    accumulated = accumulation(wrapper)
    dataset = loader.get("dataset") if isinstance(loader, dict) else None
    photos = count_photos(dataset, config) if batch and _counts_epochs(values) else 0
    length = Length(math.ceil(photos / batch) if photos else 0, accumulated)
    loop = loop_part(values.get("train_cfg"), length)
    optimiser = optimiser_part(wrapper, transformer=_is_transformer(values))
    rate = optimiser.settings.get("lr", 0.0)
    schedule = schedule_part(
        values.get("param_scheduler"), length, lr=rate, iterations=loop.settings.get("iterations", 0)
    )
    return total([_batch(loader, accumulated), optimiser, schedule, loop, hooks_part(values)])


def _counts_epochs(values: Mapping[str, Any]) -> bool:
    """Whether anything is counted in epochs, so that the photos have to be counted."""
    schedulers = values.get("param_scheduler")
    entries = schedulers if isinstance(schedulers, list | tuple) else [schedulers]
    loop = values.get("train_cfg")
    by_epoch = [entry.get("by_epoch", True) for entry in entries if isinstance(entry, dict)]
    return any(by_epoch) or (isinstance(loop, dict) and type_of(loop) != "IterBasedTrainLoop")


def _is_transformer(values: Mapping[str, Any]) -> bool:
    model = values.get("model")
    return isinstance(model, dict) and type_of(model.get("backbone")) == "MixVisionTransformer"


def _batch(loader: Any, accumulated: int) -> Part:
    path = "train_dataloader"
    if not isinstance(loader, dict) or not isinstance(loader.get("batch_size"), int):
        return refused(f"{path}.batch_size: a whole number is needed, the config has {text_of(loader)}.")
    size = loader["batch_size"]
    parts = [carried(f"{path}.batch_size", size, "batch_size", batch_size=size * accumulated)]
    if accumulated > 1:
        parts.append(
            replaced("optim_wrapper.accumulative_counts", accumulated, "larger_batch", batch_size=size * accumulated)
        )
    sampler = loader.get("sampler")
    if isinstance(sampler, dict) and sampler.get("shuffle") is False:
        parts.append(without(f"{path}.sampler.shuffle", False, "always_shuffled"))
    elif sampler:
        parts.append(carried(f"{path}.sampler", type_of(sampler), "machinery"))
    parts += [carried(f"{path}.{key}", loader[key], "machinery") for key in LOADER[1:4] if key in loader]
    return total([*parts, unread(loader, LOADER, path)])


def _data(values: Mapping[str, Any], layout: DataLayout) -> Part:
    parts = [layout_part(values, layout), train_part(dataset_of(values, "train").get("pipeline"))]
    side = parts[1].settings["short_side_px"]
    for split, name in (("val", "val_pipeline"), ("test", "test_pipeline")):
        pipeline = dataset_of(values, split).get("pipeline")
        if pipeline is not None:
            parts.append(test_part(pipeline, name=name, short_side_px=side))
    return total(parts)
