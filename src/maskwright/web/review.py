"""The application behind the page of review."""

from __future__ import annotations

import base64
import binascii
import functools
from typing import Annotated, Any, Literal, cast

import numpy as np
from fastapi import Body, FastAPI, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from maskwright.data.sample import Mask
from maskwright.review.decision import Action
from maskwright.review.journal import Stale
from maskwright.review.proposals import Region
from maskwright.review.superpixels import superpixels
from maskwright.web.answers import Refusal, json_answer, pixels_answer
from maskwright.web.desk import Desk, decision_value
from maskwright.web.pages import Language, page_app
from maskwright.web.photos import photo_bytes, thumbnail
from maskwright.web.security import App

STRICT = ConfigDict(extra="forbid")
PAGE = "review_page."
"""How the keys of the page's sentences begin."""

Pixel = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
"""A place or a length in pixels; beyond every photo, and small enough for the libraries that draw with it."""

THUMBNAILS = 4096
"""Small pictures kept in memory: 12 MB, enough to scroll back and forth in a long queue."""


class DecisionAsked(BaseModel):
    """What the page sends to have a decision written down."""

    model_config = STRICT
    sample: str
    action: Action
    mask: str | None = None
    note: Annotated[str, Field(max_length=10_000)] = ""
    version: str


class ProposalAsked(BaseModel):
    """What the page sends to have a mask proposed."""

    model_config = STRICT
    method: str
    class_id: Annotated[int, Field(ge=0, le=253)]
    box_xywh: tuple[Pixel, Pixel, Pixel, Pixel] | None = None
    points: Annotated[list[tuple[Pixel, Pixel, Literal[0, 1]]], Field(max_length=1000)] = []
    mask: str | None = None


def review_app(desk: Desk, *, lang: str = "en") -> App:
    """The page of review and what it asks for; it has to be guarded (`web.security.guarded`).

    Args:
        desk: the dataset with its journal.
        lang: language of the page where the request asks for none.
    """
    app = page_app("/review", "review.html.jinja", PAGE, lang=lang)
    _add_samples(app, desk, lang)
    _add_proposals(app, desk)
    _add_decisions(app, desk)
    return cast(App, app)


def body_bytes(desk: Desk) -> int:
    """The longest body that a request may have: a mask of the largest photo in base64, and some words."""
    largest = max((sample.size_hw[0] * sample.size_hw[1] for sample in desk.dataset), default=0)
    return 4 * largest // 3 + 100_000


def _add_samples(app: FastAPI, desk: Desk, usual: str) -> None:
    @app.get("/review/queue.json")
    def queue(request: Request, lang: Language | None = None) -> Response:
        return json_answer(request, desk.queue_value(person=request.state.person, lang=lang or usual))

    @app.get("/review/changes.json")
    def changes(request: Request, since: Annotated[int, Query(ge=0)]) -> Response:
        return json_answer(request, desk.changes_value(since, person=request.state.person))

    @app.get("/review/sample/{index}.json")
    def sample(request: Request, index: int, lang: Language | None = None) -> Response:
        return json_answer(request, desk.sample_value(index, lang=lang or usual))

    @functools.lru_cache(THUMBNAILS)
    def small(index: int, side_px: int) -> bytes:
        return thumbnail(desk.image(index), side_px)

    @app.get("/review/sample/{index}/photo")
    def photo(request: Request, index: int, side: Annotated[int | None, Query(ge=16, le=512)] = None) -> Response:
        tag = f'"{desk.sample(index).digest}-{side}"'
        headers = {"etag": tag, "cache-control": "private, no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        if side is not None:
            return Response(small(index, side), headers=headers, media_type="image/jpeg")
        image, root = desk.image(index), desk.dataset.root
        file = root / desk.sample(index).image_file if root else None
        content, kind = photo_bytes(file, image)
        return Response(content, headers=headers, media_type=kind)

    @app.get("/review/sample/{index}/mask")
    def mask(request: Request, index: int, original: bool = False, version: str = "") -> Response:
        return pixels_answer(request, desk.painted(index, version) if version else desk.mask(index, original=original))

    @app.get("/review/sample/{index}/superpixels")
    def regions(request: Request, index: int) -> Response:
        return pixels_answer(request, superpixels(desk.image(index)))


def _add_proposals(app: FastAPI, desk: Desk) -> None:
    @app.get("/review/sample/{index}/proposal")
    def proposal(request: Request, index: int, method: str) -> Response:
        return pixels_answer(request, desk.propose(index, method, Region()))

    @app.post("/review/sample/{index}/propose")
    def propose(request: Request, index: int, asked: Annotated[ProposalAsked, Body()]) -> Response:
        region = Region(asked.class_id, asked.box_xywh, tuple(asked.points))
        mask = _mask(asked.mask, desk.sample(index).size_hw)
        return pixels_answer(request, desk.propose(index, asked.method, region, mask))


def _add_decisions(app: FastAPI, desk: Desk) -> None:
    sizes = {sample.id: sample.size_hw for sample in desk.dataset}

    @app.post("/review/decisions")
    def decide(request: Request, asked: Annotated[DecisionAsked, Body()]) -> Response:
        mask = _mask(asked.mask, sizes.get(asked.sample, (0, 0)))
        try:
            decision = desk.decide(
                asked.sample,
                asked.action,
                seen=asked.version,
                who=request.state.person,
                why=asked.note,
                mask=mask,
            )
        except Stale as stale:
            current = {"version": stale.version, "decision": decision_value(stale.current)}
            error: dict[str, Any] = {"kind": "Stale", "message": str(stale)}
            return json_answer(request, {"error": error, "current": current}, status=409)
        value = {"saved": True, "version": decision.version, "decision": decision_value(decision)}
        return json_answer(request, value)


def _mask(text: str | None, size_hw: tuple[int, int]) -> Mask | None:
    """The pixels of a mask that the page sent in base64."""
    if text is None:
        return None
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if len(content) != size_hw[0] * size_hw[1]:
        raise Refusal("wrong_size", bytes=f"{size_hw[1]} x {size_hw[0]}")
    return np.frombuffer(content, np.uint8).reshape(size_hw)
