"""The plan: settings from data and machine, each with its reason."""

import sys
from dataclasses import replace

import pytest

from maskwright.data.statistics import Statistics, describe
from maskwright.errors import RecipeError
from maskwright.recipe.plan import (
    LONGEST_SHORT_SIDE_PX,
    OBJECT_SIDE_PX,
    Machine,
    draft,
    enlarged,
    longest_training,
    looked_once,
    scheduled,
    with_norms_frozen,
)
from maskwright.recipe.pretraining import DRAWINGS
from maskwright.recipe.recipe import Recipe, with_settings
from tiny import tiny_dataset

LAPTOP = Machine(cores=2, bf16=True, device="cpu")
START = {"weights": ("some", "rule: found"), "model": ("mlp-mobilenetv2", "rule: what fits")}


def statistics(
    *,
    size_hw: tuple[int, int] = (256, 256),
    images: int = 200,
    val: int = 50,
    class_px: tuple[int, ...] = (900, 60, 40),
    object_area_frac: tuple[float, ...] = (0.9, 0.06, 0.05),
) -> Statistics:
    whole = describe(tiny_dataset())
    train, judged = (
        replace(
            whole.splits[name],
            sizes=((size_hw, count),),
            images=count,
            labelled=count,
            class_px=class_px,
            object_area_frac=object_area_frac,
        )
        for name, count in (("train", images), ("val", val))
    )
    return replace(whole, splits={**whole.splits, "train": train, "val": judged})


def planned(data: Statistics, seconds: float, **given: object) -> Recipe:
    """For 0.3 s an iteration and 0.03 s a judged photo."""
    return scheduled(draft(data, LAPTOP, given), data, step_s=0.3, judging_s=0.03, seconds=seconds, given=given)


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


def test_one_core_and_a_graphics_card_are_planned_for() -> None:
    alone = draft(statistics(), Machine(cores=1, bf16=False, device="cpu"), {})
    assert (alone.threads, alone.device, alone.batch_size) == (1, "cpu", 8)
    card = draft(statistics(), Machine(cores=64, bf16=True, device="cuda"), {})
    assert (card.device, card.precision) == ("cuda", "bf16")
    # The device changes the length alone: what was learned about the data holds there too.
    same = card.model_dump(exclude={"threads", "device", "precision"})
    assert same == alone.model_dump(exclude={"threads", "device", "precision"})


def test_few_photos_make_small_batches() -> None:
    assert draft(statistics(images=3), LAPTOP, {}).batch_size == 3


def test_given_settings_are_kept_and_said_to_be_given() -> None:
    given = {"batch_size": 5, "iterations": 77}
    recipe = planned(statistics(), 600, **given)
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
    recipe = planned(statistics(), seconds)
    validations = recipe.iterations / recipe.validation_interval
    assert 0.9 * seconds <= recipe.iterations * 0.3 + validations * 1.5 <= 1.1 * seconds
    assert 1 <= validations <= 20 and validations * 1.5 <= 0.15 * seconds
    assert "0.300 s" in recipe.reason("iterations")


def test_what_knows_no_photos_learns_all_of_it_alike() -> None:
    for model, lr in (("segformer-b1", 6e-4), ("mlp-r18", 1e-3)):
        for weights in ("none", f"{DRAWINGS}{model}"):
            start = {"model": (model, "rule: test"), "weights": (weights, "rule: test")}
            recipe = draft(statistics(), LAPTOP, {}, start=start)
            assert (recipe.lr, recipe.encoder_lr_multiplier, recipe.lovasz_share) == (lr, 1.0, 0.0)
    for model in ("segformer-b0", "hf:owner/segformer", "smp:Unet/mit_b0"):
        given = draft(statistics(), LAPTOP, {"model": model}, start={"weights": ("none", "given")})
        assert given.lr == 6e-4


def test_small_photos_are_looked_at_in_several_ways() -> None:
    def drafted(side: int, **given: object) -> Recipe:
        return draft(statistics(size_hw=(side, side)), LAPTOP, given, start=START)

    small, large = drafted(256), drafted(720)
    assert (small.tta_scales, small.tta_flip, small.lovasz_share, small.dice_share) == (
        (1.0, 1.25, 1.5),
        True,
        1.0,
        0.0,
    )
    assert (large.tta_scales, large.tta_flip) == ((1.0,), True)
    assert drafted(256, tta_flip=False).tta_flip is False
    nothing = draft(statistics(), LAPTOP, {})
    assert (nothing.tta_scales, nothing.tta_flip) == ((1.0, 1.25, 1.5), True)
    assert "from newly drawn weights" in nothing.reason("tta_flip")
    assert not draft(statistics(size_hw=(720, 720)), LAPTOP, {}).tta_flip
    once = looked_once(small, {"tta_flip": True})
    assert (once.tta_scales, once.tta_flip) == ((1.0,), True) and once.reason("tta_scales").startswith("measured")


def test_small_photos_of_pretrained_weights_can_be_scaled_up() -> None:
    def larger(side: int, start: object = START, **given: object) -> tuple[object, ...]:
        data = statistics(size_hw=(side, side + 40))
        recipe = enlarged(draft(data, LAPTOP, given, start=start), data, given)  # type: ignore[arg-type]
        return recipe.short_side_px, recipe.crop_hw, recipe.tta_scales

    assert larger(256) == (384, (384, 384), (0.75, 1.25))
    assert larger(256, tta_scales=(1.0,)) == (384, (384, 384), (1.0,))
    as_they_are = [larger(256, None), larger(256, short_side_px=0), larger(256, crop_hw=(256, 256)), larger(480)]
    assert [short_side for short_side, _, _ in as_they_are] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("images", "start", "given", "norm"),
    [
        (198, START, {}, "frozen"),
        (5000, START, {}, "train"),
        (198, None, {}, "train"),
        (198, START, {"encoder_norm": "keep_statistics"}, "keep_statistics"),
    ],
)
def test_few_photos_leave_pretrained_norms_alone(images: int, start: object, given: dict[str, str], norm: str) -> None:
    data = statistics(images=images)
    recipe = with_norms_frozen(draft(data, LAPTOP, given, start=start), data, given)  # type: ignore[arg-type]
    assert recipe.encoder_norm == norm


def test_the_crop_follows_a_given_short_side() -> None:
    recipe = draft(statistics(), LAPTOP, {"short_side_px": 384})
    assert (recipe.short_side_px, recipe.crop_hw) == (384, (384, 384))
    assert draft(statistics(), LAPTOP, {"short_side_px": 384, "crop_hw": (128, 128)}).crop_hw == (128, 128)
    with pytest.raises(RecipeError, match="short_side_px"):
        draft(statistics(), LAPTOP, {"short_side_px": "large"})


def test_small_objects_keep_their_size_in_large_photos() -> None:
    data = statistics(size_hw=(3000, 4000), object_area_frac=(0.99, float("nan"), 40 * 40 / (3000 * 4000)))
    recipe = draft(data, LAPTOP, {})
    assert recipe.crop_hw == (512, 512)
    assert 40 * recipe.short_side_px / 3000 == pytest.approx(OBJECT_SIDE_PX, abs=1)
    assert "40 px" in recipe.reason("short_side_px")
    speck = statistics(size_hw=(3000, 4000), object_area_frac=(0.99, 0.01, 4 / (3000 * 4000)))
    assert draft(speck, LAPTOP, {}).short_side_px == LONGEST_SHORT_SIDE_PX


def test_scenes_have_no_objects_to_paste() -> None:
    scene = statistics(class_px=(300, 400, 300))
    assert draft(scene, LAPTOP, {}).copy_paste_prob == 0 and draft(statistics(), LAPTOP, {}).copy_paste_prob > 0
    assert draft(scene, LAPTOP, {"copy_paste_prob": 0.3}).copy_paste_prob == 0.3
    assert planned(scene, 3600).copy_paste_prob == 0


def test_many_validation_photos_do_not_eat_the_time() -> None:
    large = statistics(images=16_000, val=4_000)
    recipe = planned(large, 1200)
    validations = recipe.iterations // recipe.validation_interval
    assert recipe.validation_photos == 800 and validations == 5
    assert recipe.iterations * 0.3 + validations * 800 * 0.03 == pytest.approx(1200, rel=0.05)
    assert "4000" in recipe.reason("validation_photos")
    assert planned(large, 1200, validation_photos=300).validation_photos == 300
    assert planned(large, 60).validation_photos == 200
    assert planned(statistics(val=120), 60).validation_photos == 0
    assert planned(large, 36_000).validation_photos == 0


def test_what_new_weights_see_very_often_is_varied_more() -> None:
    short, long = planned(statistics(), 600), planned(statistics(), 3600)
    assert short.scale_min == Recipe().scale_min and short.copy_paste_prob == Recipe().copy_paste_prob
    assert (long.scale_min, long.scale_max, long.copy_paste_prob) == (0.5, 2.0, 0.5)
    assert "seen 476 times" in long.reason("scale_max")
    chosen = planned(statistics(), 3600, scale_max=0.4, scale_min=0.3)
    assert chosen.copy_paste_prob == Recipe().copy_paste_prob
    pretrained = draft(statistics(), LAPTOP, {}, start=START)
    timed = scheduled(pretrained, statistics(), step_s=0.3, judging_s=0.03, seconds=3600, given={})
    assert timed.scale_max == Recipe().scale_max


def fine_tuned(seconds: float, *, images: int = 200, **given: object) -> Recipe:
    """The plan for pretrained weights, for 0.3 s an iteration and next to nothing for judging."""
    data = statistics(images=images)
    recipe = draft(data, LAPTOP, given, start=START)
    return scheduled(recipe, data, step_s=0.3, judging_s=1e-4, seconds=seconds, given=given)


@pytest.mark.parametrize(
    ("seconds", "images", "length", "each"),
    [
        (90, 200, 300, 0),  # all that there is time for
        (300, 200, 900, 0),  # of 999: 36 epochs
        (361, 200, 1200, 600),  # two members of 24 epochs
        (420, 200, 1200, 600),  # not for half of a third
        (539, 200, 1796, 600),  # for nearly three
        (1000, 200, 3000, 600),  # five, and not for half of a sixth
        (3600, 200, 3000, 600),  # not more of them, nor longer ones
        (720, 20, 1500, 300),  # so few photos want more epochs
        (1200, 2000, 3999, 0),  # and so many do not know themselves by heart
    ],
)
def test_time_beyond_what_few_photos_can_use_makes_a_soup(seconds: int, images: int, length: int, each: int) -> None:
    recipe = fine_tuned(seconds, images=images)
    assert recipe.soup_iterations == pytest.approx(each, abs=1)
    assert recipe.iterations == pytest.approx(length, abs=6)
    one = recipe.soup_iterations or recipe.iterations
    assert not 0 < 2 * (recipe.iterations % one) < one
    assert recipe.warmup_iterations == min(300, one // 20)
    assert 1 / (1 - recipe.ema_decay) == pytest.approx(max(10, min(500, one / 20)), rel=0.01)
    known = recipe.reason("iterations")
    assert known.startswith("rule" if length in (900, 1200, 1500, 3000) else "measured")
    if each and length != 1796:
        assert f"a soup of {length // each} × {each}; there is time for" in known


def test_what_judging_the_members_costs_is_planned_for() -> None:
    data = statistics(images=100, val=400)
    recipe = scheduled(draft(data, LAPTOP, {}, start=START), data, step_s=0.3, judging_s=0.3, seconds=1800, given={})
    members = recipe.iterations // recipe.soup_iterations
    validations = members - 1 + recipe.soup_iterations // recipe.validation_interval
    assert members == 1 or validations * 0.3 * 400 <= 0.2 * 1800
    assert f"{validations} validations" in recipe.reason("validation_interval")


def test_where_there_is_time_for_one_validation_there_is_one_training() -> None:
    data = statistics(images=200, val=40)
    recipe = scheduled(draft(data, LAPTOP, {}, start=START), data, step_s=0.3, judging_s=3.0, seconds=1200, given={})
    assert (recipe.iterations, recipe.soup_iterations) == (longest_training(recipe, 200), 0) == (900, 0)


def test_lengths_that_were_chosen_are_kept() -> None:
    assert (fine_tuned(1200, iterations=5000).iterations, fine_tuned(1200, iterations=5000).soup_iterations) == (
        5000,
        0,
    )
    single = fine_tuned(1200, soup_iterations=0)
    assert (single.iterations, single.soup_iterations) == (longest_training(single, 200), 0) == (900, 0)
    chosen = fine_tuned(1200, soup_iterations=500)
    assert (chosen.iterations, chosen.warmup_iterations) == (3999, 25)
    assert longest_training(chosen, 200) == sys.maxsize
    assert longest_training(fine_tuned(1200), 200) == longest_training(fine_tuned(361), 200) == 3000
    beyond = fine_tuned(1200, soup_iterations=9000)
    assert (beyond.iterations, beyond.warmup_iterations) == (fine_tuned(1200, iterations=3999).iterations, 199)
    both = fine_tuned(1200, soup_iterations=500, iterations=1200)
    assert (both.iterations, both.soup_iterations, both.warmup_iterations) == (1200, 500, 25)
    assert planned(statistics(), 3600).soup_iterations == 0


def test_every_planned_value_has_a_reason_of_its_kind() -> None:
    recipe = planned(statistics(), 600)
    for name in Recipe.model_fields:
        if name != "reasons":
            assert recipe.reason(name).split(":")[0] in {"fixed", "rule", "measured"}, name
    assert with_settings(recipe, {"lr": 1e-4}, source="test", reason="given").reason("lr") == "given"
