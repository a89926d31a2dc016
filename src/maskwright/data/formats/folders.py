"""Which folder holds the photos, which the masks, and which are the splits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from maskwright.data.listing import IMAGE_FOLDERS, MASK_FOLDERS, SPLIT_NAMES
from maskwright.data.tree import Tree
from maskwright.errors import DataError


def image_folder(tree: Tree, below: str) -> str | None:
    """The path of the one folder of photos directly in `below`, or None.

    Raises:
        DataError: two folders could be meant.
    """
    return _folder(tree, below, IMAGE_FOLDERS, "photos")


def mask_folder(tree: Tree, below: str) -> str | None:
    """The path of the one folder of masks directly in `below`, or None.

    Raises:
        DataError: two folders could be meant.
    """
    return _folder(tree, below, MASK_FOLDERS, "masks")


def splits_in(tree: Tree, folder: str, *, others: bool = False) -> dict[str, str]:
    """The splits that are folders directly in `folder`: name -> path.

    Args:
        tree: what lies in the dataset's folder.
        folder: where to look.
        others: whether a folder that has no usual split's name counts as a split of its own name.

    Raises:
        DataError: two folders are the same split, e.g. `val` and `valid`.
    """
    splits: dict[str, str] = {}
    for path in tree.children(folder):
        name = PurePosixPath(path).name
        split = SPLIT_NAMES.get(name.lower(), name if others else None)
        if split is None or not tree.pictures(path):
            continue
        if split in splits:
            raise _ambiguous(f"{splits[split]} and {path} are both the split {split}.", tree)
        splits[split] = path
    order = {"train": 0, "val": 1, "test": 2}
    return dict(sorted(splits.items(), key=lambda item: (order.get(item[0], 3), item[0])))


def _folder(tree: Tree, below: str, names: Sequence[str], what: str) -> str | None:
    found = [path for path in tree.children(below) if PurePosixPath(path).name.lower() in names and tree.pictures(path)]
    if len(found) > 1:
        raise _ambiguous(f"{' and '.join(found)} could both be the folder of {what}.", tree)
    return found[0] if found else None


def _ambiguous(what: str, tree: Tree) -> DataError:
    return DataError(f"{tree.root}: {what}", expected="one of them", do="Move the other one out of this folder.")
