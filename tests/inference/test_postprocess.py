"""The post-processing steps, their file, and that every predictor takes them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from maskwright.errors import RecipeError
from maskwright.inference.postprocess.colours import follow_colours
from maskwright.inference.postprocess.guided_filter import EPSILON, guided_filter
from maskwright.inference.postprocess.predictor import PostProcessed
from maskwright.inference.postprocess.regions import decided, filled, voted, without_specks
from maskwright.inference.postprocess.settings import PostProcess, read_postprocess, settings, write_postprocess
from maskwright.inference.postprocess.steps import processed
from maskwright.inference.predictor import masks_of, most_probable, probs_of

CLASSES = ("background", "cat", "dog")
ALL = PostProcess(
    colour_weight=0.4,
    edge_radius_frac=0.06,
    logit_offsets=(0, 0.5, -0.25),
    photo_vote_share=0.7,
    object_vote_share=0.5,
    object_score_share=0.95,
    smallest_frac=(0, 0.01, 0.02),
    largest_hole_frac=0.01,
    temperature=1.7,
)


def photo(seed: int = 0, size_hw: tuple[int, int] = (48, 60)) -> tuple[np.ndarray, np.ndarray]:
    """A photo with soft patches, and probabilities of three classes that have nothing to do with it."""
    rng = np.random.default_rng(seed)
    image = cv2.GaussianBlur(rng.integers(0, 256, (*size_hw, 3), dtype=np.uint8), (0, 0), 2)
    logits = np.stack([cv2.GaussianBlur(rng.normal(0, 12, size_hw).astype(np.float32), (0, 0), 3) for _ in range(3)])
    values = np.exp(logits)
    return image, (values / values.sum(0)).astype(np.float32)


def test_the_guided_filter_is_the_one_of_the_paper() -> None:
    """Equations 19 to 21 written down window by window, away from the border."""
    image, probs = photo(size_hw=(20, 22))
    radius, guide = 2, image.astype(np.float64) / 255
    slopes, offsets = np.zeros((20, 22, 3)), np.zeros((20, 22))
    for y in range(radius, 20 - radius):
        for x in range(radius, 22 - radius):
            window = np.s_[y - radius : y + radius + 1, x - radius : x + radius + 1]
            colours, plane = guide[window].reshape(-1, 3), probs[1][window].ravel().astype(np.float64)
            mean, covariance = colours.mean(0), np.cov(colours.T, bias=True)
            right = (colours * plane[:, None]).mean(0) - mean * plane.mean()
            slopes[y, x] = np.linalg.solve(covariance + EPSILON * np.eye(3), right)
            offsets[y, x] = plane.mean() - slopes[y, x] @ mean
    found = guided_filter(probs, image, radius)
    for y in range(2 * radius, 20 - 2 * radius):
        for x in range(2 * radius, 22 - 2 * radius):
            window = np.s_[y - radius : y + radius + 1, x - radius : x + radius + 1]
            expected = slopes[window].reshape(-1, 3).mean(0) @ guide[y, x] + offsets[window].mean()
            assert found[1, y, x] == pytest.approx(expected, abs=2e-4)
    assert np.allclose(found.sum(0), 1, atol=1e-3)


def red_on_blue(shift_px: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A photo of a red square on blue, its mask, and sure probabilities of a square that lies beside it."""
    mask = np.zeros((100, 120), bool)
    mask[30:70, 40:90] = True
    rng = np.random.default_rng(0)
    image = np.where(mask[..., None], (190, 60, 40), (40, 60, 190)) + rng.integers(-20, 21, (*mask.shape, 3))
    found = cv2.GaussianBlur(np.roll(mask, shift_px, axis=1).astype(np.float32), (0, 0), 2)
    return image.astype(np.uint8), mask, np.stack([1 - found, found, np.zeros_like(found)]).astype(np.float32)


def test_colours_move_an_outline_to_where_they_change() -> None:
    image, mask, probs = red_on_blue()
    before, after = (np.count_nonzero((each[1] > 0.5) != mask) for each in (probs, follow_colours(probs, image, 1.0)))
    assert before > 200 and after < before / 3
    # Away from outlines nothing moves, whatever the colours say: a red thing far from the square is not asked about.
    image[:12, :12] = 190, 60, 40
    moved = follow_colours(probs, image, 2.0)
    assert np.allclose(moved[:, :12, :12], probs[:, :12, :12], atol=1e-6)
    assert np.allclose(moved.sum(0), 1, atol=1e-5) and not moved[2].any()


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 7), (2, 3), (40, 3)])
def test_colours_of_small_photos_and_of_hard_probabilities(size_hw: tuple[int, int]) -> None:
    image, probs = photo(size_hw=size_hw)
    hard = (probs == probs.max(0)).astype(np.float32)
    assert np.isfinite(follow_colours(probs, image, 2.0)).all()
    assert np.array_equal(follow_colours(hard, image, 2.0).argmax(0), hard.argmax(0))


def test_a_third_class_that_nobody_is_sure_of_is_not_moved_itself() -> None:
    image, _, probs = red_on_blue()
    three = np.concatenate([probs[:2] * 0.95, np.full_like(probs[:1], 0.05)])
    moved = follow_colours(three, image, 1.0)
    assert np.allclose(moved.sum(0), 1, atol=1e-5)
    near = moved[2] != three[2]
    assert near.any() and not near[:12, :12].any()
    # The factors of the two others are each other's inverse, so that it keeps its place beside their geometric mean.
    both = (three[:2] > 1e-4).all(0)
    beside = [each[2] / np.sqrt(each[0] * each[1]) for each in (three[:, both], moved[:, both])]
    assert np.allclose(beside[1], beside[0], rtol=1e-4)


def test_colours_are_those_of_the_formula() -> None:
    """At one pixel, from counts that are made one by one."""
    image, _, probs = red_on_blue()
    weight, (y, x) = 0.4, (50, 92)
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    cubes = np.zeros((2, 16, 16, 16))
    for row, column in np.ndindex(probs.shape[1:]):
        if probs[:, row, column].max() > 0.9:
            cubes[int(probs[1, row, column] > 0.5)][tuple(luma[row, column] // 16)] += 1
    shares = [gaussian_filter(cube, 1.0)[tuple(luma[y, x] // 16)] / cube.sum() + 1e-5 for cube in cubes]
    odds = np.clip(np.log(shares[1] / shares[0]), -3, 3)
    share = (probs[1] > 0.5)[y - 3 : y + 4, x - 3 : x + 4].mean()  # 3 % of 100 px around
    step = weight * 4 * share * (1 - share) * odds
    ratio = probs[1, y, x] / probs[0, y, x] * np.exp(step)
    assert follow_colours(probs, image, weight)[1, y, x] == pytest.approx(ratio / (1 + ratio), rel=1e-4)


def test_a_photo_without_two_classes_that_are_sure_keeps_its_probabilities() -> None:
    image, _, probs = red_on_blue()
    unsure = np.clip(probs, 0.2, 0.6) / np.clip(probs, 0.2, 0.6).sum(0)
    alone = np.zeros_like(probs)
    alone[0] = 1
    for each in (unsure, alone):
        assert follow_colours(each, image, 1.0) is each


def test_the_guided_filter_keeps_edges_of_the_photo_and_removes_noise() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 32:] = 200
    truth = np.zeros((64, 64), np.float32)
    truth[:, 32:] = 1
    noisy = np.clip(truth + np.random.default_rng(0).normal(0, 0.4, truth.shape), 0, 1).astype(np.float32)
    smooth = guided_filter(np.stack([1 - noisy, noisy]), image, 6)
    assert np.abs(smooth[1] - truth).mean() < 0.3 * np.abs(noisy - truth).mean() + 0.16  # clipped noise has a bias
    assert ((smooth[1] > 0.5) == truth).mean() > 0.999 > ((noisy > 0.5) == truth).mean() + 0.05


@pytest.mark.parametrize("seed", range(5))
def test_what_comes_out_sums_to_one_and_is_what_the_mask_says(seed: int) -> None:
    image, probs = photo(seed)
    probs[:, :4] = 1 / 3  # equals everywhere
    for post in (ALL, PostProcess(object_vote_share=0.5), PostProcess(smallest_frac=(0, 0.05, 0.05))):
        answered = PostProcessed(lambda _: probs, post)
        after = answered(image)
        assert after.dtype == np.float32 and after.shape == probs.shape
        assert (after >= 0).all() and np.allclose(after.sum(0), 1, atol=1e-5)
        assert np.array_equal(answered.mask(image), after.argmax(0))
        assert np.array_equal(next(masks_of(answered, [image])), next(probs_of(answered, [image])).argmax(0))


def test_nothing_is_done_unless_it_is_said() -> None:
    image, probs = photo()
    assert processed(probs, image, PostProcess()) is probs
    assert list(PostProcess(logit_offsets=(0, 0, 0)).steps()) == []


@pytest.mark.parametrize("seed", range(5))
def test_decided_probabilities_follow_any_mask(seed: int) -> None:
    _, probs = photo(seed)
    probs[:, ::2] = np.asarray([0.4, 0.4, 0.2], np.float32)[:, None, None]
    mask = np.random.default_rng(seed).integers(0, 3, probs.shape[1:]).astype(np.uint8)
    after = decided(probs, mask)
    assert np.array_equal(after.argmax(0), mask)
    assert np.allclose(after.sum(0), 1, atol=1e-6)
    assert np.allclose(np.sort(after, axis=0), np.sort(probs, axis=0), atol=2e-3)  # the doubt stays as large
    assert decided(probs, most_probable(probs)) is probs


def test_offsets_are_logits_and_temperature_leaves_masks_alone() -> None:
    image, probs = photo()
    moved = processed(probs, image, PostProcess(logit_offsets=(0, 1, 0)))
    assert np.allclose(np.log(moved[1] / moved[0]), np.log(probs[1] / probs[0]) + 1, atol=1e-4)
    cooler = processed(probs, image, PostProcess(temperature=2))
    assert np.allclose(np.log(cooler[1] / cooler[0]), np.log(probs[1] / probs[0]) / 2, atol=1e-4)
    assert np.array_equal(cooler.argmax(0), probs.argmax(0))
    sure = np.asarray([1, 0, 0], np.float32)[:, None, None] * np.ones((3, 4, 4), np.float32)
    assert np.allclose(processed(sure, image[:4, :4], PostProcess(temperature=0.05)), sure)


def test_an_object_takes_the_class_that_most_of_it_has() -> None:
    mask = np.zeros((10, 12), np.uint8)
    mask[1:9, 1:6], mask[1:9, 4:6], mask[2:4, 8:11] = 1, 2, 2
    probs = np.stack([mask == class_id for class_id in range(3)]).astype(np.float32)
    whole = processed(probs, np.zeros((10, 12, 3), np.uint8), PostProcess(object_vote_share=0.5)).argmax(0)
    assert (whole[1:9, 1:6] == 1).all() and (whole[2:4, 8:11] == 2).all()
    assert np.array_equal(whole > 0, mask > 0)
    photo_wide = processed(probs, np.zeros((10, 12, 3), np.uint8), PostProcess(photo_vote_share=0.5)).argmax(0)
    assert set(np.unique(photo_wide)) == {0, 1}
    doubtful = voted(probs, mask, (mask > 0).astype(np.int32), 0.6)  # 24 of 46 pixels are not six in ten
    assert np.array_equal(doubtful, mask)


def test_an_object_goes_that_is_less_sure_than_the_surest_one() -> None:
    mask = np.zeros((12, 16), np.uint8)
    mask[1:9, 1:6], mask[2:5, 8:11], mask[9, 9:15] = 1, 2, 2  # scores 0.9, 0.8 and 0.6
    sure = np.select([mask == 1, np.arange(12)[:, None] * (mask == 2) > 8, mask == 2], [0.9, 0.6, 0.8], 0.1)
    probs = np.stack([1 - sure, sure * (mask != 2), sure * (mask == 2)]).astype(np.float32)
    image = np.zeros((12, 16, 3), np.uint8)
    for share, left in ((0.6, 3), (0.7, 2), (0.88, 2), (0.9, 1), (1, 1)):
        found = processed(probs, image, PostProcess(object_score_share=share))
        assert cv2.connectedComponents((found.argmax(0) > 0).astype(np.uint8))[0] - 1 == left
        assert np.allclose(found.sum(0), 1, atol=1e-3)
        assert (found.argmax(0)[1:9, 1:6] == 1).all()
    nothing = np.asarray([1, 0, 0], np.float32)[:, None, None] * np.ones((3, 12, 16), np.float32)
    assert processed(nothing, image, PostProcess(object_score_share=0.9)) is nothing


def test_specks_take_the_class_around_them_and_holes_are_filled() -> None:
    mask = np.zeros((20, 20), np.uint8)
    mask[2:14, 2:14] = 1
    mask[5:7, 5:7] = 2  # a speck in an object
    mask[9:11, 9:11] = 0  # a hole
    mask[17, 17] = 2  # a speck on the background
    mask[0:2, 5] = 1  # keeps the object at the border whole
    clean = without_specks(mask, [0, 0, 5])
    assert (clean[5:7, 5:7] == 1).all() and clean[17, 17] == 0 and (clean[9:11, 9:11] == 0).all()
    assert np.array_equal(without_specks(mask, [0, 0, 4]) == 2, (mask == 2) & (np.arange(20)[:, None] != 17))
    assert (filled(mask, 4, 3)[9:11, 9:11] == 1).all()
    assert np.array_equal(filled(mask, 3, 3), mask)
    bay = np.ones((6, 6), np.uint8)
    bay[0:3, 2] = 0  # touches the border: no hole
    assert np.array_equal(filled(bay, 36, 3), bay)
    assert np.array_equal(without_specks(bay * 0 + 2, [0, 0, 99]), bay * 0 + 2)  # nothing around it


def test_the_file_is_read_as_it_was_written_with_its_reasons(tmp_path: Path) -> None:
    path = tmp_path / "postprocess.yaml"
    post = ALL.with_settings(reasons={"temperature": "measured: likelier"})
    write_postprocess(post, path, classes=CLASSES, predictor="123e45")
    text = path.read_text()
    assert "temperature: 1.7  # measured: likelier" in text
    assert "classes: [background, cat, dog]" in text
    read = read_postprocess(path, classes=CLASSES, predictor="123e45")
    assert list(read.steps()) == list(ALL.steps())
    assert read.reason("temperature") == "measured: likelier"
    write_postprocess(read, tmp_path / "again.yaml", classes=CLASSES, predictor="123e45")
    assert (tmp_path / "again.yaml").read_text() == text
    path.write_text("temperature: 2\n")  # by hand
    assert read_postprocess(path, classes=CLASSES, predictor="any").temperature == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("temprature: 2", "there is no such setting. Did you mean temperature?"),
        ("temperature: hot", "temperature: expected number >= 0.05, <= 20, found 'hot'"),
        ("photo_vote_share: 0.3", "below a half"),
        ("object_score_share: 0.4", "below a half"),
        ("logit_offsets: [0, 1]", "logit_offsets is not of as many classes"),
        ("format: 9", "expected: 1  found: 9"),
        ("classes: [cat, dog]", "was made for other classes"),
        ("predictor: beef", "was fitted for other weights"),
        ("- a", "holds no settings"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_wrong_file_is_refused_with_the_way_out(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "postprocess.yaml"
    path.write_text(text + "\n")
    with pytest.raises(RecipeError) as caught:
        read_postprocess(path, classes=CLASSES, predictor="cafe")
    assert message in str(caught.value)
    assert "maskwright tune" in str(caught.value)


def test_every_setting_is_declared_with_its_meaning_and_reason() -> None:
    assert [entry.name for entry in settings()] == [name for name, _ in ALL.steps()]
    assert all(entry.help and entry.reason for entry in settings())


def test_a_processed_predictor_has_a_digest_of_its_own() -> None:
    class Known:
        digest, classes = "abc", CLASSES

        def __call__(self, image: np.ndarray) -> np.ndarray:
            raise AssertionError(image.shape)

    one, other = (PostProcessed(Known(), PostProcess(temperature=value)) for value in (1.5, 2.0))
    assert one.digest != other.digest != "abc"
    assert one.classes == CLASSES
    assert getattr(PostProcessed(lambda _: photo()[1], ALL), "digest", None) is None
