"""The page of a comparison: what it says, and that it stands by itself in a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from browser import wait_until, watched
from compared_runs import counts_of, judged_run
from maskwright.errors import UsageError
from maskwright.evaluation.compare import compare
from maskwright.evaluation.comparison import Comparison
from maskwright.reports.compare_figures import MOST_PAIRS, compare_figures, shown_pairs
from maskwright.reports.compare_report import AREA, compare_report
from maskwright.reports.language import Language
from maskwright.reports.rendering import LIMIT_BYTES

NASTY = "b<script>alert(1)<"


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("runs")
    runs = [judged_run(folder / f"a{seed}", counts_of(0.88, seed), settings={"seed": seed}) for seed in range(3)]
    runs += [
        judged_run(
            folder / f"{NASTY}{seed}",
            counts_of(0.6, 10 + seed),
            settings={"seed": seed, "lr": 0.01},
            course=(0.3, 0.7, 0.6, 0.6),
        )
        for seed in range(3)
    ]
    return compare(runs)


@pytest.fixture(scope="module")
def pages(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    return {lang: compare_report(comparison, folder / f"{lang}.html", lang=lang) for lang in ("en", "ru")}


def test_it_is_one_small_file_that_asks_for_nothing(pages: dict[str, Path]) -> None:
    text = pages["en"].read_text(encoding="utf-8")
    assert pages["en"].stat().st_size < LIMIT_BYTES and "default-src 'none'" in text
    written = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)  # plotly.js holds addresses that it never asks
    links = re.findall(r'(?:src|href|action)="([^"]{0,5})', written)
    assert len(links) > 20
    assert [link for link in links if link != "data:" and not link.startswith("#")] == []
    assert NASTY not in text


def test_it_says_the_verdict_first_and_every_number(comparison: Comparison, pages: dict[str, Path]) -> None:
    text = pages["en"].read_text(encoding="utf-8")
    pair = comparison.recipe_pairs[0]
    assert f'<p class="big better">+{100 * pair.difference.value:.2f}<small>' in text
    assert text.index("Recipe A is better than recipe B") < text.index("pairs of weights")
    assert text.count('<span class="chip better">better</span>') == 1 + sum(
        each.verdict == "better" for each in comparison.pairs
    )
    assert "was trained past its best" in text and "All runs were trained on the same data." in text
    assert "Рецепт A лучше рецепта B" in pages["ru"].read_text(encoding="utf-8")


def test_two_runs_and_many_runs_have_a_page_too(comparison: Comparison, tmp_path: Path) -> None:
    folders = [run.folder for run in comparison.runs]
    text = compare_report(compare(folders[:2]), tmp_path / "two.html").read_text(encoding="utf-8")
    assert '<p class="big undecided">' in text and 'data-figure="recipes"' not in text
    text = compare_report(compare(folders[:4]), tmp_path / "four.html").read_text(encoding="utf-8")
    assert "<small>of 6 pairs differ</small>" in text


def test_the_most_certain_pairs_are_drawn_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskwright.evaluation.verdicts.RESAMPLES", 50)
    runs = [judged_run(tmp_path / f"r{seed}", counts_of(0.8, seed, photos=8)) for seed in range(9)]
    runs.append(judged_run(tmp_path / "poor", counts_of(0.1, 70, photos=8)))
    found = compare(runs)
    assert len(found.pairs) == 45 and len(shown_pairs(found)) == MOST_PAIRS
    assert [pair for pair in shown_pairs(found) if pair.other == "poor"] == [
        pair for pair in found.pairs if pair.other == "poor"
    ]
    assert "5 more pairs" in compare_report(found, tmp_path / "many.html").read_text(encoding="utf-8")


def test_a_row_of_the_forest_is_the_interval(comparison: Comparison) -> None:
    figures = compare_figures(comparison, Language("en", AREA))
    assert list(figures) == ["recipes", "weights", "curves"]
    *rows, points = figures["weights"]["data"]
    pairs = shown_pairs(comparison)
    for row, value, pair in zip(rows, points["x"], pairs, strict=True):
        assert row["x"] == pytest.approx([100 * pair.difference.low, 100 * pair.difference.high])
        assert value == pytest.approx(100 * pair.difference.value)
    left, right = figures["weights"]["layout"]["xaxis"]["range"]
    ends = [0.0, *(end for row in rows for end in row["x"])]
    room = 0.05 * (right - left)
    assert left < min(ends) - room and max(ends) + room < right, "no bar runs into a label"
    assert len(figures["curves"]["data"]) == 2 * len(comparison.runs)
    assert "<script" not in json.dumps(points["y"])


def test_an_unknown_language_is_refused(comparison: Comparison, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--lang de"):
        compare_report(comparison, tmp_path / "page.html", lang="de")
    assert not (tmp_path / "page.html").exists()


@pytest.mark.browser
@pytest.mark.parametrize(("lang", "theme", "width"), [("en", "light", 1280), ("ru", "dark", 390)])
def test_the_page_stands_by_itself(chromium: Any, pages: dict[str, Path], lang: str, theme: str, width: int) -> None:
    page = chromium.new_page(color_scheme=theme, viewport={"width": width, "height": 800})
    complaints, requests = watched(page)
    page.goto(pages[lang].as_uri())
    wait_until(page, "document.querySelectorAll('.chart[data-drawn=yes]').length === 3")
    assert complaints == []
    assert [url for url in requests if not url.startswith("data:")] == [pages[lang].as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(".keys button").first.click()
    hidden = "document.querySelector('[data-figure=curves]').data.map((line) => line.visible === 'legendonly')"
    assert page.evaluate(hidden) == [True] * 6 + [False] * 6
    assert complaints == []
