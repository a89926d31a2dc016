"""The whole way as one person goes it: decide, paint, lose the server, go on, mend, train on what was mended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

import maskwright
from maskwright.cli.main import answer
from maskwright.shipping.bundle import data_of
from review_browser import Reviewer, journal, reviewer
from review_pets import SIDE
from review_process import serving

pytestmark = pytest.mark.browser

KEYS = "KXKKXKKKXK"
TINY = {"crop_hw": (64, 64), "batch_size": 2, "iterations": 2, "warmup_iterations": 0, "weights": "none"}


def test_from_the_first_look_to_a_model_trained_on_what_was_mended(
    chromium: Any, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    with reviewer(chromium, context) as person:
        with serving(data) as server:
            port = str(urlsplit(server.address).port)
            person.open(server.address)
            order = [each["id"] for each in person.queue()]
            _triage(person)
            painted = _paint(person, order[10])
            server.process.kill()
            server.process.wait()
            person.press("KeyT")  # the proposal of the twelfth was fetched before
            person.toast("Proposal taken")
            person.press("KeyR")
            person.page.locator("#banner").get_by_text("The server does not answer").wait_for()
        with serving(data, "--port", port) as server:
            with reviewer(chromium, context) as door:
                door.open(server.address)
            person.press("Shift+KeyR")
            person.settled()
            taken = person.mask(order[11])
            assert (taken != person.mask(order[11], "?original=1")).any()
            np.testing.assert_array_equal(person.mask(order[10]), painted)
            decisions = person.decisions()
    context.close()
    excluded = {sample for sample, action in decisions.items() if action == "exclude"}
    assert len(journal(data)) == 1 + 10 + 3 + 1  # data, ten decisions, one undone and made again, one after the kill
    assert answer(["mend", str(data), "-o", str(tmp_path / "mended"), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["excluded"], value["relabelled"]) == (3, 2)
    mended = maskwright.read(tmp_path / "mended")
    masks = {sample.id: sample.mask() for sample in mended}
    assert len(mended) == len(order) - 3 and not masks.keys() & excluded
    np.testing.assert_array_equal(masks[order[10]], painted)
    np.testing.assert_array_equal(masks[order[11]], taken)
    run = maskwright.train(mended, out=tmp_path / "run", settings=TINY, budget_s=60, threads=1)
    assert run.log()[-1]["iteration"] == 2
    assert data_of(run.folder)["train"] == mended.digest("train")
    assert maskwright.load(run.folder).mask(mended[0].image()).shape == (SIDE, SIDE)


def _triage(person: Reviewer) -> None:
    for key in KEYS:
        person.seen()
        person.press(f"Key{key}")
    person.settled()


def _paint(person: Reviewer, sample: str) -> np.ndarray:
    """Paint and save, take the decision back by undo, and save the paint after all."""
    person.seen()
    assert person.sample() == sample
    person.press("KeyB", "Digit2")
    person.drag((20.5, 20.5), (70.5, 20.5))
    person.press("KeyR")
    person.settled()
    person.seen()
    person.press("Control+KeyZ")
    person.page.wait_for_selector("#save-state[data-state=painted]")
    person.seen()
    assert person.sample() == sample and sample not in person.decisions()
    person.press("KeyR")
    person.settled()
    person.seen()
    mask = person.mask(sample)
    assert (mask[15:26, 22:70] == 2).all()
    return mask
