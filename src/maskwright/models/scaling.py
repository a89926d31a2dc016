"""At which size a network sees photos; without torch, so that every runtime scales them alike."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.recipe.recipe import Recipe

MOST_OBLONG = 24
"""Times that a photo's long side may be the short side that a recipe names: beyond every panorama. A line of 5,000 x 1
pixels would become a photo of gigapixels."""


def scale_factor(height: int, width: int, short_side_px: int) -> float:
    """What a photo's sides are multiplied by for its short side to have so many pixels; 0 keeps the photo as it is.

    A photo that is more than 24 times as long as wide is not scaled quite so far: its long side gets 24 times as many.
    """
    if not short_side_px:
        return 1.0
    return min(short_side_px / min(height, width), MOST_OBLONG * short_side_px / max(height, width))


def resized_hw(height: int, width: int, factor: float) -> tuple[int, int]:
    """Height and width in whole pixels after scaling: at least 1."""
    return max(1, round(height * factor)), max(1, round(width * factor))


def scaled(images: Sequence[NDArray[np.uint8]], recipe: Recipe, scale: float) -> NDArray[np.uint8]:
    """Photos of one size as a network of a recipe sees them.

    Args:
        images: photos `(H, W, 3) uint8`, all of one size.
        recipe: what the photos' short side is scaled to.
        scale: on top of it.

    Returns:
        `(B, H', W', 3) uint8`.
    """
    height, width = images[0].shape[:2]
    factor = scale * scale_factor(height, width, recipe.short_side_px)
    if factor == 1.0:
        return np.stack(list(images))
    size = resized_hw(height, width, factor)[::-1]
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.stack([np.asarray(cv2.resize(image, size, interpolation=way), np.uint8) for image in images])


def mean_hw(height: int, width: int, recipe: Recipe, *, tta: bool) -> tuple[int, int]:
    """The size at which the mean over the looks at a photo is taken.

    It is the photo's own, but that of the largest look where there are several and the photo is larger still: a photo
    of 12 megapixels in six looks would otherwise be scaled up six times.
    """
    ways = looks(recipe, tta=tta)
    factor = max(scale for scale, _ in ways) * scale_factor(height, width, recipe.short_side_px)
    return (height, width) if len(ways) == 1 or factor >= 1 else resized_hw(height, width, factor)


def looks(recipe: Recipe, *, tta: bool) -> list[tuple[float, bool]]:
    """The ways in which a photo is looked at, each a scale and whether it is mirrored; their mean is the answer.

    Args:
        recipe: names them: `tta_scales`, `tta_flip`.
        tta: whether all of them are taken, or the photo as it is.
    """
    scales, flips = (recipe.tta_scales, (False, True) if recipe.tta_flip else (False,)) if tta else ((1.0,), (False,))
    return [(scale, flip) for scale in scales for flip in flips]
