"""The plan: settings from data and machine, each with its reason."""

import pytest

from maskwright.data.statistics import SplitStatistics, Statistics, describe
from maskwright.errors import RecipeError
from maskwright.recipe.plan import Machine, draft, looked_once, scheduled
from maskwright.recipe.recipe import Recipe, with_settings
from tiny import tiny_dataset

LAPTOP = Machine(cores=2, bf16=True, device="cpu")


def statistics(*, size_hw: tuple[int, int] = (256, 256), images: int = 200) -> Statistics:
    from dataclasses import replace

    whole = describe(tiny_dataset())
    train: SplitStatistics = replace(
        whole.splits["train"], sizes=((size_hw, images),), images=images, labelled=images, class_px=(900, 60, 40)
    )
    return replace(whole, splits={**whole.splits, "train": train})


@pytest.mark.parametrize(
    ("size_hw", "crop", "short_side"),
    [((256, 256), 256, 0), ((360, 480), 352, 0), ((4000, 3000), 512, 512), ((40, 60), 64, 0)],
)
def test_crop_and_scale_follow_the_photos(size_hw: tuple[int, int], crop: int, short_side: int) -> None:
    recipe = draft(statistics(size_hw=size_hw), LAPTOP, {})
    assert recipe.crop_hw == (crop, crop) and recipe.short_side_px == short_side
    assert str(min(size_hw)) in recipe.reason("short_side_px")


def test_the_machine_decides_threads_and_arithmetic() -> None:
    recipe = draft(statistics(), Machine(cores=64, bf16=False, device="cpu"), {})
    assert (recipe.threads, recipe.precision) == (16, "fp32")
    assert draft(statistics(), LAPTOP, {}).precision == "bf16"
    assert "64 cores" in recipe.reason("threads")


def test_few_photos_make_small_batches() -> None:
    assert draft(statistics(images=3), LAPTOP, {}).batch_size == 3


def test_given_settings_are_kept_and_said_to_be_given() -> None:
    given = {"batch_size": 5, "iterations": 77}
    recipe = scheduled(
        draft(statistics(), LAPTOP, given), photos=200, step_s=0.3, validation_s=1.0, seconds=600, given=given
    )
    assert (recipe.batch_size, recipe.iterations) == (5, 77)
    assert recipe.reason("batch_size") == recipe.reason("iterations") == "given"
    assert recipe.validation_interval <= 77
    with pytest.raises(RecipeError, match="batch_size"):
        draft(statistics(), LAPTOP, {"batch_size": 0})


def test_a_rule_for_class_weights_becomes_their_list() -> None:
    recipe = draft(statistics(), LAPTOP, {"class_weights": "inverse_frequency"})
    assert recipe.class_weights == pytest.approx((0.0779, 1.169, 1.753), rel=1e-3)
    assert "inverse_frequency" in recipe.reason("class_weights")


@pytest.mark.parametrize("seconds", [30, 600, 7200])
def test_the_length_fills_the_time(seconds: float) -> None:
    recipe = scheduled(
        draft(statistics(), LAPTOP, {}), photos=200, step_s=0.3, validation_s=1.5, seconds=seconds, given={}
    )
    validations = recipe.iterations / recipe.validation_interval
    assert 0.9 * seconds <= recipe.iterations * 0.3 + validations * 1.5 <= 1.1 * seconds
    assert 1 <= validations <= 20 and validations * 1.5 <= 0.15 * seconds
    assert "0.300 s" in recipe.reason("iterations")


def test_small_photos_of_pretrained_weights_are_looked_at_in_several_ways() -> None:
    def planned(side: int, **given: object) -> Recipe:
        start = {"weights": ("some", "rule: found"), "model": ("mlp-mobilenetv2", "rule: what fits")}
        return draft(statistics(size_hw=(side, side)), LAPTOP, given, start=start)

    small, large = planned(256), planned(720)
    assert (small.tta_scales, small.tta_flip, small.lovasz_share, small.dice_share) == (
        (1.0, 1.25, 1.5),
        True,
        1.0,
        0.0,
    )
    assert (large.tta_scales, large.tta_flip) == ((1.0,), True)
    assert (planned(256, tta_flip=False).tta_flip, draft(statistics(), LAPTOP, {}).tta_flip) == (False, False)
    once = looked_once(small, {"tta_flip": True})
    assert (once.tta_scales, once.tta_flip) == ((1.0,), True) and once.reason("tta_scales").startswith("measured")


def test_what_is_seen_very_often_is_varied_more() -> None:
    def planned(seconds: float, **given: object) -> Recipe:
        return scheduled(
            draft(statistics(), LAPTOP, given), photos=200, step_s=0.3, validation_s=1.5, seconds=seconds, given=given
        )

    short, long = planned(600), planned(3600)
    assert short.scale_min == Recipe().scale_min and short.copy_paste_prob == Recipe().copy_paste_prob
    assert (long.scale_min, long.scale_max, long.copy_paste_prob) == (0.5, 2.0, 0.5)
    assert "seen 476 times" in long.reason("scale_max")
    assert planned(3600, scale_max=0.4, scale_min=0.3).copy_paste_prob == Recipe().copy_paste_prob


def test_every_planned_value_has_a_reason_of_its_kind() -> None:
    recipe = scheduled(draft(statistics(), LAPTOP, {}), photos=200, step_s=0.3, validation_s=1.5, seconds=600, given={})
    for name in Recipe.model_fields:
        if name != "reasons":
            assert recipe.reason(name).split(":")[0] in {"fixed", "rule", "measured"}, name
    assert with_settings(recipe, {"lr": 1e-4}, source="test", reason="given").reason("lr") == "given"
