"""A person at the page of review: a browser, real keys and a real mouse."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from browser import wait_until
from mask_references import Ids
from review_pets import SIDE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

PATIENCE_MS = 120_000
"""A busy machine may take long; what never happens still fails."""

IN_VIEW = """() => {
  const panes = document.getElementById('panes').dataset, asked = document.getElementById('sample-id').textContent;
  return panes.loading === 'false' && panes.sample === asked;
}"""
"""A slow photo is said to be loading after a moment only: what is in view says which one it is."""

MARGIN = 14
"""CSS pixels that the page leaves free round a photo that fits."""


@dataclass
class Reviewer:
    """Somebody who sits before the page.

    Args:
        page: the tab.
        complaints: errors in the console and in scripts, refused resources.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return "/".join(self.page.url.split("/")[:3])

    def open(self, address: str) -> None:
        """Open an address and wait for the first photo."""
        self.page.goto(address)
        self.page.wait_for_selector("body[data-ready=true]")
        self.seen()

    def seen(self) -> None:
        """Wait until the photo asked for is in view."""
        wait_until(self.page, IN_VIEW)
        self.page.wait_for_timeout(150)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def sample(self) -> str:
        """Id of the sample in view."""
        return self.page.locator("#sample-id").inner_text()

    def settled(self) -> None:
        """Wait until the page says that everything is saved."""
        self.page.wait_for_selector("#save-state[data-state=saved]")

    def toast(self, text: str) -> None:
        """Wait for a message."""
        self.page.locator("#toast[data-shown=true]", has_text=text).wait_for()

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of a photo that fits is on the screen."""
        box = self.page.locator("#pane-mask").bounding_box()
        assert box is not None
        scale = (min(box["width"], box["height"]) - 2 * MARGIN) / SIDE
        middle_x, middle_y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        return middle_x + (x - SIDE / 2) * scale, middle_y + (y - SIDE / 2) * scale

    def drag(self, *points: tuple[float, float], button: Any = "left") -> None:
        """Draw through points of the photo, straight from each to the next."""
        self.page.mouse.move(*self.place(*points[0]))
        self.page.mouse.down(button=button)
        for point in points[1:]:
            self.page.mouse.move(*self.place(*point))
        self.page.mouse.up(button=button)

    def click(self, x: float, y: float, button: Any = "left") -> None:
        """Click a point of the photo."""
        self.page.mouse.click(*self.place(x, y), button=button)

    def get(self, path: str) -> Any:
        """What the server says, asked with the person's cookie."""
        return self.page.request.get(self.origin + path)

    def queue(self) -> list[dict[str, Any]]:
        """The samples of the queue as the server has them."""
        return list(self.get("/review/queue.json").json()["samples"])

    def decisions(self) -> dict[str, str]:
        """Decisions that the server has written down."""
        return {each["id"]: each["decision"] for each in self.queue() if each["decision"]}

    def mask(self, sample: str, query: str = "") -> Ids:
        """The mask that the server has."""
        index = next(each["index"] for each in self.queue() if each["id"] == sample)
        body = self.get(f"/review/sample/{index}/mask{query}").body()
        return np.frombuffer(body, np.uint8).reshape(SIDE, SIDE)

    def unsaved(self) -> Sequence[str]:
        """Samples whose rows say that paint is unsaved."""
        return self.page.locator(".row[data-decision=painted] b").all_inner_texts()


@contextmanager
def reviewer(chromium: Browser, context: BrowserContext | None = None, **options: Any) -> Iterator[Reviewer]:
    """A tab of a browser.

    Args:
        chromium: the browser.
        context: whose cookies and drafts it shares; None makes a new person.
        options: of the new context.
    """
    own = context or chromium.new_context(viewport={"width": 1280, "height": 720}, **options)
    sitting = Reviewer(own.new_page())
    sitting.page.set_default_timeout(PATIENCE_MS)
    sitting.page.on("console", lambda said: said.type == "error" and sitting.complaints.append(said.text))
    sitting.page.on("pageerror", lambda error: sitting.complaints.append(str(error)))
    try:
        yield sitting
    finally:
        sitting.page.close()
        if context is None:
            own.close()


def journal(data: Path) -> list[dict[str, Any]]:
    """The lines of the journal beside a dataset."""
    lines = data.with_name(f"{data.name}.maskwright").joinpath("journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
