"""What a model cannot do, as far as its bundle tells: each sentence follows from a number of it."""

from __future__ import annotations

from collections.abc import Iterator

from maskwright.models import is_own_code
from maskwright.reports.card_facts import Card
from maskwright.reports.language import Language
from maskwright.shipping.facts import Score

FEW_PHOTOS = 20
"""With fewer photos of a class its scores are a matter of luck."""
WIDE = 0.05
"""An interval of mDice that spans more says that the photos were few."""
LEAST_LOST = 0.005
"""A cause that costs less is none to warn of."""
CAUSES_SHOWN = 3
LEAKS = ("leak", "near_leak")
"""Checks of the audit that say that a photo lies in two splits."""
TURNED_DEG = 45
"""Who has trained with less has not seen photos that lie on their side."""


def limits(card: Card, language: Language) -> list[str]:
    """Sentences about what is not known of the model and what it is known to do badly.

    Args:
        card: what it is made from.
        language: with the card's area.
    """
    said = [*_judging(card, language)]
    if card.judged is not None:
        split, score = card.judged
        said += [*_scores(card, split, score, language), *_photos(card, split, score, language)]
    return [*said, *_errors(card, language), *_training(card, language)]


def _judging(card: Card, language: Language) -> Iterator[str]:
    t = language.t
    if card.facts.outdated:
        yield t("limit_outdated", splits=language.listed(list(card.facts.outdated)))
    if card.judged is None:
        yield t("limit_unjudged")
    elif "test" not in card.facts.scores:
        yield t("limit_no_test")


def _scores(card: Card, split: str, score: Score, language: Language) -> Iterator[str]:
    t, counts = language.t, card.split(split)
    low, high = score.interval("mDice")
    if high - low > WIDE:
        points = language.decimal(100 * (high - low), 1)
        yield t("limit_wide", points=points, photos=language.counted(score.images, "on_photos"))
    if counts is not None:
        for name, images in zip(card.classes.names, counts.class_images, strict=True):
            if images < FEW_PHOTOS:
                yield t("limit_few", name=name, photos=language.counted(images, "photos"), split=split)
    known = [one for one in score.per_class if one.dice is not None]
    if len(known) > 1:
        worst = min(known, key=lambda one: one.dice or 0.0)
        yield t("limit_weakest", name=worst.name, dice=language.percent(worst.dice))
    if score.worst is not None:
        yield t("limit_worst", mdice=language.percent(score.worst))


def _photos(card: Card, split: str, score: Score, language: Language) -> Iterator[str]:
    t, counts = language.t, card.split(split)
    if counts is not None and counts.sizes:
        smallest = min((size for size, _ in counts.sizes), key=min)
        largest = max((size for size, _ in counts.sizes), key=max)
        if smallest == largest:
            yield t("limit_one_size", height=smallest[0], width=smallest[1])
        else:
            yield t("limit_sizes", smallest=min(smallest), largest=max(largest))
    if score.without_objects == 0 and len(card.classes) > 1:
        yield t("limit_objects", name=card.classes.names[0])
    if score.groups is not None and score.groups < score.images:
        yield t("grouped", photos=language.count(score.images), groups=language.count(score.groups))


def _errors(card: Card, language: Language) -> Iterator[str]:
    """What the diagnosis found on validation, and the audit in the data."""
    for cause in card.facts.causes[:CAUSES_SHOWN]:
        if cause.lost_mdice >= LEAST_LOST and (cause.low is None or cause.low > 0):
            points, name = (
                language.decimal(100 * cause.lost_mdice, 1),
                language.named(f"diagnosis.cause_{cause.cause}", ""),
            )
            yield language.t("limit_cause", cause=name, points=points, name=cause.mostly)
    leaks = sum(card.facts.audit.findings.get(check, 0) for check in LEAKS) if card.facts.audit else 0
    if leaks:
        yield language.t("limit_leak", n=language.count(leaks))
    if card.facts.audit is not None and card.facts.audit.disputed:
        yield language.t("limit_disputed", photos=language.counted(card.facts.audit.disputed, "photos"))


def _training(card: Card, language: Language) -> Iterator[str]:
    t, train = language.t, card.data.splits.get("train") if card.data else None
    if train is not None:
        for name, images in zip(card.classes.names, train.class_images, strict=True):
            if images < FEW_PHOTOS:
                yield t("limit_seldom", name=name, photos=language.counted(images, "photos"))
    if card.recipe.rotation_deg < TURNED_DEG:
        yield t("limit_turned", degrees=language.decimal(card.recipe.rotation_deg, 0))
    if is_own_code(card.recipe.model):
        yield t("limit_own_code", model=card.recipe.model)
