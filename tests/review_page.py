"""A guarded page of review in this process, and a client that has come in."""

from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from maskwright.audit.folder import beside
from maskwright.data.reading import read
from maskwright.review.journal import Journal
from maskwright.web.desk import Desk
from maskwright.web.review import body_bytes, review_app
from maskwright.web.security import LOOPBACK, Entrance, Limits, guarded, our_hosts

ADDRESS = "http://127.0.0.1:8765"


def desk(data: Path) -> Desk:
    """The desk of a folder, with the journal beside it."""
    dataset = read(data, allow_leak=True)
    return Desk(dataset, beside(data), Journal(beside(data).journal, dataset))


def client(desk: Desk, *, person: str = "ann", come_in: bool = True) -> TestClient:
    """A client of the page.

    Args:
        desk: what is served.
        person: who comes in.
        come_in: whether the token was exchanged already.
    """
    entrance = Entrance([person], 8765)
    app = guarded(review_app(desk), entrance, Limits(our_hosts(LOOPBACK, 8765), body_bytes(desk)))
    made = TestClient(app, base_url=ADDRESS, follow_redirects=False)
    made.token = entrance.tokens[person]  # type: ignore[attr-defined]
    if come_in:
        assert made.get(f"/review?token={entrance.tokens[person]}").status_code == 303
    return made
