"""What is written of a prediction says what its mask says."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pycocotools import mask as coco_mask

from maskwright.data.classes import make_classes
from maskwright.data.shapes import edge_polygons, objects
from maskwright.errors import UsageError, shown
from maskwright.inference.objects import describe_objects
from maskwright.inference.predict import predict
from maskwright.inference.spill import Spill
from maskwright.inference.written import WRITERS, kinds_of

CLASSES = make_classes(["background", "cat", "dog"], values=(0, 100, 200))
MASKS = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 2))


class Drawn:
    """A predictor whose answer is in the photo: the class is the red channel over 100."""

    digest, classes = "d" * 8, CLASSES

    def __call__(self, image: np.ndarray) -> np.ndarray:
        sure = np.eye(3, dtype=np.float32)[image[..., 0] // 100]
        return (0.8 * sure + np.float32(0.2) / 3).transpose(2, 0, 1).astype(np.float32)


def drawn(path: Path, mask: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.stack([mask * 100] * 3, axis=2).astype(np.uint8)).save(path)


def filled(rings: list[Any], size_hw: tuple[int, int]) -> np.ndarray:
    """The pixels inside of rings along the edges of pixels, by the even-odd rule."""
    inside = np.zeros(size_hw, bool)
    for ring in rings:
        for (x, y), (x_next, y_next) in zip(ring, [*ring[1:], ring[0]], strict=True):
            assert (x == x_next) != (y == y_next) or (x, y) == (x_next, y_next)
            if x == x_next:
                inside[min(y, y_next) : max(y, y_next), x:] ^= True
    return inside


def signed_area(ring: Any) -> float:
    x, y = np.asarray(ring, float).T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


@settings(max_examples=300, deadline=None)
@given(MASKS)
def test_polygons_drawn_again_are_the_objects(mask: np.ndarray) -> None:
    again = np.zeros_like(mask)
    for one in objects(mask, [1, 2]):
        polygons = edge_polygons(one)
        for outer, *holes in polygons:
            assert all(
                len({*map(tuple, ring.tolist())}) == len(ring) for ring in (outer, *holes)
            )  # none touches itself
            assert signed_area(outer) > 0 and all(signed_area(hole) < 0 for hole in holes)
        inside = filled([ring.tolist() for rings in polygons for ring in rings], mask.shape)
        assert inside.sum() == one.area_px == sum(signed_area(ring) for rings in polygons for ring in rings)
        again[inside] = one.class_id
    np.testing.assert_array_equal(again, mask)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own
@settings(max_examples=200, deadline=None)
@given(MASKS)
def test_cocos_shapes_decoded_by_pycocotools_are_the_mask(mask: np.ndarray) -> None:
    again = np.zeros_like(mask)
    for one in describe_objects(mask, CLASSES, shapes=True):
        shape = one["segmentation"]
        runs = shape if isinstance(shape, dict) else coco_mask.merge(coco_mask.frPyObjects(shape, *mask.shape))
        pixels = coco_mask.decode(runs).astype(bool)
        assert pixels.sum() == one["area"] == coco_mask.area(runs) and not again[pixels].any()
        assert one["bbox"] == coco_mask.toBbox(runs).tolist()
        again[pixels] = one["class"]
    np.testing.assert_array_equal(again, mask)


def test_everything_at_once_and_going_on_gives_the_same(tmp_path: Path) -> None:
    first = np.zeros((20, 30), np.uint8)
    first[2:12, 3:15] = 1
    first[5:8, 6:9] = 0  # a hole
    first[14:18, 20:28] = 2
    first[12, 15] = 1  # touches at a corner: the same object
    second = np.full((10, 10), 2, np.uint8)
    drawn(tmp_path / "in" / "sub" / "a.png", first)
    drawn(tmp_path / "in" / "b.png", second)
    drawn(tmp_path / "in" / "c.png", np.zeros((6, 6), np.uint8))
    everything = [*WRITERS, "objects", "coco"]
    predict(Drawn(), CLASSES, tmp_path / "in", tmp_path / "out", write=everything)
    out = tmp_path / "out"
    np.testing.assert_array_equal(np.asarray(Image.open(out / "colours" / "sub" / "a.png")), CLASSES.palette[first])
    with np.load(out / "probs" / "sub" / "a.npz", allow_pickle=False) as kept:
        assert kept["probs"].dtype == np.uint8 and kept["classes"].tolist() == [*CLASSES.names]
        np.testing.assert_array_equal(kept["probs"].argmax(0), first)
        assert np.abs(kept["probs"] / 255 - Drawn()(np.asarray(Image.open(tmp_path / "in/sub/a.png")))).max() < 1 / 509
    shapes = json.loads((out / "geojson" / "sub" / "a.geojson").read_text())
    assert [(one["id"], one["geometry"]["type"], one["properties"]["class"]) for one in shapes["features"]] == [
        (1, "MultiPolygon", "cat"),
        (2, "Polygon", "dog"),
    ]
    assert len(shapes["features"][0]["geometry"]["coordinates"][0]) == 2  # an outline and a hole
    assert shapes["features"][1]["geometry"]["coordinates"] == [[[28, 14], [28, 18], [20, 18], [20, 14], [28, 14]]]
    assert shapes["features"][1]["properties"] == {
        "class": "dog", "value": 200, "area_px": 32, "share": 32 / 600, "box_px": [20, 14, 8, 4]
    }  # fmt: skip
    with (out / "objects.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (out / "predictions.csv").open(newline="") as file:
        assert {row["file"] for row in rows} <= {row["file"] for row in csv.DictReader(file)}
    below = len(f"{shown(tmp_path / 'in')}/")
    assert [(row["file"][below:], row["class"], row["object"], row["area_px"]) for row in rows] == [
        ("b.png", "dog", "all", "100"),
        ("b.png", "dog", "1", "100"),
        ("sub/a.png", "cat", "all", "112"),
        ("sub/a.png", "cat", "1", "112"),
        ("sub/a.png", "dog", "all", "32"),
        ("sub/a.png", "dog", "2", "32"),
    ]
    assert [rows[5][name] for name in ("left_px", "top_px", "width_px", "height_px", "share")] == [
        "20", "14", "8", "4", "0.053333"
    ]  # fmt: skip
    coco = json.loads((out / "coco.json").read_text())
    assert [image["file_name"] for image in coco["images"]] == ["b.png", "c.png", "sub/a.png"]
    assert coco["categories"] == [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    assert [(one["id"], one["image_id"], one["category_id"]) for one in coco["annotations"]] == [
        (1, 1, 2),
        (2, 3, 1),
        (3, 3, 2),
    ]
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    for gone in ("probs/b.npz", "geojson/b.geojson", "objects.csv", "coco.json"):
        (out / gone).unlink()
    again = predict(Drawn(), CLASSES, tmp_path / "in", out, write=",".join(everything))
    assert (again.done, again.skipped) == (1, 2)
    made = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert {path for path in before if before[path] != made[path]} == set()


def test_photos_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for place in ("one", "two"):
        drawn(tmp_path / place / "a.png", np.full((10, 10), 2, np.uint8))
    predict(Drawn(), CLASSES, [tmp_path / "one", tmp_path / "two"], tmp_path / "out", write=["objects", "coco"])
    files = [shown(tmp_path / place / "a.png") for place in ("one", "two")]
    with (tmp_path / "out" / "objects.csv").open(newline="") as file:
        assert list(dict.fromkeys(row["file"] for row in csv.DictReader(file))) == files
    coco = json.loads((tmp_path / "out" / "coco.json").read_text())
    assert [image["file_name"] for image in coco["images"]] == ["a.png", files[1]]


def test_the_mask_of_all_pixels_of_a_class_can_be_measured_by_hand(tmp_path: Path) -> None:
    mask = np.zeros((40, 40), np.uint8)
    cv2.circle(mask, (15, 15), 9, 1, -1)
    cv2.circle(mask, (32, 32), 5, 1, -1)
    drawn(tmp_path / "a.png", mask)
    predict(Drawn(), CLASSES, tmp_path / "a.png", tmp_path / "out", write="objects")
    with (tmp_path / "out" / "objects.csv").open(newline="") as file:
        together, *each = csv.DictReader(file)
    rows, columns = np.nonzero(mask)
    assert int(together["area_px"]) == mask.sum() == sum(int(one["area_px"]) for one in each)
    assert [int(together[name]) for name in ("left_px", "top_px")] == [columns.min(), rows.min()]
    assert int(together["width_px"]) == columns.max() - columns.min() + 1 and len(each) == 2


def test_what_can_be_written_is_named() -> None:
    assert kinds_of("masks") == () and kinds_of("probs, masks,overlays") == ("overlays", "probs")
    with pytest.raises(UsageError, match=r"--write geojsn: nothing of that name.*\n.*Did you mean geojson"):
        kinds_of(["geojsn"])


def test_values_on_disk_come_back_in_their_order(tmp_path: Path) -> None:
    spill: Spill[Any] = Spill(tmp_path, lambda value: value)
    places = np.random.default_rng(0).permutation(3000).tolist()
    for place in places:
        spill.put(place, {"place": place, "text": "ф" * (place % 7)})
    assert [value["place"] for value in spill] == list(range(3000)) and spill[-1] == spill[2999] and len(spill) == 3000
    assert [value["place"] for value in spill[10:13]] == [10, 11, 12] and list(tmp_path.iterdir()) == []
    with pytest.raises(IndexError):
        spill[3000]
