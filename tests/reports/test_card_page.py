"""The model card in a browser: it stands by itself, and nothing of it is wider than a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from browser import watched
from maskwright.data.classes import make_classes
from maskwright.data.statistics import describe
from maskwright.recipe.recipe import make_recipe
from maskwright.reports.card import page as card_page
from maskwright.reports.card_facts import Card
from maskwright.reports.language import Language
from maskwright.shipping.facts import Facts
from tiny import tiny_dataset

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_on_a_phone_nothing_scrolls_sideways(chromium: Any, tmp_path: Path, lang: str) -> None:
    data = describe(tiny_dataset(train=4, val=4))
    facts = Facts.model_validate({"name": "pets", "started_from": {"name": "a_name_without_a_blank_" * 4}})
    recipe = make_recipe({}, source="test")
    text = card_page(Card(facts, make_classes(data.classes), recipe, None, data, 10**6, ()), Language(lang, "card"))
    (tmp_path / "card.html").write_text(text, encoding="utf-8")
    page = chromium.new_page(viewport={"width": 390, "height": 844})
    complaints, _ = watched(page)
    page.goto((tmp_path / "card.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert complaints == []
