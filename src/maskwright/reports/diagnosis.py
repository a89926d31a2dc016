"""A diagnosis as a section of a page: what is missing by cause, photos that show it, tables, calibration.

The section is one partial, `diagnosis.html.jinja`, which asks for a `Section` called `diagnosis` and for nothing else:
it stands in the report of a run as well as on a page of its own, beside `diagnosis.css` and `diagnosis.js`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any
from urllib.parse import urlencode

import numpy as np

from maskwright.evaluation.causes import CAUSES
from maskwright.evaluation.compare_words import interval_text
from maskwright.evaluation.diagnosis import Diagnosis
from maskwright.evaluation.diagnosis_gallery import CAUSE_COLOURS
from maskwright.evaluation.lost import Group, Loss
from maskwright.reports.colours import class_colours
from maskwright.reports.contents import json_number
from maskwright.reports.language import Language
from maskwright.reports.pictures import embedded
from maskwright.reports.rendering import PICTURE_BYTES, page_text
from maskwright.storage import read_json, write_text

AREA = "diagnosis"
"""Where the section's sentences stand in the table."""
REVIEW_PORT = 8765
"""The usual port of `maskwright review`."""
REVIEW = f"http://127.0.0.1:{REVIEW_PORT}/review"
"""Where it is found while it runs on this computer, unless its usual port was taken."""
DISPUTED_SHOWN = 12
"""Sentences about disputed labels, the worst; the review shows them all."""
MOST_POINTS = 2000
"""Photos drawn as points at most: more would be a blot."""
NO_POINTS = 0.0005
"""Below this mDice nothing is said to be lost: it would be written as 0.0 points."""

TERMS = (
    "lost", "causes", *(f"cause_{cause}" for cause in CAUSES), "object_recall", "object_precision", "boundary_iou",
    "surface_dice", "hausdorff95", "reliability", "ece", "adaptive_ece", "temperature", "expected_dice", "uncertainty",
    "spearman", "met", "disputed",
)  # fmt: skip
"""Words of the section that it explains itself."""
PAGE_TERMS = ("mDice", "dice", "validation")
"""Words that the report of a run explains elsewhere, and a page of its own has to."""


@dataclass(frozen=True)
class Card:
    """One photo of the gallery.

    Args:
        id: of the sample.
        kinds: "worst" or "best" by class, "" for all classes together.
        dice: by class; a class that is neither labelled nor predicted is left out.
        mdice: its own, in [0, 1] or nan.
        expected: what mDice could be expected, without its label.
        uncertainty: mean over its pixels, in [0, 1].
        px: wrong pixels by cause and class.
        src: the picture as a data URI.
        width: of the picture in pixels.
        height: of the picture in pixels.
    """

    id: str
    kinds: dict[str, str]
    dice: dict[str, float]
    mdice: float
    expected: float
    uncertainty: float
    px: dict[str, dict[str, int]]
    src: str
    width: int
    height: int

    @property
    def causes(self) -> list[tuple[str, int]]:
        """The causes with their wrong pixels, most first."""
        sums = ((cause, sum(by_class.values())) for cause, by_class in self.px.items())
        return sorted(sums, key=lambda one: -one[1])


@dataclass(frozen=True)
class Section:
    """All that the partial shows.

    Args:
        diagnosis: what was found.
        language: of the sentences.
        colours: of the classes, as bars use them.
        cards: the gallery.
        run: what commands call the run.
    """

    diagnosis: Diagnosis
    language: Language
    colours: Mapping[str, str]
    cards: tuple[Card, ...]
    run: str

    terms = TERMS
    review_port = REVIEW_PORT

    @property
    def cause_colours(self) -> dict[str, str]:
        """Of the causes, as the pictures have them."""
        return {cause: "rgb({},{},{})".format(*rgb) for cause, rgb in CAUSE_COLOURS.items()}

    def points(self, fraction: float) -> str:
        """A difference of mDice in points, with its sign: 0.061 is "+6.1"."""
        return f"+{self.language.decimal(100 * fraction, 1)}"

    def ends(self, loss: Loss) -> str:
        """The interval of what a cause costs, in points."""
        return interval_text(loss.low, loss.high, self.language.code)

    def between(self, ends: Sequence[float], *, scale: float = 100, digits: int = 1, sign: str = "") -> str:
        """An interval as one reads it when hovering over its number; "" where there is none."""
        if any(end != end for end in ends):
            return ""
        low, high = (f"{sign}{self.language.decimal(scale * end, digits)}" for end in ends)
        where = self.language.t("from_to", low=low, high=high)
        return f"{self.language.t('term_interval')}: {where}"

    @property
    def verdict(self) -> str:
        """What is missing most, in a sentence."""
        return verdict(self.diagnosis, self.language)

    @property
    def losses(self) -> tuple[Loss, ...]:
        """The causes, the dearest first."""
        return self.diagnosis.causes

    @property
    def dearest(self) -> float:
        """What the longest bar stands for; never 0."""
        return max([NO_POINTS, *(sum(max(0.0, each.lost_mdice) for each in loss.per_class) for loss in self.losses)])

    @property
    def tables_of_groups(self) -> tuple[tuple[str, tuple[Group, ...]], ...]:
        """The groups by what they were made by."""
        kinds = dict.fromkeys(group.by for group in self.diagnosis.groups)
        return tuple((by, tuple(each for each in self.diagnosis.groups if each.by == by)) for by in kinds)

    @property
    def most_lost(self) -> float:
        """What the longest bar of a group stands for; never 0."""
        return max([NO_POINTS, *(group.lost_mdice for group in self.diagnosis.groups)])

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A row per class: objects, contours and calibration."""
        content = self.diagnosis.to_json()
        objects = {each["name"]: each for each in content["objects"]}
        pairs = zip(content["boundaries"], content["calibration"]["per_class"], strict=True)
        return [{**objects.get(one["name"], {}), **one, **other} for one, other in pairs]

    @cached_property
    def reliability(self) -> list[tuple[float, float, float, int]]:
        """The diagram's bars: left edge, mean probability, share of hits, pixels; without the empty ones."""
        table = self.diagnosis.calibration.reliability()
        return [(n / len(table), float(p), float(hit), int(px)) for n, (px, p, hit) in enumerate(table) if px]

    @property
    def photo_points(self) -> list[tuple[str, float, float]]:
        """Id, expected and true mDice of photos, evenly chosen where there are very many."""
        true, expected = self.diagnosis.photo_dice, self.diagnosis.photos["expected_dice"]
        known = np.flatnonzero(~np.isnan(true))
        ids = self.diagnosis.evaluation.sample_ids
        step = max(1, -(-len(known) // MOST_POINTS))
        return [(ids[n], float(expected[n]), float(true[n])) for n in known[::step].tolist()]

    @property
    def disputed(self) -> list[tuple[str, list[tuple[float, str]]]]:
        """The worst disputed labels, together those of a photo: its address in the review; severity and sentence."""
        photos: dict[str, list[tuple[float, str]]] = {}
        for each in self.diagnosis.disputed[:DISPUTED_SHOWN]:
            photos.setdefault(each.sample, []).append((each.severity, each.sentence(self.language.code)))
        return [(f"{REVIEW}?{urlencode({'sample': sample})}", labels) for sample, labels in photos.items()]

    @property
    def disputed_hidden(self) -> int:
        """How many disputed labels are not told one by one."""
        return max(0, len(self.diagnosis.disputed) - DISPUTED_SHOWN)

    @property
    def disputed_photos(self) -> int:
        """How many photos have a disputed label."""
        return len({finding.sample for finding in self.diagnosis.disputed})

    @property
    def commands(self) -> tuple[str, ...]:
        """How the disputed labels come to be decided by a person."""
        return review_commands(self.diagnosis, self.run)


def read_section(folder: Path, language: Language, *, picture_bytes: int = PICTURE_BYTES) -> Section | None:
    """The section about a split, from what `Diagnosis.save` and `write_diagnosis_gallery` wrote.

    Args:
        folder: `diagnosis/<split>` of a run, or another place.
        language: gives the code; the section has its own area of sentences.
        picture_bytes: what its pictures may weigh together.

    Returns:
        The section, or None where no diagnosis lies there.

    Raises:
        RunError: it is damaged.
    """
    return _section(folder, language.code, picture_bytes) if (folder / "diagnosis.npz").is_file() else None


def diagnosis_report(folder: Path, *, lang: str = "en") -> Path:
    """Write the page of a diagnosis: one HTML file that needs no network and no other file.

    Args:
        folder: where a diagnosis lies.
        lang: "en" or "ru".

    Returns:
        The page, `report.html` in the folder.

    Raises:
        RunError: no diagnosis lies there, or it is damaged.
        UsageError: the language is not known.
    """
    language = Language(lang, AREA)
    language.t("errors")  # an unknown language is refused before anything is read
    section = _section(folder, lang, PICTURE_BYTES)
    page = page_text(
        "diagnosis_page.html.jinja",
        language,
        diagnosis=section,
        title=Path(section.diagnosis.root).name or folder.name,
        page_terms=PAGE_TERMS,
        css=("page.css", "diagnosis.css"),
        js=("reading.js", "diagnosis.js"),
    )  # fmt: skip
    path = folder / "report.html"
    write_text(path, page)
    return path


def verdict(diagnosis: Diagnosis, language: Language) -> str:
    """What is missing most, in a sentence: the cause, the classes, the points of mDice; and what may cost as much.

    Args:
        diagnosis: what was found.
        language: with the section's area.
    """
    dearest, second = diagnosis.causes[:2]
    if dearest.lost_mdice < NO_POINTS:
        return language.t("verdict_nothing")
    label, predicted = dearest.swap
    facts = {
        "points": language.decimal(100 * dearest.lost_mdice, 1),
        "missing": language.decimal(100 * (1 - diagnosis.evaluation.scores.mDice), 1),
        "name": dearest.mostly,
        "share": language.percent(dearest.share, 0),
        "label": label,
        "predicted": predicted,
    }
    first = language.t(f"verdict_{dearest.cause}", **facts)
    if dearest.lead > 0 or second.lost_mdice < NO_POINTS:
        return first
    points = language.decimal(100 * second.lost_mdice, 1)
    return f"{first} {language.t('verdict_second', cause=language.t(f'cause_{second.cause}'), points=points)}"


def review_commands(diagnosis: Diagnosis, run: str) -> tuple[str, str]:
    """The command that puts the disputed labels into the review queue, and the one that opens it.

    Args:
        diagnosis: what was found.
        run: what commands call the run.
    """
    data, names = quote(diagnosis.root or "DATA"), quote(",".join(diagnosis.evaluation.classes))
    judge = f"maskwright audit {data} --classes {names} --split {quote(diagnosis.evaluation.split)} --run {quote(run)}"
    return judge, f"maskwright review {data} --classes {names}"


def _section(folder: Path, lang: str, picture_bytes: int) -> Section:
    gallery = folder / "gallery" / "gallery.json"
    shown = read_json(gallery, format_version=1) if gallery.is_file() else {"class_colours": {}, "photos": []}
    colours = class_colours(shown["class_colours"])
    cards = tuple(_cards(shown["photos"], gallery.parent, picture_bytes))
    return Section(Diagnosis.load(folder), Language(lang, AREA), colours, cards, _run_of(folder))


def _cards(entries: list[dict[str, Any]], folder: Path, picture_bytes: int) -> list[Card]:
    limit, cards = picture_bytes // max(1, len(entries)), []
    for entry in entries:
        try:
            src, width, height = embedded(folder / Path(entry["file"]).name, limit_bytes=limit)
        except OSError:
            continue
        mdice, expected, unsure = (json_number(entry[key]) for key in ("mDice", "expected_dice", "uncertainty"))
        kinds = {"": entry["kind"], **entry.get("class_kinds", {})}
        dice = {name: value for name, value in entry.get("dice", {}).items() if value is not None}
        cards.append(Card(entry["id"], kinds, dice, mdice, expected, unsure, entry["px"], src, width, height))
    return cards


def _run_of(folder: Path) -> str:
    """What commands call the run that a diagnosis lies in; RUN where it lies elsewhere."""
    run = folder.resolve().parent.parent
    return str(run) if (run / "format").is_file() or (run / "bundle.json").is_file() else "RUN"
