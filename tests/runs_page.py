"""A folder of runs behind a guarded page of runs in this process, and a client that has come in."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from compared_runs import counts_of, judged_run
from maskwright.storage import write_json
from maskwright.web.runs import BODY_BYTES, runs_app
from maskwright.web.runs_shelf import Shelf
from maskwright.web.security import LOOPBACK, Entrance, Limits, guarded, our_hosts

ADDRESS = "http://127.0.0.1:8765"


def three_runs(folder: Path) -> Path:
    """Stopped runs without weights: two of one recipe, and one of another that is worse."""
    _run(folder / "good", 0.9, 1, (0.3, 0.6, 0.8))
    _run(folder / "again", 0.9, 2, (0.3, 0.7, 0.75), seed=1)
    _run(folder / "old" / "worse", 0.5, 3, (0.3, 0.6, 0.7), lr=0.5)
    return folder


def _run(folder: Path, quality: float, draw: int, course: tuple[float, ...], **settings: float) -> None:
    judged_run(folder, counts_of(quality, draw), course=course, settings=settings)
    best = {"val_mDice": max(course), "iteration": 100 * (1 + course.index(max(course)))}
    write_json(folder / "weights" / "best.json", {"format": 1, **best})
    (folder / "state").mkdir()
    (folder / "state" / "state.safetensors").touch()  # it can go on, as far as a list looks


def runs_client(shelf: Shelf, *, come_in: bool = True) -> TestClient:
    """A client of the page.

    Args:
        shelf: what is served.
        come_in: whether the token was exchanged already.
    """
    entrance = Entrance(["ann"], 8765, page="/runs")
    app = guarded(runs_app(shelf), entrance, Limits(our_hosts(LOOPBACK, 8765), BODY_BYTES))
    made = TestClient(app, base_url=ADDRESS, follow_redirects=False)
    if come_in:
        answer = made.get(f"/runs?token={entrance.tokens['ann']}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/runs")
    return made
