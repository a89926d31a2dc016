"""Ultralytics' layout for semantic segmentation: PNG masks, and a YAML file with `masks_dir` and `names`.

As docs.ultralytics.com/datasets/semantic defines it: a mask has its photo's path with the folder `images` replaced by
`masks_dir`; its values are the class ids under `names`; 255 is not judged.
"""

from __future__ import annotations

import io
from typing import Any

from PIL import Image as PilImage

from maskwright.data.classes import IGNORE, Classes, make_classes
from maskwright.data.formats.documents import split_in
from maskwright.data.formats.target import Target, Written, stem_of
from maskwright.data.formats.yolo import class_names, data_yaml, yaml_text
from maskwright.data.listing import Listing, pair_up
from maskwright.data.tree import File, Tree
from maskwright.errors import DataError
from maskwright.storage import write_bytes, write_text

NAME = "Ultralytics semantic"


def read(tree: Tree) -> Listing | None:
    """List a folder whose YAML file names a `masks_dir`.

    Paths in the YAML file are not followed: the splits are the folders below `images`.

    Args:
        tree: what lies in the dataset's folder.

    Returns:
        The pairs, or None when no YAML file names a folder of masks.

    Raises:
        DataError: the YAML file cannot be understood.
    """
    found = data_yaml(tree)
    if found is None or "masks_dir" not in found[1]:
        return None
    file, content = found
    masks = str(content["masks_dir"])
    if masks not in tree.folders:
        raise DataError(
            f"{file.path}: masks_dir: there is no folder {masks} here.",
            found=", ".join(tree.children("")),
            do="Give the name of a folder beside images, without a path.",
        )
    listing = Listing(NAME, (), classes=_classes(file, content))
    for folder in sorted({child for child in tree.children("images") if tree.pictures(child)}):
        below = f"{masks}/{folder.removeprefix('images/')}"
        split = split_in(f"{folder}/a.jpg")
        listing += pair_up(NAME, split, (folder, tree.below(folder)), (below, tree.below(below)))
    return listing


def _classes(file: File, content: dict[str, Any]) -> Classes:
    names = class_names(file, content)
    mapping = content.get("label_mapping") or {}
    values: dict[int, int] = {}
    try:
        for value, class_id in mapping.items():
            if isinstance(class_id, int) and class_id != IGNORE and class_id >= 0:
                if class_id in values:
                    raise ValueError(f"{values[class_id]} and {value} both become {class_id} {names[class_id]}")
                values[class_id] = int(value)
        ordered = [values[class_id] for class_id in range(len(names))] if values else range(len(names))
    except (ValueError, KeyError, IndexError, AttributeError) as error:
        raise DataError(
            f"{file.path}: label_mapping: only a mapping of one value to each class is read.",
            found=" ".join(str(error).split())[:120],
            do="Renumber the masks, and remove label_mapping.",
        ) from None
    return make_classes(names, values=tuple(ordered))


def write(target: Target) -> Written:
    """Write `images/<split>/`, `masks/<split>/` and `data.yaml`."""
    for split, samples in target.splits.items():
        for sample, mask in target.each(samples, lambda _, mask: mask):
            target.put_photo(sample, f"images/{split}")
            if mask is not None:
                buffer = io.BytesIO()
                PilImage.fromarray(mask).save(buffer, "PNG")  # grey: OpenCV would make a palette's colours grey
                write_bytes(target.folder / "masks" / split / f"{stem_of(sample)}.png", buffer.getvalue())
    write_text(target.folder / "data.yaml", yaml_text(target, target.classes.names, masks_dir="masks"))
    return Written()
