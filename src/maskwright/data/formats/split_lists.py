"""Photos and masks in one folder each, the splits as text files: `train.txt`, `val.txt`; also PASCAL VOC."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath

from maskwright.data.finding import Finding
from maskwright.data.formats.folders import image_folder, mask_folder
from maskwright.data.listing import SPLIT_NAMES, Listing, bare_stem, left_out, note, pair_up, split_id
from maskwright.data.tree import File, Tree
from maskwright.errors import DataError

NAME = "split lists"

LIST_FOLDERS = ("", "ImageSets/Segmentation", "ImageSets", "splits", "lists", "split")
"""Where the lists may lie; the first folder that has one is taken."""


def read(tree: Tree) -> Listing | None:
    """List a folder whose splits are text files with one photo per line.

    A line is a name without extension, a file name, or a path from the dataset's root; a second column with the
    mask is allowed when it is the mask that belongs to the photo anyway.

    Args:
        tree: what lies in the dataset's folder.

    Returns:
        The pairs of the listed photos, or None when the folder is not laid out like this.

    Raises:
        DataError: a list is not UTF-8 text, or two lists are the same split.
    """
    images, masks = image_folder(tree, ""), mask_folder(tree, "")
    lists = _lists(tree)
    if images is None or masks is None or not lists:
        return None
    photos, labels = tree.below(images), tree.below(masks)
    known = _names(photos, images)
    listing, listed = Listing(NAME, ()), set[str]()
    for split, file in lists.items():
        stems, findings = _listed(tree, split, file, known, images)
        chosen = [photo for photo in photos if photo.stem(images) in stems]
        theirs = [label for label in labels if bare_stem(label.stem(masks), stems) in stems]
        part = pair_up(NAME, split, (images, chosen), (masks, theirs))
        listing += Listing(NAME, part.pairs, (*findings, *part.findings))
        listed |= stems
    unlisted = len({*known.values()} - listed)
    return listing + Listing(NAME, (), notes=(note("unlisted", count=unlisted),) if unlisted else ())


def _lists(tree: Tree) -> dict[str, File]:
    for folder in LIST_FOLDERS:
        lists: dict[str, File] = {}
        for file in tree.below(folder):
            path = PurePosixPath(file.path)
            split = SPLIT_NAMES.get(path.stem.lower())
            if split is None or path.suffix.lower() != ".txt" or file.path != f"{folder}/{path.name}".lstrip("/"):
                continue
            if split in lists:
                raise DataError(
                    f"{lists[split].path} and {file.path} are both the list of {split}.",
                    expected="one of them",
                    do="Move the other one out of this folder.",
                )
            lists[split] = file
        if lists:
            return dict(sorted(lists.items(), key=lambda item: ("train", "val", "test").index(item[0])))
    return {}


def _names(photos: Sequence[File], images: str) -> dict[str, str]:
    """Every way to call a photo -> its stem below the folder of the photos."""
    names: dict[str, str] = {}
    for file in photos:
        if file.is_picture:
            stem, extension = file.stem(images), PurePosixPath(file.path).suffix
            for name in (stem, f"{images}/{stem}"):
                names.update({name: stem, name + extension: stem})
    return names


def _listed(tree: Tree, split: str, file: File, known: dict[str, str], images: str) -> tuple[set[str], list[Finding]]:
    stems: set[str] = set()
    findings: list[Finding] = []
    for number, line in enumerate(_lines(tree, file), start=1):
        names = [line, line.split()[0] if line else ""]
        stem = next((known[name] for name in names if name in known), None)
        facts = {"file": file.path, "line": number, "name": line, "folder": images}
        if stem is None and line:
            findings.append(left_out("listed_missing", split_id(split, line), **facts))
        elif stem in stems:
            findings.append(Finding(split_id(split, line), "listed_twice", 0.2, facts))
        elif stem is not None:
            stems.add(stem)
    return stems, findings


def _lines(tree: Tree, file: File) -> list[str]:
    try:
        text = (tree.root / file.path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{file.path}: this list of photos cannot be read.",
            expected="UTF-8 text, one photo per line",
            found=" ".join(str(error).split())[:120],
            do="Save it as UTF-8, or move it out of this folder so that the splits are drawn.",
        ) from None
    lines = (line.strip().replace("\\", "/").removeprefix("./") for line in text.splitlines())
    return [unicodedata.normalize("NFC", line) for line in lines]
