"""The system's Chromium, for tests that open pages."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",  # a camera that shows a moving pattern
)  # fmt: skip


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless browser, closed at the end; the test is skipped where there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no browser here: none of {', '.join(NAMES)} is installed")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            yield opened
        finally:
            opened.close()


def watched(page: Page) -> tuple[list[str], list[str]]:
    """What a page complains of, and the addresses that it asks for, from now on: both lists grow."""
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    return complaints, requests


def wait_until(page: Page, holds: str | Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait until something holds.

    Playwright's `wait_for_function` evaluates a string within the page, which our pages' Content-Security-Policy
    forbids as soon as the condition is not true at once.

    Args:
        page: what waits, so that it goes on meanwhile.
        holds: a JavaScript expression, or a function of nothing, of JavaScript or of Python.
        seconds: when it fails.
    """
    end = time.monotonic() + seconds
    while not (page.evaluate(holds) if isinstance(holds, str) else holds()):
        assert time.monotonic() < end, f"not true after {seconds:.0f} s: {holds}"
        page.wait_for_timeout(20)
