"""The page of review with more classes than a keyboard has digits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from review_browser import reviewer
from review_process import serving
from small_folders import photo, save

pytestmark = pytest.mark.browser

CLASSES = 13


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    for number in range(12):
        split = "train" if number < 8 else "val"
        save(root / "images" / split / f"{number:03d}.png", photo(number))
        save(root / "masks" / split / f"{number:03d}.png", np.full(photo(0).shape[:2], number + 1, np.uint8))
    names = ", ".join(["background", *(f"kind {number}" for number in range(1, CLASSES))])
    (root / "classes.yaml").write_text(f"names: [{names}]\n")
    return root


def test_every_class_has_keys(chromium: Any, data: Path) -> None:
    with serving(data) as server, reviewer(chromium) as person:
        person.open(server.address)
        chosen = person.page.locator(".chip[aria-checked=true]")
        person.press("Digit1", "Digit2")
        assert chosen.get_attribute("data-class") == "12"
        assert "kind 12" in chosen.inner_text()
        person.press("Digit3")  # there is no class 123
        assert chosen.get_attribute("data-class") == "3"
        person.press("Digit1")
        person.page.wait_for_timeout(900)
        person.press("Digit2")
        assert chosen.get_attribute("data-class") == "2"
        signs = person.page.locator(".chip kbd").all_inner_texts()
        assert signs == [*map(str, range(CLASSES)), "I"]
        assert person.complaints == []
