"""Small folders in the layouts of labelling tools, written by hand as those tools write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maskwright.data.reading import read
from maskwright.data.sample import Mask
from small_folders import SIZE_HW, photo, save

HEIGHT, WIDTH = SIZE_HW


def write_json(path: Path, content: Any) -> None:
    """Write JSON; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def photos(root: Path, folder: str, count: int = 12) -> list[str]:
    """Photos `000.png`, `001.png`, ... of noise in a folder; their names are given back."""
    for number in range(count):
        save(root / folder / f"{number:03d}.png", photo(number))
    return [f"{number:03d}.png" for number in range(count)]


def square(left: int, top: int, right: int, bottom: int) -> list[list[float]]:
    """The corners of a rectangle."""
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def filled(left: int, top: int, right: int, bottom: int, value: int = 1) -> np.ndarray:
    """Background with one rectangle, the right and lower edge not in it, `(H, W) uint8`."""
    mask = np.zeros(SIZE_HW, np.uint8)
    mask[top:bottom, left:right] = value
    return mask


def labelme(root: Path, *shapes: dict[str, Any], count: int = 12, **more: Any) -> Path:
    """LabelMe's files: the first photo has the given shapes, the others a cat of four by four pixels."""
    for number, name in enumerate(photos(root, ".", count)):
        plain = [{"label": "cat", "points": square(2, 2, 5, 5), "shape_type": "polygon"}]
        content = {"version": "5.5.0", "flags": {}, "shapes": list(shapes) if number == 0 else plain}
        content |= {"imagePath": name, "imageData": None, "imageHeight": HEIGHT, "imageWidth": WIDTH}
        write_json(root / f"{number:03d}.json", content | (more if number == 0 else {}))
    return root


def coco(root: Path, *objects: dict[str, Any], count: int = 12, categories: Sequence[str] = ("cat", "dog")) -> Path:
    """COCO's: the first photo has the given objects, the others a cat of four by four pixels."""
    names = photos(root, "images", count)
    images = [{"id": 10 + n, "file_name": name, "height": HEIGHT, "width": WIDTH} for n, name in enumerate(names)]
    flat = [number for corner in square(2, 2, 6, 6) for number in corner]
    plain = [{"id": 90 + n, "image_id": 10 + n, "category_id": 1, "segmentation": [flat]} for n in range(1, count)]
    given = [{"id": 1 + n, "image_id": 10, "category_id": 1, **one} for n, one in enumerate(objects)]
    named = [{"id": n, "name": name} for n, name in enumerate(categories, start=1)]
    content = {"images": images, "annotations": [*given, *plain], "categories": named}
    write_json(root / "annotations" / "instances.json", content)
    return root


def yolo(root: Path, *lines: str, count: int = 12) -> Path:
    """YOLO-seg's: the first photo has the given lines, the others a cat."""
    photos(root, "images/train", count)
    for number in range(count):
        text = "\n".join(lines) if number == 0 else "0 0.2 0.2 0.5 0.2 0.5 0.5"
        path = root / "labels" / "train" / f"{number:03d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "data.yaml").write_text("path: ../elsewhere\ntrain: ../train/images\nnames: [cat, dog]\n")
    return root


def cvat(root: Path, *elements: str, count: int = 12) -> Path:
    """CVAT's: the first photo has the given elements, the others a cat."""
    names = photos(root, "images", count)
    plain = '<polygon label="cat" points="2,2;6,2;6,6;2,6" z_order="0"/>'
    shapes = ["".join(elements), *[plain] * (count - 1)]
    images = "".join(
        f'<image id="{n}" name="{name}" width="{WIDTH}" height="{HEIGHT}">{inside}</image>'
        for n, (name, inside) in enumerate(zip(names, shapes, strict=True))
    )
    labels = "".join(f"<label><name>{name}</name></label>" for name in ("cat", "dog"))
    meta = f"<version>1.1</version><meta><task><labels>{labels}</labels></task></meta>"
    (root / "annotations.xml").write_text(f'<?xml version="1.0"?><annotations>{meta}{images}</annotations>')
    return root


def label_studio(root: Path, *results: dict[str, Any], count: int = 12) -> Path:
    """Label Studio's: the first task has the given results, the others a cat."""
    tasks = []
    for number, name in enumerate(photos(root, "images", count)):
        plain = polygon_result("cat", square(12.5, 20, 40, 60))
        annotations = [{"result": list(results) if number == 0 else [plain]}]
        tasks.append({"id": number, "data": {"image": f"/data/upload/3/0123abcd-{name}"}, "annotations": annotations})
    write_json(root / "export.json", tasks)
    return root


def polygon_result(label: str, points: Sequence[Sequence[float]]) -> dict[str, Any]:
    """A polygon of Label Studio; points in percent."""
    return {
        "type": "polygonlabels",
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "value": {"points": points, "polygonlabels": [label]},
    }


def first_mask(root: Path) -> Mask:
    """The mask of the first photo of a folder in which nothing is left out."""
    dataset = read(root, cache=False)
    assert [finding for finding in dataset.findings if finding.left_out] == []
    (sample,) = [sample for sample in dataset if sample.id.endswith("000")]
    mask = sample.mask()
    assert mask is not None
    return mask


def flat(*corners: int) -> list[float]:
    """The corners of a rectangle as COCO writes a polygon."""
    return [number for corner in square(*corners) for number in corner]


def shape(kind: str, *points: tuple[float, float], label: str = "cat", **more: object) -> dict[str, object]:
    """A shape of LabelMe."""
    return {"label": label, "points": [list(point) for point in points], "shape_type": kind, **more}


CAT = shape("polygon", (2, 3), (9, 3), (9, 8), (2, 8))
