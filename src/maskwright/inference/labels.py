"""Labels for photos that are being predicted: found by name, read when needed."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from maskwright.data.class_values import NO_CLASS, to_ids
from maskwright.data.classes import Classes
from maskwright.data.decode import read_raw_mask
from maskwright.data.sample import Mask
from maskwright.data.tree import list_tree
from maskwright.errors import DataError, UsageError, shown
from maskwright.inference.photo import PhotoFile


def find_labels(labels: Path | None, photos: Sequence[PhotoFile]) -> dict[str, Path]:
    """The mask file of each photo that has one.

    Args:
        labels: a mask for a single photo, or a folder with masks of the same names as the photos: in the same
            sub-folder, else anywhere below where the name is there once. None for no labels.
        photos: the photos.

    Returns:
        photo -> mask file; photos without a mask are not in it.

    Raises:
        UsageError: `labels` is not there, is one file for several photos, or fits none of the photos.
    """
    if labels is None:
        return {}
    if labels.is_file() and len(photos) == 1:
        return {photos[0].source: labels}
    if not labels.is_dir():
        raise UsageError(
            f"--labels {labels}: this cannot be used.",
            expected="a folder of masks" + (", or the mask of the one photo" if len(photos) == 1 else ""),
            found=f"one file for {len(photos)} photos" if labels.is_file() else "nothing of that name",
            do="Give the folder whose masks are called like the photos.",
        )
    found = _by_stem(labels, photos)
    if not found:
        raise UsageError(
            f"--labels {labels}: no mask there is called like one of the photos.",
            expected=f"{photos[0].stem}.png",
            found=", ".join(file.path for file in list_tree(labels, links_out=True).pictures("")[:3]) or "no masks",
            do="Give the folder whose masks are called like the photos.",
        )
    return found


def read_label(path: Path, classes: Classes, size_hw: tuple[int, int]) -> Mask:
    """The class ids of a mask file.

    Args:
        path: the file.
        classes: what its values mean.
        size_hw: height and width of its photo.

    Raises:
        DataError: it cannot be read, has another size, or holds a value that is no class.
    """
    ids = to_ids(read_raw_mask(path, name=shown(path)), classes)
    if ids.shape != size_hw:
        raise DataError(
            f"{shown(path)}: the mask has another size than its photo.",
            expected=f"{size_hw[1]} x {size_hw[0]}",
            found=f"{ids.shape[1]} x {ids.shape[0]}",
            do="Export it at the photo's size.",
        )
    if (ids == NO_CLASS).any():
        raise DataError(
            f"{shown(path)}: the mask holds a value that is no class of the model.",
            expected=", ".join(f"{value} {name}" for value, name in zip(classes.values, classes.names, strict=True)),
            do="Use masks with the values of the data that the model was trained on.",
        )
    return ids


def read_prediction(path: Path, classes: Classes) -> Mask:
    """The class ids of a mask that `predict` wrote.

    Raises:
        DataError: it cannot be read, or holds something else than classes.
    """
    ids = to_ids(read_raw_mask(path, name=shown(path)), classes)
    if (ids >= len(classes)).any():
        raise DataError(f"{shown(path)}: this mask was not predicted for these classes.", do="Predict it again.")
    return ids


def _by_stem(folder: Path, photos: Sequence[PhotoFile]) -> dict[str, Path]:
    exact: Mapping[str, list[Path]] = defaultdict(list)
    loose: Mapping[str, list[Path]] = defaultdict(list)
    for file in list_tree(folder, links_out=True).pictures(""):
        exact[file.stem()].append(folder / file.path)
        loose[PurePosixPath(file.stem()).name].append(folder / file.path)
    found: dict[str, Path] = {}
    for photo in photos:
        stem = unicodedata.normalize("NFC", photo.stem)
        fitting = exact.get(stem) or loose.get(PurePosixPath(stem).name) or []
        if len(fitting) == 1:
            found[photo.source] = fitting[0]
    return found
