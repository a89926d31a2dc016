"""Masks for programs: every form of a request and of an answer, and what is refused how."""

from __future__ import annotations

import io
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from httpx2 import Client
from PIL import Image
from starlette.testclient import TestClient

from maskwright.data.shapes import paint_runs, unpacked_counts
from maskwright.inference.postprocess.settings import PostProcess
from maskwright.web.door import Door
from maskwright.web.segments import format_for
from serve_case import CLASSES, Bright, client, model, on_a_port, png, service, three_bands

PHOTO = png(three_bands())
MASK = np.repeat([[0, 1, 2]], 48, axis=0).repeat(20, axis=1)
"""What is predicted for it."""


def picture(content: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(content)))


def segment(asked: TestClient, content: bytes = PHOTO, query: str = "", **headers: str) -> Any:
    return asked.post(f"/v1/segment{query}", content=content, headers=headers)


def test_a_photo_gives_its_mask_with_palette_areas_and_times() -> None:
    answer = segment(client(), **{"content-type": "image/png"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert np.array_equal(picture(answer.content), MASK)
    assert Image.open(io.BytesIO(answer.content)).getpalette()[3:9] == [69, 160, 245, 176, 204, 57]
    assert json.loads(answer.headers["maskwright-areas"]) == {"background": 960, "cat": 960, "dog": 960}
    assert answer.headers["maskwright-size"] == "60 x 48"
    assert [each.split(";")[0] for each in answer.headers["server-timing"].split(", ")] == [
        *("read", "decode", "wait", "predict", "encode")
    ]


@pytest.mark.parametrize("kind", ["multipart", "bare", "octets"])
def test_a_photo_may_come_as_a_form_or_as_the_body(kind: str) -> None:
    asked = client()
    if kind == "multipart":
        answer = asked.post("/v1/segment", files={"image": ("a.png", PHOTO)}, data={"note": "x"})
    else:
        answer = segment(asked, **({"content-type": "application/octet-stream"} if kind == "octets" else {}))
    assert np.array_equal(picture(answer.content), MASK)


def test_index_is_grey_and_holds_the_classes_values() -> None:
    answer = segment(client(), query="?format=index")
    assert Image.open(io.BytesIO(answer.content)).mode == "L"
    assert np.array_equal(picture(answer.content), MASK)


def test_an_overlay_is_the_photo_with_the_mask_on_it() -> None:
    answer = segment(client(), query="?format=overlay")
    drawn = picture(answer.content).astype(int)
    assert answer.headers["content-type"] == "image/jpeg"
    assert abs(drawn[24, 8] - 30).max() < 12
    assert abs(drawn[24, 50] - (0.55 * 220 + 0.45 * np.array([176, 204, 57]))).max() < 12


def test_runs_are_those_of_coco() -> None:
    value = segment(client(), query="?format=rle").json()
    painted = np.full((48, 60), 255, np.uint8)
    for each in value["annotations"]:
        paint_runs(painted, unpacked_counts(each["segmentation"]["counts"]), each["category_id"])
    assert np.array_equal(painted, MASK)
    assert [each["area"] for each in value["annotations"]] == [960] * 3
    assert value["annotations"][2]["bbox"] == [40, 0, 20, 48]
    assert value["size_hw"] == [48, 60]
    assert value["areas"][1] == {"id": 1, "name": "cat", "value": 1, "pixels": 960, "share": pytest.approx(1 / 3)}
    assert set(value["timing_ms"]) == {"read", "decode", "wait", "predict", "encode"}


def test_polygons_are_geojson_of_objects() -> None:
    answer = segment(client(), query="?format=geojson")
    value = answer.json()
    assert answer.headers["content-type"] == "application/geo+json"
    assert [each["properties"]["class"] for each in value["features"]] == ["cat", "dog"]
    ring = value["features"][0]["geometry"]["coordinates"][0]
    assert sorted(map(tuple, ring[:-1])) == [(20, 0), (20, 48), (40, 0), (40, 48)]
    assert ring[0] == ring[-1]


def test_areas_alone() -> None:
    assert [each["pixels"] for each in segment(client(), query="?format=areas").json()["areas"]] == [960] * 3


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", "palette"),
        ("*/*", "palette"),
        ("image/*", "palette"),
        ("image/jpeg", "overlay"),
        ("application/json", "rle"),
        ("application/geo+json, application/json;q=0.5", "geojson"),
        ("text/html, application/json;q=0.9, */*;q=0.1", "rle"),
        ("image/png;q=0, image/jpeg;q=0.1", "overlay"),
        ("text/html", None),
        ("image/png;q=x", None),
    ],
)
def test_accept_chooses_the_form(accept: str, chosen: str | None) -> None:
    assert format_for(accept) == chosen


def test_the_query_is_stronger_than_accept_and_an_impossible_accept_is_told() -> None:
    asked = client()
    assert segment(asked, query="?format=areas", accept="image/png").headers["content-type"] == "application/json"
    answer = segment(asked, accept="text/plain")
    assert (answer.status_code, answer.json()["error"]["kind"]) == (406, "not_acceptable")
    assert segment(asked, query="?format=gif").status_code == 422


def test_a_turned_photo_is_segmented_upright() -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(three_bands()).save(buffer, "JPEG", exif=exif)
    assert segment(client(), buffer.getvalue(), "?format=areas").json()["size_hw"] == [60, 48]


def test_the_model_is_told_and_chosen_by_name() -> None:
    other = model("other", post=PostProcess(photo_vote_share=0.5))
    asked = client(service(model("one"), other))
    told = asked.get("/v1/model").json()
    assert (told["name"], told["models"], told["runtime"]) == ("one", ["one", "other"], "torch")
    assert [each["name"] for each in told["classes"]] == list(CLASSES.names)
    assert len(told["recipe_digest"]) == 32
    assert asked.get("/v1/model?model=other").json()["postprocess"]["photo_vote_share"] == 0.5
    voted = picture(segment(asked, query="?model=other").content)
    assert set(np.unique(voted)) < {0, 1, 2}
    answer = segment(asked, query="?model=third")
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        *(404, "third: no model of that name is served. There are: one, other."),
    )


def test_a_run_is_read_once_for_all_that_is_told_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    monkeypatch.setattr("maskwright.web.served_models.scores_of", lambda path: read.append(path) or {})
    asked = client(service(model()))
    assert [asked.get(path).status_code for path in ("/", "/v1/model", "/v1/model")] == [200, 200, 200]
    assert len(read) == 1


def test_what_the_log_and_the_counts_tell(caplog: pytest.LogCaptureFixture) -> None:
    asked = client()
    with caplog.at_level("INFO", "maskwright.serve"):
        segment(asked, **{"x-request-id": "r-1"})
        segment(asked, b"no picture")
        asked.get("/healthz")
    facts = [record.facts for record in caplog.records]  # type: ignore[attr-defined]
    assert [(each["path"], each["status"]) for each in facts] == [("/v1/segment", 200), ("/v1/segment", 415)]
    assert (facts[0]["id"], facts[0]["format"], facts[0]["size_hw"]) == ("r-1", "palette", (48, 60))
    counts = asked.get("/metrics").text
    assert 'maskwright_requests_total{path="/v1/segment",status="200"} 1.0' in counts
    assert 'maskwright_requests_total{path="/healthz",status="200"} 1.0' in counts
    assert 'maskwright_photos_total{model="bright"} 1.0' in counts
    assert "maskwright_predictions_under_way 0.0" in counts


@pytest.mark.parametrize(
    ("spoken", "russian"),
    [
        ("ru", True), ("ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7", True), ("de,RU;q=0.5", True), ("en;q=0.5, ru-RU", True),
        ("en-GB,ru;q=0.9", False), ("ru;q=0, en", False), ("rus", False), ("*", False), ("", False), (";q=x,-", False),
    ],
)  # fmt: skip
def test_refusals_are_in_the_language_that_is_asked_for(spoken: str, russian: bool) -> None:
    answer = segment(client(), b"", **{"accept-language": spoken})
    assert (answer.status_code, "нет фотографии" in answer.json()["error"]["message"]) == (400, russian)


def test_what_is_too_long_or_too_large_is_413_before_it_is_decoded() -> None:
    small = client(service(body_bytes=1000, pixels=2000))
    assert segment(small, b"\xff\xd8\xff" + b"x" * 2000).json()["error"]["kind"] == "body_too_long"
    pieces = small.post("/v1/segment", content=iter([b"\x89PNG" * 200] * 3))
    assert (pieces.status_code, pieces.json()["error"]["kind"]) == (413, "body_too_long")
    answer = segment(small, PHOTO)
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        *(413, "The photo has 60 x 48 pixels; at most 0.002 million are taken. Make it smaller."),
    )
    form = small.post("/v1/segment", files={"image": b"y" * 3000})
    assert form.status_code == 413


def test_a_line_of_pixels_is_refused() -> None:
    answer = segment(client(), png(np.zeros((1, 100_000, 3), np.uint8)))
    assert (answer.status_code, answer.json()["error"]["kind"]) == (422, "too_oblong")


def test_photos_that_wait_are_predicted_together_those_of_one_size() -> None:
    bright = Bright()
    with (
        on_a_port(service(model(predictor=bright), seconds=600.0)) as address,
        Client(base_url=address, timeout=60) as asked,
    ):
        bright.free.clear()
        with ThreadPoolExecutor(8) as pool:
            first = pool.submit(segment, asked)
            while not bright.batches:
                time.sleep(0.01)
            small, large = PHOTO, png(three_bands(96, 120))
            rest = [
                pool.submit(segment, asked, content, "?format=areas") for content in (small, large, small, large, small)
            ]
            time.sleep(0.5)
            bright.free.set()
            assert first.result(60).status_code == 200
            sizes = [answer.result(60).json()["size_hw"] for answer in rest]
        assert sizes == [[48, 60], [96, 120], [48, 60], [96, 120], [48, 60]]
        assert (bright.batches[0], sorted(bright.batches[1:])) == (1, [2, 3])  # whichever came first


def test_a_full_server_says_so_at_once_and_when_to_come_again() -> None:
    bright = Bright()
    with (
        on_a_port(service(model(predictor=bright), requests=2)) as address,
        Client(base_url=address, timeout=60) as asked,
    ):
        bright.free.clear()
        with ThreadPoolExecutor(2) as pool:
            under_way = [pool.submit(segment, asked) for _ in range(2)]
            while "maskwright_predictions_under_way 2.0" not in asked.get("/metrics").text:
                time.sleep(0.01)
            answer = segment(asked)
            assert (answer.status_code, answer.json()["error"]["kind"]) == (503, "full")
            assert int(answer.headers["retry-after"]) >= 1
            assert asked.get("/healthz").status_code == 200
            bright.free.set()
            assert [each.result(60).status_code for each in under_way] == [200, 200]
        assert segment(asked).status_code == 200


def test_on_a_slow_computer_fewer_go_together_and_who_would_be_late_is_told_at_once() -> None:
    bright = Bright(0.3)
    with (
        on_a_port(service(model(predictor=bright), seconds=4.0)) as address,
        Client(base_url=address, timeout=60) as asked,
    ):
        assert segment(asked).status_code == 200  # 0.3 s are known now
        with ThreadPoolExecutor(24) as pool:
            answers = [pool.submit(segment, asked).result for _ in range(24)]
            replies = [answer(60) for answer in answers]
        assert max(bright.batches) <= 3  # more would take more than a quarter of the time
        assert {reply.status_code for reply in replies} == {200, 503}
        assert max(float(reply.elapsed.total_seconds()) for reply in replies if reply.status_code == 503) < 3


def test_what_takes_too_long_is_504_and_what_was_not_begun_with_503() -> None:
    bright = Bright()
    with (
        on_a_port(service(model(predictor=bright), seconds=0.4)) as address,
        Client(base_url=address, timeout=60) as asked,
    ):
        bright.free.clear()
        with ThreadPoolExecutor(2) as pool:
            begun = pool.submit(segment, asked)
            while not bright.batches:
                time.sleep(0.01)
            waiting = pool.submit(segment, asked)
            assert begun.result(60).status_code == 504
            late = waiting.result(60)
            assert (late.status_code, late.headers["retry-after"]) == (503, "1")
        bright.free.set()
        assert segment(asked).status_code == 200
        assert bright.batches == [1, 1]  # the photo that was given up was taken out of the line


def test_one_photo_that_fails_does_not_take_the_others_along() -> None:
    class Picky(Bright):
        def many(self, images: Any) -> Any:
            answers = super().many(images)
            if any(image[0, 0, 0] == 7 for image in images):
                raise RuntimeError("not this one")
            return answers

    picky = Picky()
    with (
        on_a_port(service(model(predictor=picky), seconds=600.0)) as address,
        Client(base_url=address, timeout=60) as asked,
    ):
        odd = three_bands()
        odd[0, 0] = 7
        picky.free.clear()
        with ThreadPoolExecutor(4) as pool:
            first = pool.submit(segment, asked)
            while not picky.batches:
                time.sleep(0.01)
            rest = [pool.submit(segment, asked, content) for content in (PHOTO, png(odd), PHOTO)]
            time.sleep(0.4)
            picky.free.set()
            assert [each.result(60).status_code for each in (first, *rest)] == [200, 200, 500, 200]
        assert picky.batches == [1, 3, 1, 1, 1]


def test_decoded_photos_share_a_bounded_memory() -> None:
    held, most = 0, 0
    lock = threading.Lock()

    class Counting(Bright):
        def many(self, images: Any) -> Any:
            nonlocal held, most
            with lock:
                held = len(images)
                most = max(most, held)
            return super().many(images)

    counting = Counting(0.05)
    with (
        on_a_port(service(model(predictor=counting), pixels=2880, requests=32)) as address,
        Client(base_url=address, timeout=60) as asked,
    ):
        with ThreadPoolExecutor(16) as pool:
            answers = [pool.submit(segment, asked) for _ in range(16)]
            assert {answer.result(60).status_code for answer in answers} == {200}
        assert most <= 4  # pixels_together: four photos of the largest size


def test_elsewhere_a_token_is_needed_in_a_header_or_as_a_cookie() -> None:
    token = "t" * 24
    asked = client(door=Door(8765, token=token))
    assert asked.get("/healthz").status_code == asked.get("/readyz").status_code == 200
    for path in ("/", "/v1/model", "/metrics", "/docs", "/openapi.json", "/static/base.css", "/?token=wrong"):
        answer = asked.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    for wrong in ("Bearer wrong", "Basic " + token, "Bearer", token):
        assert segment(asked, authorization=wrong).status_code == 401
    assert segment(asked, authorization=f"Bearer {token}", host="any.name:1").status_code == 200
    entered = asked.get(f"/?token={token}")
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert "HttpOnly; SameSite=Strict" in entered.headers["set-cookie"]
    assert token not in entered.headers["set-cookie"]
    assert asked.get("/v1/model").status_code == 200


def test_on_this_computer_only_our_own_names_and_pages_are_answered() -> None:
    asked = client()
    assert asked.get("/v1/model", headers={"host": "evil.example:8765"}).status_code == 403
    assert segment(asked, origin="https://evil.example").status_code == 403
    assert segment(asked, origin="null").status_code == 403
    assert segment(asked, **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert segment(asked, origin="http://127.0.0.1:8765").status_code == 200
    assert "access-control-allow-origin" not in segment(asked).headers


def test_the_description_loads_nothing_from_elsewhere() -> None:
    asked = client()
    document = asked.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    for operation in (document["paths"]["/v1/segment"]["post"], document["paths"]["/v1/model"]["get"]):
        assert operation["security"] == [{"HTTPBearer": []}] and {"401", "403"} <= operation["responses"].keys()
    assert set(document["paths"]) == {"/v1/segment", "/v1/model", "/healthz", "/readyz", "/metrics"}
    for lang in ("en", "ru"):
        page = asked.get(f"/docs?lang={lang}").text
        assert "/v1/segment" in page and "multipart/form-data" in page
        assert "http" not in page.replace("http-equiv", "").replace("HttpError", "")
