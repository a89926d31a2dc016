"""`photo.jpg` beside `photo_mask.png` in one folder, with or without folders for the splits."""

from __future__ import annotations

from collections.abc import Sequence

from maskwright.data.formats.folders import image_folder, splits_in
from maskwright.data.listing import MASK_SUFFIXES, Listing, note, pair_up
from maskwright.data.tree import File, Tree

NAME = "suffixes"


def read(tree: Tree) -> Listing | None:
    """List a folder where a mask has its photo's name and a suffix.

    Args:
        tree: what lies in the dataset's folder.

    Returns:
        The pairs, or None when no file is called like another one with a known suffix.

    Raises:
        DataError: two folders could be the same split.
    """
    root = image_folder(tree, "") or ""
    suffix = _suffix(tree.pictures(root))
    if suffix is None:
        return None
    listing = Listing(NAME, (), notes=(note("mask_suffix", suffix=suffix),))
    for split, folder in (splits_in(tree, root, others=True) if splits_in(tree, root) else {"": root}).items():
        files = tree.below(folder)
        masks = [file for file in files if file.is_picture and file.stem().endswith(suffix)]
        photos = [file for file in files if file not in set(masks)]
        listing += pair_up(NAME, split, (folder, photos), (folder, masks))
    return listing


def _suffix(pictures: Sequence[File]) -> str | None:
    """The suffix that most masks have beside their photos."""
    stems = {file.stem() for file in pictures}
    counts = {
        suffix: sum(stem.endswith(suffix) and stem.removesuffix(suffix) in stems for stem in stems)
        for suffix in MASK_SUFFIXES
    }
    best = max(counts, key=lambda suffix: counts[suffix])
    return best if counts[best] else None
