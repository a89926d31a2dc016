"""Whatever is sent is answered: a 4xx for what cannot be, never a 5xx, a hang or a crash; the next one is served."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import schemathesis
from httpx2 import Client
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from hostile import mutated, no_photos, raw_requests
from serve_case import on_a_port, png, service, three_bands

PATIENCE_S = 30
PHOTO = png(three_bands())


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with on_a_port(service(seconds=10.0)) as found:
        yield found


@pytest.fixture
def asked(address: str) -> Iterator[Client]:
    """A client; after the test the server still does what it should."""
    with Client(base_url=address, timeout=PATIENCE_S) as client:
        yield client
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.post("/v1/segment?format=areas", content=PHOTO).json()["areas"][1]["pixels"] == 960
        assert "maskwright_predictions_under_way 0.0" in client.get("/metrics").text


def test_at_least_two_hundred_cases() -> None:
    assert len([*no_photos(), *mutated(), *raw_requests("127.0.0.1")]) >= 300


def test_what_is_no_photo_is_a_4xx(asked: Client) -> None:
    wrong = {}
    for name, content in no_photos():
        answer = asked.post("/v1/segment", content=content, headers={"content-type": "image/png"})
        if not 400 <= answer.status_code < 500 or not answer.json()["error"]["message"]:
            wrong[name] = answer.status_code
    assert wrong == {}


def test_a_mutated_photo_is_a_mask_or_a_4xx(asked: Client) -> None:
    found = {name: asked.post("/v1/segment?format=rle", content=content).status_code for name, content in mutated()}
    assert {name: status for name, status in found.items() if status != 200 and not 400 <= status < 500} == {}
    assert 20 < sum(status == 200 for status in found.values()) < len(found) - 20


def test_the_playground_takes_no_more_than_the_api(asked: Client) -> None:
    for name, content in [*no_photos()][::7]:
        for path in ("mask", "probs?class=1", "photo", "whole"):
            status = asked.post(f"/play/{path}", content=content).status_code
            assert 400 <= status < 500, (name, path, status)
    wrong = ("{", "[]", '{"temperature": 0}', '{"temperature": "NaN"}', '{"x": 1}', '{"smallest_frac": [0.1]}', "null")
    for text in wrong:
        assert asked.post("/play/mask", params={"settings": text}, content=PHOTO).status_code == 422
    for query in ("class=3", "class=-1", "class=x", "class=999", ""):
        assert asked.post(f"/play/probs?{query}", content=PHOTO).status_code == 422
    assert asked.post("/play/mask?photo=unknown").status_code == 410


@pytest.mark.usefixtures("asked")
def test_what_is_no_request_is_a_4xx_or_a_closed_connection(address: str) -> None:
    wrong, place = {}, urlsplit(address)
    for name, sent in raw_requests(place.netloc):
        status = _raw(place, sent)
        if status is not None and not 400 <= status < 500:
            wrong[name] = status
    assert wrong == {}


def test_slow_and_vanishing_clients_hold_nothing(asked: Client, address: str) -> None:
    place = urlsplit(address)
    head = f"POST /v1/segment HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: 1000\r\n\r\n".encode()
    for number in range(40):
        with socket.create_connection((place.hostname, place.port)) as one:
            one.sendall(head + b"x" * number)
            if number % 2:  # cut off instead of closed
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with socket.create_connection((place.hostname, place.port)) as slow:
        slow.settimeout(PATIENCE_S)
        slow.sendall(head + b"x")
        assert slow.recv(12) == b"HTTP/1.1 408"
    ends = time.monotonic() + PATIENCE_S
    while "maskwright_predictions_under_way 0.0" not in asked.get("/metrics").text:
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.mark.parametrize("first", [b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: "])
@pytest.mark.parametrize("answered", [False, True])
def test_a_head_that_never_ends_is_cut_off(
    address: str, first: bytes, answered: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskwright.web.heads.HEAD_S", 1.0)
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), timeout=PATIENCE_S) as one:
        if answered:
            one.sendall(f"GET /healthz HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
            assert one.recv(10_000).startswith(b"HTTP/1.1 200")
        one.sendall(first)
        began = time.monotonic()
        while _is_open(one):
            assert time.monotonic() - began < PATIENCE_S
            with contextlib.suppress(ConnectionError):
                one.sendall(b"x" if first else b"")  # a byte now and then changes nothing


def _is_open(one: socket.socket) -> bool:
    """Whether the other end has not closed a connection within a tenth of a second."""
    one.settimeout(0.1)
    try:
        return one.recv(1000) != b""
    except TimeoutError:
        return True
    except ConnectionError:
        return False


def test_memory_stays_where_it_is(address: str) -> None:
    own, photos = psutil.Process(), [png(three_bands(height, 90)) for height in (40, 60, 90)]

    def ask(times: int) -> None:
        with Client(base_url=address, timeout=PATIENCE_S) as client:
            for number in range(times):
                path = "/play/mask" if number % 5 == 0 else "/v1/segment?format=rle"
                assert client.post(path, content=photos[number % 3]).status_code == 200

    def together(times: int) -> int:
        threads = [threading.Thread(target=ask, args=(times,)) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return int(own.memory_info().rss)

    together(40)
    before = together(40)
    after = together(150)
    assert after - before < 12_000_000


def test_whatever_the_description_allows_is_answered_as_it_says(address: str) -> None:
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    count = 0
    for operation in schema.get_all_operations():
        strategy = operation.ok().as_strategy()

        @settings(
            max_examples=40, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
        )
        def check(case: Any) -> None:
            nonlocal count
            count += 1
            case.call_and_validate(checks=[not_a_server_error, content_type_conformance, response_schema_conformance])

        from hypothesis import given

        given(case=strategy)(check)()
    assert count >= 80


def _raw(place: Any, sent: bytes) -> int | None:
    """The status that bytes are answered with, None for a closed connection."""
    with socket.create_connection((place.hostname, place.port), timeout=PATIENCE_S) as one:
        try:
            one.sendall(sent)
            one.shutdown(socket.SHUT_WR)
            answer = one.recv(65_536)
        except ConnectionError:
            return None
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else None
