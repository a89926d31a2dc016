"""The steps from a model's probabilities to those that its masks are made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from maskwright.data.sample import Image, Mask
from maskwright.inference.postprocess.colours import follow_colours
from maskwright.inference.postprocess.guided_filter import guided_filter
from maskwright.inference.postprocess.regions import (
    decided,
    filled,
    object_regions,
    voted,
    without_specks,
    without_unsure,
)
from maskwright.inference.postprocess.settings import PostProcess
from maskwright.inference.predictor import Probs, most_probable

ProbsStep = Callable[[Probs, Image, Any], Probs]
"""(probabilities `(C, H, W)`, photo `(H, W, 3)`, the step's setting) to probabilities that sum to 1 over `C`."""
MaskStep = Callable[[Mask, Probs, Any], Mask]
"""(mask `(H, W)`, probabilities `(C, H, W)`, the step's setting) to a mask."""


def processed(probs: Probs, image: Image, post: PostProcess) -> Probs:
    """Probabilities after all steps; the most probable class of each pixel is the mask.

    Args:
        probs: `(C, H, W) float32`, sums to 1 over `C`.
        image: the photo, `(H, W, 3) uint8` RGB.
        post: which steps, and how.

    Returns:
        `(C, H, W) float32`, sums to 1 over `C`.
    """
    mask: Mask | None = None
    for name, value in post.steps():
        if name in PROBS_STEPS:
            probs = PROBS_STEPS[name](probs, image, value)
        elif name in MASK_STEPS:
            mask = MASK_STEPS[name](most_probable(probs) if mask is None else mask, probs, value)
    probs = probs if mask is None else decided(probs, mask)
    return probs if post.temperature == 1 else temper(probs, post.temperature)


def smooth_along_edges(probs: Probs, image: Image, radius_frac: float) -> Probs:
    """Smooth within the regions of the photo, see `guided_filter`."""
    radius_px = max(1, round(radius_frac * min(image.shape[:2])))
    return _to_one(np.maximum(guided_filter(probs, image, radius_px), 0))


def offset_logits(probs: Probs, _image: Image, offsets: tuple[float, ...]) -> Probs:
    """Add to each class's logit: p_c exp(o_c) over their sum, what another class weight in training aims at."""
    return _to_one(probs * np.exp(np.asarray(offsets, np.float32))[:, None, None])


def one_class_per_photo(mask: Mask, probs: Probs, share: float) -> Mask:
    """Give all objects of the photo the class that has at least this share of them."""
    return voted(probs, mask, (mask > 0).astype(np.int32), share)


def one_class_per_object(mask: Mask, probs: Probs, share: float) -> Mask:
    """Give each object (pixels of all classes but the first that touch) the class that has at least this share."""
    return voted(probs, mask, object_regions(mask), share)


def drop_unsure_objects(mask: Mask, probs: Probs, share: float) -> Mask:
    """Take objects for the first class whose score is below this share of the best one's in the photo."""
    return without_unsure(mask, probs, object_regions(mask), share)


def remove_specks(mask: Mask, _probs: Probs, smallest_frac: tuple[float, ...]) -> Mask:
    """Give regions that are smaller than their class's share of the photo the class around them."""
    return without_specks(mask, [frac * mask.size for frac in smallest_frac])


def fill_holes(mask: Mask, probs: Probs, largest_frac: float) -> Mask:
    """Give holes of the first class in an object, up to this share of the photo, the class around them."""
    return filled(mask, largest_frac * mask.size, len(probs))


def temper(probs: Probs, temperature: float) -> Probs:
    """Divide the logits: p^(1/T) over their sum (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017)."""
    return _to_one((probs / probs.max(axis=0)) ** np.float32(1 / temperature))


def _to_one(values: Probs) -> Probs:
    return np.asarray(values / values.sum(axis=0), np.float32)


PROBS_STEPS: Mapping[str, ProbsStep] = {
    "colour_weight": follow_colours,
    "edge_radius_frac": smooth_along_edges,
    "logit_offsets": offset_logits,
}
"""The steps on probabilities by the setting that switches each, in the order in which they are taken."""
MASK_STEPS: Mapping[str, MaskStep] = {
    "photo_vote_share": one_class_per_photo,
    "object_vote_share": one_class_per_object,
    "object_score_share": drop_unsure_objects,
    "smallest_frac": remove_specks,
    "largest_hole_frac": fill_holes,
}
"""The steps on the mask that follow, likewise; the probabilities then follow the mask, and `temperature` comes last."""
