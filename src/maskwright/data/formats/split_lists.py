"""Photos and masks in one folder each, the splits as text files: `train.txt`, `val.txt`; also PASCAL VOC."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from maskwright.data.annotation import IGNORE_NAMES
from maskwright.data.classes import Classes, make_classes
from maskwright.data.encode import write_mask_png
from maskwright.data.finding import Finding
from maskwright.data.formats.folders import image_folder, mask_folder
from maskwright.data.formats.target import Target, Written, stem_of
from maskwright.data.listing import SPLIT_NAMES, Listing, bare_stem, left_out, note, pair_up, split_id
from maskwright.data.tree import File, Tree
from maskwright.errors import DataError
from maskwright.storage import write_text

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
    listing += Listing(NAME, (), notes=(note("unlisted", count=unlisted),) if unlisted else ())
    return replace(listing, classes=_label_map(tree))


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


def _label_map(tree: Tree) -> Classes | None:
    """The classes of a `labelmap.txt`, which CVAT and Datumaro put beside VOC's folders: `name:r,g,b:parts:actions`.

    Raises:
        DataError: a line is no class.
    """
    file = next((file for file in tree.files if file.path == "labelmap.txt"), None)
    if file is None:
        return None
    entries = []
    for number, line in enumerate(_lines(tree, file), start=1):
        name, _, rest = line.partition(":")
        if not line or line.startswith("#"):
            continue
        try:
            red, green, blue = (int(channel) for channel in rest.split(":")[0].split(","))
        except ValueError:
            raise DataError(
                f"{file.path}, line {number}: this is no class.",
                expected="cat:128,0,0::",
                found=line[:120],
                do="Give each class a name and a colour, or remove the file.",
            ) from None
        entries.append((name, (red, green, blue)))
    kept = [entry for entry in entries if entry[0].lower() not in (*IGNORE_NAMES, "ignored")]
    ignored = [colour for name, colour in entries if name.lower() in (*IGNORE_NAMES, "ignored")][:1]
    names, colours = [name for name, _ in kept], [colour for _, colour in kept]
    return make_classes(names, colours=colours, ignore_colour=ignored[0] if ignored else None)


def write(target: Target) -> Written:
    """Write PASCAL VOC's folders: `JPEGImages/`, `SegmentationClass/`, `ImageSets/Segmentation/`, and `labelmap.txt`.

    Photos of all splits lie in one folder; those of equal names get their split's name before theirs.
    """
    stems = Counter(stem_of(sample) for samples in target.splits.values() for sample in samples)
    for split, samples in target.splits.items():
        names = []
        for sample, mask in target.each(samples, lambda _, mask: mask):
            folder = f"{split}_" if stems[stem_of(sample)] > 1 else ""
            name = target.put_photo(sample, "JPEGImages", before=folder)
            stem = str(PurePosixPath(name).with_suffix(""))
            names.append(stem)
            if mask is not None:
                write_mask_png(target.folder / "SegmentationClass" / f"{stem}.png", mask, target.classes)
        write_text(
            target.folder / "ImageSets" / "Segmentation" / f"{split}.txt", "".join(f"{name}\n" for name in names)
        )
    colours = zip(target.classes.names, target.classes.colours, strict=True)
    lines = [f"{name}:{','.join(map(str, colour))}::" for name, colour in colours]
    write_text(target.folder / "labelmap.txt", "\n".join(["# label:color_rgb:parts:actions", *lines, ""]))
    return Written()
