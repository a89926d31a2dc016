"""What a layout says about a folder: which photo goes with which mask, before anything is decoded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

from maskwright.data.classes import Classes
from maskwright.data.finding import Finding
from maskwright.data.tree import File

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""What folders and lists call the splits, in lower case."""

IMAGE_FOLDERS = ("img", "images", "image", "imgs", "img_dir", "jpegimages")
MASK_FOLDERS = ("labels", "masks", "annotations", "label", "mask", "annotation", "ann_dir", "segmentationclass")
"""What the folders of photos and of masks may be called, in lower case."""

MASK_SUFFIXES = ("_mask", "-mask", ".mask", "_masks", "_label", "_labels", "_seg", "_segmentation", "_gt")
"""What a mask's name may add to its photo's name."""

NOT_READ = (".gif", ".heic", ".heif", ".avif", ".jp2", ".psd", ".npy", ".npz", ".dng", ".cr2", ".nef")
"""Extensions of pictures that are known and not read; every other extension is no picture and is passed over."""

Note = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Pair:
    """A photo and its mask, not yet opened.

    Args:
        id: the sample's id.
        split: the split, "" where it will be drawn.
        image: the photo.
        mask: the mask, or None in a split without masks.
    """

    id: str
    split: str
    image: File
    mask: File | None


@dataclass(frozen=True)
class Listing:
    """All pairs of a folder.

    Args:
        layout: the name of the layout.
        pairs: photos with their masks, ordered by split and id.
        findings: what could not be paired.
        notes: what was assumed, as (sentence key, facts).
        classes: the classes, or their names, that the annotation files declare; None where they declare none.
    """

    layout: str
    pairs: tuple[Pair, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[Note, ...] = ()
    classes: Classes | tuple[str, ...] | None = None

    def __add__(self, other: Listing) -> Listing:
        return replace(
            self,
            pairs=self.pairs + other.pairs,
            findings=self.findings + other.findings,
            notes=self.notes + other.notes,
        )


def note(key: str, **facts: object) -> Note:
    """A note as `Dataset.notes` holds it."""
    return f"data.{key}", tuple((name, str(fact)) for name, fact in facts.items())


def split_id(split: str, stem: str) -> str:
    """The id of a sample."""
    return f"{split}/{stem}" if split else stem


def left_out(check: str, sample: str, **facts: object) -> Finding:
    """A finding that costs the sample."""
    return Finding(sample, check, 1.0, facts, left_out=True)


def pair_up(
    layout: str,
    split: str,
    images: tuple[str, Sequence[File]],
    masks: tuple[str, Sequence[File]],
) -> Listing:
    """Pair photos and masks of one split by their names below their folders.

    Args:
        layout: the layout's name.
        split: the split's name, "" where it will be drawn.
        images: the folder of the photos and its files.
        masks: the folder of the masks and its files; no masks at all is fine for splits other than train and val.

    Returns:
        The pairs, with a finding for each photo or mask that is alone or ambiguous.
    """
    photos = _by_stem(images[0], images[1])
    labels = _by_stem(masks[0], masks[1], photos)
    unlabelled = not labels and split not in ("train", "val", "")
    pairs, findings = [], [*_foreign(split, *images), *_foreign(split, *masks)]
    for stem in sorted({*photos, *labels}):
        image, mask = photos.get(stem, []), labels.get(stem, [])
        sample = split_id(split, stem)
        finding = None if unlabelled and len(image) == 1 else _unpaired(sample, image, mask, images[0], masks[0])
        if finding is not None:
            findings.append(finding)
        else:
            pairs.append(Pair(sample, split, image[0], None if unlabelled else mask[0]))
    return Listing(layout, tuple(pairs), tuple(findings))


def bare_stem(stem: str, photos: Container[str]) -> str:
    """The name of the photo that a mask belongs to: its own name, or without a suffix such as `_mask`."""
    if stem in photos:
        return stem
    bare = (stem.removesuffix(suffix) for suffix in MASK_SUFFIXES if stem.endswith(suffix))
    return next((name for name in bare if name in photos), stem)


def _by_stem(folder: str, files: Sequence[File], photos: dict[str, list[File]] | None = None) -> dict[str, list[File]]:
    stems: dict[str, list[File]] = defaultdict(list)
    for file in files:
        if file.is_picture and file.kind != "name_unreadable":
            stem = file.stem(folder)
            stems[stem if photos is None else bare_stem(stem, photos)].append(file)
    return dict(stems)


def _unpaired(sample: str, image: list[File], mask: list[File], image_folder: str, mask_folder: str) -> Finding | None:
    if len(image) > 1:
        return left_out("image_twice", sample, file=image[0].path, others=_names(image[1:]))
    if not image:
        return left_out("image_missing", sample, file=mask[0].path, folder=image_folder or ".")
    if len(mask) > 1:
        return left_out("mask_twice", sample, file=image[0].path, masks=_names(mask))
    if not mask:
        expected = f"{mask_folder}/{image[0].stem(image_folder)}.png" if mask_folder else f"{sample}_mask.png"
        return left_out("mask_missing", sample, file=image[0].path, expected=expected)
    return None


def _foreign(split: str, folder: str, files: Sequence[File]) -> list[Finding]:
    return [
        left_out("format_not_read", split_id(split, file.stem(folder)), file=file.path, extension=file.extension)
        for file in files
        if file.extension in NOT_READ
    ] + [
        left_out("name_unreadable", split_id(split, file.stem(folder)), file=file.path)
        for file in files
        if file.kind == "name_unreadable" and file.is_picture
    ]


def _names(files: Sequence[File]) -> str:
    return ", ".join(file.path for file in files)
