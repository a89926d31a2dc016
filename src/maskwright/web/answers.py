"""How values, pixels and refusals travel to the page."""

from __future__ import annotations

import gzip
import json
from typing import Any

import numpy as np
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from numpy.typing import NDArray

from maskwright.errors import DiskError, UsageError
from maskwright.sentences import say

GZIP_LEVEL = 1
"""The fastest: masks shrink fiftyfold even so, and the loopback interface is faster than any compression."""


STATUS = {"Outside": 403, "Unknown": 404, "Stale": 409, "DiskError": 507}
"""What HTTP calls our refusals; all others are 422: understood, and impossible."""


class Refusal(UsageError):
    """What a page is refused, in a sentence that there is in every language.

    Args:
        key: of the sentence, "web.<key>".
        facts: what stands in it in braces.
    """

    def __init__(self, key: str, **facts: Any) -> None:
        super().__init__(say(f"web.{key}", **facts))
        self.key, self.facts = key, facts


class Unknown(Refusal):
    """Something that there is not."""


def json_answer(request: Request, value: Any, *, status: int = 200) -> Response:
    """A value as JSON."""
    # ten thousand samples: strict JSON at once, without the walk that storage.json_text makes for nan
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    content = text.encode(errors="backslashreplace")  # as json_text: bytes of a path that are no letters
    return packed(request, content, "application/json", status=status)


def pixels_answer(request: Request, pixels: NDArray[Any]) -> Response:
    """Pixels row by row, little-endian, without a header of their own."""
    little = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False)
    return packed(request, np.ascontiguousarray(little).tobytes(), "application/octet-stream")


def packed(request: Request, content: bytes, kind: str, *, status: int = 200) -> Response:
    """Bytes, compressed where the browser takes that."""
    headers = {"vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", "") and len(content) > 1000:
        content = gzip.compress(content, GZIP_LEVEL, mtime=0)
        headers["content-encoding"] = "gzip"
    return Response(content, status, headers, media_type=kind)


def refused(request: Request, error: Exception) -> Response:
    """An error of ours, or of the request's form, as JSON: in the language of the page, or introduced in it."""
    lang, kind = request.state.lang, type(error).__name__
    if isinstance(error, RequestValidationError):
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:3])
        return error_answer(request, "RequestError", say("web.wrong_request", lang, what=wrong), 422)
    if isinstance(error, Refusal):
        message = say(f"web.{error.key}", lang, **error.facts)
    elif isinstance(error, DiskError):
        message = say("web.no_room", lang, what=error.found)
    else:
        message = say("web.not_done", lang, what=error)
    return error_answer(request, kind, message, STATUS.get(kind, 422))


def failed(request: Request, error: Exception) -> Response:
    """What is answered when the disk refused something, or the program has a defect."""
    what = " ".join(f"{type(error).__name__}: {error}".split())[:500]
    if isinstance(error, OSError):
        return error_answer(request, "SystemError", say("cli.system", request.state.lang, what=what), 507)
    return error_answer(request, "Defect", say("cli.defect", request.state.lang, what=what), 500)


def error_answer(request: Request, kind: str, message: str, status: int) -> Response:
    """An error in the form that all pages and scripts get."""
    return json_answer(request, {"error": {"kind": kind, "message": message}}, status=status)
