"""Taking a photo out of a request: limits, the two forms in which it may come, safe decoding."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from maskwright.data.decode import Undecodable, decode_photo, promised_size
from maskwright.data.sample import Image
from maskwright.errors import MaskwrightError
from maskwright.models.scaling import MOST_OBLONG
from maskwright.sentences import say

FIELD = "image"
"""What the part of a form is called that holds the photo."""
FIELDS = 16
"""Parts of a form that are read; a client may send some words along."""
BARE = ("", "application/octet-stream")
"""Content types, beside those of images, under which a photo may be the body; what it is tells its content."""
NAME = "photo"
"""How messages call the photo of a request."""

FLOATS = 250_000_000
"""Probabilities of one photo at most, 1 GB: 25 million pixels with 10 classes, 1.6 million with 150."""

UNDECODABLE = {"too_large": 413, "not_picture": 415}
"""What HTTP calls photos that cannot be decoded; all others are 422."""


@dataclass(frozen=True)
class Bounds:
    """What a server takes on.

    Args:
        body_bytes: the longest body of a request.
        pixels: the most pixels of a photo.
        requests: how many predictions are under way or wait at the same time; more are answered 503.
        seconds: the longest that a request may take, from its first byte to its answer.
    """

    body_bytes: int = 20_000_000
    pixels: int = 25_000_000
    requests: int = 64
    seconds: float = 30.0

    def pixels_for(self, classes: int) -> int:
        """The most pixels of a photo for a model of so many classes: each pixel gets a probability for each."""
        return min(self.pixels, FLOATS // classes)

    @property
    def pixels_together(self) -> int:
        """Pixels of photos that are in memory together."""
        return 4 * self.pixels


class Declined(MaskwrightError):
    """A request that is not answered with what it asks for.

    Args:
        status: of HTTP.
        key: of the sentence, "serve.<key>".
        retry_after_s: when it is worth asking again; None for never.
        facts: what stands in the sentence in braces.
    """

    def __init__(self, status: int, key: str, *, retry_after_s: int | None = None, **facts: Any) -> None:
        super().__init__(say(f"serve.{key}", **facts))
        self.status, self.key, self.facts = status, key, facts
        self.retry_after_s = retry_after_s


class _InMemory(MultiPartParser):
    """Parts of a form stay in memory: the body's limit bounds them, and photos of people touch no disk."""

    spool_max_size = 1 << 62


async def photo_content(request: Request, bounds: Bounds) -> bytes:
    """The bytes of the photo that a request brings: its body, or the part "image" of a form.

    Args:
        request: its body was not read yet.
        bounds: what is taken on.

    Raises:
        Declined: the body is too long or empty, or a form without a photo.
        ClientDisconnect: whoever asked has gone.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "multipart/form-data":
        content = await _part(request, bounds)
    elif kind in BARE or kind.startswith("image/"):
        content = b"".join([chunk async for chunk in _chunks(request, bounds)])
    else:
        raise Declined(415, "not_photo", found=kind[:100])
    if not content:
        raise Declined(400, "no_photo", field=FIELD)
    return content


async def _part(request: Request, bounds: Bounds) -> bytes:
    parser = _InMemory(request.headers, _chunks(request, bounds), max_files=1, max_fields=FIELDS, max_part_size=65_536)
    try:
        found = (await parser.parse()).get(FIELD)
        if not isinstance(found, UploadFile):
            raise Declined(400, "no_photo", field=FIELD)
        return await found.read()
    except MultiPartException as error:
        raise Declined(400, "wrong_form", what=error.message) from None
    finally:
        for file in parser._files_to_close_on_error:  # also of a part that never ended, which is in no form
            file.close()


async def _chunks(request: Request, bounds: Bounds) -> AsyncGenerator[bytes, None]:
    limit = Declined(413, "body_too_long", most_mb=bounds.body_bytes / 1e6)
    if request.headers.get("content-length", "0").strip().isdecimal():
        promised = int(request.headers.get("content-length", "0"))
        if promised > bounds.body_bytes:
            raise limit
    seen = 0
    async for chunk in request.stream():
        seen += len(chunk)
        if seen > bounds.body_bytes:
            raise limit
        yield chunk


def checked_size(content: bytes, most_pixels: int) -> int:
    """How many pixels a photo promises, before they are decoded.

    Args:
        content: the bytes of its file.
        most_pixels: how many it may have.

    Raises:
        Declined: they are too many, or in a line.
        Undecodable: it is no picture.
    """
    height, width = promised_size(content, name=NAME)
    if height * width > most_pixels:
        raise Declined(413, "too_many_pixels", size=f"{width} x {height}", most_mpx=most_pixels / 1e6)
    if max(height, width) > MOST_OBLONG * max(1, min(height, width)):
        raise Declined(422, "too_oblong", size=f"{width} x {height}", most=MOST_OBLONG)
    return height * width


def decoded(content: bytes) -> Image:
    """The photo, `(H, W, 3) uint8` RGB, turned as its EXIF tag says.

    Raises:
        Undecodable: it is no picture.
    """
    return decode_photo(content, name=NAME).image


def declined(error: Undecodable) -> int:
    """What HTTP calls it."""
    return UNDECODABLE.get(error.check, 422)


@asynccontextmanager
async def present(request: Request) -> AsyncIterator[asyncio.Task[None]]:
    """A task that ends when whoever asked has gone; the request's body has to be read by then."""
    gone = asyncio.create_task(_gone(request))
    try:
        yield gone
    finally:
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
