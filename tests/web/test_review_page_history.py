"""What the page takes out of the journal: undo after a reload and a restart, and what is decided elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from browser import wait_until
from review_browser import journal, reviewer
from review_process import serving

pytestmark = pytest.mark.browser


def test_decisions_are_undone_and_done_again_after_a_reload_and_a_restart(chromium: Any, data: Path) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    with serving(data) as server, reviewer(chromium, context) as person:
        person.open(server.address)
        order = [each["id"] for each in person.queue()]
        person.press("KeyB", "Digit1")
        person.drag((10.5, 10.5), (30.5, 10.5))
        person.press("KeyR")
        person.settled()
        person.seen()
        painted = person.mask(order[0])
        for key in ("KeyK", "KeyX"):
            person.press(key)
            person.settled()
            person.seen()
        person.open(f"{server.origin}/review")
        person.press("Control+KeyZ")
        person.settled()
        person.seen()
        assert (person.sample(), person.decisions()) == (order[2], {order[0]: "relabel", order[1]: "keep"})
        port = str(urlsplit(server.address).port)
    with serving(data, "--port", port) as server, reviewer(chromium, context) as person:
        person.open(server.address)
        person.press("Control+KeyZ")
        person.settled()
        person.press("Control+KeyZ")
        person.settled()
        assert person.decisions() == {}
        assert (person.mask(order[0]) != painted).any()
        for steps in range(1, 4):
            person.press("Control+Shift+KeyZ")
            wait_until(person.page, lambda steps=steps: len(person.decisions()) == steps)
            person.toast(order[steps - 1])
            person.settled()
        assert person.decisions() == dict(zip(order, ("relabel", "keep", "exclude"), strict=False))
        np.testing.assert_array_equal(person.mask(order[0]), painted)
        person.press("Control+Shift+KeyZ")
        person.toast("nothing to do again")
        assert person.complaints == []
    context.close()
    actions = [line["action"] for line in journal(data)[1:]]
    assert actions[:3] == ["relabel", "keep", "exclude"]
    assert actions[3:] == ["clear"] * 3 + ["relabel", "keep", "exclude"]


def test_what_another_person_decides_is_seen_and_ends_undo_of_it(chromium: Any, data: Path) -> None:
    with serving(data, "--person", "ann", "--person", "bob") as server:
        addresses = server.value["addresses"]
        with reviewer(chromium) as ann, reviewer(chromium) as bob:
            ann.open(addresses["ann"])
            bob.open(addresses["bob"])
            order = [each["id"] for each in ann.queue()]
            ann.press("KeyK")
            ann.settled()
            bob.toast("ann has just decided on this photo")
            bob.press("ArrowRight", "ArrowRight")
            bob.seen()
            row = bob.page.locator(".row", has_text=order[0].rsplit("/", 1)[-1]).first
            row.click()
            bob.seen()
            bob.page.wait_for_selector("#do-keep[aria-pressed=true]")
            bob.press("KeyX")
            bob.settled()
            ann.page.wait_for_selector(".row[data-decision=exclude]")
            ann.press("Control+KeyZ")
            ann.toast("nothing to undo")
            assert ann.decisions() == {order[0]: "exclude"}
            assert ann.complaints == bob.complaints == []


def test_a_tab_that_nobody_looks_at_asks_for_nothing(chromium: Any, data: Path) -> None:
    with serving(data) as server, reviewer(chromium) as person:
        person.open(server.address)
        asked: list[str] = []
        person.page.on("request", lambda request: asked.append(request.url))
        person.page.wait_for_timeout(9000)
        assert len([url for url in asked if "changes.json" in url]) >= 1
        person.page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true })")
        person.page.wait_for_timeout(1000)
        asked.clear()
        person.page.wait_for_timeout(9000)
        assert asked == []
