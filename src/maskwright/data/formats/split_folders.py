"""`images/{train,val,test}` beside `masks/{train,val,test}`, or `train/images` beside `train/masks`."""

from __future__ import annotations

from collections.abc import Iterator

from maskwright.data.encode import write_mask_png
from maskwright.data.finding import Finding
from maskwright.data.formats.folders import image_folder, mask_folder, splits_in
from maskwright.data.formats.target import Target, Written, stem_of
from maskwright.data.listing import Listing, left_out, pair_up
from maskwright.data.tree import Tree

NAME = "split folders"


def read(tree: Tree) -> Listing | None:
    """List a folder whose splits are folders.

    Args:
        tree: what lies in the dataset's folder.

    Returns:
        The pairs, or None when the folder is not laid out like this.

    Raises:
        DataError: two folders could be meant, e.g. both `val` and `valid`.
    """
    return _kind_first(tree) or _split_first(tree)


def _kind_first(tree: Tree) -> Listing | None:
    images, masks = image_folder(tree, ""), mask_folder(tree, "")
    if images is None or masks is None or not splits_in(tree, images):
        return None
    mask_splits = splits_in(tree, masks)
    listing = Listing(NAME, (), tuple(_stray(tree, images)))
    for split, folder in splits_in(tree, images, others=True).items():
        below = mask_splits.get(split, f"{masks}/{folder.rsplit('/', 1)[-1]}")
        listing += pair_up(NAME, split, (folder, tree.below(folder)), (below, tree.below(below)))
    for split in sorted({*mask_splits} - {*splits_in(tree, images)}):
        nowhere = f"{images}/{mask_splits[split].rsplit('/', 1)[-1]}"
        listing += pair_up(NAME, split, (nowhere, ()), (mask_splits[split], tree.below(mask_splits[split])))
    return listing


def _stray(tree: Tree, images: str) -> Iterator[Finding]:
    for file in tree.pictures(images):
        if file.path.count("/") == images.count("/") + 1 and file.kind != "folder":
            yield left_out("outside_splits", file.stem(images), file=file.path, folder=images)


def _split_first(tree: Tree) -> Listing | None:
    listing = Listing(NAME, ())
    for split, folder in splits_in(tree, "").items():
        images, masks = image_folder(tree, folder), mask_folder(tree, folder)
        if images is None:
            continue
        masks = masks or f"{folder}/masks"
        listing += pair_up(NAME, split, (images, tree.below(images)), (masks, tree.below(masks)))
    return listing if any(pair.mask for pair in listing.pairs) else None


def write(target: Target) -> Written:
    """Write `images/<split>/` and `masks/<split>/`; masks are PNG with a palette."""
    for split, samples in target.splits.items():
        for sample, mask in target.each(samples, lambda _, mask: mask):
            target.put_photo(sample, f"images/{split}")
            if mask is not None:
                write_mask_png(target.folder / "masks" / split / f"{stem_of(sample)}.png", mask, target.classes)
    return Written()
