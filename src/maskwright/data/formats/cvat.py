"""CVAT for images 1.1: an XML file with masks as runs of pixels, polygons, boxes and ellipses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.annotation import Canvas, Drawing, Shape, annotation_of, broken, not_drawn, with_background
from maskwright.data.decode import MAX_PIXELS, Undecodable
from maskwright.data.finding import Finding
from maskwright.data.formats.documents import (
    Photos,
    entries_broken,
    listed,
    parsed_once,
    refusal,
    sample_of,
    split_in,
    split_in_name,
    unread,
)
from maskwright.data.formats.target import Target, Written, shape_classes
from maskwright.data.listing import SPLIT_NAMES, Listing, Pair
from maskwright.data.shapes import MaskObject, Points, objects, paint_area, paint_pixels, within_reach
from maskwright.data.tree import File, Tree
from maskwright.errors import DataError

NAME = "CVAT for images"


@dataclass(frozen=True)
class _Content:
    """An XML file: the labels it declares, its photos in their order, and the first of each name."""

    labels: tuple[str, ...]
    photos: tuple[ElementTree.Element, ...]
    images: dict[str, ElementTree.Element]


def read(tree: Tree) -> Listing | None:
    """List a folder with CVAT's `annotations.xml`, or one XML file per split.

    Args:
        tree: what lies in the dataset's folder.

    Returns:
        The pairs, or None when no XML file holds CVAT's annotations of images.

    Raises:
        DataError: a file cannot be understood, or two are the same split.
    """
    every = [file for file in tree.files if file.extension == ".xml" and file.kind == "file"]
    files = [file for file in every if _is_cvat(tree, file)]
    if not files:
        return None
    photos, pairs, labels = Photos.of(tree), list[Pair](), list[str]()
    findings = _unread(tree, [file for file in every if file not in files])
    for file_split, file in _by_split(files).items():
        try:
            content = _parsed(tree.root / file.path, file.path)
        except Undecodable as error:
            raise refusal(error) from None
        labels += content.labels
        odd = [place for place, image in enumerate(content.photos) if not image.get("name")]
        findings += entries_broken(file, [f"image {place + 1}" for place in odd])
        for image in content.photos:
            name = image.get("name", "")
            if not name:
                continue
            split = SPLIT_NAMES.get(image.get("subset", "").lower(), file_split)
            found = photos.find(name, beside=file.path, split=split)
            if isinstance(found, Finding):
                findings.append(found)
            else:
                known = split or split_in(found.path)
                pairs.append(Pair(sample_of(found, known), known, found, annotation_of(file, name, read_drawing)))
    return listed(NAME, tree, pairs, findings, with_background(labels))


def _by_split(files: Sequence[File]) -> dict[str, File]:
    splits: dict[str, File] = {}
    for file in files:
        split = split_in_name(file.path)
        if split in splits:
            raise DataError(
                f"{splits[split].path} and {file.path} are both CVAT's annotations"
                + (f" of {split}." if split else "."),
                expected="one of them",
                do="Move the other one out of this folder, or give each the name of its split: train.xml, val.xml.",
            )
        splits[split] = file
    return splits


def _order(text: str, key: str, name: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise broken(name, key, error) from None


def read_drawing(path: Path, entry: str, name: str) -> Drawing:
    """The shapes of one photo: a higher `z_order` lies on top, and of equal ones the later.

    Args:
        path: the XML file.
        entry: the photo's name in it.
        name: how messages call them.

    Raises:
        Undecodable: the file or a shape cannot be understood.
    """
    image = _parsed(path, name).images.get(entry)
    if image is None:
        raise broken(name, "image", "the photo is no longer there")
    size_hw = _whole(image, "height", "image", name), _whole(image, "width", "image", name)
    shapes, passed = list[tuple[float, int, Shape]](), list[str]()
    for place, one in enumerate(image):
        key = f"{one.tag} {place + 1}"
        if one.tag in _DRAWN:
            paint = _DRAWN[one.tag](one, size_hw, key, name)
            shapes.append(
                (_order(one.get("z_order") or "0", key, name), place, Shape(_text(one, "label", key, name), paint))
            )
        elif one.tag != "tag":  # a tag says something about the whole photo
            passed.append(one.tag)
    shapes.sort(key=lambda each: each[:2])
    return Drawing(tuple(shape for *_, shape in shapes), size_hw, not_drawn(passed, name))


Paint = Callable[[Canvas, int], None]


def _mask(one: ElementTree.Element, _: tuple[int, int], key: str, name: str) -> Paint:
    left, top, width, height = (_whole(one, field, key, name) for field in ("left", "top", "width", "height"))
    if width * height > MAX_PIXELS:
        raise broken(name, key, f"{width} x {height} pixels")
    try:
        counts = [int(count) for count in _text(one, "rle", key, name).split(",")]
    except ValueError as error:
        raise broken(name, f"{key}: rle", error) from None
    if min(counts) < 0 or sum(counts) != width * height:
        raise broken(name, f"{key}: rle", f"the runs make {sum(counts)} pixels, the box has {width * height}")
    values = np.arange(len(counts)) % 2
    pixels = values.repeat(counts).reshape(height, width).astype(np.uint8)
    return lambda canvas, value: paint_pixels(canvas, (left, top), pixels, value)


def _polygon(one: ElementTree.Element, size_hw: tuple[int, int], key: str, name: str) -> Paint:
    try:
        points = [[float(number) for number in pair.split(",")] for pair in _text(one, "points", key, name).split(";")]
        ring = np.array(points, np.float64)
    except ValueError as error:
        raise broken(name, f"{key}: points", error) from None
    if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3 or not np.isfinite(ring).all():
        raise broken(name, f"{key}: points", "a polygon needs at least three points, each with x and y")
    return _area(ring, size_hw)


def _box(one: ElementTree.Element, size_hw: tuple[int, int], key: str, name: str) -> Paint:
    left, top, right, bottom = (_number(one, field, key, name) for field in ("xtl", "ytl", "xbr", "ybr"))
    ring = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    return _area(_turned(ring, one, key, name), size_hw)


def _ellipse(one: ElementTree.Element, size_hw: tuple[int, int], key: str, name: str) -> Paint:
    x, y, radius_x, radius_y = (_number(one, field, key, name) for field in ("cx", "cy", "rx", "ry"))
    angles = np.linspace(0, 2 * np.pi, 256, endpoint=False)
    ring = np.column_stack([x + radius_x * np.cos(angles), y + radius_y * np.sin(angles)])
    return _area(_turned(ring, one, key, name), size_hw)


def _turned(ring: Points, one: ElementTree.Element, key: str, name: str) -> Points:
    """A ring turned about its middle, clockwise as seen, by the degrees under `rotation`."""
    degrees = _number(one, "rotation", key, name) if one.get("rotation") else 0.0
    middle = (ring.max(axis=0) + ring.min(axis=0)) / 2
    turn = cv2.getRotationMatrix2D((0, 0), -degrees, 1)[:, :2]
    return np.asarray((ring - middle) @ turn.T + middle, np.float64)


def _area(ring: Points, size_hw: tuple[int, int]) -> Paint:
    near = within_reach(ring, size_hw)
    return lambda canvas, value: paint_area(canvas, [near], value)


_DRAWN = {"mask": _mask, "polygon": _polygon, "box": _box, "ellipse": _ellipse}
"""The elements that have an area; polyline, points, cuboid and skeleton have none."""


def _text(one: ElementTree.Element, field: str, key: str, name: str) -> str:
    text = one.get(field)
    if not text:
        raise broken(name, key, f"the attribute {field} is missing")
    return text


def _number(one: ElementTree.Element, field: str, key: str, name: str) -> float:
    text = _text(one, field, key, name)
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not np.isfinite(number):
        raise broken(name, f"{key}: {field}", f"{text[:40]!r} is no number")
    return number


def _whole(one: ElementTree.Element, field: str, key: str, name: str) -> int:
    number = _number(one, field, key, name)
    if number != int(number) or not 0 <= number < 2**24:
        raise broken(name, f"{key}: {field}", f"{number:g} is no number of pixels")
    return int(number)


def _is_cvat(tree: Tree, file: File) -> bool:
    try:
        with (tree.root / file.path).open("rb") as opened:
            start = opened.read(4096)
    except OSError:
        return False
    return b"<annotations>" in start and b"<annotation>" not in start


def _unread(tree: Tree, files: Sequence[File]) -> list[Finding]:
    """The findings about files that are no XML; another tool's XML is passed over."""
    findings = []
    for file in files:
        try:
            _xml(tree.root / file.path, file.path)
        except Undecodable as error:
            findings.append(unread(NAME, file, error.facts["error"]))
    return findings


def _xml(path: Path, name: str) -> ElementTree.Element:
    try:
        content = path.read_bytes()
        if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
            raise broken(name, "", "a document type; entities could make it unpack to any size")
        return ElementTree.fromstring(content)
    except (OSError, ElementTree.ParseError) as error:
        raise broken(name, "", error) from None


@parsed_once
def _parsed(path: Path, name: str) -> _Content:
    root = _xml(path, name)
    labels = [label.findtext("name", "") for label in root.iterfind("./meta//labels/label")]
    photos = tuple(root.iterfind("image"))
    used = [one.get("label", "") for photo in photos for one in photo if one.tag in _DRAWN]
    images = {photo.get("name", ""): photo for photo in reversed(photos)}
    return _Content(tuple(filter(None, dict.fromkeys([*labels, *used]))), photos, images)


def write(target: Target) -> Written:
    """Write `images/<split>/` and `annotations.xml`, a mask per connected region; the same pixels come back.

    Samples without a mask are left out of the XML file: listed there they would count as empty.
    """
    labels, missing = shape_classes(target), 0
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    _describe(ElementTree.SubElement(root, "meta"), target, labels)
    count = 0
    for split, samples in target.splits.items():
        for sample, found in target.each(
            samples, lambda _, mask: [_element(one, labels) for one in objects(mask, [*labels])]
        ):
            name = target.put_photo(sample, f"images/{split}")
            if found is None:
                missing += 1
                continue
            height, width = sample.size_hw
            facts = {"id": str(count), "name": f"{split}/{name}", "subset": split}
            ElementTree.SubElement(root, "image", {**facts, "width": str(width), "height": str(height)}).extend(found)
            count += 1
    ElementTree.indent(root)
    content = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    target.put("annotations.xml", content)
    return Written(missing)


def _describe(meta: ElementTree.Element, target: Target, labels: dict[int, str]) -> None:
    """A project with a task per split, as CVAT exports it, and the labels with their colours."""
    project = ElementTree.SubElement(meta, "project")
    tasks = ElementTree.SubElement(project, "tasks")
    for split, samples in target.splits.items():
        task = ElementTree.SubElement(tasks, "task")
        for name, text in (("name", split), ("size", str(len(samples))), ("mode", "annotation"), ("subset", split)):
            ElementTree.SubElement(task, name).text = text
    declared = ElementTree.SubElement(project, "labels")
    for class_id, label in labels.items():
        one = ElementTree.SubElement(declared, "label")
        ElementTree.SubElement(one, "name").text = label
        ElementTree.SubElement(one, "color").text = "#" + bytes(target.classes.palette[class_id].tolist()).hex()
        ElementTree.SubElement(one, "attributes")
    ElementTree.SubElement(project, "subsets").text = "\n".join(target.splits)


def _element(one: MaskObject, labels: dict[int, str]) -> ElementTree.Element:
    (left, top), (height, width) = one.offset_xy, one.pixels.shape
    facts = {"left": left, "top": top, "width": width, "height": height, "z_order": 0}
    return ElementTree.Element(
        "mask",
        {
            "label": labels[one.class_id],
            "source": "manual",
            "occluded": "0",
            "rle": ", ".join(map(str, _runs(one.pixels))),
            **{name: str(value) for name, value in facts.items()},
        },
    )


def _runs(pixels: NDArray[np.uint8]) -> list[int]:
    """Lengths of the runs of 0, 1, 0, ..., row by row."""
    flat = pixels.ravel()
    ends = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff([0, *ends.tolist(), flat.size]).tolist()
    return [0, *lengths] if flat[0] else lengths
