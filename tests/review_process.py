"""`maskwright review` as a process of its own, to be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

SRC = Path(__file__).resolve().parents[1] / "src"


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Args:
        process: to be killed or interrupted.
        value: what it printed with --json.
        said: its standard error.
    """

    process: subprocess.Popen[str]
    value: dict[str, Any]
    said: Path

    @property
    def address(self) -> str:
        """What a person opens."""
        return str(self.value["address"])

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"


@contextmanager
def serving(data: Path, *options: str, browser: bool = False, verb: str = "review") -> Iterator[Server]:
    """Start the server on a free port; it is killed at the end where it still runs.

    Args:
        data: the folder.
        options: further ones.
        browser: whether a browser is opened.
        verb: "review", or "open" for what lies there.
    """
    command = [sys.executable, "-m", "maskwright", verb, str(data), "--json", *options]
    command += [] if browser else ["--no-browser"]
    if "--port" not in options:
        command += ["--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    said = data.parent / "said.txt"
    with said.open("a") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
    try:
        yield Server(process, json.loads(_line(process.stdout)), said)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


class Person:
    """Somebody who has come in, without a browser.

    Args:
        server: where.
        address: of their own; None takes the first.
    """

    def __init__(self, server: Server, address: str | None = None) -> None:
        self._origin = server.origin
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.get("", address or server.address)

    def get(self, path: str, address: str | None = None) -> tuple[int, bytes]:
        """Status and body of a page."""
        return self._answer(urllib.request.Request(address or self._origin + path))

    def json(self, path: str) -> Any:
        """A value."""
        return json.loads(self.get(path)[1])

    def post(self, path: str, value: Any) -> tuple[int, Any]:
        """Status and answer of a change."""
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(self._origin + path, json.dumps(value).encode(), headers)
        status, body = self._answer(request)
        return status, json.loads(body)

    def decide(self, index: int, action: str, **more: Any) -> tuple[int, Any]:
        """Decide on a sample as it stands."""
        sample = self.json(f"/review/sample/{index}.json")
        value = {"sample": sample["id"], "action": action, "mask": None, "version": sample["version"], **more}
        return self.post("/review/decisions", value)

    def _answer(self, request: urllib.request.Request) -> tuple[int, bytes]:
        try:
            with self._opener.open(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
