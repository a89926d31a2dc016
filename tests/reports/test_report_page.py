"""The report in a browser: it asks for nothing, draws its curves, follows the theme, obeys the keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from browser import wait_until, watched
from faulty import diagnosed
from maskwright.reports.report import report
from maskwright.storage import write_json
from synthetic_run import synthetic_run
from tiny import tiny_dataset

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("report")
    run = synthetic_run(folder / "run", tiny_dataset(train=8, val=6))
    return {lang: report(run, lang=lang).rename(folder / f"{lang}.html") for lang in ("en", "ru")}


@pytest.mark.parametrize(("lang", "theme", "width"), [("en", "light", 1280), ("ru", "dark", 800)])
def test_the_page_stands_by_itself(chromium: Any, pages: dict[str, Path], lang: str, theme: str, width: int) -> None:
    page = chromium.new_page(color_scheme=theme, viewport={"width": width, "height": 900})
    complaints, requests = watched(page)
    _open(page, pages[lang])
    assert complaints == []
    assert [url for url in requests if not url.startswith(("data:", "file:"))] == []
    assert [url for url in requests if url.startswith("file:")] == [pages[lang].as_uri()]
    assert page.locator("html").get_attribute("lang") == lang
    assert page.locator("h2").first.inner_text() == {"en": "Result", "ru": "Результат"}[lang]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0 || !image.getAttribute('src'))")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(_channels(background)) < 60) == (theme == "dark")
    text = page.evaluate("getComputedStyle(document.querySelector('.chart .xtick text')).fill")
    assert (min(_channels(text)) > 120) == (theme == "dark")
    page.close()


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_nothing_scrolls_sideways_on_a_phone(chromium: Any, tmp_path: Path, lang: str) -> None:
    dataset = tiny_dataset(train=8, val=6)
    run = synthetic_run(tmp_path / "run", dataset)
    diagnosed(run / "diagnosis" / "val", dataset)
    weights = f"/home/{'w' * 60}.safetensors"
    content = {"name": weights, "licence": "MIT", "commercial": "no", "origin": weights, "sha256": "0" * 64}
    parts = {"loaded": 3, "place": weights, "unread": [], "left_out": {}, "new": {}, "adapted": {}}
    write_json(run / "initial_weights.json", {"format": 1, **content, **parts})
    page = chromium.new_page(viewport={"width": 390, "height": 844})
    _open(page, report(run, lang=lang))
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


def test_the_curves_follow_the_switches(chromium: Any, pages: dict[str, Path]) -> None:
    page = chromium.new_page()
    _open(page, pages["en"])
    assert page.locator(".chart").count() == 4
    assert page.locator(".chart .scatterlayer .trace").count() >= 10
    last = "document.querySelector('[data-figure=per_class]').data[0].x.at(-1)"
    assert page.evaluate(last) == 2000
    page.keyboard.press("Tab")
    page.locator("input[value=iteration]").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(last) == pytest.approx(0.41 * 2000 / 60, abs=0.01)
    assert page.locator(".chart .xtitle").first.text_content() == "minutes"
    first = "document.querySelector('[data-figure=per_class]').data[0].y[0]"
    dice = page.evaluate(first)
    page.locator("#measure").select_option("iou")
    assert page.evaluate(first) < dice
    page.locator(".keys button").first.press("Enter")
    assert page.locator(".keys button").first.get_attribute("aria-pressed") == "false"
    page.close()


def test_a_picture_is_enlarged_by_keyboard(chromium: Any, pages: dict[str, Path]) -> None:
    page = chromium.new_page()
    _open(page, pages["en"])
    page.locator("button.enlarge").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("dialog[open]").count() == 1
    first = page.locator("dialog figcaption").inner_text()
    assert page.evaluate("document.querySelector('dialog img').naturalWidth") > 0
    page.keyboard.press("ArrowRight")
    assert page.locator("dialog figcaption").inner_text() != first
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    assert page.evaluate("document.activeElement === document.querySelectorAll('button.enlarge')[1]")
    page.close()


def test_a_term_is_explained_on_focus(chromium: Any, pages: dict[str, Path]) -> None:
    page = chromium.new_page()
    _open(page, pages["en"])
    page.locator(".term").first.focus()
    assert page.locator("#tip").inner_text().startswith("The mean of Dice over all classes")
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()
    page.close()


def test_it_prints_in_light_with_its_curves(chromium: Any, pages: dict[str, Path]) -> None:
    page = chromium.new_page(color_scheme="dark")
    _open(page, pages["en"])
    page.emulate_media(media="print", color_scheme="dark")
    page.set_viewport_size({"width": 718, "height": 1000})
    assert min(_channels(page.evaluate("getComputedStyle(document.body).backgroundColor"))) > 240
    box = page.locator(".chart .main-svg").first.bounding_box()
    assert 150 < box["width"] < 718
    assert page.locator("nav").is_hidden()
    assert len(page.pdf(format="A4", print_background=True)) > 50_000
    page.close()


def _open(page: Any, path: Path) -> None:
    page.set_default_timeout(120_000)  # a loaded machine is slow, not wrong
    page.goto(path.as_uri())
    wait_until(page, "[...document.querySelectorAll('.chart')].every(chart => chart.dataset.drawn)")


def _channels(colour: str) -> list[float]:
    return [float(channel) for channel in colour[colour.index("(") + 1 : -1].split(",")[:3]]
