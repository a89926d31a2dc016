"""Random variations of a photo with its mask, in NumPy and OpenCV.

Geometry is one affine map from the photo to the crop, so that each pixel is interpolated once however many of the
variations are drawn.
"""

from __future__ import annotations

import functools

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from maskwright.data.classes import IGNORE
from maskwright.data.sample import Image, Mask
from maskwright.models.scaling import resized_hw, scale_factor
from maskwright.recipe.recipe import Recipe

Pair = tuple[Image, Mask]


def augment(pair: Pair, recipe: Recipe, rng: np.random.Generator, *, donor: Pair | None = None) -> Pair:
    """One training crop.

    Args:
        pair: photo `(H, W, 3) uint8` and mask `(H, W) uint8`.
        recipe: the ranges of the variations and the size of the crop.
        rng: where every draw comes from.
        donor: a second photo whose objects may be pasted.

    Returns:
        Crop `(h, w, 3) uint8` and its mask `(h, w) uint8` with `(h, w) = recipe.crop_hw`; what lies beyond the photo's
        edges is mirrored, with its labels.
    """
    image, mask = warp(pair, recipe, rng)
    if donor is not None and rng.random() < recipe.copy_paste_prob:
        image, mask = paste_objects((image, mask), warp(donor, recipe, rng))
    return vary_colours(image, recipe, rng), mask


def fit_short_side(pair: Pair, short_side_px: int) -> Pair:
    """The pair scaled as `models.scaling.scale_factor` says."""
    image, mask = pair
    height, width = image.shape[:2]
    factor = scale_factor(height, width, short_side_px)
    if factor == 1.0:
        return pair
    size = resized_hw(height, width, factor)[::-1]
    return (
        np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR), np.uint8),
        np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8),
    )


def warp(pair: Pair, recipe: Recipe, rng: np.random.Generator) -> Pair:
    """Scale, stretch, rotate, mirror and crop."""
    pair = fit_short_side(pair, recipe.short_side_px)
    scale = np.exp(rng.uniform(np.log(recipe.scale_min), np.log(recipe.scale_max)))
    stretch = np.exp(rng.uniform(-1, 1) * np.log(recipe.aspect) / 2)
    angle = np.deg2rad(rng.uniform(-recipe.rotation_deg, recipe.rotation_deg))
    mirror = -1.0 if rng.random() < recipe.flip_prob else 1.0
    if scale < 0.7:  # one bilinear tap per pixel would skip pixels of the photo: average them first
        pair = fit_short_side(pair, max(1, round(min(pair[1].shape) * scale)))
        scale = 1.0
    image, mask = pair
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.diag([mirror * scale * stretch, scale / stretch])
    centre = _centre_xy(mask, linear, recipe, rng)
    height, width = recipe.crop_hw
    offset = np.array([(width - 1) / 2, (height - 1) / 2]) - linear @ centre
    matrix = np.column_stack([linear, offset])
    size, mirror_edges = (width, height), cv2.BORDER_REFLECT_101
    four = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA)  # OpenCV 5 warps four channels in half the time of three
    warped = cv2.warpAffine(four, matrix, size, flags=cv2.INTER_LINEAR, borderMode=mirror_edges)
    return (
        np.asarray(cv2.cvtColor(warped, cv2.COLOR_RGBA2RGB), np.uint8),
        np.asarray(cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_NEAREST, borderMode=mirror_edges), np.uint8),
    )


def paste_objects(pair: Pair, donor: Pair) -> Pair:
    """Every pixel of the donor that is neither class 0 nor ignored covers the pair's, its edge softened by a pixel.

    Ghiasi et al., "Simple Copy-Paste is a Strong Data Augmentation Method for Instance Segmentation", CVPR 2021.
    """
    image, mask = pair
    donor_image, donor_mask = donor
    covers = (donor_mask != 0) & (donor_mask != IGNORE)
    if not covers.any():
        return pair
    left, top, width, height = cv2.boundingRect(covers.view(np.uint8))
    rows, columns = slice(max(top - 1, 0), top + height + 1), slice(max(left - 1, 0), left + width + 1)
    soft = cv2.GaussianBlur(covers[rows, columns].astype(np.float32), (3, 3), 0)[..., None]
    below = image[rows, columns]
    image = image.copy()
    image[rows, columns] = below + soft * (donor_image[rows, columns].astype(np.float32) - below)
    return image, np.where(covers, donor_mask, mask)


def vary_colours(image: Image, recipe: Recipe, rng: np.random.Generator) -> Image:
    """Brightness, contrast, saturation and hue as one affine map of RGB; then blur, then noise."""
    if rng.random() < recipe.colour_prob:
        image = np.asarray(cv2.transform(image, _colour_matrix(recipe, rng, mean=cv2.mean(image)[:3])), np.uint8)
    if rng.random() < recipe.blur_prob:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.5)), np.uint8)
    if rng.random() < recipe.noise_prob:
        image = add_noise(image, rng.uniform(2, 10), rng)
    return image


def add_noise(image: Image, deviation: float, rng: np.random.Generator) -> Image:
    """Gaussian noise with a standard deviation in grey levels.

    Drawn from a table of 65536 values by 16 random bits each: a quarter of the time of drawing the values themselves.
    """
    table = np.rint(_normal_quantiles() * deviation).astype(np.int16)
    noise = table[np.frombuffer(rng.bytes(2 * image.size), np.uint16)].reshape(image.shape)
    return np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), np.uint8)


@functools.cache
def _normal_quantiles() -> NDArray[np.float32]:
    return ndtri((np.arange(2**16) + 0.5) / 2**16).astype(np.float32)


def _centre_xy(
    mask: Mask, linear: NDArray[np.float64], recipe: Recipe, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The photo's point for the middle of the crop, which stays inside the photo as far as it is smaller."""
    height, width = mask.shape
    reach = np.abs(np.linalg.inv(linear)) @ np.array([recipe.crop_hw[1], recipe.crop_hw[0]]) / 2
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    slack = np.maximum(middle - reach, 0)
    if rng.random() < recipe.foreground_prob:
        pixels = np.flatnonzero((mask != 0) & (mask != IGNORE))
        if len(pixels):
            y, x = divmod(int(pixels[rng.integers(len(pixels))]), width)
            # Half a reach of play, so that objects do not always sit in the middle.
            wanted = np.array([x, y]) + rng.uniform(-0.5, 0.5, 2) * reach
            return np.asarray(np.clip(wanted, middle - slack, middle + slack))
    # A photo smaller than the crop still moves a little, or its objects would never leave their places.
    return np.asarray(middle + rng.uniform(-1, 1, 2) * np.maximum(slack, 0.15 * np.array([width, height])))


def _colour_matrix(recipe: Recipe, rng: np.random.Generator, *, mean: tuple[float, ...]) -> NDArray[np.float64]:
    """`(3, 4)`: RGB to RGB. Hue turns about the grey axis, saturation scales the distance from it."""
    gain = 1 + rng.uniform(-recipe.brightness, recipe.brightness)
    contrast = 1 + rng.uniform(-recipe.contrast, recipe.contrast)
    saturation = 1 + rng.uniform(-recipe.saturation, recipe.saturation)
    angle = np.deg2rad(rng.uniform(-recipe.hue_deg, recipe.hue_deg))
    grey = np.full((3, 3), 1 / 3)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    turned = np.cos(angle) * (np.eye(3) - grey) + np.sin(angle) * cross  # Rodrigues about (1, 1, 1)
    linear = gain * contrast * (grey + saturation * turned)
    offset = gain * (1 - contrast) * float(np.mean(mean))
    return np.column_stack([linear, np.full(3, offset)])
