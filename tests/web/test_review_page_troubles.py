"""Review when things go wrong: the server is killed, two tabs decide on one photo, a decision is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import pytest

from maskwright.audit.folder import AuditFolder
from maskwright.data.finding import read_findings
from maskwright.data.reading import read
from maskwright.review.mend import mend
from maskwright.storage import write_json
from review_browser import Reviewer, journal, reviewer
from review_process import serving

pytestmark = pytest.mark.browser


def test_nothing_is_lost_when_the_server_is_killed(chromium: Any, data: Path) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    with reviewer(chromium, context) as person, reviewer(chromium, context) as other:
        with serving(data) as server:
            port = str(urlsplit(server.address).port)
            person.open(server.address)
            order = [each["id"] for each in person.queue()]
            person.press("KeyK")
            person.settled()
            person.seen()
            server.process.kill()
            server.process.wait()
            person.press("KeyB", "Digit2")
            person.drag((20.5, 20.5), (70.5, 20.5))
            person.press("KeyR")
            banner = person.page.locator("#banner")
            banner.get_by_text("The server does not answer").wait_for()
            assert [line["sample"] for line in journal(data)[1:]] == order[:1]
        with serving(data, "--port", port) as server:
            banner.get_by_text("The server was started anew").wait_for()
            other.open(server.address)
            person.press("Shift+KeyR")
            person.settled()
            assert not banner.is_visible()
            assert person.decisions() == {order[0]: "keep", order[1]: "relabel"}
            assert (person.mask(order[1])[15:26, 22:70] == 2).all()
    context.close()


def test_what_a_closed_tab_did_not_send_is_sent_by_the_next_one(chromium: Any, data: Path) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    with serving(data) as server, reviewer(chromium, context) as person:
        port = str(urlsplit(server.address).port)
        person.open(server.address)
        order = [each["id"] for each in person.queue()]
        for step in ("ArrowRight", "ArrowLeft"):
            person.press(step)
            person.seen()
        server.process.kill()
        server.process.wait()
        person.press("KeyB", "Digit1")
        person.drag((20.5, 70.5), (70.5, 70.5))
        person.press("KeyR")
        person.seen()
        person.press("KeyX")
        person.page.locator("#banner").get_by_text("2 decisions wait").wait_for()
    with serving(data, "--port", port) as server, reviewer(chromium, context) as person:
        person.open(server.address)
        person.settled()
        assert person.decisions() == {order[0]: "relabel", order[1]: "exclude"}
        assert (person.mask(order[0])[65:76, 22:70] == 1).all()
        assert person.complaints == []
    context.close()


def test_two_tabs_on_one_photo_do_not_overwrite_each_other(chromium: Any, data: Path) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    with serving(data) as server, reviewer(chromium, context) as mine, reviewer(chromium, context) as theirs:
        mine.open(server.address)
        theirs.open(mine.origin + "/review")
        sample = mine.sample()
        second = mine.queue()[1]["id"]
        theirs.press("KeyX")
        theirs.seen()
        theirs.press("KeyB", "Digit1")
        theirs.drag((10.5, 85.5), (80.5, 85.5))
        theirs.press("KeyR")
        theirs.settled()
        mine.press("KeyB", "Digit2")
        mine.drag((20.5, 50.5), (70.5, 50.5))
        mine.press("KeyR")
        dialog = mine.page.locator("#conflict")
        dialog.wait_for()
        assert "Exclude" in dialog.inner_text()
        assert "Relabelled" in dialog.inner_text()
        assert mine.decisions()[sample] == "exclude"
        mine.press("Shift+KeyM")
        dialog.wait_for(state="hidden")
        mine.settled()
        assert not dialog.is_visible()
        assert mine.decisions()[sample] == "relabel"
        assert (mine.mask(sample)[45:56, 22:70] == 2).all()
        _sees_the_other_decision(mine, second)
    context.close()


def _sees_the_other_decision(mine: Reviewer, second: str) -> None:
    """What the other tab painted on a photo that was fetched before is seen when the photo is opened, and kept."""
    theirs = mine.mask(second)
    mine.press("Home", "ArrowRight")
    mine.page.wait_for_selector("#do-relabel[aria-pressed=true]")
    assert mine.sample() == second
    mine.seen()
    mine.drag((10.5, 10.5), (30.5, 10.5))
    mine.press("KeyR")
    mine.settled()
    assert (mine.mask(second)[7:14, 12:30] == 2).all()
    np.testing.assert_array_equal(mine.mask(second)[60:], theirs[60:])
    assert (theirs[80:91, 12:80] == 1).all()


def test_the_other_decision_can_stand(chromium: Any, data: Path) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    with serving(data) as server, reviewer(chromium, context) as mine, reviewer(chromium, context) as theirs:
        mine.open(server.address)
        theirs.open(mine.origin + "/review")
        sample = mine.sample()
        theirs.press("KeyB", "Digit1")
        theirs.drag((10.5, 85.5), (80.5, 85.5))
        theirs.press("KeyR")
        theirs.settled()
        mine.press("KeyX")
        mine.page.locator("#conflict").wait_for()
        mine.press("Shift+KeyT")
        mine.page.wait_for_selector("#do-relabel[aria-pressed=true]")
        assert mine.sample() == sample
        assert mine.decisions() == {sample: "relabel"}
        assert [line["action"] for line in journal(data)[1:]] == ["relabel"]
    context.close()


def test_a_confirmation_that_was_lost_is_no_conflict(chromium: Any, data: Path) -> None:
    with serving(data) as server, reviewer(chromium) as person:
        person.open(server.address)
        person.page.route("**/review/decisions", _answer_lost, times=1)
        person.press("KeyX")
        person.page.locator("#banner").get_by_text("The server does not answer").wait_for()
        person.press("Shift+KeyR")
        person.settled()
        assert not person.page.locator("#conflict").is_visible()
        assert [line["action"] for line in journal(data)[1:]] == ["exclude"]


def _answer_lost(route: Any) -> None:
    """The server writes the decision down, and its answer never arrives."""
    route.fetch()
    route.abort()


def test_paint_that_the_server_refuses_is_kept(chromium: Any, data: Path) -> None:
    with serving(data) as server, reviewer(chromium) as person:
        person.open(server.address)
        sample = person.sample()
        body = '{"error": {"kind": "UsageError", "message": "this split has no masks"}}'
        person.page.route(
            "**/review/decisions", lambda route: route.fulfill(status=422, body=body, content_type="application/json")
        )
        person.press("KeyB", "Digit2")
        person.drag((20.5, 50.5), (70.5, 50.5))
        person.press("KeyR")
        person.page.locator("#banner").get_by_text("this split has no masks").wait_for()
        person.page.wait_for_selector("#save-state[data-state=painted]")
        assert person.sample() == sample
        person.page.unroute("**/review/decisions")
        person.press("Shift+KeyH")
        assert not person.page.locator("#banner").is_visible()
        person.seen()
        person.press("KeyR")
        person.settled()
        assert (person.mask(sample)[45:56, 22:70] == 2).all()


def test_a_mask_that_changed_since_the_audit_is_said_to_have(chromium: Any, data: Path) -> None:
    folder = AuditFolder(data.with_name("pets.maskwright"))
    worst = read_findings(folder.findings)[0].sample
    digests = {sample.id: sample.digest for sample in read(data)}
    write_json(folder.samples, {"format": 1, "samples": {**digests, worst: "as it was"}})
    with serving(data, "--audit", str(folder.path)) as server, reviewer(chromium) as person:
        assert (server.value["changed"], server.value["missed"]) == (1, 0)
        person.open(server.address)
        assert "changed since the audit: 1." in person.page.locator("#queue-notice").inner_text()
        assert "changed since" not in person.page.locator("#reason-list").inner_text()
        assert next(each for each in person.queue() if each["id"] == worst)["checks"] == []
        person.page.goto(f"{person.origin}/review?lang=ru&sample={worst}")
        person.seen()
        assert person.sample() == worst
        assert "Снимок изменился после аудита" in person.page.locator("#reason-list").inner_text()
        assert "изменились после аудита: 1." in person.page.locator("#queue-notice").inner_text()
        assert person.complaints == []


def test_a_link_on_a_page_from_elsewhere_opens_its_photo(chromium: Any, data: Path) -> None:
    """As on the page of a diagnosis, which is a file."""
    sample = read(data).samples[3].id
    page = data.parent / "page.html"
    with serving(data) as server:
        address = f"{server.origin}/review?sample={quote(sample, safe='')}"
        page.write_text(f'<!doctype html><a target="_blank" rel="noopener" href="{address}">open in the review</a>')
        context = chromium.new_context(viewport={"width": 1280, "height": 720})
        with reviewer(chromium, context) as person:
            person.page.goto(page.as_uri())
            with context.expect_page() as shut:
                person.page.get_by_text("open in the review").click()
            shut.value.get_by_text("this address leads nowhere").wait_for()
            person.open(server.address)
            person.page.goto(page.as_uri())
            with context.expect_page() as opened:
                person.page.get_by_text("open in the review").click()
            other = Reviewer(opened.value)
            other.page.wait_for_selector("body[data-ready=true]")
            other.seen()
            assert other.sample() == sample
        context.close()


@pytest.mark.parametrize(("lang", "theme"), [("ru", "dark"), ("en", "light")])
def test_the_page_follows_language_and_theme(chromium: Any, data: Path, lang: str, theme: str) -> None:
    with serving(data) as server, reviewer(chromium, color_scheme=theme) as person:
        requests: list[str] = []
        person.page.on("request", lambda request: requests.append(request.url))
        person.open(server.address)
        person.page.goto(f"{person.origin}/review?lang={lang}")
        person.page.wait_for_selector("body[data-ready=true]")
        page = person.page
        assert page.locator("html").get_attribute("lang") == lang
        assert page.locator("#do-keep span").inner_text() == {"en": "Keep", "ru": "Оставить"}[lang]
        for width, height in ((1440, 900), (1024, 700)):
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate(
                "document.documentElement.scrollWidth <= innerWidth && document.body.scrollHeight <= innerHeight"
            )
            too_narrow = "(all) => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.id)"
            assert page.locator(".choices button, .steps button, .top button, .scroll").evaluate_all(too_narrow) == []
        assert _is_dark(person) == (theme == "dark")
        person.press("Shift+KeyD")
        assert _is_dark(person) != (theme == "dark")
        page.reload()
        page.wait_for_selector("body[data-ready=true]")
        assert _is_dark(person) != (theme == "dark")
        assert all(url.startswith((person.origin, "data:", "blob:")) for url in requests)
        assert person.complaints == []


def _is_dark(person: Reviewer) -> bool:
    colour = person.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return max(int(part) for part in colour.strip("rgb()").split(",")) < 60


def test_what_was_decided_on_the_page_is_mended(chromium: Any, data: Path, tmp_path: Path) -> None:
    with serving(data) as server, reviewer(chromium) as person:
        person.open(server.address)
        relabelled, excluded = (each["id"] for each in person.queue()[:2])
        person.press("KeyT", "KeyR")
        person.seen()
        person.press("KeyX")
        person.settled()
        painted = person.mask(relabelled)
    mend(read(data), data.with_name("pets.maskwright") / "journal.jsonl", tmp_path / "mended")
    mended = {sample.id: sample for sample in read(tmp_path / "mended")}
    assert excluded not in mended
    np.testing.assert_array_equal(mended[relabelled].mask(), painted)


COVERED = """() => [...document.querySelectorAll('button, input, select, textarea')].filter((one) => {
  const box = one.getBoundingClientRect();
  if (!box.width) return false;
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return !top || !(one === top || one.contains(top) || [...(one.labels ?? [])].includes(top));
}).map((one) => one.id || one.dataset.act || one.outerHTML)"""
"""The controls whose middle is not where the mouse could press it."""


def test_on_a_small_screen_the_mouse_reaches_every_control(chromium: Any, data: Path) -> None:
    context = chromium.new_context(viewport={"width": 1024, "height": 640})
    with serving(data) as server, reviewer(chromium, context) as person:
        person.open(server.address)
        for lang in ("ru", "en"):
            person.open(f"{server.origin}/review?lang={lang}")
            assert person.page.evaluate(COVERED) == []
            assert person.page.evaluate("document.querySelectorAll('button').length") > 25
    context.close()
