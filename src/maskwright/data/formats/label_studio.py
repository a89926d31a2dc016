"""Label Studio: its JSON export with brush strokes (its own runs of pixels), polygons and rectangles."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, FiniteFloat, PositiveInt

from maskwright.data.annotation import Canvas, Drawing, Shape, annotation_of, broken, not_drawn, with_background
from maskwright.data.finding import Finding
from maskwright.data.formats.documents import (
    Document,
    Photos,
    entries_broken,
    json_documents,
    listed,
    load_json,
    parsed_once,
    sample_of,
    split_in,
    split_in_name,
    understood,
    unread_documents,
)
from maskwright.data.formats.label_studio_runs import packed, unpacked
from maskwright.data.formats.target import Target, Written, shape_classes
from maskwright.data.listing import Listing, Pair, left_out, note
from maskwright.data.shapes import MaskObject, objects, paint_area, paint_pixels, within_reach
from maskwright.data.tree import File, Tree
from maskwright.storage import json_text

NAME = "Label Studio"

PHOTO_KEYS = ("image", "img", "photo", "picture")
"""Names of the field of a task that holds its photo, tried first; else the first field with a picture's extension."""


class _Value(BaseModel):
    format: str | None = None
    rle: list[int] | None = None
    points: list[tuple[FiniteFloat, FiniteFloat]] | None = None
    x: FiniteFloat | None = None
    y: FiniteFloat | None = None
    width: FiniteFloat | None = None
    height: FiniteFloat | None = None
    rotation: FiniteFloat = 0.0


class _Result(BaseModel):
    type: str
    original_width: PositiveInt
    original_height: PositiveInt
    value: _Value


def read(tree: Tree) -> Listing | None:
    """List a folder with Label Studio's JSON exports.

    A task's photo is found by its file name: what the tool puts before it (folders of the server, an upload's eight
    letters) is passed over where no such path is in the dataset.

    Args:
        tree: what lies in the dataset's folder.

    Returns:
        The pairs, or None when no JSON file is a list of tasks.
    """
    documents = [one for one in json_documents(tree) if _is_tasks(one.content)]
    if not documents:
        return None
    photos, pairs, labels, bare = Photos.of(tree), list[Pair](), dict[str, None](), 0
    findings = unread_documents(NAME, tree)
    for document in documents:
        odd = [place for place, task in enumerate(document.content) if not _is_task(task)]
        findings += entries_broken(document.file, [f"task {place}" for place in odd])
        for place, task in enumerate(document.content):
            if not _is_task(task):
                continue
            if not _annotations(task):
                bare += 1
                continue
            found, split = _photo(photos, document, task)
            labels |= dict.fromkeys(_labels(task))
            if isinstance(found, Finding):
                findings.append(found)
                continue
            sample = sample_of(found, split)
            if len(_annotations(task)) > 1:
                facts = {"file": f"{document.file.path} (task {place})", "count": len(_annotations(task))}
                findings.append(Finding(sample, "annotations_several", 0.3, facts))
            pairs.append(Pair(sample, split, found, annotation_of(document.file, f"task {place}", read_drawing)))
    names = with_background(sorted(labels))
    notes = [note("classes_from_labels", classes=", ".join(names))]
    notes += [note("tasks_unlabelled", count=bare)] if bare else []
    return listed(NAME, tree, pairs, findings, names, notes)


def read_drawing(path: Path, entry: str, name: str) -> Drawing:
    """The regions of one task's last annotation, in its order: later ones lie on top.

    Args:
        path: the JSON file.
        entry: "task " and the task's place in it.
        name: how messages call them.

    Raises:
        Undecodable: the file or a region cannot be understood.
    """
    tasks = _parsed(path, name)
    place = int(entry.removeprefix("task "))
    if place >= len(tasks) or not _annotations(tasks[place]):
        raise broken(name, "", "the task is no longer there")
    shapes, passed, size_hw = list[Shape](), list[str](), None
    for number, content in enumerate(_annotations(tasks[place])[-1]):
        key = f"result.{number}"
        if not isinstance(content, dict) or "value" not in content or "original_width" not in content:
            continue  # a choice or a text about the whole photo, a relation between regions
        one = understood(content, _Result, name, key=key)
        found_hw = one.original_height, one.original_width
        size_hw = size_hw or found_hw
        if size_hw != found_hw:
            raise broken(name, f"{key}.original_width", "regions of one photo with different sizes")
        paint = _paint(one, size_hw, key, name)
        label = _label(content)
        if paint is None or label is None:
            passed.append(one.type)
        else:
            shapes.append(Shape(label, paint))
    return Drawing(tuple(shapes), size_hw, not_drawn(passed, name))


def _paint(one: _Result, size_hw: tuple[int, int], key: str, name: str) -> Callable[[Canvas, int], None] | None:
    height, width = size_hw
    value, percent = one.value, np.array([width, height]) / 100
    if value.rle is not None:
        rle = value.rle  # unpacked only when the photo is known to have this size
        return lambda canvas, number: paint_pixels(
            canvas, (0, 0), _brush(rle, size_hw, f"{key}.value.rle", name), number
        )
    if value.points is not None and len(value.points) >= 3 and one.type in ("polygonlabels", "polygon", "labels"):
        ring = within_reach(np.array(value.points) * percent, size_hw)
        return lambda canvas, number: paint_area(canvas, [ring], number)
    box = (value.x, value.y, value.width, value.height)
    if one.type not in ("rectanglelabels", "rectangle") or None in box:
        return None
    x, y, w, h = (float(number or 0) for number in box)
    corners = np.array([[0, 0], [w, 0], [w, h], [0, h]]) * percent
    angle = np.deg2rad(value.rotation)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned = within_reach(corners @ turn.T + np.array([x, y]) * percent, size_hw)
    return lambda canvas, number: paint_area(canvas, [turned], number)


def _brush(rle: list[int], size_hw: tuple[int, int], key: str, name: str) -> NDArray[np.uint8]:
    height, width = size_hw
    try:
        return (unpacked(rle, 4 * height * width).reshape(height, width, 4)[..., 3] > 0).astype(np.uint8)
    except ValueError as error:
        raise broken(name, key, error) from None


def _is_tasks(content: Any) -> bool:
    return isinstance(content, list) and any(
        _is_task(task) and ("annotations" in task or "completions" in task) for task in content
    )


def _is_task(content: Any) -> bool:
    return isinstance(content, dict) and isinstance(content.get("data"), dict)


def _annotations(task: dict[str, Any]) -> list[list[Any]]:
    """The results of a task's annotations that were not skipped, in their order."""
    found = task.get("annotations") or task.get("completions") or []
    kept = (
        [one for one in found if isinstance(one, dict) and not one.get("was_cancelled")]
        if isinstance(found, list)
        else []
    )
    return [one["result"] for one in kept if isinstance(one.get("result"), list)]


def _labels(task: dict[str, Any]) -> list[str]:
    found = [_label(one) for one in _annotations(task)[-1] if isinstance(one, dict)]
    return [label for label in found if label is not None]


def _label(result: dict[str, Any]) -> str | None:
    """The label of a region: the first entry under `brushlabels`, `polygonlabels` and so on."""
    value = result.get("value")
    kind = str(result.get("type"))
    named = value.get(kind if kind in value else "labels") if isinstance(value, dict) else None
    return named[0] if isinstance(named, list) and named and isinstance(named[0], str) else None


def _photo(photos: Photos, document: Document, task: dict[str, Any]) -> tuple[File | Finding, str]:
    split = split_in_name(document.file.path)
    data = task["data"]
    texts = [data[key] for key in (*PHOTO_KEYS, *data) if isinstance(data.get(key), str)]
    pictures = [text for text in texts if File(_split(text).path).is_picture or "?d=" in text]
    if not pictures:
        found: File | Finding = left_out("listed_photo_missing", str(task.get("id")), file=document.file.path, name="")
        return found, split
    for name in _names(pictures[0]):
        found = photos.find(name, beside=document.file.path, split=split)
        if isinstance(found, File) or found.check == "path_outside":
            break
    return found, (split or split_in(found.path)) if isinstance(found, File) else split


def _split(text: str) -> SplitResult:
    """The parts of an address; what is none is taken for a path."""
    try:
        return urlsplit(text)
    except ValueError:
        return SplitResult("", "", text, "", "")


def _names(text: str) -> list[str]:
    """What a photo may be called in the dataset that a task names by an address of the server."""
    parts = _split(text)
    served = parts.path.startswith(("/data/upload/", "/data/local-files"))
    query = parse_qs(parts.query).get("d")
    if parts.scheme in ("http", "https", "s3", "gs", "azure-blob") or (served and not query):
        name = PurePosixPath(unquote(parts.path)).name
        return [name, re.sub(r"^[0-9a-f]{8}-", "", name)]
    return [query[0] if query else text]


@parsed_once
def _parsed(path: Path, name: str) -> list[dict[str, Any]]:
    content = load_json(path, name)
    if not _is_tasks(content):
        raise broken(name, "", "no list of tasks")
    tasks: list[dict[str, Any]] = content
    return tasks


def write(target: Target) -> Written:
    """Write `images/<split>/` and `<split>.json`, a brush region per connected region; the same pixels come back.

    Photos are named as Label Studio's local files (`/data/local-files/?d=images/...`), below the folder it is given.
    """
    labels, number = shape_classes(target), 0
    for split, samples in target.splits.items():
        tasks = []
        for sample, results in target.each(samples, lambda sample, mask: _results(sample.size_hw, mask, labels)):
            name = target.put_photo(sample, f"images/{split}")
            number += 1
            task: dict[str, Any] = {
                "id": number,
                "data": {"image": f"/data/local-files/?d={quote(f'images/{split}/{name}')}"},
            }
            annotations = [] if results is None else [{"id": number, "was_cancelled": False, "result": results}]
            tasks.append({**task, "annotations": annotations})
        target.put(f"{split}.json", json_text(tasks))
    target.put("label_config.xml", _config([*labels.values()]))
    return Written()


def _results(size_hw: tuple[int, int], mask: NDArray[np.uint8], labels: dict[int, str]) -> list[dict[str, Any]]:
    return [_result(f"r{place}", one, size_hw, labels) for place, one in enumerate(objects(mask, [*labels]))]


def _result(name: str, one: MaskObject, size_hw: tuple[int, int], labels: dict[int, str]) -> dict[str, Any]:
    height, width = size_hw
    (x, y), (h, w) = one.offset_xy, one.pixels.shape
    whole = np.zeros(size_hw, np.uint8)
    whole[y : y + h, x : x + w] = one.pixels * 255
    return {
        "id": name,
        "type": "brushlabels",
        "from_name": "label",
        "to_name": "image",
        "origin": "manual",
        "image_rotation": 0,
        "original_width": width,
        "original_height": height,
        "value": {"format": "rle", "rle": packed(whole), "brushlabels": [labels[one.class_id]]},
    }


def _config(labels: Sequence[str]) -> str:
    """The labelling interface that fits the tasks, for Label Studio's settings."""
    lines = [f"    <Label value={quoteattr(label)}/>" for label in labels]
    head = ['<Image name="image" value="$image"/>', '<BrushLabels name="label" toName="image">']
    return "\n".join(["<View>", *(f"  {line}" for line in head), *lines, "  </BrushLabels>", "</View>", ""])
