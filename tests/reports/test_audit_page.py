"""The audit's page in a browser: real clicks and keys, no complaint, no request, no sideways scrolling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from audit_case import disputed, surveyed
from browser import wait_until, watched
from maskwright.reports.audit_report import audit_report
from tiny import tiny_dataset

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("audit")
    dataset = tiny_dataset(train=24, val=12)
    audit = disputed(surveyed(dataset, more=290), dataset, folder / "probs", count=20)
    assert len(audit.findings) > 300
    return {
        lang: audit_report(audit, dataset, folder / f"{lang}.html", probs=folder / "probs", lang=lang)
        for lang in ("en", "ru")
    }


@pytest.fixture(scope="module")
def opened(chromium: Any, pages: dict[str, Path]) -> Any:
    """The English page, opened once: a dozen megabytes are read slowly on a loaded machine."""
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    _open(page, pages["en"])
    return page


@pytest.fixture
def page(opened: Any) -> Any:
    """The page as it was when it was opened."""
    opened.evaluate("document.querySelector('.filters').reset(); document.activeElement.blur(); scrollTo(0, 0)")
    wait_until(opened, "document.querySelectorAll('.evidence:not([hidden])').length === 300")
    return opened


@pytest.mark.parametrize(("lang", "theme", "width"), [("en", "light", 1280), ("ru", "dark", 720)])
def test_the_page_stands_by_itself(chromium: Any, pages: dict[str, Path], lang: str, theme: str, width: int) -> None:
    page = chromium.new_page(color_scheme=theme, viewport={"width": width, "height": 800})
    complaints, requests = watched(page)
    _open(page, pages[lang])
    assert page.locator(".chart[data-drawn]").count() == 0  # figures are drawn when they come near
    _draw_all(page)
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [pages[lang].as_uri()]
    assert page.locator("html").get_attribute("lang") == lang
    assert page.locator("main h2").first.inner_text() == {"en": "What was found", "ru": "Что найдено"}[lang]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(_channels(background)) < 60) == (theme == "dark")
    text = page.evaluate("getComputedStyle(document.querySelector('.chart .xtick text')).fill")
    assert (min(_channels(text)) > 120) == (theme == "dark")
    page.close()


def test_300_cards_lie_in_wait_with_their_pictures(page: Any) -> None:
    assert page.locator(".evidence").count() == 300
    assert page.evaluate("getComputedStyle(document.querySelector('.evidence')).contentVisibility") == "auto"
    last = page.locator(".evidence").last
    last.scroll_into_view_if_needed()
    assert last.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 100


def test_filters_by_check_split_class_and_text(page: Any) -> None:
    assert _shown(page) == 300
    page.locator("select[name=check]").select_option("mask_specks")
    specks = _shown(page)
    assert specks == page.locator('.evidence[data-check="mask_specks"]').count() < 300
    page.locator("select[name=splits]").select_option("val")
    both = _shown(page)
    assert 0 < both < specks
    assert page.locator("output").inner_text() == f"{both} of 300"
    page.get_by_role("searchbox").fill("VAL/3 specks")
    assert 0 < _shown(page) < both
    page.get_by_role("searchbox").fill("no such word")
    assert _shown(page) == 0
    assert page.get_by_text("No finding fits these filters.").is_visible()
    page.get_by_role("button", name="Show all").click()
    wait_until(page, "document.querySelectorAll('.evidence:not([hidden])').length === 300")
    page.locator("select[name=classes]").select_option(label=_option(page, "classes", "disc"))
    assert _shown(page) == page.locator('.evidence[data-classes~="2"]').count() < 300


def test_a_task_leads_to_its_findings(page: Any) -> None:
    page.locator('a[data-concern="labels"]').click()
    assert _shown(page) == page.locator('.evidence[data-concern="labels"]').count() >= 20
    assert page.locator("select[name=check]").input_value() == "@labels"
    assert page.locator("#findings-title").is_visible()


def test_keys_search_move_and_enlarge(page: Any) -> None:
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "text"
    page.keyboard.type("train/1")
    shown = _shown(page)
    assert 0 < shown < 300
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = page.evaluate("document.activeElement.id")
    assert second == page.locator(".evidence:not([hidden])").nth(1).get_attribute("id")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.id") == page.locator(".evidence:not([hidden])").first.get_attribute(
        "id"
    )
    page.keyboard.press("Enter")
    assert page.locator("dialog[open]").count() == 1
    seen = set()
    for _ in range(shown):
        caption = page.locator("dialog figcaption").inner_text()
        assert "train/1" in caption
        seen.add(caption)
        page.keyboard.press("ArrowRight")
    assert len(seen) > 1
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


def test_a_figure_shows_and_hides_its_lines(page: Any) -> None:
    _draw_all(page)
    assert page.locator(".chart[data-figure=positions] .heatmaplayer image").count() >= 2
    button = page.locator(".chart-areas .keys button").first
    button.press("Enter")
    assert button.get_attribute("aria-pressed") == "false"
    assert page.evaluate("document.querySelector('[data-figure=areas]').data[0].visible") == "legendonly"


def test_a_term_is_explained_on_focus(page: Any) -> None:
    page.locator("#statistics .term").first.focus()
    assert page.locator("#tip").inner_text().startswith("The part of the labelled pixels")


def test_it_prints_in_light(page: Any) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    assert min(_channels(page.evaluate("getComputedStyle(document.body).backgroundColor"))) > 240
    assert page.locator(".filters").is_hidden()
    assert page.locator("nav").is_hidden()
    page.emulate_media(media="screen", color_scheme="light")


def _open(page: Any, path: Path) -> None:
    page.set_default_timeout(120_000)  # a loaded machine is slow, not wrong
    page.goto(path.as_uri())


def _draw_all(page: Any) -> None:
    for chart in page.locator(".chart").all():
        chart.scroll_into_view_if_needed()
    wait_until(page, "[...document.querySelectorAll('.chart')].every(chart => chart.dataset.drawn === 'yes')")


def _shown(page: Any) -> int:
    return int(page.locator(".evidence:not([hidden])").count())


def _option(page: Any, name: str, starts: str) -> str:
    options = page.locator(f"select[name={name}] option").all_inner_texts()
    return next(text for text in options if text.startswith(starts))


def _channels(colour: str) -> list[float]:
    return [float(channel) for channel in colour[colour.index("(") + 1 : -1].split(",")[:3]]
