"""From a config of MMSegmentation and its checkpoint to a run that goes on like any other."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskwright.data.classes import Classes, classes_yaml, make_classes
from maskwright.errors import UsageError, WeightsError, shown
from maskwright.experiments.mmsegmentation.config import Config, read_config
from maskwright.experiments.mmsegmentation.layout import colours_of
from maskwright.experiments.mmsegmentation.translate import Translation, translate
from maskwright.recipe.files import write_recipe
from maskwright.recipe.recipe import Recipe, make_recipe, with_settings
from maskwright.storage import file_digest, write_json, write_text
from maskwright.training.run import Run, make_run, refuse_begun

if TYPE_CHECKING:
    from torch import Tensor

    from maskwright.models.loading import Loaded

IMPORTED_WEIGHTS = "weights/imported.safetensors"
FIRST_CONVOLUTIONS = (
    "encoder.stages.0.patches.projection.weight",
    "encoder.stem.0.weight",
    "encoder.conv1.weight",
    "encoder.features.0.0.weight",
)
"""Where the colours of a photo go in, by architecture."""


@dataclass(frozen=True)
class Imported:
    """A run made from a config.

    Args:
        run: its folder.
        config: what was read.
        translation: what it means here, entry by entry.
        classes: what the masks' values mean.
        loaded: what became of every tensor of the checkpoint; None without one.
    """

    run: Run
    config: Config
    translation: Translation
    classes: Classes
    loaded: Loaded | None


def import_run(
    config: Path | str, checkpoint: Path | str | None = None, *, out: Path | str, classes: tuple[str, ...] = ()
) -> Imported:
    """Turn a config of MMSegmentation 1.x, and a checkpoint that was trained by it, into a run.

    Neither is executed. With a checkpoint the run evaluates, predicts, and starts further training; without one its
    recipe trains.

    Args:
        config: a file of MMSegmentation 1.x; the files that it inherits from have to lie where it says.
        checkpoint: what MMSegmentation wrote; None imports the config alone.
        out: the run folder, new or empty.
        classes: names of the classes, where neither the config nor the checkpoint tells them.

    Returns:
        The run, with a row for every entry of the config.

    Raises:
        UsageError: the config cannot be followed or imported, or something lies in `out` already.
        WeightsError: the checkpoint does not fit the config.
    """
    out = Path(out)
    refuse_begun(out)
    read = read_config(config)
    means = translate(read)
    content = None if checkpoint is None else _read(Path(checkpoint))
    labels = _classes(means, classes, content)
    recipe = _recipe(means, read)
    making = out.resolve().with_name(f".{out.resolve().name}.importing.tmp")
    shutil.rmtree(making, ignore_errors=True)
    try:
        run = make_run(making)
        loaded = None
        if checkpoint is not None:
            recipe, loaded = _weights(run, recipe, Path(checkpoint), len(labels), reads_bgr=means.reads_bgr)
        write_recipe(recipe, run.folder / "recipe.yaml")
        write_text(run.folder / "classes.yaml", classes_yaml(labels))
        write_json(run.folder / "import.json", _record(read, means, checkpoint, loaded))
        if out.exists():  # it is empty, and perhaps where the user stands
            for part in sorted(making.iterdir(), key=lambda part: part.name == "format"):
                part.rename(out / part.name)
        else:
            out.parent.mkdir(parents=True, exist_ok=True)
            making.rename(out)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return Imported(Run(out), read, means, labels, loaded)


def _read(checkpoint: Path) -> Any:
    from maskwright.models.checkpoint_file import read_checkpoint
    from maskwright.models.loading import is_safetensors

    return None if is_safetensors(checkpoint) else read_checkpoint(checkpoint).content


def _classes(means: Translation, given: tuple[str, ...], content: Any) -> Classes:
    """Names and colours of the classes, in this order of preference: as given, as in the config, in the checkpoint."""
    count = len(means.classes)
    meta = content.get("meta") if isinstance(content, dict) else None
    told = meta.get("dataset_meta") if isinstance(meta, dict) else None
    names, palette = means.classes, means.palette
    if isinstance(told, dict) and palette is None:
        palette = colours_of(told.get("palette"), count)
    if names == tuple(f"class {place}" for place in range(count)) and isinstance(told, dict):
        theirs = told.get("classes")
        if isinstance(theirs, list | tuple) and len(theirs) == count and len({*map(str, theirs)}) == count:
            names = tuple(map(str, theirs))
    if given and len(given) != count:
        raise UsageError(
            f"--classes: {len(given)} names for {count} classes.",
            found=", ".join(given),
            do="Give one name for each output of the network, in their order.",
        )
    first = 1 if means.data.reduce_zero_label else 0
    return make_classes(
        given or names,
        colours=palette or (),
        values=tuple(range(first, count + first)),
        ignore=0 if first else means.ignore,
    )


def _recipe(means: Translation, read: Config) -> Recipe:
    from maskwright.training.machine import machine

    recipe = make_recipe(means.settings, source=shown(read.path), reasons=means.reasons)
    cores = machine(device="cpu").cores
    return with_settings(
        recipe,
        {"threads": min(cores, 16)},
        source="this machine",
        reason=f"measured: {cores} cores; beyond 16 little is won",
    )


def _weights(run: Run, recipe: Recipe, checkpoint: Path, classes: int, *, reads_bgr: bool) -> tuple[Recipe, Loaded]:
    """Write the checkpoint's weights into the run, and say so in the recipe."""
    from maskwright.models import build_for
    from maskwright.models.loading import load_weights
    from maskwright.training.checkpoint import save_weights

    model = build_for(recipe, classes=classes)
    loaded = load_weights(model, checkpoint)
    if loaded.new or loaded.options:
        raise WeightsError(
            f"{shown(checkpoint)}: this checkpoint was not trained by this config.",
            expected=f"{recipe.model} for {classes} classes",
            found="; ".join([*(f"{name} is missing: {why}" for name, why in loaded.new.items())][:3])
            or ", ".join(f"{name} {value}" for name, value in loaded.options.items()),
            do="Give the config that lies beside the checkpoint in its work_dir.",
        )
    if reads_bgr:
        _turn_channels(model.state_dict())
    path = run.folder / IMPORTED_WEIGHTS
    about = {"imported_from": checkpoint.name, "iteration": 0}
    for name in (path, run.folder / "weights" / "best.safetensors"):
        save_weights(model, name, recipe=recipe, initial={}, about=about)
    starts = {"weights": IMPORTED_WEIGHTS, "weights_digest": file_digest(path)}
    reason = f"given: imported from {checkpoint.name}"
    return with_settings(recipe, starts, source="import", reason=reason), loaded


def _turn_channels(state: Mapping[str, Tensor]) -> None:
    """A network that was given blue, green and red is given red, green and blue here."""
    weight = next(state[name] for name in FIRST_CONVOLUTIONS if name in state)
    weight.copy_(weight.flip(1))


def _record(read: Config, means: Translation, checkpoint: Path | str | None, loaded: Loaded | None) -> dict[str, Any]:
    data = {**asdict(replace(means.data, found=None)), "found": str(means.data.found) if means.data.found else None}
    return {
        "format": 1,
        "config": str(read.path),
        "files": [str(file) for file in read.files],
        "not_followed": [{"file": str(one.file), "line": one.line, "text": one.text} for one in read.notes],
        "checkpoint": None if checkpoint is None else str(checkpoint),
        "weights": None if loaded is None else _weights_record(loaded),
        "data": data,
        "rows": [
            {"what": row.what, "theirs": row.theirs, "ours": row.ours, "kind": row.kind, "why": row.why()}
            for row in means.rows
        ],
    }


def _weights_record(loaded: Loaded) -> dict[str, Any]:
    return {
        "origin": loaded.origin,
        "loaded": len(loaded.loaded),
        "place": loaded.place,
        "unread": list(loaded.unread),
        "left_out": dict(loaded.left_out),
    }
