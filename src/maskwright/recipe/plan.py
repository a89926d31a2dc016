"""Choosing settings from what is known about the data and the machine. Each choice carries its reason."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from maskwright.data.class_weights import RULES, derived_class_weights
from maskwright.data.statistics import SplitStatistics, Statistics
from maskwright.recipe.pretraining import knows_photos
from maskwright.recipe.recipe import GIVEN, Recipe, make_recipe, with_settings
from maskwright.recipe.soup import usable

LARGEST_SIDE_PX = 512
"""Photos with a longer short side are scaled down to it: on a CPU a larger input costs more time than it gains."""

SMALL_SIDE_PX = 320
"""Photos up to this short side are looked at up to 1.5 times as large too."""

FEW_PHOTOS = 1000
"""Up to so many tell less about the encoder's norms than what it was pretrained on."""

ENLARGED, ENLARGED_EPOCHS = 1.5, 30
"""How much larger small photos are learned from, where there is time to see each of them so many times that way."""

OBJECT_SIDE_PX = 24
"""What objects keep of their side where photos are scaled down: six cells of a map at stride 4."""

LONGEST_SHORT_SIDE_PX = 2048
"""Of photos that are looked at whole, however small their objects are."""

SCENE_FRAC = 0.5
"""Where more of the pixels are not background, photos are scenes and have no objects to paste."""

ENOUGH_JUDGED, FEW_VALIDATIONS = 200, 5
"""Photos of a validation while training, and validations: where time is short, neither is to fall below these."""

SOUP_EPOCHS, SOUP_ITERATIONS = 24, 300
"""Length of a training from pretrained weights that a model soup is made of: epochs, and iterations at least."""

SOUP_REASON = (
    f"measured: {SOUP_EPOCHS} epochs, {SOUP_ITERATIONS} iterations at least; longer members were no better, and their "
    "mean is better than one training"
)

MOST_MEMBERS = 5
"""Of a soup: on cats and dogs five are 0.2 points of mDice better than three after post-processing, and more alike."""

MANY_EPOCHS = 120
"""Above it the variations become stronger. On 198 photos of cats and dogs the milder ones over-fitted from there on."""


@dataclass(frozen=True)
class Machine:
    """What the machine offers.

    Args:
        cores: cores this process may use.
        bf16: whether its bfloat16 arithmetic is done in hardware.
        device: "cpu" or "cuda".
    """

    cores: int
    bf16: bool
    device: str


def draft(
    statistics: Statistics,
    machine: Machine,
    given: Mapping[str, Any],
    *,
    start: Mapping[str, tuple[Any, str]] | None = None,
) -> Recipe:
    """Everything but the length.

    Args:
        statistics: of the dataset; its split "train" is looked at.
        machine: see `Machine`.
        given: settings that the user chose; they are kept.
        start: architecture and weights, and what the weights want: settings with their reasons.

    Raises:
        RecipeError: a given setting is wrong.
    """
    train = statistics.splits["train"]
    known = start is not None and knows_photos(start["weights"][0])
    planned = {
        **(start or {}),
        **_size(train, given),
        **_pasting(train),
        **_looks(train.sizes, known=known),
        **(_fine_tuning() if known else _from_scratch(start or {}, given)),
        "batch_size": (min(8, train.labelled), "rule: 8 keeps batch norm steady, fewer photos allow no more"),
        "threads": (min(machine.cores, 16), f"measured: {machine.cores} cores; beyond 16 little is won"),
        "precision": (
            "bf16" if machine.bf16 else "fp32",
            "measured: bfloat16 in hardware, about 1.7 times as fast"
            if machine.bf16
            else "measured: no bfloat16 in hardware",
        ),
        "device": (machine.device, f"measured: {machine.device} is what there is"),
    }
    values = {name: value for name, (value, _) in planned.items()}
    reasons = {name: reason for name, (_, reason) in planned.items()}
    recipe = make_recipe(values, source="the plan", reasons=reasons)
    kept = {name: value for name, value in given.items() if name != "weights" or not start}
    recipe = with_settings(recipe, kept, source="--set", reason=GIVEN)
    return with_derived_weights(recipe, statistics)


def enlarged(recipe: Recipe, statistics: Statistics, given: Mapping[str, Any]) -> Recipe:
    """The draft for small photos that are scaled up, or as it is where that is not for it.

    An encoder has learned to see objects in photos of 224 px, most of which they filled.

    Args:
        recipe: a draft.
        statistics: of the dataset; its split "train" is looked at.
        given: settings that the user chose; they are kept.
    """
    typical = typical_side(statistics.splits["train"].sizes)
    chosen = {"short_side_px", "crop_hw"} & given.keys()
    if not knows_photos(recipe.weights) or typical > SMALL_SIDE_PX or recipe.short_side_px or chosen:
        return recipe
    crop = _crop(round(ENLARGED * typical))
    reason = "measured: half a point of mDice above photos of 256 px as they are, on cats and dogs"
    planned: dict[str, tuple[Any, str]] = {
        "short_side_px": (crop[0], reason),
        "crop_hw": (crop, "rule: the whole photo as it is scaled up"),
        "tta_scales": ((0.75, 1.25), "measured: as good as three looks on cats and dogs; larger ones lose"),
    }
    for name, (value, why) in planned.items():
        if name not in given:
            recipe = with_settings(recipe, {name: value}, source="the plan", reason=why)
    return recipe


def with_norms_frozen(recipe: Recipe, statistics: Statistics, given: Mapping[str, Any]) -> Recipe:
    """The draft for an encoder with batch norms: of pretrained ones few photos change nothing.

    Args:
        recipe: a draft.
        statistics: of the dataset; its split "train" is looked at.
        given: settings that the user chose; they are kept.
    """
    few = statistics.splits["train"].labelled <= FEW_PHOTOS
    if not knows_photos(recipe.weights) or not few or "encoder_norm" in given:
        return recipe
    reason = "measured: half a point of mDice on cats and dogs; more photos would tell more about them"
    return with_settings(recipe, {"encoder_norm": "frozen"}, source="the plan", reason=reason)


def with_derived_weights(recipe: Recipe, statistics: Statistics) -> Recipe:
    """The recipe with a rule for class weights replaced by the list that it gives."""
    rule = recipe.class_weights
    if not isinstance(rule, str) or rule == "none":
        return recipe
    weights = derived_class_weights(rule, statistics.splits["train"].class_px)
    reason = f"rule: {rule}" + (" of the training pixels" if rule in RULES else "")
    return with_settings(recipe, {"class_weights": weights}, source="class_weights", reason=reason)


def scheduled(
    recipe: Recipe,
    statistics: Statistics,
    *,
    step_s: float,
    judging_s: float,
    seconds: float,
    given: Mapping[str, Any],
) -> Recipe:
    """The recipe with a length for the given time, and what follows from the length.

    Args:
        recipe: a draft.
        statistics: of the dataset; its splits "train" and "val" are looked at.
        step_s: seconds of one iteration, measured.
        judging_s: seconds of judging one photo, estimated.
        seconds: time for training.
        given: settings that the user chose; they are kept.
    """
    photos, judged = statistics.splits["train"].labelled, statistics.splits["val"].labelled
    affordable = 0.1 * seconds / max(judging_s, 1e-6)
    if judged > ENOUGH_JUDGED and affordable < FEW_VALIDATIONS * judged:
        judged = max(ENOUGH_JUDGED, int(affordable / FEW_VALIDATIONS))
    judged = recipe.validation_photos or judged
    validations = max(1, min(20, int(affordable / judged)))
    iterations = max(validations, int((seconds - validations * judged * judging_s) / step_s))
    affordable = int(given.get("iterations", iterations))
    iterations, each = _lengths(recipe, affordable, photos, given, most=min(MOST_MEMBERS, validations))
    members = recipe.model_copy(update={"soup_iterations": each}).members_after(iterations)
    in_first = min(max(1, validations + 1 - members), each)  # later ones are judged at their ends
    if iterations == affordable:
        why = f"measured: {step_s:.3f} s an iteration, {seconds:.0f} s in all"
    else:
        soup = members > 1 or recipe.soup_iterations
        wanted = f"a soup of {members} × {each}" if soup else f"longer, it would have {photos} photos by heart"
        why = f"rule: {wanted}; there is time for {affordable} iterations"
    planned: dict[str, tuple[Any, str]] = {
        "iterations": (iterations, why),
        **({"soup_iterations": (each, SOUP_REASON)} if members > 1 else {}),
        "validation_interval": (
            -(-each // in_first),
            f"rule: {in_first + members - 1} validations, at most a tenth of the time",
        ),
        **_judging(judged, statistics.splits["val"].labelled),
        "warmup_iterations": (min(300, each // 20), "rule: a twentieth of the training, at most 300"),
        "ema_decay": (
            round(1 - 1 / min(500, max(10, each / 20)), 5),
            "rule: averages a twentieth of the training, at most 500 iterations",
        ),
        **_variations(recipe, iterations * recipe.batch_size / photos, given),
    }
    for name, (value, reason) in planned.items():
        if name not in given:
            recipe = with_settings(recipe, {name: value}, source="the plan", reason=reason)
    return recipe


def longest_training(recipe: Recipe, photos: int) -> int:
    """Iterations after which a training from pretrained weights has few photos by heart; no limit for another one.

    On 198 photos of cats and dogs validation was best after 14 to 36 epochs, and the longer the schedule, the lower.
    A soup has as many members as are good for it, or as were planned; one whose length the user gave has no limit.

    Args:
        recipe: its weights, its batch size, its soup and its planned length count.
        photos: with labels in "train".
    """
    if recipe.soup_iterations:
        given = recipe.reason("soup_iterations") == GIVEN
        return sys.maxsize if given else max(MOST_MEMBERS * recipe.soup_iterations, recipe.iterations)
    if not knows_photos(recipe.weights) or photos > FEW_PHOTOS:
        return sys.maxsize
    return 3 * _member(recipe, photos) // 2


def _member(recipe: Recipe, photos: int) -> int:
    """Iterations of a member of a soup."""
    return max(SOUP_ITERATIONS, -(-SOUP_EPOCHS * photos // recipe.batch_size))


def _lengths(recipe: Recipe, affordable: int, photos: int, given: Mapping[str, Any], *, most: int) -> tuple[int, int]:
    """How many of the affordable iterations are trained, and how many in one go: all, or those of a soup's member."""
    chosen = recipe.soup_iterations
    if "iterations" in given:
        return affordable, min(chosen or affordable, affordable)
    longest, member = longest_training(recipe, photos), chosen or _member(recipe, photos)
    if not chosen and ("soup_iterations" in given or affordable <= max(longest, 2 * member - 1) or most < 2):
        single = min(affordable, longest)
        return single, single
    whole = usable(affordable, 0, recipe.model_copy(update={"soup_iterations": member}))
    return whole if chosen else min(whole, most * member), min(member, affordable)


def _judging(judged: int, labelled: int) -> dict[str, tuple[Any, str]]:
    """How many photos a validation judges, where that is not all."""
    reason = f"rule: an even part of the {labelled}, or judging took more than a tenth of the time; the end judges all"
    return {"validation_photos": (judged, reason)} if judged < labelled else {}


def _from_scratch(start: Mapping[str, tuple[Any, str]], given: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
    """How what knows no photos is trained: at one rate, which convolutions bear higher than the default."""
    planned, _ = start.get("model", ("", ""))
    convolutional = str(given.get("model", planned)).startswith(("mlp-", "deeplabv3plus-"))
    return {"lr": (1e-3, "rule: for convolutions; mlp-mobilenetv2 was measured with it")} if convolutional else {}


def _fine_tuning() -> dict[str, tuple[Any, str]]:
    """How weights that know photos are trained on."""
    return {
        "lr": (1e-3, "rule: for the newly drawn head of pretrained weights"),
        "encoder_lr_multiplier": (0.2, "rule: what is pretrained is to be kept, not drowned"),
        "dice_share": (0.0, "rule: the Lovász loss aims at the score"),
        "lovasz_share": (1.0, "measured: 2 points of mDice above Dice on three folds of cats and dogs"),
    }


def _looks(sizes: tuple[tuple[tuple[int, int], int], ...], *, known: bool) -> dict[str, tuple[Any, str]]:
    """How photos are looked at when they are predicted: small ones larger too.

    Args:
        sizes: of the training photos, and how many have each.
        known: whether what training starts from knows photos.
    """
    small = typical_side(sizes) <= SMALL_SIDE_PX
    flip = "measured: 1 point of mDice on three folds of cats and dogs"
    larger = "measured: 1.5 points more; larger photos are not scaled up"
    if not known:
        flip = larger = "measured: together 1.2 to 4.4 points of mDice on cats and dogs from newly drawn weights"
    planned: dict[str, tuple[Any, str]] = {"tta_flip": (True, flip)} if known or small else {}
    return {**planned, "tta_scales": ((1.0, 1.25, 1.5), larger)} if small else planned


def looked_once(recipe: Recipe, given: Mapping[str, Any]) -> Recipe:
    """The recipe with one look at each photo, unless the user chose otherwise."""
    once = {name: getattr(Recipe(), name) for name in ("tta_scales", "tta_flip") if name not in given}
    reason = "measured: several looks would take too much of the time"
    return with_settings(recipe, once, source="the plan", reason=reason)


def _variations(recipe: Recipe, epochs: float, given: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
    """Stronger variations where newly drawn weights see every photo very often, unless the user chose a scale.

    For pretrained ones they cost 1.5 to 2.2 points on folds of cats and dogs.
    """
    if knows_photos(recipe.weights) or epochs <= MANY_EPOCHS or "scale_min" in given or "scale_max" in given:
        return {}
    reason = f"rule: each photo is seen {epochs:.0f} times; milder variations over-fit after {MANY_EPOCHS}"
    strong = {"scale_min": 0.5, "scale_max": 2.0, "rotation_deg": 15.0}
    if recipe.copy_paste_prob:
        strong["copy_paste_prob"] = 0.5
    return {name: (value, reason) for name, value in strong.items()}


def typical_side(sizes: tuple[tuple[tuple[int, int], int], ...]) -> int:
    """The median of the short sides of photos, from each size `(height, width)` and how many have it."""
    short_sides = sorted(side for (height, width), count in sizes for side in [min(height, width)] * count)
    return short_sides[len(short_sides) // 2]


def _size(train: SplitStatistics, given: Mapping[str, Any]) -> dict[str, tuple[Any, str]]:
    """The photo's scale and the crop, from the most frequent short side and the size of the objects."""
    typical = typical_side(train.sizes)
    side = min(typical, LARGEST_SIDE_PX)
    reason = f"rule: photos of {typical} px are scaled to {side} px, or a CPU has too few of them a minute"
    smallest_px = _smallest_object_px(train)
    if smallest_px * side < OBJECT_SIDE_PX * typical:
        side = min(typical, LONGEST_SHORT_SIDE_PX, round(OBJECT_SIDE_PX * typical / smallest_px))
        reason = f"rule: objects of {smallest_px:.0f} px in photos of {typical} px would vanish in smaller ones"
    if side == typical:
        side, reason = 0, f"rule: photos of {typical} px are taken as they are"
    seen = given.get("short_side_px", side)
    crop = _crop(min((seen if isinstance(seen, int) else side) or typical, LARGEST_SIDE_PX))
    return {
        "short_side_px": (side, reason),
        "crop_hw": (crop, "rule: the typical short side, in whole steps of the encoder's 32 px"),
    }


def _crop(side: int) -> tuple[int, int]:
    """A square of about this side."""
    return (max(64, round(side / 32) * 32),) * 2


def _smallest_object_px(train: SplitStatistics) -> float:
    """Side of the typical object of the class whose objects are smallest, in pixels of the most frequent photo."""
    (height, width), _ = train.sizes[0]
    areas = [area for area in train.object_area_frac[1:] if area > 0]
    return math.sqrt(min(areas, default=1.0) * height * width)


def _pasting(train: SplitStatistics) -> dict[str, tuple[Any, str]]:
    """No objects pasted over other photos where objects are the scene."""
    if 1 - train.class_frac[0] <= SCENE_FRAC:
        return {}
    return {"copy_paste_prob": (0.0, "rule: what is not background covers most of a photo, little would be left of it")}
