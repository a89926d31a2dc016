"""The page of a diagnosis, as a file and in a browser; and the section in another page."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from browser import watched
from faulty import diagnosed
from maskwright.data.classes import make_classes
from maskwright.data.finding import Finding
from maskwright.errors import RunError, UsageError
from maskwright.evaluation.diagnosis import Diagnosis
from maskwright.reports.diagnosis import AREA, TERMS, diagnosis_report, read_section, review_commands, verdict
from maskwright.reports.language import Language
from maskwright.reports.rendering import LIMIT_BYTES, environment
from maskwright.sentences import table
from maskwright.web.serving import USUAL_PORT
from tiny import tiny_dataset

NASTY = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diagnosis")
    diagnosed(folder, tiny_dataset(train=0, val=15))
    return folder


def test_it_is_one_file_that_asks_for_nothing(folder: Path) -> None:
    path = diagnosis_report(folder)
    text = path.read_text(encoding="utf-8")
    assert path == folder / "report.html" and path.stat().st_size < LIMIT_BYTES
    asked = re.sub(r'<a class="decide" href="http://127[^>]+>', "", text)  # a person may follow it
    links = re.findall(r'(?:src|href|action)="([^"]{0,5})', asked)
    assert [link for link in links if link != "data:" and not link.startswith("#")] == []
    words = set(re.findall(r'class="term" href="#def-(\w+)"', text))
    low, high = Diagnosis.load(folder).evaluation.intervals["mDice"]
    assert f">{100 * low:.1f}–{100 * high:.1f}" in text, "the first number has its interval"
    assert {*TERMS[:8], "ece", "temperature"} <= words | {"causes"}
    assert all(f'id="def-{word}"' in text for word in words), "every word is explained on the page"


def test_the_verdict_names_what_costs_most(folder: Path) -> None:
    made = Diagnosis.load(folder)
    dearest, language = made.causes[0], Language("en", AREA)
    sentence = verdict(made, language)
    assert f"{100 * dearest.lost_mdice:.1f} points" in sentence
    unsure = "these photos cannot tell" in sentence
    assert unsure == (not dearest.lead > 0)
    assert "these photos cannot tell" not in verdict(
        replace(made, errors=made.errors[made.errors["cause"] == 0]), language
    )
    swaps = replace(made, errors=made.errors[made.errors["cause"] == 2])
    assert re.match(r"Most of what is missing: (disc|square) taken for (square|disc)\.", verdict(swaps, language))
    assert "Nothing is missing" in verdict(replace(made, errors=made.errors[:0]), language)
    for place in range(6):
        rest = replace(made, errors=made.errors[made.errors["cause"] == place])
        assert verdict(rest, Language("ru", AREA)), "every cause has its sentence"


def test_disputed_labels_stand_by_photo_and_the_hidden_ones_are_counted(folder: Path) -> None:
    section = read_section(folder, Language("en"))
    assert section is not None
    ids = section.diagnosis.evaluation.sample_ids
    facts = {"file": "a.png", "given": "square", "seen": "disc"}
    findings = [Finding(ids[n % 5], "label_wrong_class", 0.9 - n / 100, facts, (0, 0, 9, 9)) for n in range(27)]
    template = environment().from_string('{% include "diagnosis.html.jinja" %}')
    text = template.render(diagnosis=replace(section, diagnosis=replace(section.diagnosis, disputed=tuple(findings))))
    entries = re.findall(r"<li><div>.*?</li>", text)
    assert [entry.count("a.png") for entry in entries] == [3, 3, 2, 2, 2]
    assert re.findall(r"<b>(0\.\d+)</b> a\.png", entries[0]) == ["0.90", "0.85", "0.80"]
    assert "At 27 objects in 5 photos the model is sure" in text
    addresses = [html.unescape(address) for address in re.findall(r'class="decide" href="([^"]+)"', text)]
    assert addresses == [f"http://127.0.0.1:{USUAL_PORT}/review?sample={ids[n].replace('/', '%2F')}" for n in range(5)]
    while_it_runs = f"The links work while maskwright review runs on this computer on its usual port, {USUAL_PORT}."
    assert 0 < text.index(while_it_runs) < text.index('class="decide"')
    assert "These are the 12 worst, photo by photo. Not shown here: 15; the review has them all." in text
    few = replace(section, diagnosis=replace(section.diagnosis, disputed=tuple(findings[:12])))
    assert "Not shown here" not in template.render(diagnosis=few)


def test_commands_lead_into_the_review(folder: Path) -> None:
    made = replace(Diagnosis.load(folder), root="/data/my pets")
    judge, review = review_commands(made, "out/pets")
    names = "background,square,disc"
    assert judge == f"maskwright audit '/data/my pets' --classes {names} --split val --run out/pets"
    assert review == f"maskwright review '/data/my pets' --classes {names}"


def test_the_section_needs_nothing_of_the_page_around_it(folder: Path) -> None:
    section = read_section(folder, Language("ru"), picture_bytes=100_000)
    template = environment().from_string('{% include "diagnosis.html.jinja" %}')
    text = template.render(diagnosis=section)  # an undefined name would be an error
    assert "Чего не хватает и почему" in text
    assert len(text) < 400_000, "the pictures keep to their share"
    explained = set(re.findall(r'id="def-(\w+)"', text))
    assert explained == set(TERMS)
    assert not explained & {key.removeprefix("report.def_") for key in table("en") if key.startswith("report.def_")}


def test_names_of_the_user_never_become_html(tmp_path: Path) -> None:
    dataset = tiny_dataset(train=0, val=5)
    samples = tuple(replace(sample, id=f"val/{NASTY}{sample.id[-1]}") for sample in dataset)
    diagnosed(tmp_path, replace(dataset, classes=make_classes(["background", NASTY, 'a"b&c']), samples=samples))
    text = diagnosis_report(tmp_path).read_text(encoding="utf-8")
    assert NASTY not in text and "&lt;script&gt;" in text


def test_without_pictures_the_rest_is_told(folder: Path, tmp_path: Path) -> None:
    Diagnosis.load(folder).save(tmp_path)
    text = diagnosis_report(tmp_path, lang="ru").read_text(encoding="utf-8")
    assert 'class="sorting"' not in text
    assert "Чего не хватает и почему" in text and "What is missing" not in text


def test_where_nothing_lies(tmp_path: Path) -> None:
    assert read_section(tmp_path, Language("en")) is None
    with pytest.raises(RunError, match=r"diagnosis\.npz: no such file"):
        diagnosis_report(tmp_path)
    with pytest.raises(UsageError, match="--lang de"):
        diagnosis_report(tmp_path, lang="de")


@pytest.mark.browser
@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
def test_the_page_stands_by_itself(chromium: Any, folder: Path, lang: str, theme: str, width: int) -> None:
    page = chromium.new_page(color_scheme=theme, viewport={"width": width, "height": 900})
    complaints, _ = watched(page)
    page.goto(diagnosis_report(folder, lang=lang).as_uri())
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    cards = "[...document.querySelectorAll('.group-tables .card')]"
    assert page.evaluate(f"{cards}.every(card => card.scrollWidth <= card.clientWidth)")
    assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0 || !image.getAttribute('src'))")
    page.locator(".bars .term").first.focus()
    assert len(page.locator("#tip").inner_text()) > 40
    page.close()


@pytest.mark.browser
def test_photos_are_chosen_and_sorted(chromium: Any, folder: Path) -> None:
    page = chromium.new_page()
    page.goto(diagnosis_report(folder).as_uri())
    shown, output = page.locator(".errors figure:visible"), page.locator(".sorting output")
    assert output.inner_text() == "12 of 15 photos"
    page.locator(".sorting .more").click()
    assert (shown.count(), page.locator(".sorting .more").is_visible()) == (15, False)
    page.locator("select[name=show]").select_option("wrong_class")
    assert output.inner_text() == "3 of 3 photos"
    page.locator("select[name=class]").select_option("square")
    assert 0 < shown.count() < 3
    page.locator("select[name=class]").select_option("")
    page.locator("select[name=show]").select_option("@worst")
    page.locator("select[name=sort]").select_option("worst")
    dice = shown.evaluate_all("figures => figures.map(figure => Number(figure.dataset.mdice))")
    assert dice == sorted(dice) and len(dice) == 6
    page.locator("select[name=class]").select_option("disc")
    disc = shown.evaluate_all("figures => figures.map(figure => JSON.parse(figure.dataset.dice).disc)")
    every = page.evaluate("[...document.querySelectorAll('.errors figure')].map(f => JSON.parse(f.dataset.dice).disc)")
    assert disc == sorted(value for value in every if value is not None)[:3], "the worst of the class, worst first"
    page.locator("select[name=class]").select_option("")
    page.locator("select[name=sort]").select_option("best")
    first = shown.first.locator(".id").inner_text()
    shown.first.locator(".enlarge").click()
    assert page.locator("dialog figcaption").inner_text().startswith(first)
    page.keyboard.press("ArrowRight")
    assert page.locator("dialog figcaption").inner_text().startswith(shown.nth(1).locator(".id").inner_text())
    page.close()


@pytest.mark.browser
def test_it_prints_in_light(chromium: Any, folder: Path) -> None:
    page = chromium.new_page(color_scheme="dark")
    page.goto(diagnosis_report(folder).as_uri())
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator(".sorting output").inner_text() == "12 of 15 photos"
    assert page.locator(".sorting select").first.is_visible() and page.locator(".sorting .more").is_hidden()
    assert page.locator("#def-lost").is_visible(), "the words are explained without a click"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(page.pdf(format="A4", print_background=True)) > 50_000
    page.close()
