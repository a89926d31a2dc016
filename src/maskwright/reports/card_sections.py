"""What a model card says, part by part, as neither Markdown nor HTML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import NamedTuple

from maskwright.metrics.scores import SUMMARY
from maskwright.recipe.recipe import Recipe
from maskwright.reports.card_facts import ORDER, Card
from maskwright.reports.card_limits import limits
from maskwright.reports.language import Language
from maskwright.reports.tuning import AREA as TUNING
from maskwright.reports.tuning import value_text
from maskwright.shipping.facts import NOT_STATED, Facts, Score
from maskwright.weights.hub import PREFIX

FINDINGS_SHOWN = 8
DIGEST_SHOWN = 16
"""Of a digest in hex; data.json has all of it."""
CLASS_COLUMNS = ("dice", "iou", "precision", "recall")

BASH = """maskwright predict BUNDLE photo.jpg -o masks
maskwright evaluate BUNDLE DATA --split {split}
maskwright open BUNDLE"""
PYTHON = """import maskwright
import numpy as np
from PIL import Image

model = maskwright.load("BUNDLE")
photo = np.asarray(Image.open("photo.jpg").convert("RGB"))
mask = model.mask(photo)  # class ids, (height, width)
probabilities = model(photo)  # (classes, height, width)"""


class Measured(NamedTuple):
    """A score in words, and its 95 % interval, "" where it has none."""

    value: str
    between: str

    def __str__(self) -> str:
        return f"{self.value} ({self.between})" if self.between else self.value


Cell = str | Measured


@dataclass(frozen=True)
class Table:
    """A table; the cells of the first column are names."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Section:
    """A part of the card: its text, then tables, then a list, then what is typed."""

    id: str
    title: str
    text: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    items: tuple[str, ...] = ()
    code: tuple[tuple[str, str], ...] = ()


def sections(card: Card, language: Language) -> tuple[Section, ...]:
    """The card, part by part.

    Args:
        card: what it is made from.
        language: with the card's area.
    """
    t = language.t
    return (
        Section("classes", t("classes"), tables=(_classes(card, language),)),
        Section("result", t("result"), tuple(_judged(card, language)), tuple(_scores(card, language))),
        Section("limits", t("limits"), (t("limits_how"),), items=tuple(limits(card, language)) or (t("limits_none"),)),
        Section("data", t("data"), tables=tuple(_splits(card, language)), items=tuple(_data(card, language))),
        Section("use", t("use"), (t("use_how"),), code=(("bash", BASH.format(split=_split(card))), ("python", PYTHON))),
        Section("steps", t("steps"), (t("steps_how"),), items=tuple(_steps(card, language))),
        Section("licences", t("licences"), items=tuple(_licences(card.facts, language))),
        Section("made", t("made"), items=tuple(_made(card, language))),
    )


def what(card: Card, language: Language) -> str:
    """What the model is, in a sentence."""
    return language.t(
        "what",
        classes=language.listed(list(card.classes.names)),
        model=card.recipe.model,
        mb=language.decimal(card.weights_bytes / 1e6, 1),
    )


def verdict(card: Card, language: Language) -> str:
    """How good it is, in a sentence."""
    if card.judged is None:
        return language.t("limit_unjudged")
    split, score = card.judged
    facts = {"photos": language.counted(score.images, "on_photos"), "split": split}
    return language.t("verdict", mdice=str(_measured(score, "mDice", language)), **facts)


def _split(card: Card) -> str:
    """A split that whoever reads the card can judge: one that was judged, else one that there is.

    Names of others stay out: what stands here is typed into a shell.
    """
    known = (card.facts.scores, card.data.splits if card.data else ())
    return next((name for there in known for name in ORDER if name in there), "val")


def _classes(card: Card, language: Language) -> Table:
    t, classes = language.t, card.classes
    rows = tuple(
        (name, str(position), str(value), "#{:02x}{:02x}{:02x}".format(*colour))
        for position, (name, value, colour) in enumerate(
            zip(classes.names, classes.values, classes.colours, strict=True)
        )
    )
    return Table("", (t("class"), t("id"), t("value_in_masks"), t("colour")), rows)


def _judged(card: Card, language: Language) -> Iterator[str]:
    """On what it was judged, and what the choice of weights has to do with that."""
    yield verdict(card, language)
    if "val" in card.facts.scores:
        yield language.t("chosen_and_tuned" if card.post is not None and any(card.post.steps()) else "chosen")
    if "test" in card.facts.scores:
        yield language.t("untouched")


def _scores(card: Card, language: Language) -> Iterator[Table]:
    t = language.t
    for split, score in card.scores:
        all_px = sum(one.labelled_px for one in score.per_class)
        rows: list[tuple[Cell, ...]] = [
            (
                one.name,
                *(_measured(score, name, language, place) for name in CLASS_COLUMNS),
                language.percent(one.labelled_px / all_px if all_px else None),
            )
            for place, one in enumerate(score.per_class)
        ]
        title = f"{split}: {language.counted(score.images, 'photos')}"
        yield Table(
            title, (t("class"), *(t(f"term_{name}") for name in CLASS_COLUMNS), t("term_labelled")), tuple(rows)
        )
        means = tuple((t(f"term_{name}"), _measured(score, name, language)) for name in SUMMARY)
        yield Table("", (t("over_all"), t("score")), means)


def _measured(score: Score, name: str, language: Language, place: int | None = None) -> Measured:
    value = score.metrics.get(name) if place is None else getattr(score.per_class[place], name)
    low, high = score.interval(name, place)
    known = value is not None and low == low
    return Measured(language.percent(value), language.percents(low, high) if known else "")


def _splits(card: Card, language: Language) -> Iterator[Table]:
    if card.data is None:
        return
    t, splits = language.t, card.data.splits
    head = (
        t("split"),
        t("photos"),
        t("labelled"),
        *(t("with_class", name=name) for name in card.classes.names),
        t("digest"),
    )
    yield Table(
        "",
        head,
        tuple(
            (name, *map(language.count, (one.images, one.labelled, *one.class_images)), one.digest[:DIGEST_SHOWN])
            for name, one in splits.items()
        ),
    )


def _data(card: Card, language: Language) -> Iterator[str]:
    t, audit = language.t, card.facts.audit
    if card.data is None:
        yield t("data_unknown")
    elif card.data.path:
        yield t("data_name", name=card.data.path)
    if card.data is not None and card.data.left_out:
        yield t("left_out", photos=language.counted(card.data.left_out, "photos"))
    if card.recipe.photos_aside:
        yield t("aside", photos=language.counted(len(card.recipe.photos_aside), "photos"))
    if audit is None:
        yield t("not_audited")
        return
    if audit.findings:
        named = [
            t("finding", check=language.named(f"check.{check}", check), n=language.count(count))
            for check, count in list(audit.findings.items())[:FINDINGS_SHOWN]
        ]
        yield t("findings", n=language.count(sum(audit.findings.values())), named=language.listed(named))
    else:
        yield t("nothing_found")
    key = "doubts" if audit.judged else "not_judged_by_model"
    yield t(key, judged=language.count(audit.judged), doubted=language.counted(audit.doubted, "photos"))


def _steps(card: Card, language: Language) -> Iterator[str]:
    """From a photo to a mask."""
    t, recipe = language.t, card.recipe
    yield t("step_photo")
    if recipe.short_side_px:
        yield t("step_resize", px=recipe.short_side_px)
    yield t("step_normalise", mean=language.numbers(recipe.mean_rgb), std=language.numbers(recipe.std_rgb))
    yield t("step_network", classes=len(card.classes))
    yield t("step_after")
    looks = len(recipe.tta_scales) * (1 + recipe.tta_flip)
    if looks > 1:
        scales = language.numbers(recipe.tta_scales)
        yield t("step_looks_mirrored" if recipe.tta_flip else "step_looks", n=looks, scales=scales)
    words = Language(language.code, TUNING)
    for name, value in card.post.steps() if card.post else ():
        plain = list(value) if isinstance(value, tuple) else value
        said = value_text(name, plain, list(card.classes.names), words)
        yield t("step_post", step=words.t(f"step_{name}"), value=said)


def _licences(facts: Facts, language: Language) -> Iterator[str]:
    t, licences, start = language.t, facts.licences, facts.started_from
    yield t("licence_product", licence=licences.maskwright if licences else "Apache-2.0")
    if start.name == "none":
        yield t("licence_own")
    else:
        commercial = (licences.commercial if licences else start.commercial) or NOT_STATED
        may = language.named(f"report.commercial_{commercial.replace(' ', '_')}", commercial)
        licence = (licences.weights if licences else start.licence) or NOT_STATED
        yield t(
            "licence_weights",
            name=_public(start.name) or t("unknown"),
            licence=_stated(licence, language),
            commercial=may,
        )
        if start.training_data:
            yield t("licence_trained_on", data=start.training_data)
    yield t("licence_data", licence=_stated(licences.data if licences else NOT_STATED, language))


def _public(name: str | None) -> str:
    """Weights as others may know them: an item of the cache, one of the hub, or a file's name without its folders."""
    return name if name and name.startswith(PREFIX) else PureWindowsPath(name or "").name


def _stated(licence: str, language: Language) -> str:
    return language.t("not_stated") if licence == NOT_STATED else licence


def _made(card: Card, language: Language) -> Iterator[str]:
    t, facts, training = language.t, card.facts, card.facts.training
    if facts.made is not None:
        yield t("made_by_version", version=facts.made.maskwright, when=f"{facts.made.at:%Y-%m-%d %H:%M} UTC")
    if training.iterations is not None:
        best = training.best_iteration if training.best_iteration is not None else training.iterations
        yield t(
            "trained",
            iterations=language.counted(training.iterations, "iterations"),
            duration=language.duration(training.seconds),
            best=language.count(best),
        )
        if (members := card.recipe.members_after(best)) > 1:
            yield t("soup", members=members, each=language.counted(card.recipe.soup_iterations, "iterations"))
    if training.machine:
        yield t("machine", machine=training.machine)
    yield t("trained_by", crop=_sides(card.recipe), batch=card.recipe.batch_size, seed=card.recipe.seed)
    yield t("exports", names=language.listed(list(card.exports))) if card.exports else t("no_exports")


def _sides(recipe: Recipe) -> str:
    return "{} × {}".format(*recipe.crop_hw)
