"""Review as a person does it: real keys and a real mouse in a browser, a real server, masks compared pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mask_references as reference
from review_browser import Reviewer, journal, reviewer
from review_pets import SIDE
from review_process import Server, serving

pytestmark = pytest.mark.browser

SHAPE = (SIDE, SIDE)
SIZE = 12
"""Diameter of the brush before anyone changes it."""


@dataclass(frozen=True)
class Table:
    """A dataset, its server and somebody who reviews it."""

    data: Path
    server: Server
    person: Reviewer


@pytest.fixture
def table(chromium: Any, data: Path) -> Iterator[Table]:
    with serving(data) as server, reviewer(chromium) as person:
        person.open(server.address)
        yield Table(data, server, person)
        assert person.complaints == []


@pytest.fixture(scope="module")
def seat(chromium: Any, drawn: Path) -> Iterator[tuple[Any, str]]:
    """A server for tests that decide nothing, and a browser that has come in."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    with serving(drawn) as server:
        with reviewer(chromium, context) as person:
            person.open(server.address)
        yield context, server.origin + "/review"
    context.close()


@pytest.fixture
def person(chromium: Any, seat: tuple[Any, str]) -> Iterator[Reviewer]:
    """Somebody at the page who only looks."""
    context, address = seat
    with reviewer(chromium, context) as person:
        person.open(address)
        yield person
        assert person.complaints == []


def test_ten_photos_are_decided_by_keys(table: Table) -> None:
    person = table.person
    wanted = [each["id"] for each in person.queue()[:10]]
    seen = []
    for key in "KXKKXKKKXK":
        person.seen()
        seen.append(person.sample())
        person.press(f"Key{key}")
    person.settled()
    assert seen == wanted
    names = {"K": "keep", "X": "exclude"}
    expected = {sample: names[key] for sample, key in zip(wanted, "KXKKXKKKXK", strict=True)}
    assert person.decisions() == expected
    assert [line["sample"] for line in journal(table.data)[1:]] == wanted
    assert "10 of 24 decided" in person.page.locator("#progress-text").inner_text()
    assert person.sample() == person.queue()[10]["id"]


STORE_HANGS = """() => {
  const never = { get: () => ({}), put: () => ({}), add: () => ({}), delete: () => ({}) };
  IDBDatabase.prototype.transaction = () => ({ objectStore: () => never });
}"""


def test_the_next_photo_waits_for_nobody(table: Table) -> None:
    """Neither for the server nor for the browser's store: both hang, and the next three photos are decided on."""
    person, order = table.person, [each["id"] for each in table.person.queue()]
    person.page.wait_for_load_state("networkidle")  # the neighbours are here
    person.page.route("**/review/**", lambda _: None)
    person.page.evaluate(STORE_HANGS)
    for number in range(1, 4):
        person.press("KeyK")
        person.page.locator("#progress-text", has_text=f"{number} of 24 decided").wait_for()
        assert person.sample() == order[number]
        person.page.wait_for_timeout(150)


def test_strokes_are_saved_to_the_pixel(table: Table) -> None:
    person = table.person
    sample, before = person.sample(), person.mask(person.sample())
    person.press("KeyB", "Digit2")
    person.drag((20.5, 30.5), (60.5, 40.5), (62.5, 70.5))
    person.press("KeyE", "Comma", "Comma")
    person.drag((40.5, 20.5), (44.5, 55.5))
    person.press("KeyR")
    person.settled()
    expected = before.copy()
    points = [reference.snapped(x, y, SIZE) for x, y in ((20.5, 30.5), (60.5, 40.5), (62.5, 70.5))]
    expected[reference.stroke(SHAPE, points, SIZE)] = 2
    eraser = 8  # two steps below 12
    points = [reference.snapped(x, y, eraser) for x, y in ((40.5, 20.5), (44.5, 55.5))]
    expected[reference.stroke(SHAPE, points, eraser)] = 0
    assert (expected != before).sum() > 100
    np.testing.assert_array_equal(person.mask(sample), expected)
    np.testing.assert_array_equal(person.mask(sample, "?original=1"), before)
    assert person.decisions() == {sample: "relabel"}


def test_polygon_lasso_flood_and_component_are_exact(table: Table) -> None:
    person = table.person
    sample, expected = person.sample(), person.mask(person.sample()).copy()
    corners = [(8.5, 8.5), (50.5, 12.5), (44.5, 40.5), (12.5, 30.5)]
    person.press("KeyP", "Digit2")
    for corner in corners:
        person.click(*corner)
    person.press("Enter")
    expected[reference.polygon(SHAPE, corners)] = 2
    assert person.page.evaluate("document.querySelector('#save-state').dataset.state") in ("saved", "painted")
    person.press("KeyL", "KeyI")
    person.drag((60.5, 60.5), (80.5, 62.5), (78.5, 84.5), (58.5, 80.5))
    person.press("Enter")
    inside = reference.polygon(SHAPE, [(60.5, 60.5), (80.5, 62.5), (78.5, 84.5), (58.5, 80.5)])
    expected[inside] = 255
    person.press("KeyF", "Digit1")
    person.click(70.5, 70.5)
    expected[inside] = 1
    person.press("KeyC")
    person.click(20.5, 20.5, button="right")
    expected[_component(expected, 20, 20)] = 0
    person.press("KeyR")
    person.settled()
    _alike(person, sample, expected, corners)


def _component(mask: reference.Ids, x: int, y: int) -> reference.Flags:
    from scipy import ndimage

    labels, _ = ndimage.label(mask == mask[y, x], np.ones((3, 3)))
    return np.asarray(labels == labels[y, x])


def _alike(person: Reviewer, sample: str, expected: reference.Ids, corners: list[tuple[float, float]]) -> None:
    """Equal but for pixels whose centre lies on an edge, which the screen's whole pixels may move to either side."""
    x, y = reference.centres(SHAPE)
    on_edge = np.zeros(SHAPE, bool)
    loops = [corners, [(60.5, 60.5), (80.5, 62.5), (78.5, 84.5), (58.5, 80.5)]]
    for loop in loops:
        for (ax, ay), (bx, by) in zip(loop, [*loop[1:], loop[0]], strict=True):
            length2 = (bx - ax) ** 2 + (by - ay) ** 2
            along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length2, 0, 1)
            on_edge |= np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay)) < 0.3
    got = person.mask(sample)
    np.testing.assert_array_equal(got[~on_edge], expected[~on_edge])
    assert (got != expected).mean() < 0.01


def test_a_proposal_is_taken_whole_or_in_a_lasso(table: Table) -> None:
    person = table.person
    sample, before = person.sample(), person.mask(person.sample())
    index = next(each["index"] for each in person.queue() if each["id"] == sample)
    body = person.get(f"/review/sample/{index}/proposal?method=model").body()
    proposal = np.frombuffer(body, np.uint8).reshape(SHAPE)
    assert (proposal != before).sum() > 20
    region = [(-2.0, -2.0), (98.0, -2.0), (98.0, 48.0), (-2.0, 48.0)]
    person.press("KeyL")
    person.drag(*region)
    person.press("KeyT", "Escape", "KeyR")
    person.settled()
    upper = before.copy()
    upper[:48] = proposal[:48]
    np.testing.assert_array_equal(person.mask(sample)[:47], upper[:47])
    np.testing.assert_array_equal(person.mask(sample)[49:], upper[49:])
    person.press("Home")
    person.seen()
    person.press("KeyT", "KeyR")
    person.settled()
    np.testing.assert_array_equal(person.mask(sample), proposal)


def test_undo_takes_strokes_back_and_then_decisions(table: Table) -> None:
    person = table.person
    first, before = person.sample(), person.mask(person.sample())
    person.press("KeyB", "Digit1")
    person.drag((10.5, 10.5), (30.5, 10.5))
    person.drag((10.5, 80.5), (30.5, 80.5))
    person.press("Control+KeyZ", "Control+KeyZ", "Control+Shift+KeyZ")
    person.press("KeyR")
    person.settled()
    one_stroke = person.mask(first)
    assert one_stroke[10, 20] == 1
    np.testing.assert_array_equal(one_stroke[60:], before[60:])
    person.seen()
    person.press("KeyX")
    person.settled()
    person.seen()
    person.press("Control+KeyZ")  # the exclusion
    person.seen()
    person.press("Control+KeyZ")  # the new mask
    person.page.wait_for_selector("#save-state[data-state=painted]")
    assert person.sample() == first
    assert person.decisions() == {}
    np.testing.assert_array_equal(person.mask(first), before)
    person.press("KeyR")  # the paint is still there
    person.settled()
    np.testing.assert_array_equal(person.mask(first), one_stroke)
    actions = [line["action"] for line in journal(table.data)[1:]]
    assert actions == ["relabel", "exclude", "clear", "clear", "relabel"]


def test_smooth_holes_superpixels_and_grabcut_change_the_mask_and_can_be_undone(table: Table) -> None:
    person = table.person
    person.press("KeyB", "Digit1", "Comma", "Comma", "Comma")
    person.drag((20.5, 20.5), (60.5, 20.5), (60.5, 60.5), (20.5, 60.5), (20.5, 20.5))
    person.press("KeyH")
    person.toast("Holes filled")
    person.press("KeyS")
    person.toast("Contours smoothed")
    person.press("KeyU", "Digit2")
    person.click(80.5, 80.5)
    person.page.wait_for_timeout(800)
    person.press("KeyG", "Digit1", "KeyG")
    person.toast("Object cut out")
    person.press("KeyR")
    person.settled()
    after = person.mask(journal(table.data)[-1]["sample"])
    assert after[40, 40] == 1
    assert after[80, 80] == 2
    person.press("Home")
    person.seen()
    person.press(*["Control+KeyZ"] * 5)
    person.page.wait_for_selector("#save-state[data-state=painted]")
    person.press("KeyR")
    person.page.wait_for_timeout(300)
    person.settled()
    sample = journal(table.data)[-1]["sample"]
    np.testing.assert_array_equal(person.mask(sample), person.mask(sample, "?original=1"))


def test_paint_survives_leaving_reloading_and_a_new_visit(table: Table) -> None:
    person = table.person
    first = person.sample()
    person.press("KeyB", "Digit2")
    person.drag((10.5, 10.5), (80.5, 10.5))
    person.press("ArrowRight")
    person.seen()
    assert list(person.unsaved()) == [first.split("/")[1]]
    person.press("ArrowLeft")
    person.seen()
    person.page.wait_for_timeout(400)
    person.page.reload()
    person.page.wait_for_selector("body[data-ready=true]")
    person.toast("unsaved paint of an earlier visit is back")
    assert person.sample() == first
    person.press("KeyK")
    person.toast("R saves the paint")
    assert person.decisions() == {}
    person.press("KeyR")
    person.settled()
    assert (person.mask(first)[6:15, 12:80] == 2).all()


def test_filters_narrow_the_queue(person: Reviewer) -> None:
    page = person.page
    queue = person.queue()
    with_findings = [each for each in queue if each["checks"]]
    page.select_option("#filter-check", "duplicate_differs")
    assert f"{len(with_findings)} photos" in page.locator("#queue-count").inner_text()
    page.select_option("#filter-check", "")
    page.select_option("#filter-split", "val")
    person.seen()
    assert person.sample().startswith("val/")
    page.fill("#search", "no such photo")
    assert page.locator("#queue-empty").bounding_box()["y"] < 300  # right below the filters
    page.locator("#search").press("Escape")
    person.press("Shift+KeyC")
    person.seen()
    assert f"{len(queue)} photos" in page.locator("#queue-count").inner_text()
    page.select_option("#filter-decision", "exclude")
    assert page.locator(".row").count() == 0
    page.click("#clear-filters")
    page.wait_for_selector(".row")


def test_filters_have_keys(person: Reviewer) -> None:
    page, queue = person.page, person.queue()
    with_findings = [each["id"] for each in queue if each["checks"]]
    person.press("Shift+KeyY", "ArrowDown")
    assert f"{len(with_findings)} photos" in page.locator("#queue-count").inner_text()
    person.press("Shift+KeyC")  # typed into the filter, not done
    assert f"{len(with_findings)} photos" in page.locator("#queue-count").inner_text()
    person.press("Enter", "End")
    person.seen()
    assert person.sample() == with_findings[-1]
    person.press("Shift+KeyC", "Shift+KeyP", "ArrowDown", "ArrowDown", "Escape")
    assert page.input_value("#filter-split") == "val"
    person.press("Shift+KeyQ", "ArrowDown", "Enter", "Shift+KeyK", "ArrowDown", "Enter")
    assert page.input_value("#filter-class") == "0"
    assert page.input_value("#filter-decision") == "none"
    shown = [each for each in queue if each["split"] == "val" and 0 in each["class_ids"]]
    assert f"{len(shown)} photos" in page.locator("#queue-count").inner_text()


def test_keys_rest_while_a_note_is_typed_and_the_note_is_kept(table: Table) -> None:
    person = table.person
    sample = person.sample()
    person.press("KeyN")
    person.page.keyboard.type("kxr: the tail is missing")
    assert person.sample() == sample
    person.press("Escape", "KeyX")
    person.settled()
    assert person.decisions() == {sample: "exclude"}
    assert journal(table.data)[-1]["why"] == "kxr: the tail is missing"
    person.press("Home")
    person.seen()
    assert person.page.locator("#history-list").inner_text().count("the tail is missing") == 1
    assert person.page.input_value("#note") == "kxr: the tail is missing"


def test_keys_work_on_a_russian_keyboard(table: Table) -> None:
    person = table.person
    sample = person.sample()
    event = "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'ч', code: 'KeyX', bubbles: true}))"
    person.page.evaluate(event)
    person.settled()
    assert person.decisions() == {sample: "exclude"}


def test_the_help_sheet_has_every_action(person: Reviewer) -> None:
    page = person.page
    person.press("Shift+Slash")
    actions = page.evaluate("import('/static/keys.js').then((m) => m.ACTIONS.map((one) => one.id))")
    does = page.evaluate("import('/static/actions.js').then((m) => Object.keys(m.DOES))")
    shown = " ".join(
        page.locator("#help dt[data-action]").evaluate_all("(all) => all.map((one) => one.dataset.action)")
    )
    assert len(actions) > 50
    assert sorted(actions) == sorted(does) == sorted(shown.split())
    keys = page.evaluate("import('/static/keys.js').then((m) => m.ACTIONS.flatMap((one) => one.keys))")
    assert len(keys) == len(set(keys))
    buttons = page.locator("button[data-act]").evaluate_all("(all) => all.map((one) => one.dataset.act)")
    assert set(buttons) <= set(actions)
    person.press("Escape")
    assert not page.locator("#help").is_visible()


def test_sam_that_is_missing_says_how_to_get_it(person: Reviewer) -> None:
    person.press("KeyA")
    person.toast("maskwright weights get hf:facebook/sam2.1-hiera-tiny")
    assert person.page.locator("#act-points").get_attribute("aria-pressed") == "false"


def test_side_by_side_the_label_stays_what_it_is(table: Table) -> None:
    person, page = table.person, table.person.page
    person.press("KeyD")
    page.locator("#pane-proposal .pane-note:empty").wait_for(state="attached")
    titles = page.locator(".pane > .pane-title:first-child").all_inner_texts()
    assert [title.split("\n")[0] for title in titles] == [
        "Label in the dataset", "Your mask", "Proposal", "Label → proposal"
    ]  # fmt: skip
    before = [_picture(person, name) for name in PANES]
    assert before[0] == before[1] != before[2]
    assert page.locator("#mask-state").inner_text() == "as in the dataset"
    person.press("KeyT")
    person.toast("Proposal taken")
    page.locator("#mask-state", has_text="not saved yet").wait_for()
    _four_panes(person, before)
    person.press("KeyR")
    person.settled()
    person.press("Home")
    page.locator("#mask-state").get_by_text("saved", exact=True).wait_for()
    _four_panes(person, before)
    page.reload()
    page.wait_for_selector("body[data-ready=true]")
    person.press("Home", "KeyD")
    page.locator("#mask-state").get_by_text("saved", exact=True).wait_for()
    page.locator("#pane-proposal .pane-note:empty").wait_for(state="attached")
    _four_panes(person, before)


PANES = ("label", "mask", "proposal", "difference")


def _four_panes(person: Reviewer, before: list[str]) -> None:
    """The mask is the proposal now, the other panes are as they were."""
    person.page.wait_for_timeout(400)
    after = [_picture(person, name) for name in PANES]
    assert after == [before[0], before[2], before[2], before[3]]


def _picture(person: Reviewer, pane: str) -> str:
    return str(person.page.locator(f"#pane-{pane} .tint").evaluate("(one) => one.toDataURL()"))


def test_views_follow_their_keys(person: Reviewer) -> None:
    page = person.page
    assert _alpha(person, "#pane-mask .tint") > 0
    person.press("Space")
    assert _alpha(person, "#pane-mask .tint") == 0
    person.press("Space", "KeyD")
    page.locator("#pane-proposal .pane-note:empty").wait_for(state="attached")
    assert page.locator("#pane-difference").is_visible()
    assert _alpha(person, "#pane-proposal .tint") > 0
    assert _alpha(person, "#pane-difference .tint") > 0
    page.mouse.move(*person.place(48, 48))
    before = page.locator("#zoom-text").inner_text()
    page.mouse.wheel(0, -600)
    page.wait_for_timeout(100)
    assert page.locator("#zoom-text").inner_text() != before
    person.press("Shift+KeyF", "KeyO")
    page.wait_for_timeout(100)
    assert page.locator("#zoom-text").inner_text() == before
    page.locator("button.reason").first.click()
    page.wait_for_timeout(100)
    assert page.locator("#zoom-text").inner_text() != before


def _alpha(person: Reviewer, canvas: str) -> int:
    """How many pixels of a canvas are not clear."""
    person.page.wait_for_timeout(120)
    count = (
        "(one) => one.getContext('2d').getImageData(0, 0, one.width, one.height).data"
        ".reduce((sum, value, at) => sum + (at % 4 === 3 && value > 0), 0)"
    )
    return int(person.page.locator(canvas).evaluate(count))
