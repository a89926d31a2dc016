"""The page of a sweep, and what it says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from browser import wait_until, watched
from maskwright.errors import UsageError
from maskwright.experiments.space import Range, Space
from maskwright.experiments.sweep_words import verdicts
from maskwright.experiments.sweeps import Sweep
from maskwright.reports.colours import SERIES
from maskwright.reports.language import Language
from maskwright.reports.sweep_figures import sweep_figures
from maskwright.reports.sweep_report import page, sweep_report
from swept import swept, trials_of


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    trials = list(trials_of(16, pruned=True))
    trials[3] = replace(trials[3], state="failed", value=None, course=(), error="RecipeError: <b>no</b> such model")
    return swept(tmp_path_factory.mktemp("sweeps") / "cats", trials)


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_page_says_the_verdict_and_shows_every_trial(lang: str, sweep: Sweep) -> None:
    text = page(sweep, Language(lang, "sweep_page"))
    for sentence in verdicts(sweep, lang):
        assert sentence in text
    rows = text.partition('id="trials"')[2].partition("</tbody>")[0]
    assert re.findall(r'<tr><th scope="row">(\d+)</th>', rows) == [
        str(trial.number) for trial in sorted(sweep.trials, key=lambda each: (each.value is None, -(each.value or 0)))
    ]
    assert "&lt;b&gt;no&lt;/b&gt; such model" in rows and "<b>no</b>" not in rows
    again = text.partition('id="again"')[2].partition("</tbody>")[0]
    assert re.findall(r'<tr><th scope="row">(\d+)</th>', again) == [str(number) for number in sweep.scores_again()]
    written = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    links = re.findall(r'(?:src|href|action)="([^"]{0,5})', written)
    assert links and [link for link in links if link != "data:" and not link.startswith("#")] == []


def test_it_says_what_matters_and_that_the_best_were_lucky(sweep: Sweep) -> None:
    first, noise, early, finalists, *_ = verdicts(sweep)
    assert re.fullmatch(r"lr explains 9\d % of the differences between the trials \(p 0\.001\); its .*", first)
    assert noise.startswith("Another seed alone changes mDice by ±")
    assert early == "All trials are compared after 33 % of their training, which each of them reached."
    assert "the best 3 recipes are not distinguishable; that of trial" in finalists
    lucky = replace(sweep, trials=tuple((each.value and replace(each, value=0.99)) or each for each in sweep.trials))
    assert "As a trial it had 99.00: the best of many was also lucky" in verdicts(lucky)[-1]
    more = replace(sweep, plan=replace(sweep.plan, seeds=4))
    assert "Only 9 of 12 of these trainings are complete" in " ".join(verdicts(more))
    few = replace(sweep, trials=sweep.trials[:2], finalists={}, comparison=None)
    assert verdicts(few)[0] == "Too few trials can be compared (2) to say which settings matter."


def test_it_says_where_stopping_early_left_too_few_finalists(tmp_path: Path) -> None:
    trials = trials_of(12, pruned=True)
    best = max((each for each in trials if each.state == "complete"), key=lambda each: each.value or 0.0)
    pruned = [each if each == best else replace(each, state="pruned", value=None) for each in trials]
    words = verdicts(swept(tmp_path / "cats", pruned))
    at = words.index("Recipes to train again: 1 of 3 wanted: only that many were complete.")
    assert words[at + 1].startswith("Stopping early (asha) leaves few trials complete")
    none = [replace(each, state="pruned", value=None) for each in trials]
    assert "Recipes to train again: 0 of 3 wanted: only that many were complete." in verdicts(swept(tmp_path, none))
    assert not any("wanted: only" in word for word in verdicts(swept(tmp_path / "dogs", trials_of(12))))


def test_nothing_matters_where_all_is_scatter(sweep: Sweep) -> None:
    scattered = replace(sweep, trials=trials_of(16, effect=0.0), finalists={}, comparison=None)
    assert verdicts(scattered) == [
        "No setting matters more than chance: 16 trials cannot tell any of them from a setting without effect."
    ]
    assert scattered.scores_again() == {} and scattered.noise is None


def test_finalists_that_differ_are_named(sweep: Sweep) -> None:
    assert sweep.comparison is not None
    first, *others = sweep.comparison.recipe_pairs
    apart = replace(first, difference=replace(first.difference, value=0.5), p_holm=0.001)
    assert apart.verdict == "better"
    words = verdicts(replace(sweep, comparison=replace(sweep.comparison, recipe_pairs=(apart, *others))))
    one, other, _ = sweep.finalists
    assert f"by more than chance that of trial {one} is better than that of trial {other}" in " ".join(words)


def test_every_setting_has_a_slice_and_the_search_its_course(sweep: Sweep) -> None:
    figures = sweep_figures(sweep, Language("en", "sweep_page"))
    assert set(figures) == {"slice-lr", "slice-model", "slice-weight_decay", "search", "courses"}
    assert figures["slice-lr"]["layout"]["xaxis"]["type"] == "log"
    assert len(figures["courses"]["data"]) == 15
    drawn = sum(
        len(trace["x"]) for trace in figures["search"]["data"] if trace["meta"]["key"] in ("complete", "pruned")
    )
    assert drawn == 15
    assert sweep_figures(replace(sweep, trials=(), finalists={}, comparison=None), Language("en", "sweep_page")) == {}


def test_a_setting_that_does_not_matter_is_grey_everywhere(sweep: Sweep) -> None:
    text = page(sweep, Language("en", "sweep_page"))
    found = {entry.name: entry.matters for entry in sweep.importances()}
    assert found["lr"] and not found["weight_decay"]
    for part in (text.partition('class="by-class"')[2], text.partition('id="settings"')[2].partition("<tbody>")[2]):
        for name, matters in found.items():
            bar = part.partition(f"<code>{name}</code>")[2].partition("background:")[2]
            assert bar.startswith(SERIES[0] if matters else "var(--soft)"), name
    assert text.count('<small class="chance">no more than chance</small>') == sum(not each for each in found.values())


def test_whole_numbers_have_whole_ticks(sweep: Sweep) -> None:
    def axis(space: Range, *sizes: int) -> dict[str, Any]:
        trials = [
            replace(each, settings={"batch_size": sizes[each.number % len(sizes)]})
            for each in trials_of(len(sizes) * 2)
        ]
        made = replace(
            sweep, space=Space({"batch_size": space}, {}), trials=tuple(trials), finalists={}, comparison=None
        )
        return sweep_figures(made, Language("en", "sweep_page"))["slice-batch_size"]["layout"]["xaxis"]

    few = axis(Range(2, 4, whole=True), 2, 3, 4)
    assert (few["tick0"], few["dtick"], few["tickformat"]) == (2, 1, "d")
    stepped = axis(Range(4, 16, step=4, whole=True), 4, 8, 16)
    assert (stepped["tick0"], stepped["dtick"]) == (4, 4)
    assert "dtick" not in axis(Range(1, 100, whole=True), 1, 50, 100)
    assert axis(Range(2, 32, log=True, whole=True), 2, 8, 32)["tickvals"] == [2, 4, 8, 16, 32]
    search = sweep_figures(
        replace(sweep, trials=sweep.trials[:3], finalists={}, comparison=None), Language("en", "sweep_page")
    )
    assert search["search"]["layout"]["xaxis"]["dtick"] == 1


@pytest.mark.browser
def test_its_figures_are_drawn(sweep: Sweep, tmp_path: Path, chromium: Any) -> None:
    opened = chromium.new_page(viewport={"width": 390, "height": 800})
    complaints, requests = watched(opened)
    opened.goto(sweep_report(sweep, tmp_path / "page.html").as_uri())
    wait_until(opened, "document.querySelectorAll('.chart[data-drawn]').length === 5")
    assert opened.evaluate("document.documentElement.scrollWidth") == 390
    assert complaints == [] and len(requests) == 1
    opened.close()


def test_an_unknown_language_is_refused(sweep: Sweep, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--lang de"):
        sweep_report(sweep, tmp_path / "page.html", lang="de")
