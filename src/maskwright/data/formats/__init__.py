"""The folder layouts that are known, one module each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from maskwright.data.finding import Finding
from maskwright.data.formats import (
    coco,
    cvat,
    flat,
    label_studio,
    labelme,
    split_folders,
    split_lists,
    suffixes,
    ultralytics,
    yolo,
)
from maskwright.data.formats.documents import json_documents
from maskwright.data.formats.target import Target, Written
from maskwright.data.listing import Listing
from maskwright.data.tree import Tree
from maskwright.errors import DataError, shown


def recognise(tree: Tree) -> Listing:
    """List a folder by the first layout that fits it.

    Args:
        tree: what lies in the folder.

    Returns:
        The pairs of photos and masks.

    Raises:
        DataError: no layout fits; the message says which are known and what was found.
    """
    for read, _ in LAYOUTS:
        listing = read(tree)
        if listing is not None:
            return replace(listing, findings=(*listing.findings, *_outside(tree)))
    if tree.outside:
        raise DataError(
            f"{shown(tree.root)}: no layout fits without what links lead to outside of this folder.",
            found="\n    ".join(finding.sentence() for finding in _outside(tree)[:5]),
            do="Copy the files here, or give the folder that holds the links and what they lead to.",
        )
    unread = [str(document.error) for document in json_documents(tree) if document.error]
    if unread:
        raise DataError(
            f"{shown(tree.root)}: no layout fits, and an annotation file cannot be read.",
            found="\n    ".join(unread[:5]),
            do="Mend it, or export it again.",
        )
    if not tree.pictures(""):
        raise DataError(
            f"{shown(tree.root)}: no photos in this folder.",
            expected="photos and masks as jpg, png, webp, bmp or tif",
            found=_contents(tree),
            do="Give the folder that holds the folders of photos and masks.\n" + _known(),
        )
    raise DataError(
        f"{shown(tree.root)}: it cannot be seen which of these files are photos and which are masks.",
        found=_contents(tree),
        do="Lay the files out in one of these ways:\n" + _known(),
    )


def _outside(tree: Tree) -> list[Finding]:
    return [Finding(path, "link_outside", 0.9, {"file": path}) for path in tree.outside]


def _known() -> str:
    return "\n".join(f"    {description}" for _, description in LAYOUTS)


def _contents(tree: Tree) -> str:
    """What lies directly in the folder, with how many pictures each has."""
    if not tree.files and not tree.folders:
        return "an empty folder"
    folders = [f"{path}/ ({len(tree.pictures(path))} pictures)" for path in tree.children("")]
    loose = Counter(file.extension or "no extension" for file in tree.files if "/" not in file.path)
    kinds = [f"{count} x {extension}" for extension, count in loose.most_common(5)]
    return ", ".join([*folders[:8], *(["..."] if len(folders) > 8 else []), *kinds])


LAYOUTS: tuple[tuple[Callable[[Tree], Listing | None], str], ...] = (
    (ultralytics.read, "Ultralytics semantic: images/train/a.jpg, masks/train/a.png and data.yaml with masks_dir"),
    (split_lists.read, "images/a.jpg, masks/a.png and train.txt, val.txt (or VOC: ImageSets/Segmentation/train.txt)"),
    (split_folders.read, "images/train/a.jpg and masks/train/a.png, also val and test"),
    (flat.read, "images/a.jpg and masks/a.png; the splits are drawn"),
    (suffixes.read, "a.jpg beside a_mask.png"),
    (coco.read, "COCO: photos and annotations/instances_train.json"),
    (labelme.read, "LabelMe: a.jpg and a.json"),
    (label_studio.read, "Label Studio: photos and its JSON export"),
    (cvat.read, "CVAT for images 1.1: photos and annotations.xml"),
    (yolo.read, "YOLO-seg: images/train/a.jpg, labels/train/a.txt and data.yaml"),
)
"""How a layout is read and what it looks like, in the order in which they are tried."""

WRITERS: dict[str, Callable[[Target], Written]] = {
    "folders": split_folders.write,
    "voc": split_lists.write,
    "coco": coco.write,
    "labelme": labelme.write,
    "yolo": yolo.write,
    "cvat": cvat.write,
    "label-studio": label_studio.write,
    "ultralytics": ultralytics.write,
}
"""What `maskwright convert --to` names, and how it is written."""
