"""The objects of predicted masks: connected regions with area and box, as a table and as COCO's annotations."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from maskwright.data.annotation import background_of
from maskwright.data.classes import Classes
from maskwright.data.sample import Mask
from maskwright.data.shapes import MaskObject, objects
from maskwright.metrics.photo import Cell, csv_cell
from maskwright.storage import json_text, replacing

COLUMNS = ("file", "class", "object", "area_px", "share", "left_px", "top_px", "width_px", "height_px")
"""Of `objects.csv`."""

Described = dict[str, Any]
"""An object as JSON: `class` (id), `object` (number), `area`, `bbox`, and `segmentation` where COCO is wanted."""


def numbered_objects(mask: Mask, classes: Classes) -> Iterator[tuple[int, MaskObject]]:
    """The connected regions (8 neighbours) of all classes but the background, numbered from 1.

    Args:
        mask: `(H, W) uint8` class ids.
        classes: what they mean; the class called background makes no objects, and where none is called so all do.
    """
    ground = background_of(classes)
    yield from enumerate(objects(mask, [place for place in range(len(classes)) if place != ground]), start=1)


def describe_objects(mask: Mask, classes: Classes, *, shapes: bool) -> list[Described]:
    """What is told of each object of a mask.

    Args:
        mask: `(H, W) uint8` class ids.
        classes: what they mean.
        shapes: whether their shapes are told too, as COCO has them.
    """
    from maskwright.data.formats.coco import described  # all formats come with it

    size_hw, found = (mask.shape[0], mask.shape[1]), []
    for number, one in numbered_objects(mask, classes):
        height, width = one.pixels.shape
        about = described(one, size_hw) if shapes else {"area": one.area_px, "bbox": [*one.offset_xy, width, height]}
        found.append({"class": one.class_id, "object": number, **about})
    return found


Told = tuple[str, str, tuple[int, int], Sequence[Described]]
"""A photo's file as `predictions.csv` calls it, its path below what was given, its height and width, its objects."""


def write_objects(path: Path, told: Iterable[Told], classes: Classes) -> None:
    """Write `objects.csv`, whole or not at all: for each class that a photo has a row of all its objects together
    (`object` is "all", the box holds them all), then one of each.

    Args:
        path: the file.
        told: the photos with their objects.
        classes: what their ids mean.
    """
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for name, _, (height, width), found in told:
            for class_id in sorted({one["class"] for one in found}):
                own = [one for one in found if one["class"] == class_id]
                for one in ({"object": "all", **_together(own)}, *own):
                    start: list[Cell] = [name, classes.names[class_id], one["object"], one["area"]]
                    writer.writerow(map(csv_cell, [*start, one["area"] / (height * width), *one["bbox"]]))


def write_coco(path: Path, told: Iterable[Told], classes: Classes) -> None:
    """Write `coco.json`, whole or not at all and photo by photo, as `maskwright convert --to coco` writes datasets.

    Photos are called by their paths below what was given, and as `predictions.csv` calls them where another one is
    called so already.

    Args:
        path: the file.
        told: the photos with their objects and shapes.
        classes: what their ids mean; the background is no category.
    """
    ground = background_of(classes)
    numbers = {place: number for number, place in enumerate((p for p in range(len(classes)) if p != ground), start=1)}
    categories = [{"id": number, "name": classes.names[place]} for place, number in numbers.items()]
    images: list[str] = []
    called: set[str] = set()
    count = 0
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", errors="backslashreplace") as out:
        out.write('{"info": {}, "licenses": [], "annotations": [')
        for file, relative, (height, width), found in told:
            name = file if relative in called else relative
            called.add(name)
            images.append(json_text({"id": len(images) + 1, "file_name": name, "height": height, "width": width}))
            for one in found:
                entry = {key: value for key, value in one.items() if key not in ("class", "object")}
                entry |= {"id": count + 1, "image_id": len(images), "category_id": numbers[one["class"]]}
                out.write(f"{',' * bool(count)}\n{json.dumps(entry)}")
                count += 1
        out.write(f'],\n"images": [{", ".join(images)}],\n"categories": {json_text(categories)}}}\n')


def _together(own: Sequence[Described]) -> Described:
    boxes = np.array([one["bbox"] for one in own])
    start, end = boxes[:, :2].min(axis=0), (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
    return {"area": sum(one["area"] for one in own), "bbox": [*start.tolist(), *(end - start).tolist()]}
