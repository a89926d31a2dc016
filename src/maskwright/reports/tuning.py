"""A tuning as a section of a page: the verdict, the classes before and after, what was tried, photos that show it.

The section is one partial, `tuning.html.jinja`, which asks for a `Section` called `tuning` and for nothing else: it
stands in the report of a run as well as on a page of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.data.classes import read_classes
from maskwright.errors import RunError, shown
from maskwright.evaluation.compare_words import interval_text
from maskwright.evaluation.tune import RECORD
from maskwright.reports.colours import class_colours
from maskwright.reports.contents import json_number
from maskwright.reports.language import Language
from maskwright.reports.pictures import embedded
from maskwright.reports.rendering import PICTURE_BYTES, page_text
from maskwright.storage import read_json, write_text

AREA = "tuning"
"""Where the section's sentences stand in the table."""
TERMS = ("nested", "change")
"""Words of the section that it explains itself."""
PAGE_TERMS = ("mDice", "dice", "validation")
"""Words that the report of a run explains elsewhere, and a page of its own has to."""


@dataclass(frozen=True)
class Card:
    """One photo before and after.

    Args:
        id: of the sample.
        kind: "helps" or "hurts".
        gain: the share of its pixels that became right.
        src: the picture as a data URI.
        width: of the picture in pixels.
        height: of the picture in pixels.
    """

    id: str
    kind: str
    gain: float
    src: str
    width: int
    height: int


@dataclass(frozen=True)
class Section:
    """All that the partial shows.

    Args:
        content: of `tuning.json`.
        language: of the sentences.
        colours: of the classes, as bars use them.
        cards: the photos where it helps and where it hurts most.
    """

    content: dict[str, Any]
    language: Language
    colours: Mapping[str, str]
    cards: tuple[Card, ...]

    terms = TERMS

    @property
    def verdict(self) -> str:
        """Whether anything helps, in a sentence."""
        return verdict(self.content, self.language)

    @property
    def helps(self) -> bool:
        """Whether masks are others with it."""
        return any(name != "temperature" for name in self.content["post"])

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The classes before and after, and their mean."""
        return [*self.content["per_class"], {"name": "", **self.content["mDice"]}]

    @property
    def steps(self) -> list[tuple[bool, str, str, str]]:
        """Each step: whether it was kept, its name, its value in words, and why."""
        post, classes = self.content["post"], [each["name"] for each in self.content["per_class"]]
        return [
            (
                each["name"] in post,
                self.language.t(f"step_{each['name']}"),
                value_text(each["name"], post[each["name"]], classes, self.language) if each["name"] in post else "",
                why(each, self.language),
            )
            for each in self.content["tried"]
        ]

    def change(self, row: dict[str, Any]) -> str:
        """A gain in points with its interval."""
        return gain_text(row, self.language)

    def points(self, gain: float) -> str:
        """A photo's gain in points, with its sign."""
        return _signed(gain, 100, self.language)

    def of_kind(self, kind: str) -> list[Card]:
        """The photos where it "helps" or "hurts"."""
        return [card for card in self.cards if card.kind == kind]


def read_section(run: Path, language: Language, *, picture_bytes: int = PICTURE_BYTES) -> Section | None:
    """The section about a run's post-processing, from what `keep_tuning` wrote.

    Args:
        run: its folder.
        language: gives the code; the section has its own area of sentences.
        picture_bytes: what its pictures may weigh together.

    Returns:
        The section, or None where nothing was tuned.

    Raises:
        RunError: a file of it is damaged or of another format version.
    """
    if not (run / RECORD).is_file():
        return None
    classes = read_classes(run / "classes.yaml")
    colours = class_colours(dict(zip(classes.names, classes.colours, strict=True)))
    content = read_json(run / RECORD, format_version=1)
    return Section(content, Language(language.code, AREA), colours, _cards(run / "tuning", picture_bytes))


def tuning_report(run: Path, *, lang: str = "en") -> Path:
    """Write the page of a tuning: one HTML file that needs no network and no other file.

    Args:
        run: the folder of a run that was tuned.
        lang: "en" or "ru".

    Returns:
        The page, `tuning.html` in the run.

    Raises:
        RunError: nothing was tuned, or a file of it is damaged.
        UsageError: the language is not known.
    """
    language = Language(lang, AREA)
    language.t("tuning")  # an unknown language is refused before anything is read
    section = read_section(run, language)
    if section is None:
        raise RunError(f"{shown(run)}: was not tuned.", do=f"Tune it: maskwright tune {shown(run)} DATA")
    page = page_text(
        "tuning_page.html.jinja",
        language,
        tuning=section,
        title=run.resolve().name,
        page_terms=PAGE_TERMS,
        css=("page.css", "tuning.css"),
        js=("reading.js",),
    )  # fmt: skip
    path = run / "tuning.html"
    write_text(path, page)
    return path


def verdict(content: dict[str, Any], language: Language) -> str:
    """Whether anything helps, and what to expect of it, in words.

    Args:
        content: of `Tuning.to_json`.
        language: with the section's area.
    """
    photos = language.counted(content["images"], "on_photos")
    helping = [language.t(f"step_{name}") for name in content["post"] if name != "temperature"]
    if not helping:
        return language.t("verdict_temperature" if content["post"] else "verdict_nothing", photos=photos)
    facts = {key: language.percent(content["mDice"][key]) for key in ("before", "after")}
    expected = content["nested"]
    sure = expected is not None and (json_number(expected["low"]) or 0.0) > 0
    key = "verdict_kept" if sure else "verdict_unsure"
    kept = language.t(key, photos=photos, steps=language.listed(helping), **facts)
    return kept if expected is None else f"{kept} {language.t('verdict_nested', gain=gain_text(expected, language))}"


def gain_text(record: dict[str, Any], language: Language, *, nats: bool = False) -> str:
    """A gain with its interval, as "+0.93 points (+0.63 to +1.24)".

    Args:
        record: holds "gain", "low" and "high", as fractions or in nats.
        language: with the section's area.
        nats: whether it is one of the likelihood.
    """
    scale = 1 if nats else 100
    low, high = json_number(record["low"]), json_number(record["high"])
    facts = {
        "gain": _signed(record["gain"], scale, language),
        "interval": interval_text(low, high, language.code, scale=scale),
    }
    return language.t("gain_nats" if nats else "gain_points", **facts)


def why(tried: dict[str, Any], language: Language) -> str:
    """What became of a step, in words.

    Args:
        tried: one of `Tuning.to_json()["tried"]`.
        language: with the section's area.
    """
    gain = gain_text(tried, language, nats=tried["name"] == "temperature") if "gain" in tried else ""
    key = f"why_{tried['why']}" + (f"_{tried['name']}" if tried["why"] == "spoken_for" else "")
    return language.t(key, gain=gain, losers=language.listed(tried["losers"]))


def value_text(name: str, value: Any, classes: list[str], language: Language) -> str:
    """The value of a setting in words.

    Args:
        name: of the setting.
        value: a number, or one per class.
        classes: the names of the classes.
        language: with the section's area.
    """
    if isinstance(value, list):
        each = [(one, number) for one, number in zip(classes, value, strict=True) if number]
        return ", ".join(
            f"{one} {language.t(f'value_{name}', value=_number(name, number, language))}" for one, number in each
        )
    return language.t(f"value_{name}", value=_number(name, value, language))


def _number(name: str, value: float, language: Language) -> str:
    if name == "logit_offsets":
        return _signed(value, 1, language)
    return language.decimal(value, 2) if name in ("temperature", "colour_weight") else language.percent(value)


def _signed(value: float | None, scale: float, language: Language) -> str:
    if value is None or value != value:
        return language.t("not_available")
    return ("+" if value >= 0 else "−") + language.decimal(abs(scale * value), 2)


def _cards(folder: Path, picture_bytes: int) -> tuple[Card, ...]:
    path = folder / "gallery.json"
    entries = read_json(path, format_version=1)["photos"] if path.is_file() else []
    cards = []
    for entry in entries:
        file = folder / Path(entry["file"]).name
        if file.is_file():
            picture = embedded(file, limit_bytes=picture_bytes // len(entries))
            cards.append(Card(str(entry["id"]), str(entry["kind"]), float(entry["gain"]), *picture))
    return tuple(cards)
