"""The page of runs as a person uses it: a real browser, a real server, keys and mouse; nothing may be complained of."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from browser import wait_until, watched
from compared_runs import counts_of, judged_run
from maskwright.training.presence import training_in
from maskwright.training.run import append_log
from review_process import Server, serving
from runs_page import three_runs
from small_folders import split_folder

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Sitting:
    """Somebody before the page.

    Args:
        page: the tab.
        folder: of the runs.
        server: theirs.
    """

    page: Page
    folder: Path
    server: Server

    def open(self, hash_: str = "", lang: str = "en") -> None:
        """Open the page with something chosen."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.server.origin}/runs?lang={lang}#{hash_}")
        self.page.wait_for_selector("body[data-ready=true]")

    def until(self, expression: str) -> None:
        """Wait until something holds on the page."""
        wait_until(self.page, expression, 60)

    def names(self) -> list[str]:
        """The runs in the table, from top to bottom."""
        return self.page.locator("#rows tbody th").all_inner_texts()


@pytest.fixture(scope="module")
def seat(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sitting]:
    folder = three_runs(tmp_path_factory.mktemp("seat") / "runs")
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    with serving(folder, verb="open") as server:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(server.address)
        yield Sitting(page, folder, server)
    context.close()


@pytest.fixture
def sitting(seat: Sitting) -> Iterator[Sitting]:
    seat.page.goto("about:blank")
    complaints, requests = watched(seat.page)
    yield seat
    assert complaints == []
    assert [url for url in requests if not url.startswith((seat.server.origin, "about:", "blob:"))] == []


def test_the_table_is_sorted_filtered_and_its_columns_chosen(sitting: Sitting) -> None:
    page = sitting.page
    sitting.open()
    page.get_by_role("button", name="best mDice").click()
    assert sitting.names() == ["good", "again", "old/worse"]
    page.get_by_role("button", name="best mDice").click()
    assert sitting.names() == ["old/worse", "again", "good"]
    page.locator("#search").fill("a")
    assert sitting.names() == ["again"]
    assert "1 of 3" in page.locator("#count").inner_text()
    page.locator("#search").fill("nothing like that")
    assert page.locator("#none-fits").is_visible()
    page.locator("#search").fill("")
    page.locator("#columns-button").click()
    page.locator("#columns").get_by_text("seed").click()
    page.locator("#columns").get_by_text("model", exact=True).click()
    page.keyboard.press("Escape")
    sitting.open()
    heads = page.locator("thead th").all_inner_texts()
    assert "seed" in heads
    assert "model" not in heads
    assert sitting.names() == ["old/worse", "again", "good"]  # the order was kept, too


def test_keys_choose_and_label_runs(sitting: Sitting) -> None:
    page = sitting.page
    sitting.open()
    first = sitting.names()[0]
    for key in ("ArrowDown", "Space", "ArrowDown", "Space", "2"):
        page.keyboard.press(key)
    assert page.locator("#chips .chip").count() == 2
    assert page.locator("#panel-recipes").is_visible()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("t")
    page.keyboard.type("best keep")
    page.keyboard.press("Enter")
    page.locator("tbody .tag", has_text="keep").wait_for()
    assert json.loads((sitting.folder / first / "labels.json").read_text())["tags"] == ["best", "keep"]
    page.locator("#filter-tag").select_option("keep")
    assert sitting.names() == [first]
    page.locator("#filter-tag").select_option("")
    page.locator(f'tr[data-name="{first}"]').focus()
    page.keyboard.press("a")
    sitting.until("document.querySelectorAll('#rows tbody tr').length === 2")
    page.locator("#filter-archived").check()
    page.locator(f'tr[data-name="{first}"]').focus()
    page.keyboard.press("a")
    sitting.until("!document.querySelector('tr[data-archived]')")
    page.keyboard.press("Escape")
    assert page.locator("#look").is_hidden()
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")


def test_curves_lie_over_each_other_and_follow_a_training(sitting: Sitting) -> None:
    page, log = sitting.page, sitting.folder / "again" / "log.jsonl"
    sitting.open("run=good&run=again&tab=curves")
    page.wait_for_selector("#chart-mDice[data-drawn]")
    drawn = "document.getElementById('chart-mDice').data"
    lines = page.evaluate(f"{drawn}.filter(trace => trace.name).map(trace => [trace.name, trace.y])")
    assert lines == [["good", [0.3, 0.6, 0.8]], ["again", [0.3, 0.7, 0.75]]]
    assert len(set(page.evaluate(f"{drawn}.filter(trace => trace.name).map(trace => trace.line.color)"))) == 2
    page.get_by_text("minutes", exact=True).click()
    sitting.until(f"{drawn}[0].x[0] < 1")
    page.locator(".switch").get_by_text("iterations", exact=True).click()
    with training_in(sitting.folder / "again"):
        about = {"iteration": 400, "seconds": 200.0}
        metrics = {"mDice": 0.9}
        append_log(log, {"event": "train", "loss": 0.5, "lr": 1e-3, "iteration_s": 0.5, **about})
        append_log(log, {"event": "validation", "metrics": metrics, "best": True, **about})
        page.locator("#live").wait_for()
        sitting.until(f"{drawn}.find(trace => trace.name === 'again').y.length === 4")
        page.get_by_role("button", name="Stop").click()
        page.locator("#toast", has_text="asked to stop").wait_for()
        assert (sitting.folder / "again" / "state" / "stop").exists()
    page.wait_for_selector('tr[data-name="again"] .state[data-status="stopped"]')
    page.locator("#live").wait_for(state="hidden")
    assert page.get_by_role("button", name="Resume").count() >= 1


@pytest.mark.parametrize("width", [700, 390])
def test_a_run_is_resumed_and_archived_in_a_narrow_window_too(sitting: Sitting, width: int) -> None:
    page = sitting.page
    page.set_viewport_size({"width": width, "height": 800})
    sitting.open(lang="ru")
    hit = """button => {
        const box = button.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
        return box.right <= innerWidth && document.elementFromPoint(x, y) === button;
    }"""
    resume = page.get_by_role("button", name="Продолжить").all()
    assert resume and all(button.evaluate(hit) for button in resume)
    row = page.locator('tr[data-name="good"]')
    row.locator("th").click()
    assert row.locator(".quiet").evaluate(hit)
    row.locator(".quiet").click()
    page.locator("#filter-archived").check()
    page.locator('tr[data-name="good"][data-archived] th').click()
    page.locator('tr[data-name="good"] .quiet').click()
    sitting.until("!document.querySelector('tr[data-archived]')")
    page.set_viewport_size({"width": 1280, "height": 800})


def test_colours_outlive_a_reload(sitting: Sitting) -> None:
    page = sitting.page
    sitting.open("run=good&run=again&tab=recipes")
    page.locator('tr[data-name="good"] .pick input').click()
    colour = "document.querySelector('tr[data-name=again]').style.getPropertyValue('--series')"
    before = page.evaluate(colour)
    page.reload()
    page.wait_for_selector("body[data-ready=true]")
    assert page.locator("#chips .chip").count() == 1
    assert page.evaluate(colour) == before


def test_the_verdict_comes_anew_when_a_run_was_judged(sitting: Sitting) -> None:
    page, counts = sitting.page, sitting.folder / "again" / "evaluation" / "val" / "counts.npz"
    sitting.open("run=good&run=again&tab=verdict")
    page.locator("#panel-verdict .verdict").wait_for()
    page.evaluate("document.querySelector('#panel-verdict .verdict').dataset.old = 'true'")
    os.utime(counts, (2_000_000_000, 2_000_000_000))
    page.locator("#panel-verdict .verdict:not([data-old])").wait_for()


def test_a_failure_to_go_on_is_shown_at_its_run_and_closed(seat: Sitting, chromium: Any, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with serving(seat.folder, "--data", str(tmp_path / "nothing"), verb="open") as server:
        page = chromium.new_page()
        page.goto(server.address)
        page.locator('tr[data-name="good"]').get_by_role("button", name="Resume").click()
        page.locator('tr[data-name="good"] .failed').wait_for(timeout=120_000)
        assert page.locator("#banner").is_hidden()
        page.locator('tr[data-name="again"] th').click()
        assert page.locator("#troubles .refusal").count() == 0
        page.locator('tr[data-name="good"] th').click()
        assert "nothing" in page.locator("#troubles .refusal").inner_text()
        page.locator("#troubles button").click()
        page.locator('tr[data-name="good"] .failed').wait_for(state="detached")
        assert page.locator("#troubles .refusal").count() == 0
        page.close()


def test_the_verdict_stands_before_its_numbers(sitting: Sitting) -> None:
    page = sitting.page
    sitting.open("run=good&tab=verdict", lang="ru")
    assert "второй запуск" in page.locator("#panel-verdict").inner_text()
    page.locator('tr[data-name="old/worse"] .pick input').click()
    page.locator("#panel-verdict .verdict").wait_for()
    texts = page.locator("#panel-verdict").inner_text()
    assert texts.index("good") < texts.index("95%-й интервал")
    with page.expect_popup() as opened:
        page.locator("#panel-verdict .whole").click()
    whole = opened.value
    whole.wait_for_selector(".js-plotly-plot .main-svg")
    stolen = "fetch('/runs.json').then(() => 'came through', () => 'refused')"
    assert whole.evaluate(stolen) == "refused"
    whole.close()


def test_photos_whose_folder_is_gone_are_asked_for(seat: Sitting) -> None:
    seat.open("run=good&run=again&tab=photos", lang="ru")
    refusal = seat.page.locator("#panel-photos .refusal")
    refusal.wait_for()
    assert "--data DATA" in refusal.inner_text()
    assert "Снимков этого запуска нет" in refusal.inner_text()


def test_an_empty_folder_says_what_to_do(chromium: Any, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    with serving(folder, verb="open") as server:
        page = chromium.new_page()
        page.goto(server.address)
        page.wait_for_selector("body[data-ready=true]")
        assert "maskwright run DATA -o runs/NAME" in page.locator("#empty").inner_text()
        judged_run(folder / "first", counts_of(0.9, 1, photos=4))
        page.locator('tr[data-name="first"]').wait_for(timeout=60_000)
        assert page.locator("#empty").is_hidden()
        page.close()


def test_one_run_opens_with_it_chosen_and_a_dataset_opens_review(chromium: Any, tmp_path: Path, seat: Sitting) -> None:
    with serving(seat.folder / "good", verb="open") as server:
        page = chromium.new_page()
        page.goto(server.address)
        page.wait_for_selector("body[data-ready=true]")
        assert page.locator("#chips .chip").inner_text().startswith("good")
        assert page.locator("#rows tbody tr").count() == 2  # not old/worse
        page.close()
    with serving(split_folder(tmp_path / "data"), verb="open") as server:
        assert "/review?token=" in server.address
