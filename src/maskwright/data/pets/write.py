"""The built-in data as a folder on disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PilImage

from maskwright.data.classes import classes_yaml, make_classes
from maskwright.data.encode import write_jpeg, write_mask_png
from maskwright.data.pets.faults import FAULTS, Planted, plant
from maskwright.data.pets.scenes import draw_scene
from maskwright.data.sample import Mask
from maskwright.errors import RunError, UsageError, shown
from maskwright.progress import OnProgress, Progress, silent
from maskwright.storage import read_json, write_bytes, write_json, write_text

PETS = make_classes(["background", "cat", "dog"], colours=[(0, 0, 0), (242, 132, 36), (52, 136, 240)])
"""The classes of the drawn photos."""

LIST = "planted.json"
"""The file that says what was drawn and which faults were planted."""

_SHARES = {"train": 0.64, "val": 0.22, "test": 0.14}
_DRAWING = 1  # raised whenever the same numbers give other pictures
_QUALITY = 93  # the scene holds a camera's JPEG traces already; these shall not be seen


@dataclass(frozen=True)
class DrawnDataset:
    """Drawn photos on disk.

    Args:
        folder: where they lie: `img/{train,val,test}/*.jpg`, `labels/{train,val,test}/*.png`, `classes.yaml`.
        images: how many photos.
        train_images: how many of them are for training.
        size_px: side of a photo.
        seed: which collection.
        planted: the faults that were planted, also in `planted.json`.
    """

    folder: Path
    images: int
    train_images: int
    size_px: int
    seed: int
    planted: tuple[Planted, ...]


def draw_dataset(
    folder: Path | str,
    *,
    images: int = 300,
    size_px: int = 160,
    seed: int = 0,
    faults: float = 0.0,
    broken: int = 0,
    threads: int | None = None,
    on_progress: OnProgress = silent,
) -> DrawnDataset:
    """Draw photos of cats and dogs with exact masks into a folder.

    What an earlier call drew is taken as it is when it is the same, and replaced when it is not.

    Args:
        folder: new, empty, or drawn by an earlier call.
        images: how many photos, at least 10: 64 % for training, 22 % for validation, the rest to test.
        size_px: side of the square photos, 32 to 1024.
        seed: which collection; the same numbers give the same files.
        faults: share of the training masks that get a fault, in [0, 0.5], the kinds of `FAULTS` in turn.
        broken: how many training files are broken on purpose, in turn a photo that ends too early and a mask
            of another size.
        threads: how many scenes are drawn at once; None takes all cores.
        on_progress: told how many are drawn.

    Returns:
        What was drawn and planted.

    Raises:
        UsageError: a number is out of its range, or other files lie in the folder.
    """
    folder = Path(folder)
    asked = {"images": images, "size_px": size_px, "seed": seed, "faults": faults, "broken": broken}
    _check(asked)
    ids = [f"{split}/pet_{index:05d}" for split, index in _numbered(images)]
    if (earlier := _earlier(folder, asked, ids)) is not None:
        return earlier
    _make_way(folder)
    record = {"format": 1, "drawing": _DRAWING, **asked, "classes": list(PETS.names)}
    write_json(folder / LIST, {**record, "complete": False, "planted": []})
    _draw_all(folder, ids, size_px, seed, threads, on_progress)
    planted = _plant_faults(folder, ids, faults, seed) if faults else []
    faulty = {fault.sample for fault in planted}
    whole = [sample for sample in ids if sample.startswith("train/") and sample not in faulty]
    planted += _break_files(folder, whole, broken, seed)
    write_text(folder / "classes.yaml", classes_yaml(PETS))
    write_json(folder / LIST, {**record, "complete": True, "planted": [asdict(fault) for fault in planted]})
    return _drawn(folder, asked, ids, planted)


def _check(asked: dict[str, Any]) -> None:
    limits = {
        "images": (10, 99_999),
        "size_px": (32, 1024),
        "seed": (0, 2**31),
        "faults": (0.0, 0.5),
        "broken": (0, 99),
    }
    for name, (low, high) in limits.items():
        if not low <= asked[name] <= high:
            raise UsageError(
                f"{name} {asked[name]}: out of range.", expected=f"{low} to {high}", do=f"Give another {name}."
            )


def _numbered(images: int) -> Iterator[tuple[str, int]]:
    """The split and the number of each scene."""
    train = round(_SHARES["train"] * images)
    val = max(1, round(_SHARES["val"] * images))
    for index in range(images):
        yield "train" if index < train else "val" if index < train + val else "test", index


def _earlier(folder: Path, asked: dict[str, Any], ids: list[str]) -> DrawnDataset | None:
    """What lies there already, if it is just what is asked for and whole."""
    record = _record(folder)
    if record is None or not record.get("complete") or record.get("drawing") != _DRAWING:
        return None
    if any(record.get(name) != value for name, value in asked.items()):
        return None
    if not all(path.is_file() for sample in ids for path in _files(folder, sample)):
        return None
    return _drawn(folder, asked, ids, [Planted(**fault) for fault in record["planted"]])


def _record(folder: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = read_json(folder / LIST, format_version=1)
    except RunError:
        return None
    return record if "drawing" in record else None


def _drawn(folder: Path, asked: dict[str, Any], ids: list[str], planted: list[Planted]) -> DrawnDataset:
    train = sum(sample.startswith("train/") for sample in ids)
    return DrawnDataset(folder, asked["images"], train, asked["size_px"], asked["seed"], tuple(planted))


def _make_way(folder: Path) -> None:
    """Take away what an earlier call drew; refuse when anything else lies there."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{shown(folder)}: a file, where a folder is needed.", do="Name another folder.")
    present = [path for path in folder.rglob("*") if not path.is_dir()] if folder.exists() else []
    ours = [path for path in present if _is_ours(path.relative_to(folder))]
    foreign = [path for path in present if path not in set(ours)]
    if foreign or (present and _record(folder) is None):
        raise UsageError(
            f"{shown(folder)}: other files lie there, and nothing is overwritten.",
            expected="a new or empty folder, or one that was drawn before",
            found=", ".join(shown(path) for path in (foreign or present)[:3]),
            do="Name another folder.",
        )
    for path in ours:
        if path.name != LIST:
            path.unlink()


def _is_ours(path: Path) -> bool:
    """Whether `draw_dataset` writes a file of this name."""
    top_level = len(path.parts) == 1 and path.name in (LIST, "classes.yaml")
    drawn = len(path.parts) == 3 and path.parts[0] in ("img", "labels") and path.parts[1] in _SHARES
    return top_level or (drawn and path.name.lstrip(".").startswith("pet_"))


def _files(folder: Path, sample: str) -> tuple[Path, Path]:
    """The photo and the mask of a sample."""
    return folder / "img" / f"{sample}.jpg", folder / "labels" / f"{sample}.png"


def _draw_all(
    folder: Path, ids: list[str], size_px: int, seed: int, threads: int | None, on_progress: OnProgress
) -> None:
    def draw(index: int) -> None:
        image, mask = draw_scene(seed, index, size_px)
        photo_file, mask_file = _files(folder, ids[index])
        write_jpeg(photo_file, image, quality=_QUALITY)
        write_mask_png(mask_file, mask, PETS)

    workers = ThreadPoolExecutor(threads or os.cpu_count() or 1)
    try:
        for done, _ in enumerate(workers.map(draw, range(len(ids))), start=1):
            on_progress(Progress("stage.draw", done, len(ids)))
    finally:
        workers.shutdown(cancel_futures=True)


def _plant_faults(folder: Path, ids: list[str], share: float, seed: int) -> list[Planted]:
    """Plant the kinds in turn into training masks by lot."""
    train = [sample for sample in ids if sample.startswith("train/")]
    rng = np.random.default_rng([seed, len(ids), 1])
    wanted, kinds, planted = round(share * len(train)), list(FAULTS), list[Planted]()
    for position in rng.permutation(len(train)).tolist():
        if len(planted) == wanted:
            break
        _, mask_file = _files(folder, train[position])
        kind = kinds[len(planted) % len(kinds)]
        mask = _mask_of(mask_file)
        faulty = plant(mask, kind, np.random.default_rng([seed, position, 2]), class_count=len(PETS))
        if faulty is not None:
            write_mask_png(mask_file, faulty.mask, PETS)
            planted.append(Planted(train[position], kind, faulty.detail))
    return sorted(planted, key=lambda fault: fault.sample)


def _break_files(folder: Path, whole: list[str], count: int, seed: int) -> list[Planted]:
    """Break training files so that no program can use them."""
    rng = np.random.default_rng([seed, len(whole), 3])
    chosen = sorted(rng.permutation(len(whole))[:count].tolist())
    planted = []
    for turn, position in enumerate(chosen):
        photo_file, mask_file = _files(folder, whole[position])
        if turn % 2 == 0:
            content = photo_file.read_bytes()
            write_bytes(photo_file, content[: len(content) // 3])
            detail = {"file": photo_file.relative_to(folder).as_posix(), "kept_bytes": len(content) // 3}
            planted.append(Planted(whole[position], "cut_file", detail))
        else:
            mask = _mask_of(mask_file)
            write_mask_png(mask_file, mask[: len(mask) * 3 // 4], PETS)
            detail = {"file": mask_file.relative_to(folder).as_posix(), "kept_rows": len(mask) * 3 // 4}
            planted.append(Planted(whole[position], "wrong_size", detail))
    return planted


def _mask_of(path: Path) -> Mask:
    """The ids of a mask that `draw_dataset` wrote: its values are the ids."""
    with PilImage.open(path) as picture:
        return np.asarray(picture, np.uint8)
