"""How values, pixels and refusals travel to the page."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from numpy.typing import NDArray

from maskwright.errors import MaskwrightError
from maskwright.storage import json_text

GZIP_LEVEL = 1
"""The fastest: masks shrink fiftyfold even so, and the loopback interface is faster than any compression."""


def json_answer(request: Request, value: Any, *, status: int = 200) -> Response:
    """A value as JSON."""
    return packed(request, json_text(value).encode(), "application/json", status=status)


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
    """An error of ours, or of the request's form, as JSON."""
    if isinstance(error, RequestValidationError):
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:3])
        return _error(request, "RequestError", wrong, 422)
    kind = type(error).__name__
    status = {"Outside": 403, "Stale": 409}.get(kind, 422)
    return _error(request, kind, str(error) if isinstance(error, MaskwrightError) else kind, status)


def _error(request: Request, kind: str, message: str, status: int) -> Response:
    return json_answer(request, {"error": {"kind": kind, "message": message}}, status=status)
