"""The model card of a bundle, in Markdown and as a page: both say the same, and every sentence is a fact."""

from __future__ import annotations

from pathlib import Path

from maskwright.errors import shown
from maskwright.inference.opening import opened
from maskwright.reports.card_facts import Card, card_of
from maskwright.reports.card_sections import sections, verdict, what
from maskwright.reports.colours import class_colours
from maskwright.reports.language import Language
from maskwright.reports.markdown import markdown
from maskwright.reports.rendering import page_text
from maskwright.shipping.facts import Facts, read_facts
from maskwright.storage import write_text

AREA = "card"
"""Where the card's sentences stand in the table."""
MARKDOWN, PAGE = "card.md", "card.html"
"""What the two are called in a bundle."""
TERMS = (
    "mDice", "mIoU", "mAcc", "aAcc", "mDice_foreground", "dice", "iou", "precision", "recall", "labelled", "interval",
    "validation", "test",
)  # fmt: skip
"""Words of the page that are explained."""
MOST_BARS = 10


def card_pages(folder: Path, facts: Facts) -> dict[str, str]:
    """The card of a bundle that is being made, by file name.

    Args:
        folder: of its files.
        facts: what it tells of itself, and in which language.

    Raises:
        RunError: a file of it is damaged.
        UsageError: the language is not known.
    """
    card, language = card_of(folder, facts), Language(facts.lang, AREA)
    text = markdown(_title(card), [what(card, language)], sections(card, language), _farewell(card, language))
    return {MARKDOWN: text, PAGE: page(card, language)}


def card_report(bundle: Path, out: Path, *, lang: str = "en") -> Path:
    """Write the card of a bundle as a page of its own, made anew from the bundle's facts.

    Args:
        bundle: a folder or a zip.
        out: the page.
        lang: "en" or "ru".

    Returns:
        `out`.

    Raises:
        RunError: it is no bundle, or a damaged one.
        UsageError: the language is not known.
    """
    write_text(out, bundle_page(bundle, lang=lang))
    return out


def bundle_page(bundle: Path, *, lang: str = "en") -> str:
    """The card of a bundle as HTML text: made here from its facts, whatever HTML lies in it.

    Args:
        bundle: a folder or a zip.
        lang: "en" or "ru".

    Raises:
        RunError: it is no bundle, or a damaged one.
        UsageError: the language is not known.
    """
    folder = opened(bundle).folder
    facts = read_facts(folder)
    named = facts if facts.name else facts.model_copy(update={"name": Path(shown(bundle)).stem})
    return page(card_of(folder, named), Language(lang, AREA))


def page(card: Card, language: Language) -> str:
    """The card as HTML text, one page that needs no network and no other file."""
    return page_text(
        "card.html.jinja",
        language,
        card=card,
        title=_title(card),
        sections=sections(card, language),
        what=what(card, language),
        verdict=verdict(card, language),
        colours=class_colours(dict(zip(card.classes.names, card.classes.colours, strict=True))),
        most=MOST_BARS,
        terms=TERMS,
        css=("page.css", "card.css"),
        js=("reading.js",),
    )  # fmt: skip


def _title(card: Card) -> str:
    return card.facts.name or card.recipe.model


def _farewell(card: Card, language: Language) -> str:
    version = card.facts.made.maskwright if card.facts.made else ""
    return language.t("farewell", version=version)
