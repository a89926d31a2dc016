"""The log of a server: one JSON object a line on standard error."""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from datetime import UTC, datetime
from typing import Any

from maskwright.web.meters import Meters
from maskwright.web.security import App, Message, Receive, Scope, Send

NAME = "maskwright.serve"
QUIET = ("/healthz", "/readyz", "/metrics")
"""Asked every few seconds by programs; told only where the answer is unusual."""
KNOWN = (
    *("/", "/docs", "/openapi.json", "/v1/segment", "/v1/model"),
    *("/play/mask", "/play/probs", "/play/photo", "/play/whole", *QUIET),
)
"""Paths that are counted by their names; there are others without end."""


class JsonLine(logging.Formatter):
    """A record as a line of JSON: when, how grave, what, and its facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        facts: dict[str, Any] = getattr(record, "facts", {})
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": when, "level": record.levelname.lower(), "event": record.getMessage(), "pid": record.process}
        if record.exc_info:
            line["error"] = "".join(traceback.format_exception(*record.exc_info))[-4000:]
        return json.dumps({**line, **facts}, ensure_ascii=False, default=str)


def set_up() -> None:
    """Have this process write its log, that of uvicorn, and warnings, as lines of JSON."""
    out = logging.StreamHandler(sys.stderr)
    out.setFormatter(JsonLine())
    for name, level in ((NAME, logging.INFO), ("uvicorn", logging.WARNING), ("py.warnings", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [out], False
        logger.setLevel(level)
    logging.captureWarnings(True)


def tell(event: str, *, level: int = logging.INFO, failed: bool = False, **facts: Any) -> None:
    """Write a line.

    Args:
        event: what happened, in a word.
        level: of `logging`.
        failed: whether the exception that is being handled is told too.
        facts: what else is told.
    """
    logging.getLogger(NAME).log(level, event, exc_info=failed, extra={"facts": facts})


class Observed:
    """An application of which every request is counted and told.

    Args:
        app: the application.
        meters: is told too.
    """

    def __init__(self, app: App, meters: Meters) -> None:
        self._app, self._meters = app, meters
        self.begun = self.ended = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        began, status, sent_bytes = time.perf_counter(), 500, 0
        self.begun += 1

        async def watched(message: Message) -> None:
            nonlocal status, sent_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
            sent_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:  # Starlette has answered 500 already
            tell("error", level=logging.ERROR, failed=True, path=scope["path"])
        finally:
            self.ended += 1
            self._tell(scope, status, sent_bytes, time.perf_counter() - began)

    def _tell(self, scope: Scope, status: int, sent_bytes: int, seconds: float) -> None:
        path = scope["path"]
        label = path if path in KNOWN else "/static" if path.startswith("/static/") else "other"
        self._meters.answered(label, status, seconds)
        if path in QUIET and status < 400:
            return
        facts = {"method": scope["method"], "path": path[:200], "status": status, "ms": round(1000 * seconds, 1)}
        headers = dict(scope["headers"])
        if b"x-request-id" in headers:
            facts["id"] = headers[b"x-request-id"][:100].decode("latin-1")
        tell("request", **facts, bytes=sent_bytes, **scope.get("state", {}).get("told", {}))
