"""Augmentation: pixels and labels stay together."""

import numpy as np
import pytest

from maskwright.recipe.recipe import Recipe, make_recipe
from maskwright.training.augment import add_noise, augment, fit_short_side, paste_objects, vary_colours, warp

STILL = {
    "crop_hw": (64, 64),
    "scale_min": 1,
    "scale_max": 1,
    "aspect": 1,
    "rotation_deg": 0,
    "flip_prob": 0,
    "foreground_prob": 0,
    "colour_prob": 0,
    "blur_prob": 0,
    "noise_prob": 0,
    "copy_paste_prob": 0,
}


def recipe(**settings: object) -> Recipe:
    return make_recipe({**STILL, **settings}, source="test")


def telling_pair(size: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """A photo whose colour says what its mask is: class k has grey 80 k."""
    mask = np.zeros((size, size), np.uint8)
    mask[10:40, 20:50] = 1
    mask[45:60, 5:30] = 2
    return np.repeat((mask * 80)[..., None], 3, 2), mask


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"rotation_deg": 40},
        {"flip_prob": 1},
        {"scale_min": 0.3, "scale_max": 0.6},
        {"scale_min": 2, "scale_max": 3},
        {"aspect": 1.5},
    ],
)
def test_geometry_moves_photo_and_mask_together(settings: dict[str, object]) -> None:
    for seed in range(5):
        image, mask = warp(telling_pair(), recipe(**settings), np.random.default_rng(seed))
        assert image.shape == (64, 64, 3) and mask.shape == (64, 64)
        # Only pixels on a contour, which are blends, may differ.
        assert np.mean(np.abs(image[..., 0].astype(int) - 80 * mask) > 40) < 0.12
        assert set(np.unique(mask)) <= {0, 1, 2}


def test_a_mirrored_photo_is_mirrored() -> None:
    image, mask = telling_pair(256)
    plain, _ = warp((image, mask), recipe(crop_hw=(256, 256)), np.random.default_rng(0))
    mirrored, _ = warp((image, mask), recipe(crop_hw=(256, 256), flip_prob=1), np.random.default_rng(0))
    assert not np.array_equal(plain, mirrored)
    assert abs(int(plain.sum()) - int(mirrored.sum())) / plain.sum() < 0.2


def test_ignored_pixels_stay_ignored() -> None:
    image, _ = telling_pair()
    mask = np.full((64, 64), 255, np.uint8)
    varied = augment(
        (image, mask), recipe(rotation_deg=30, scale_min=0.5), np.random.default_rng(1), donor=(image, mask)
    )
    assert (varied[1] == 255).all()


def test_crops_favour_the_foreground() -> None:
    mask = np.zeros((256, 256), np.uint8)
    mask[200:216, 200:216] = 1
    image = np.zeros((256, 256, 3), np.uint8)
    shares = [
        np.mean([warp((image, mask), recipe(foreground_prob=p), np.random.default_rng(s))[1].any() for s in range(60)])
        for p in (0.0, 1.0)
    ]
    assert shares[0] < 0.5 and shares[1] == 1.0


def test_pasted_objects_bring_their_pixels_and_labels() -> None:
    image, mask = telling_pair()
    empty = np.full((64, 64, 3), 200, np.uint8), np.zeros((64, 64), np.uint8)
    pasted_image, pasted_mask = paste_objects(empty, (image, mask))
    assert np.array_equal(pasted_mask, mask)
    assert (pasted_image[12:38, 22:48] == 80).all() and (pasted_image[:8, :15] == 200).all()
    unjudged = np.full((64, 64), 255, np.uint8)
    assert np.array_equal(paste_objects(empty, (image, unjudged))[0], empty[0])


def test_colours_vary_and_stay_in_range() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    strong = recipe(colour_prob=1, blur_prob=1, noise_prob=1)
    varied = vary_colours(image, strong, np.random.default_rng(0))
    assert varied.dtype == np.uint8 and not np.array_equal(varied, image)
    assert np.array_equal(vary_colours(image, recipe(), np.random.default_rng(0)), image)


def test_noise_is_normal_with_the_deviation_asked_for() -> None:
    grey = np.full((256, 256, 3), 128, np.uint8)
    noise = add_noise(grey, 6.0, np.random.default_rng(0)).astype(float) - 128
    assert abs(noise.mean()) < 0.05 and noise.std() == pytest.approx(6.0, rel=0.01)
    assert np.mean(np.abs(noise) > 12.5) == pytest.approx(0.037, abs=0.003)  # beyond 2.08 deviations


def test_a_turned_hue_keeps_greys_grey() -> None:
    grey = np.full((8, 8, 3), 120, np.uint8)
    turned = vary_colours(grey, recipe(colour_prob=1, brightness=0, contrast=0, hue_deg=180), np.random.default_rng(2))
    assert np.ptp(turned.astype(int)) <= 1


def test_short_side_is_fitted() -> None:
    image, mask = telling_pair()
    small = fit_short_side((image[:, :32], mask[:, :32]), 16)
    assert small[0].shape == (32, 16, 3) and small[1].shape == (32, 16)
    assert fit_short_side((image, mask), 0)[0] is image
