"""The classes of a config and where its photos and masks lie."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.data.classes import IGNORE, Colour
from maskwright.experiments.mmsegmentation.rows import (
    Part,
    carried,
    refused,
    replaced,
    text_of,
    total,
    type_of,
    without,
)

SPLITS = ("train", "val", "test")

DATASETS = {
    "ADE20KDataset": (".jpg", ".png", True),
    "COCOStuffDataset": (".jpg", "_labelTrainIds.png", False),
    "ChaseDB1Dataset": (".png", "_1stHO.png", False),
    "CityscapesDataset": ("_leftImg8bit.png", "_gtFine_labelTrainIds.png", False),
    "DRIVEDataset": (".png", "_manual1.png", False),
    "HRFDataset": (".png", ".png", False),
    "ISPRSDataset": (".png", ".png", True),
    "LoveDADataset": (".png", ".png", True),
    "PascalContextDataset59": (".jpg", ".png", True),
    "PotsdamDataset": (".png", ".png", True),
    "REFUGEDataset": (".png", ".png", False),
    "STAREDataset": (".png", ".ah.png", False),
    "SynapseDataset": (".jpg", ".png", False),
    "iSAIDDataset": (".png", "_instance_color_RGB.png", False),
}
"""Suffixes of photos and masks, and reduce_zero_label, of datasets that differ from (.jpg, .png, False)."""

WRAPPERS = ("RepeatDataset", "ClassBalancedDataset", "MultiImageMixDataset")

MOST_COUNTED = 300_000
"""Files that are looked at while photos are counted."""


@dataclass(frozen=True)
class SplitFolders:
    """Where one split lies.

    Args:
        name: "train", "val" or "test".
        images: folder of the photos, below the root.
        masks: folder of the masks, below the root.
        list_file: file with the names of its photos, below the root; "" for all that lie in the folder.
    """

    name: str
    images: str
    masks: str
    list_file: str = ""


@dataclass(frozen=True)
class DataLayout:
    """How the data of a config lies on disk.

    Args:
        kind: the type of the dataset, e.g. "BaseSegDataset".
        root: as the config has it; relative to where MMSegmentation was started.
        splits: those that the config has.
        image_suffix: end of a photo's name.
        mask_suffix: what stands in its place in the name of the photo's mask.
        reduce_zero_label: whether value 0 on disk is not judged and class 0 has value 1.
        found: the root on this machine, or None where it is not there.
    """

    kind: str
    root: str
    splits: tuple[SplitFolders, ...]
    image_suffix: str
    mask_suffix: str
    reduce_zero_label: bool
    found: Path | None


def dataset_of(values: Mapping[str, Any], split: str) -> Mapping[str, Any]:
    """The dataset of a split without what is wrapped around it; empty where the config has none."""
    loader = values.get(f"{split}_dataloader")
    dataset: Any = loader.get("dataset") if isinstance(loader, dict) else None
    for _ in range(5):
        if type_of(dataset) in WRAPPERS:
            dataset = dataset.get("dataset")
        elif type_of(dataset) == "ConcatDataset" and isinstance(dataset.get("datasets"), list) and dataset["datasets"]:
            dataset = dataset["datasets"][0]
    return dataset if isinstance(dataset, dict) else {}


def find_layout(values: Mapping[str, Any], config: Path) -> DataLayout:
    """How the data lies on disk.

    Args:
        values: the config.
        config: its file; the root is looked for below the working directory, the config's folder and those above it.
    """
    train = dataset_of(values, "train") or dataset_of(values, "val")
    kind = type_of(train)
    image_suffix, mask_suffix, reduce_zero = DATASETS.get(kind, (".jpg", ".png", False))
    root = str(train.get("data_root") or "")
    return DataLayout(
        kind=kind,
        root=root,
        splits=tuple(_folders(dataset_of(values, split), split) for split in SPLITS if dataset_of(values, split)),
        image_suffix=str(train.get("img_suffix", image_suffix)),
        mask_suffix=str(train.get("seg_map_suffix", mask_suffix)),
        reduce_zero_label=bool(train.get("reduce_zero_label", _step_reduces(train, default=reduce_zero))),
        found=_found(root, config),
    )


def count_photos(dataset: Any, config: Path) -> int:
    """The photos that an epoch shows, those on this machine; 0 where they are not all there.

    Args:
        dataset: of the training, with what is wrapped around it.
        config: its file; see `find_layout`.
    """
    kind = type_of(dataset)
    if not kind or kind == "ClassBalancedDataset":  # how often that repeats which photo, its masks decide
        return 0
    if kind == "ConcatDataset":
        parts = dataset.get("datasets")
        counts = [count_photos(part, config) for part in parts] if isinstance(parts, list | tuple) else []
        return sum(counts) if all(counts) else 0
    if kind in WRAPPERS:
        times = dataset.get("times", 1)
        return count_photos(dataset.get("dataset"), config) * (times if isinstance(times, int) and times > 0 else 1)
    root = _found(str(dataset.get("data_root") or ""), config)
    suffix = str(dataset.get("img_suffix", DATASETS.get(kind, (".jpg",))[0]))
    return 0 if root is None else _count_in(root, _folders(dataset, "train"), suffix)


def _count_in(root: Path, split: SplitFolders, suffix: str) -> int:
    listed = root / split.list_file
    if split.list_file and listed.is_file():
        return sum(1 for line in listed.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip())
    count = looked_at = 0
    for _, _, names in os.walk(root / split.images):
        looked_at += len(names)
        count += sum(name.endswith(suffix) for name in names)
        if looked_at > MOST_COUNTED:
            return 0
    return count


def layout_part(values: Mapping[str, Any], layout: DataLayout) -> Part:
    """Rows about the data."""
    path = "train_dataloader.dataset"
    parts = [
        carried(f"{path}.data_root", layout.root or None, "data_root"),
        carried(f"{path}.img_suffix", layout.image_suffix, "layout"),
        carried(f"{path}.seg_map_suffix", layout.mask_suffix, "layout"),
    ]
    for split in layout.splits:
        where = f"{split.images}, {split.masks}"
        parts.append(carried(f"{split.name}_dataloader.dataset.data_prefix", where, "layout"))
        if split.list_file:
            parts.append(carried(f"{split.name}_dataloader.dataset.ann_file", split.list_file, "layout"))
    if layout.reduce_zero_label:
        parts.append(carried(f"{path}.reduce_zero_label", True, "reduce_zero_label"))
    if layout.kind not in ("", "BaseSegDataset"):
        parts.append(without(f"{path}.type", layout.kind, "dataset_code", facts={"name": layout.kind}))
    for split_name in SPLITS:
        loader = values.get(f"{split_name}_dataloader")
        wrapper = type_of(loader.get("dataset")) if isinstance(loader, dict) else ""
        if wrapper in (*WRAPPERS, "ConcatDataset"):
            parts.append(without(f"{split_name}_dataloader.dataset.type", wrapper, "wrapper", facts={"name": wrapper}))
    return total([*parts, *_other_entries(dataset_of(values, "train"), path)])


def classes_part(values: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[Colour, ...] | None, Part]:
    """Names and colours of the classes.

    Returns:
        Names; colours, or None where the config has none; and the rows. A config without names has "class 0", ...
    """
    count = _count(values)
    metainfo = next((found for split in SPLITS if (found := dataset_of(values, split).get("metainfo"))), None)
    info = metainfo if isinstance(metainfo, dict) else {}
    names, palette, path = info.get("classes"), info.get("palette"), "train_dataloader.dataset.metainfo"
    if not isinstance(names, list | tuple) or not names:
        unnamed = replaced(f"{path}.classes", names, "classes_unnamed", facts={"count": count})
        return tuple(f"class {place}" for place in range(count)), None, unnamed
    names = tuple(map(str, names))
    parts = [carried(f"{path}.classes", ", ".join(names), "classes")]
    if count and len(names) != count:
        parts.append(refused(f"model.decode_head.num_classes: {count}, but {path}.classes has {len(names)} names."))
    if len(set(names)) < len(names):
        parts.append(refused(f"{path}.classes: a name stands there twice, the config has {text_of(names)}."))
    colours = colours_of(palette, len(names))
    if palette is not None:
        row = carried if colours else without
        parts.append(row(f"{path}.palette", palette, "palette" if colours else "palette_unfit"))
    return names, colours, total(parts)


def ignore_value(values: Mapping[str, Any]) -> int:
    """The value of pixels in the masks that are not judged."""
    model = values.get("model")
    head = model.get("decode_head") if isinstance(model, dict) else None
    value = head.get("ignore_index", IGNORE) if isinstance(head, dict) else IGNORE
    return value if isinstance(value, int) and 0 <= value <= 65535 else IGNORE


def _count(values: Mapping[str, Any]) -> int:
    model = values.get("model")
    head = model.get("decode_head") if isinstance(model, dict) else None
    count = head.get("num_classes") if isinstance(head, dict) else 0
    return count if isinstance(count, int) and 0 < count < 1000 else 0


def colours_of(palette: Any, count: int) -> tuple[Colour, ...] | None:
    """A palette as colours, one of its own for each class; None where it is no such palette."""
    if not isinstance(palette, list | tuple) or len(palette) != count:
        return None
    colours = []
    for colour in palette:
        fits = isinstance(colour, list | tuple) and len(colour) == 3
        if not fits or not all(isinstance(channel, int) and 0 <= channel <= 255 for channel in colour):
            return None
        colours.append((int(colour[0]), int(colour[1]), int(colour[2])))
    return tuple(colours) if len(set(colours)) == count else None


def _folders(dataset: Mapping[str, Any], split: str) -> SplitFolders:
    prefix = dataset.get("data_prefix")
    prefix = prefix if isinstance(prefix, dict) else {}
    images, masks = str(prefix.get("img_path") or ""), str(prefix.get("seg_map_path") or "")
    return SplitFolders(split, images, masks, str(dataset.get("ann_file") or ""))


def _step_reduces(dataset: Mapping[str, Any], *, default: bool) -> bool:
    """What `LoadAnnotations` of the dataset's pipeline says."""
    pipeline = dataset.get("pipeline")
    steps = pipeline if isinstance(pipeline, list | tuple) else []
    said = [
        step["reduce_zero_label"]
        for step in steps
        if type_of(step) == "LoadAnnotations" and "reduce_zero_label" in step
    ]
    return bool(said[0]) if said else default


def _found(root: str, config: Path) -> Path | None:
    if not root:
        return None
    for folder in (Path.cwd(), *config.resolve().parents):
        try:
            if (folder / root).is_dir():
                return folder / root
        except (OSError, ValueError):
            return None
    return None


def _other_entries(dataset: Mapping[str, Any], path: str) -> list[Part]:
    known = (
        *("type", "data_root", "data_prefix", "img_suffix", "seg_map_suffix", "reduce_zero_label", "metainfo"),
        *("pipeline", "ann_file", "ignore_index", "backend_args", "test_mode", "serialize_data", "lazy_init"),
    )
    return [without(f"{path}.{key}", value) for key, value in dataset.items() if key not in known]
