"""A hub on this computer: it answers what the real one answers about one repository, and fails as it is told to."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

COMMIT = "c0ffee" + "0" * 34


@dataclass
class LocalHub:
    """What the hub has, how it fails, and what it was asked.

    Args:
        content: the file's bytes.
        commit: of the repository.
        files: names of the files in the repository, each with this content.
        digest: what the hub says the SHA-256 is; None says the truth, "" says none.
        statuses: status by the beginning of a path, for requests that are refused.
        breaks: after how many bytes each transfer breaks off, in turn; those after the last one are whole.
        ignores_range: sends the whole file whatever part was asked for.
        silence_s: how long it waits before each answer.
        page: what it answers instead of JSON, as a hotel's network does.
        asked: path and headers of each request.
        endpoint: its address.
    """

    content: bytes = bytes(range(256)) * 4000
    commit: str = COMMIT
    files: tuple[str, ...] = ("README.md", "model.safetensors")
    digest: str | None = None
    statuses: dict[str, int] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    ignores_range: bool = False
    silence_s: float = 0.0
    page: str = ""
    asked: list[tuple[str, Message]] = field(default_factory=list)
    endpoint: str = ""

    @property
    def sha256(self) -> str:
        """The digest of the content."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def paths(self) -> list[str]:
        """The paths that were asked for."""
        return [path for path, _ in self.asked]

    @property
    def ranges(self) -> list[str | None]:
        """The part that each transfer asked for."""
        return [headers["Range"] for path, headers in self.asked if path.startswith("/cdn/")]

    def about(self) -> str:
        """What the hub says of the repository."""
        digest = self.sha256 if self.digest is None else self.digest
        size = len(self.content)
        lfs = {"lfs": {"sha256": digest, "size": size, "pointerSize": 134}} if digest else {}
        siblings = [{"rfilename": name, "size": size, "blobId": "b", **lfs} for name in self.files]
        return json.dumps({"id": "owner/name", "sha": self.commit, "siblings": siblings})


@contextlib.contextmanager
def serving(hub: LocalHub) -> Iterator[LocalHub]:
    """Answer as this hub until the block ends."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.asked.append((self.path, self.headers))
            time.sleep(hub.silence_s)
            with contextlib.suppress(ConnectionError):
                _answer(hub, self)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(hub: LocalHub, request: BaseHTTPRequestHandler) -> None:
    path = urlsplit(request.path).path
    refused = next((status for beginning, status in hub.statuses.items() if path.startswith(beginning)), None)
    if refused:
        _send(request, refused, b'{"error": "no"}')
    elif path.startswith("/api/models/"):
        _send(request, 200, (hub.page or hub.about()).encode())
    elif path.startswith("/cdn/"):
        _transfer(hub, request)
    else:
        _send(request, 302, b"", Location=f"{hub.endpoint}/cdn{path}")


def _transfer(hub: LocalHub, request: BaseHTTPRequestHandler) -> None:
    asked = request.headers["Range"]
    start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and not hub.ignores_range else 0
    part = hub.content[start:]
    end = hub.breaks.pop(0) if hub.breaks else len(part)
    about = {"Content-Range": f"bytes {start}-{len(hub.content) - 1}/{len(hub.content)}"} if start else {}
    _send(request, 206 if start else 200, part[:end], length=len(part), **about)


def _send(
    request: BaseHTTPRequestHandler, status: int, body: bytes, *, length: int | None = None, **headers: str
) -> None:
    request.send_response(status)
    request.send_header("Content-Length", str(len(body) if length is None else length))
    for name, value in headers.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)
