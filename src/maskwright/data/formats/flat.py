"""`images/` beside `masks/` without splits; the splits are drawn."""

from __future__ import annotations

from maskwright.data.formats.folders import image_folder, mask_folder, splits_in
from maskwright.data.listing import Listing, pair_up
from maskwright.data.tree import Tree

NAME = "flat"


def read(tree: Tree) -> Listing | None:
    """List a folder of photos and a folder of masks.

    Args:
        tree: what lies in the dataset's folder.

    Returns:
        The pairs, all with the split "", or None when the folder is not laid out like this.

    Raises:
        DataError: two folders could be meant.
    """
    images, masks = image_folder(tree, ""), mask_folder(tree, "")
    if images is None or masks is None or splits_in(tree, images):
        return None
    return pair_up(NAME, "", (images, tree.below(images)), (masks, tree.below(masks)))
