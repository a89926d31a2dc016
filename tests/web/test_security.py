"""Nobody comes in who was not let in, and nothing is served from elsewhere."""

from __future__ import annotations

import html
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from maskwright.errors import UsageError
from maskwright.web.confined import Outside, confined
from maskwright.web.desk import Desk
from maskwright.web.security import BROWSER_S, IDLE_S, Entrance, our_hosts
from review_page import client, desk
from small_folders import split_folder


@dataclass
class Clock:
    """A time that is set by hand."""

    time_s: float = 1e9

    def __call__(self) -> float:
        return self.time_s


PATHS = (
    *("/", "/review", "/review?token=wrong", "/review?token=", "/review/queue.json", "/review/sample/0.json"),
    *("/review/sample/0/photo", "/review/sample/0/mask", "/static/review.css", "/static/keys.js", "/favicon.ico"),
    *("/docs", "/openapi.json", "/static/../review.py"),
)
DECISION = {"sample": "train/000", "action": "keep", "mask": None, "note": "", "version": ""}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return split_folder(tmp_path / "data", train=3, val=2)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """One desk for all tests that change nothing on it."""
    return desk(split_folder(tmp_path_factory.mktemp("served") / "data", train=3, val=2))


@pytest.fixture
def inside(served: Desk) -> TestClient:
    return client(served)


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_nothing_is_served(served: Desk, path: str) -> None:
    answer = client(served, come_in=False).get(path)
    assert answer.status_code == 403
    assert set(answer.json()) == {"error"}
    assert answer.json()["error"]["kind"] == "no_token"


@pytest.mark.parametrize(
    ("lang", "said"), [("", "Open the last address"), ("?lang=ru", "последний адрес"), ("?lang=<x>", "Open the last")]
)
def test_a_person_with_a_used_address_is_told_the_way_in(data: Path, lang: str, said: str) -> None:
    outside = client(desk(data), come_in=False)
    answer = outside.get(f"/review{lang}", headers={"accept": "text/html,application/xhtml+xml"})
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert said in answer.text
    assert "maskwright review DATA" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert outside.get(f"/review{lang}", headers={"accept": "*/*"}).json()["error"]["kind"] == "no_token"


@pytest.mark.parametrize(
    "far", [{"points": [[10**12, 5, 1]]}, {"box_xywh": [0, 0, 10**12, 5]}, {"points": [[5, -(10**30), 0]]}]
)
def test_places_beyond_every_photo_are_refused(inside: TestClient, far: dict[str, Any]) -> None:
    asked = {"method": "grabcut", "class_id": 1, "box_xywh": [2, 2, 20, 20], **far}
    assert inside.post("/review/sample/1/propose", json=asked).status_code == 422
    edge = {"points": [[10**6, -(10**6), 1]], "box_xywh": [-(10**6), -(10**6), 10**6, 10**6]}
    assert inside.post("/review/sample/1/propose", json={**asked, **edge}).status_code in (200, 422)


def test_without_the_token_nothing_is_decided(data: Path) -> None:
    outside = client(desk(data), come_in=False)
    assert outside.post("/review/decisions", json=DECISION).status_code == 403
    outside.cookies.set("maskwright_8765", "guessed")
    assert outside.post("/review/decisions", json=DECISION).status_code == 403
    assert not data.with_name("data.maskwright").joinpath("journal.jsonl").exists()


def test_the_token_works_once_and_the_cookie_stays_out_of_reach(data: Path) -> None:
    first = client(desk(data), come_in=False)
    address = f"/review?token={first.token}"  # type: ignore[attr-defined]
    answer = first.get(address)
    assert (answer.status_code, answer.headers["location"]) == (303, "/review")
    assert "HttpOnly; SameSite=Strict; Path=/" in answer.headers["set-cookie"]
    assert first.get("/review/queue.json").status_code == 200
    first.cookies.clear()
    assert first.get(address).status_code == 403


def test_a_link_on_another_site_still_comes_in(data: Path) -> None:
    first = client(desk(data), come_in=False)
    answer = first.get(f"/review?token={first.token}", headers={"sec-fetch-site": "cross-site"})  # type: ignore[attr-defined]
    assert answer.status_code == 200
    assert "url=/review" in answer.text
    assert "maskwright_8765" in answer.headers["set-cookie"]


def test_a_link_on_another_site_asks_again_from_here(inside: TestClient, data: Path) -> None:
    """The browser leaves the cookie at home at first; without one the second time it is refused."""
    stranger = client(desk(data), come_in=False)
    asked = "/review?sample=train%2F000%22%3E1"
    answer = stranger.get(asked, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 200 and "set-cookie" not in answer.headers
    assert f'content="0; url={html.escape(asked)}"' in answer.text
    assert stranger.get(asked, headers={"sec-fetch-site": "same-origin"}).status_code == 403
    assert inside.get(asked, headers={"sec-fetch-site": "same-origin"}).status_code == 200
    assert stranger.get("/review/queue.json", headers={"sec-fetch-site": "cross-site"}).status_code == 403


def test_each_person_has_a_token_and_a_used_one_is_replaced() -> None:
    told: list[tuple[str, str]] = []
    entrance = Entrance(["ann", "bob"], 80, on_used=lambda *news: told.append(news))
    ann, bob = entrance.tokens["ann"], entrance.tokens["bob"]
    session = entrance.exchange(bob)
    assert session is not None
    assert entrance.person(session) == "bob"
    assert entrance.exchange(bob) is None
    assert told == [("bob", entrance.tokens["bob"])]
    assert entrance.tokens["ann"] == ann
    assert len({ann, bob, entrance.tokens["bob"]}) == 3


def test_a_cookie_that_rested_too_long_is_worth_nothing() -> None:
    clock = Clock()
    entrance = Entrance(["ann"], 80, now=clock)
    session = entrance.exchange(entrance.tokens["ann"])
    assert session is not None
    for _ in range(3):  # work goes on for longer than it may rest
        clock.time_s += IDLE_S
        assert entrance.person(session) == "ann"
    clock.time_s += IDLE_S + 1
    assert entrance.person(session) is None
    assert entrance.person(session) is None
    assert entrance.exchange(entrance.tokens["ann"]) is not None


def test_the_token_on_a_command_line_is_good_once_and_not_for_long() -> None:
    clock, told = Clock(), list[str]()
    entrance = Entrance(["ann", "bob"], 80, on_used=lambda person, _: told.append(person), now=clock)
    token = entrance.browser_token("bob")
    assert token not in entrance.tokens.values()
    session = entrance.exchange(token)
    assert session is not None and entrance.person(session) == "bob"
    assert entrance.exchange(token) is None
    late = entrance.browser_token("ann")
    clock.time_s += BROWSER_S + 1
    assert entrance.exchange(late) is None
    assert told == []  # what was printed is still good
    assert entrance.exchange(entrance.tokens["ann"]) is not None


@pytest.mark.parametrize(
    "host", ["evil.example:8765", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:8765.evil.example", "localhost.:8765", ""]
)
def test_a_foreign_host_is_refused(inside: TestClient, host: str) -> None:
    for path in ("/review", "/review/queue.json", f"/review?token={inside.token}"):  # type: ignore[attr-defined]
        answer = inside.get(path, headers={"host": host})
        assert (answer.status_code, answer.json()["error"]["kind"]) == (403, "foreign_host")


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "LOCALHOST:8765", "[::1]:8765"])
def test_our_own_names_are_answered(inside: TestClient, host: str) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in inside.cookies.items())
    assert inside.get("/review/queue.json", headers={"host": host, "cookie": cookie}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:8765", "http://127.0.0.1:9999", "http://localhost"]
)
def test_a_foreign_origin_is_refused(inside: TestClient, origin: str) -> None:
    for answer in (
        inside.get("/review/queue.json", headers={"origin": origin}),
        inside.post("/review/decisions", json=DECISION, headers={"origin": origin}),
    ):
        assert (answer.status_code, answer.json()["error"]["kind"]) == (403, "foreign_origin")


def test_what_a_form_of_another_site_can_send_is_refused(inside: TestClient) -> None:
    body = json.dumps(DECISION)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = inside.post("/review/decisions", content=body, headers={"content-type": kind})
        assert (answer.status_code, answer.json()["error"]["kind"]) == (415, "not_json")
    for site in ("cross-site", "same-site"):
        answer = inside.post("/review/decisions", json=DECISION, headers={"sec-fetch-site": site})
        assert answer.status_code == 403


def test_a_body_over_the_limit_is_refused_before_it_is_read(inside: TestClient) -> None:
    answer = inside.post("/review/decisions", json={**DECISION, "note": "x" * 200_000})
    assert (answer.status_code, answer.json()["error"]["kind"]) == (413, "too_long")
    chunks = (part for part in [b"{}"])
    answer = inside.post("/review/decisions", content=chunks, headers={"content-type": "application/json"})
    assert answer.status_code == 411


def test_every_answer_forbids_what_the_page_does_not_need(inside: TestClient) -> None:
    for path in ("/review", "/review/queue.json", "/review/sample/0/photo", "/nothing", "/static/nothing.js"):
        headers = inside.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-frame-options"] == "DENY"
    assert inside.get("/review/queue.json").headers["cache-control"] == "no-store"
    assert inside.get("/review/sample/0/mask").headers["cache-control"] == "no-store"


UPWARDS = (
    *("/static/../../cli/main.py", "/static/%2e%2e/%2e%2e/cli/main.py", "/static/..%2f..%2fcli/main.py"),
    *("/static//etc/passwd", "/static/%2fetc%2fpasswd", "/static/..\\..\\cli\\main.py", "/static/"),
    *("/review/sample/../../etc/passwd", "/review/sample/%2e%2e%2f%2e%2e%2fetc%2fpasswd/photo"),
    *("/review/sample/-1/photo", "/review/sample/99999/photo", "/review/sample/train%2f000/photo"),
    *("/review/sample//etc/passwd/photo", "/review/sample/99999.json", "/review/sample/-1/mask"),
)


@pytest.mark.parametrize("path", UPWARDS)
def test_paths_lead_nowhere_else(inside: TestClient, path: str) -> None:
    answer = inside.get(path)
    assert answer.status_code in (404, 405, 422)
    assert "root:" not in answer.text
    assert "maskwright.cli" not in answer.text


def test_links_out_of_the_dataset_are_not_shown(data: Path, tmp_path: Path) -> None:
    read_before = desk(data)
    for kind, name in (("images", "train/000.png"), ("masks", "train/001.png")):
        elsewhere = tmp_path / f"elsewhere-{kind}.png"
        shutil.move(data / kind / name, elsewhere)
        (data / kind / name).symlink_to(elsewhere)
    inside = client(read_before)
    for path in ("0/photo", "0/superpixels", "1/mask", "1/mask?original=1"):
        answer = inside.get(f"/review/sample/{path}")
        assert (answer.status_code, answer.json()["error"]["kind"]) == (403, "Outside")
        assert "lies outside of the dataset's folder" in answer.json()["error"]["message"]
    answer = inside.post("/review/sample/0/propose", json={"method": "grabcut", "class_id": 1})
    assert answer.status_code == 403
    assert inside.get("/review/sample/2/photo").status_code == 200


def test_links_within_the_dataset_are_shown(data: Path) -> None:
    (data / "store").mkdir()
    shutil.move(data / "images/train/000.png", data / "store/a.png")
    (data / "images/train/000.png").symlink_to(Path("..", "..", "store", "a.png"))
    assert client(desk(data)).get("/review/sample/0/photo").status_code == 200


@pytest.mark.parametrize("file", ["../secret.png", "/etc/passwd", "images/../../secret.png"])
def test_files_are_confined_to_their_folder(tmp_path: Path, file: str) -> None:
    with pytest.raises(Outside, match="outside of the dataset's folder"):
        confined(tmp_path, file)
    assert issubclass(Outside, UsageError)


@pytest.mark.parametrize(
    "wrong",
    [
        {**DECISION, "action": "destroy"},
        {**DECISION, "sample": "../../etc/passwd"},
        {**DECISION, "sample": 7},
        {**DECISION, "surprise": True},
        {**DECISION, "action": "relabel", "mask": "AAAA"},
        {**DECISION, "action": "relabel", "mask": "not base64!"},
        {"sample": "train/000"},
        [],
        "keep",
    ],
)
def test_wrong_decisions_are_told_and_not_written(served: Desk, inside: TestClient, wrong: Any) -> None:
    version = inside.get("/review/sample/0.json").json()["version"]
    body = {**wrong, "version": version} if isinstance(wrong, dict) and "version" in wrong else wrong
    answer = inside.post("/review/decisions", json=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]
    assert not served.journal.path.exists()


def test_port_80_may_be_left_out_of_the_host() -> None:
    assert our_hosts(["localhost"], 80) == {"localhost:80", "localhost"}
