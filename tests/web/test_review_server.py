"""What the page of review asks for, and what it is answered."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

import maskwright
from maskwright.audit.folder import AuditFolder, beside
from maskwright.audit.probabilities import write_probs
from maskwright.data.decode import read_image
from maskwright.data.encode import write_findings
from maskwright.data.finding import Finding
from maskwright.data.reading import read
from maskwright.review.journal import Journal
from maskwright.review.proposals import Proposal, Region
from maskwright.storage import write_json
from maskwright.web.desk import Desk
from review_page import client, desk
from small_folders import SIZE_HW, mask, photo, save, split_folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return split_folder(tmp_path / "data")


@pytest.fixture
def inside(data: Path) -> TestClient:
    return client(desk(data))


def _decide(inside: TestClient, index: int, action: str, painted: np.ndarray | None = None, **more: object) -> dict:
    sample = inside.get(f"/review/sample/{index}.json").json()
    pixels = None if painted is None else base64.b64encode(painted.tobytes()).decode()
    body = {"sample": sample["id"], "action": action, "mask": pixels, "version": sample["version"], **more}
    answer = inside.post("/review/decisions", json=body)
    return {"status": answer.status_code, **answer.json()}


def _pixels(inside: TestClient, path: str, kind: type = np.uint8) -> np.ndarray:
    answer = inside.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/octet-stream"
    return np.frombuffer(answer.content, kind).reshape(SIZE_HW)


def test_the_queue_has_every_sample_once_and_the_worst_first(data: Path) -> None:
    folder = beside(data)
    write_findings(
        [
            Finding("val/003", "mask_all_ignored", 0.6, {"file": "masks/val/003.png"}, (1, 2, 3, 4)),
            Finding("train/007", "duplicate", 0.9, {"file": "a", "other": "b", "split": "train", "other_split": "val"}),
            Finding("val/003", "extension_wrong", 0.1, {"file": "a", "format": "PNG", "extension": ".jpg"}),
            Finding("masks/lost.png", "mask_all_ignored", 1.0, {"file": "masks/lost.png"}, left_out=True),
        ],
        folder.findings,
    )
    issues = [{"sample": "train/002", "severity": 0.7, "kind": "part_missing"}]
    write_json(folder.label_issues, {"format": 1, "label_issues": issues})
    queue = client(desk(data)).get("/review/queue.json").json()
    ids = [sample["id"] for sample in queue["samples"]]
    assert ids[:3] == ["train/007", "train/002", "val/003"]
    assert len(ids) == len(set(ids)) == 32
    assert queue["samples"][2]["checks"] == ["mask_all_ignored", "extension_wrong"]
    assert [each["sample"] for each in queue["left_out"]] == ["masks/lost.png"]
    assert queue["audited"]
    assert queue["classes"][1]["name"] == "cat"
    assert (queue["person"], queue["lang"], queue["name"]) == ("ann", "en", "data")
    found = client(desk(data)).get(f"/review/sample/{queue['samples'][2]['index']}.json").json()["findings"]
    assert [each["check"] for each in found] == ["mask_all_ignored", "extension_wrong"]
    assert found[0]["region_xywh"] == [1, 2, 3, 4]
    assert found[0]["sentence"].startswith("masks/val/003.png")


def test_findings_about_what_has_changed_since_are_left_out_and_that_is_said(data: Path, tmp_path: Path) -> None:
    maskwright.audit(data)
    folder = AuditFolder(tmp_path / "there")
    beside(data).path.rename(folder.path)
    ids = ["train/003", "train/004"]
    findings = [Finding(each, "mask_all_ignored", 0.9, {"file": each}, (1, 2, 3, 4)) for each in ids]
    write_findings(findings, folder.findings)
    write_json(
        folder.label_issues, {"format": 1, "label_issues": [{"sample": ids[0], "severity": 1.0, "kind": "none"}]}
    )
    save(data / "masks/train/003.png", mask(1, 2, 1))
    save(data / "images/train/new.png", photo(77))
    save(data / "masks/train/new.png", mask(0))
    dataset = read(data, allow_leak=True)
    inside = client(Desk(dataset, folder, Journal(folder.journal, dataset)))
    queue = inside.get("/review/queue.json").json()
    by_id = {sample["id"]: sample for sample in queue["samples"]}
    assert queue["samples"][0]["id"] == ids[1] and by_id[ids[0]]["checks"] == [] and by_id[ids[0]]["severity"] == 0
    again = f"maskwright audit {data} -o {folder.path}"
    assert queue["notices"] == [
        "Photos or masks that have changed since the audit: 1. "
        f"What it found of them is left out; {again} looks again.",
        f"Photos that the audit did not look at: 1. {again} looks at all.",
    ]
    changed = {each: inside.get(f"/review/sample/{by_id[each]['index']}.json").json()["changed"] for each in ids}
    assert changed == {ids[0]: True, ids[1]: False}
    assert "не просматривал: 1" in inside.get("/review/queue.json?lang=ru").json()["notices"][1]


def test_without_an_audit_the_reader_s_findings_sort_the_queue(data: Path) -> None:
    save(data / "images/train/009.png", photo(4))
    queue = client(desk(data)).get("/review/queue.json").json()
    assert not queue["audited"]
    assert queue["samples"][0]["id"] == "train/009"
    assert queue["samples"][0]["checks"] == ["duplicate_differs"]


def test_pixels_come_as_they_are(inside: TestClient) -> None:
    assert np.array_equal(_pixels(inside, "/review/sample/0/mask"), mask(1))
    regions = _pixels(inside, "/review/sample/0/superpixels", np.dtype("<u2"))  # type: ignore[arg-type]
    assert set(np.unique(regions)) == set(range(regions.max() + 1))


def test_photos_are_shown_as_they_are_read(data: Path, tmp_path: Path) -> None:
    inside = client(desk(data))
    answer = inside.get("/review/sample/0/photo")
    assert np.array_equal(_decoded(answer.content, tmp_path), photo(0))
    again = inside.get("/review/sample/0/photo", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


TURN_RIGHT = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"


def test_small_photos_are_small(data: Path, inside: TestClient, tmp_path: Path) -> None:
    answer = inside.get("/review/sample/0/photo?side=16")
    assert answer.headers["content-type"] == "image/jpeg"
    assert _decoded(answer.content, tmp_path).shape == (12, 16, 3)
    (data / "images/train/001.png").unlink()
    save(data / "images/train/001.png", photo(1, (480, 640)))
    save(data / "masks/train/001.png", mask(1, size_hw=(480, 640)))
    content = client(desk(data)).get("/review/sample/1/photo?side=96").content
    assert _decoded(content, tmp_path).shape == (72, 96, 3)
    assert inside.get("/review/sample/0/photo?side=100000").status_code == 422


def test_the_page_speaks_the_language_it_is_asked_for(data: Path) -> None:
    save(data / "images/train/009.png", photo(4))
    inside = client(desk(data))
    assert '<html lang="en">' in inside.get("/review").text
    assert '<html lang="ru">' in inside.get("/review?lang=ru").text
    queue = inside.get("/review/queue.json?lang=ru").json()
    assert queue["lang"] == "ru"
    index = queue["samples"][0]["index"]
    sentences = [
        inside.get(f"/review/sample/{index}.json?lang={lang}").json()["findings"][0]["sentence"]
        for lang in ("en", "ru")
    ]
    assert "exactly the same photo" in sentences[0]
    assert sentences[1] != sentences[0]
    assert inside.get("/review?lang=de").status_code == 422


@pytest.mark.parametrize(("exif", "as_it_is"), [(b"", True), (TURN_RIGHT, False)])
def test_a_jpeg_travels_as_it_is_unless_it_is_turned(data: Path, tmp_path: Path, exif: bytes, as_it_is: bool) -> None:
    (data / "images/train/000.png").unlink()
    file = data / "images/train/000.jpg"
    size_hw = SIZE_HW if as_it_is else SIZE_HW[::-1]
    save(file, photo(0, size_hw), **({"exif": exif} if exif else {}))
    content = client(desk(data)).get("/review/sample/0/photo").content
    assert (content == file.read_bytes()) == as_it_is
    assert _decoded(content, tmp_path).shape[:2] == SIZE_HW
    if not as_it_is:
        assert np.array_equal(_decoded(content, tmp_path), read_image(file))


def _decoded(content: bytes, folder: Path) -> np.ndarray:
    (folder / "shown").write_bytes(content)
    return read_image(folder / "shown")


def test_a_decision_is_saved_with_who_made_it(data: Path, inside: TestClient) -> None:
    saved = _decide(inside, 0, "exclude", note="blurred")
    assert (saved["status"], saved["saved"]) == (200, True)
    assert {key: saved["decision"][key] for key in ("action", "note", "who")} == {
        "action": "exclude",
        "note": "blurred",
        "who": "ann",
    }
    sample = client(desk(data)).get("/review/sample/0.json").json()
    assert sample["decision"] == saved["decision"]
    assert sample["version"] == saved["version"]
    queue = inside.get("/review/queue.json").json()
    assert [each["decision"] for each in queue["samples"] if each["index"] == 0] == ["exclude"]


def test_a_painted_mask_stands_and_the_old_one_can_be_seen(inside: TestClient) -> None:
    new = mask(2, 255)
    assert _decide(inside, 0, "relabel", new)["status"] == 200
    assert np.array_equal(_pixels(inside, "/review/sample/0/mask"), new)
    assert np.array_equal(_pixels(inside, "/review/sample/0/mask?original=1"), mask(1))
    classes = [each["class_ids"] for each in inside.get("/review/queue.json").json()["samples"] if each["index"] == 0]
    assert classes == [[0, 2]]
    assert _decide(inside, 0, "clear")["status"] == 200
    assert np.array_equal(_pixels(inside, "/review/sample/0/mask"), mask(1))
    sample = inside.get("/review/sample/0.json").json()
    assert sample["decision"] is None
    assert [each["action"] for each in sample["history"]] == ["relabel", "clear"]


def test_painted_masks_are_counted_after_a_restart_too(data: Path, inside: TestClient) -> None:
    _decide(inside, 0, "relabel", mask(2, 2))
    for page in (inside, client(desk(data))):
        queue = page.get("/review/queue.json").json()["samples"]
        assert [each["class_ids"] for each in queue if each["index"] == 0] == [[0, 2]]
    for file in (beside(data).path / "masks").rglob("*.png"):
        file.unlink()
    lost = client(desk(data)).get("/review/sample/0/mask")
    assert lost.status_code == 422
    assert "Copy the journal together with masks/" in lost.json()["error"]["message"]


def test_two_tabs_do_not_overwrite_each_other(data: Path) -> None:
    first, second = client(desk(data)), client(desk(data), person="bob")
    seen = second.get("/review/sample/0.json").json()
    saved = _decide(first, 0, "keep")
    body = {"sample": seen["id"], "action": "exclude", "mask": None, "version": seen["version"]}
    stale = second.post("/review/decisions", json=body)
    assert stale.status_code == 409
    assert stale.json()["error"]["kind"] == "Stale"
    assert stale.json()["current"] == {"version": saved["version"], "decision": saved["decision"]}
    body["version"] = stale.json()["current"]["version"]
    assert second.post("/review/decisions", json=body).status_code == 200
    assert first.get("/review/sample/0.json").json()["decision"]["who"] == "bob"


def test_leaving_out_is_shown_with_what_it_costs(inside: TestClient) -> None:
    cost = inside.get("/review/sample/0.json").json()["cost"]
    assert cost["images_before"] == [20, 10, 10]
    assert cost["images_after"] == [19, 9, 10]
    assert sum(cost["before"]) == pytest.approx(1)
    assert cost["after"][1] < cost["before"][1]
    _decide(inside, 2, "exclude")
    assert inside.get("/review/sample/0.json").json()["cost"]["images_before"] == [19, 9, 10]


def test_the_model_s_proposal_is_there_where_probabilities_are(data: Path, inside: TestClient) -> None:
    assert inside.get("/review/sample/0/proposal?method=model").status_code == 404
    probs = np.stack([mask(1) == class_id for class_id in range(3)]).astype(np.float32)
    write_probs(beside(data).probs, "train/000", probs)
    with_probs = client(desk(data))
    assert "model" in with_probs.get("/review/queue.json").json()["proposals"]
    assert _pixels(with_probs, "/review/sample/0/proposal?method=model").max() <= 2
    assert with_probs.get("/review/sample/1/proposal?method=model").status_code == 404


def test_a_proposal_takes_the_mask_that_is_being_painted(data: Path) -> None:
    asked: list[Region] = []

    def invert(_: np.ndarray, present: np.ndarray, region: Region) -> np.ndarray:
        asked.append(region)
        return np.where(present == 0, region.class_id, 0).astype(np.uint8)

    standing = desk(data)
    proposal: Proposal = invert
    inside = client(Desk(standing.dataset, beside(data), standing.journal, proposals={"mine": proposal}))
    assert inside.get("/review/queue.json").json()["proposals"] == ["grabcut", "mine"]
    body = {
        "method": "mine",
        "class_id": 2,
        "box_xywh": [1, 2, 3, 4],
        "points": [[5, 6, 1]],
        "mask": base64.b64encode(mask(2, 2).tobytes()).decode(),
    }
    answer = inside.post("/review/sample/0/propose", json=body)
    assert answer.content == np.where(mask(2, 2) == 0, 2, 0).astype(np.uint8).tobytes()
    assert asked == [Region(2, (1, 2, 3, 4), ((5, 6, 1),))]
    assert inside.post("/review/sample/0/propose", json={**body, "class_id": 3}).status_code == 422
    assert inside.post("/review/sample/0/propose", json={**body, "method": "none"}).status_code == 404


def test_ten_thousand_photos_are_a_small_queue(data: Path) -> None:
    standing = desk(data)
    sample = standing.dataset[0]
    many = [replace(sample, id=f"train/{number:06d}") for number in range(10_000)]
    crowd = replace(standing.dataset, samples=tuple(many))
    answer = client(Desk(crowd, beside(data), Journal(beside(data).journal, crowd))).get("/review/queue.json")
    assert len(answer.json()["samples"]) == 10_000
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < 500_000


def test_the_journal_s_lines_are_told_once_and_their_masks_stay(data: Path) -> None:
    inside = client(desk(data))
    queue = inside.get("/review/queue.json").json()["samples"]
    sample = next(each for each in queue if each["index"] == 0)
    height, width = sample["size_hw"]
    mask = base64.b64encode(bytes([1]) * (height * width)).decode()
    asked = {"sample": sample["id"], "action": "relabel", "mask": mask, "note": "all", "version": sample["version"]}
    painted = inside.post("/review/decisions", json=asked).json()["version"]
    asked = {"sample": sample["id"], "action": "clear", "note": "", "version": painted}
    assert inside.post("/review/decisions", json=asked).status_code == 200
    news = inside.get("/review/changes.json?since=0").json()
    told = [(each["action"], each["note"], each["mine"], bool(each["mask_digest"])) for each in news["decisions"]]
    assert told == [("relabel", "all", True, True), ("clear", "", True, False)]
    assert inside.get("/review/changes.json?since=1").json()["decisions"] == news["decisions"][1:]
    assert inside.get("/review/changes.json?since=2").json() == {"format": 1, "sequence": 2, "decisions": []}
    assert set(inside.get(f"/review/sample/0/mask?version={painted}").content) == {1}
    assert inside.get("/review/sample/0/mask?version=none").status_code == 404
    assert inside.get("/review/changes.json?since=-1").status_code == 422
