"""What is done to a photo before the network and after it, as a value that somebody without Maskwright can follow."""

from __future__ import annotations

from typing import Any

from maskwright.models.scaling import MOST_OBLONG
from maskwright.recipe.recipe import Recipe

FORMAT = 1


def preprocessing(recipe: Recipe, *, classes: int) -> dict[str, Any]:
    """All steps from a decoded photo to probabilities, in their order, as `preprocessing.json` of a bundle.

    Args:
        recipe: what the network was trained by.
        classes: how many it tells apart.

    Returns:
        A value for JSON: sentences for people, and beside them every number that they need.
    """
    return {
        "format": FORMAT,
        "photo": "uint8, 0 to 255, height x width x 3, turned as its EXIF orientation says, alpha left out",
        "colour_order": "RGB",
        "resize": _resize(recipe.short_side_px),
        "normalise": {
            "formula": "(value - mean) / std, for each channel, values from 0 to 255",
            "mean": list(recipe.mean_rgb),
            "std": list(recipe.std_rgb),
        },
        "tensor": "float32, 1 x 3 x height x width",
        "multiple_of_px": 1,
        "output": f"1 x {classes} x height x width, logits of the classes in the order of classes.yaml",
        "then": [
            "the logits are scaled to the photo's own height and width: bilinear, pixel centres (align_corners false)",
            "softmax over the classes gives probabilities",
            "the mask is the class with the highest probability of each pixel, the first of equals",
        ],
        "looks": _looks(recipe),
    }


def _resize(short_side_px: int) -> dict[str, Any] | None:
    if not short_side_px:
        return None
    return {
        "short_side_px": short_side_px,
        "keeps_proportions": True,
        "longest_side_px": MOST_OBLONG * short_side_px,
        "sides": "rounded to whole pixels",
        "smaller": "mean over areas (OpenCV's INTER_AREA)",
        "larger": "bilinear (OpenCV's INTER_LINEAR)",
    }


def _looks(recipe: Recipe) -> dict[str, Any]:
    """In which ways a photo is looked at (test-time augmentation)."""
    return {
        "scales": list(recipe.tta_scales),
        "mirrored_too": recipe.tta_flip,
        "how": "one look per scale of the photo, and one of its mirror image where that is said, turned back; the "
        "answer is the mean of their probabilities, taken at the photo's size, or at that of the largest look where "
        "the photo is larger, and then scaled to the photo's. One look at scale 1 is faster and less exact.",
    }
