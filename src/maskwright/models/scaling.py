"""At which size a network sees photos; without torch, so that every runtime scales them alike."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.errors import DataError
from maskwright.recipe.recipe import Recipe

MOST_OBLONG = 24
"""Times that a photo's long side may be its short side where that is scaled up to the network's size: beyond every
panorama. A line of 5,000 x 1 pixels would become a photo of gigapixels."""


def scaled(images: Sequence[NDArray[np.uint8]], recipe: Recipe, scale: float) -> NDArray[np.uint8]:
    """Photos of one size as a network of a recipe sees them.

    Args:
        images: photos `(H, W, 3) uint8`, all of one size.
        recipe: what the photos' short side is scaled to.
        scale: on top of it.

    Returns:
        `(B, H', W', 3) uint8`.

    Raises:
        DataError: the recipe scales the short side up, and the photos are too oblong for that.
    """
    height, width = images[0].shape[:2]
    if min(height, width) < recipe.short_side_px and max(height, width) > MOST_OBLONG * min(height, width):
        raise DataError(
            "This photo is too oblong for a model that scales its short side up.",
            expected=f"at most {MOST_OBLONG} times as long as wide",
            found=f"{width} x {height} px, whose short side becomes {recipe.short_side_px} px",
            do="Cut it into shorter pieces.",
        )
    factor = scale * (recipe.short_side_px / min(height, width) if recipe.short_side_px else 1.0)
    if factor == 1.0:
        return np.stack(list(images))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.stack([np.asarray(cv2.resize(image, size, interpolation=way), np.uint8) for image in images])


def looks(recipe: Recipe, *, tta: bool) -> list[tuple[float, bool]]:
    """The ways in which a photo is looked at, each a scale and whether it is mirrored; their mean is the answer.

    Args:
        recipe: names them: `tta_scales`, `tta_flip`.
        tta: whether all of them are taken, or the photo as it is.
    """
    scales, flips = (recipe.tta_scales, (False, True) if recipe.tta_flip else (False,)) if tta else ((1.0,), (False,))
    return [(scale, flip) for scale in scales for flip in flips]
