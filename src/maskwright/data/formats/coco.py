"""COCO: one JSON file per split with photos, categories, and objects as polygons or runs of pixels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask
from pydantic import BaseModel, FiniteFloat, NonNegativeInt, PositiveInt

from maskwright.data.annotation import (
    IGNORE_NAMES,
    Drawing,
    Shape,
    annotation_of,
    broken,
    not_drawn,
    with_background,
)
from maskwright.data.decode import Undecodable
from maskwright.data.finding import Finding
from maskwright.data.formats.documents import (
    Document,
    Photos,
    entries_broken,
    json_documents,
    listed,
    load_json,
    parsed_once,
    refusal,
    sample_of,
    split_in,
    split_in_name,
    understood,
    unread,
    unread_documents,
)
from maskwright.data.formats.target import Target, Written, shape_classes
from maskwright.data.listing import Listing, Pair
from maskwright.data.shapes import (
    MaskObject,
    edge_ring,
    has_holes,
    objects,
    paint_area,
    paint_runs,
    unpacked_counts,
    within_reach,
)
from maskwright.data.tree import Tree
from maskwright.errors import DataError
from maskwright.storage import json_text

NAME = "COCO"


class _Photo(BaseModel):
    id: int | str
    file_name: str
    height: PositiveInt
    width: PositiveInt


class _Category(BaseModel):
    id: int
    name: str


class _Runs(BaseModel):
    size: tuple[PositiveInt, PositiveInt]
    counts: str | list[NonNegativeInt]


class _Object(BaseModel):
    image_id: int | str
    category_id: int
    segmentation: list[list[FiniteFloat]] | _Runs | None = None
    iscrowd: int = 0
    area: FiniteFloat | None = None


class _Index(BaseModel):
    images: list[_Photo]
    categories: list[_Category]


def read(tree: Tree) -> Listing | None:
    """List a folder with COCO's annotation files.

    Args:
        tree: what lies in the dataset's folder.

    Returns:
        The pairs, or None when no JSON file has images, annotations and categories.

    Raises:
        DataError: a file cannot be understood, or two are the same split.
    """
    files = _files(tree)
    if not files:
        return None
    photos, pairs, names = Photos.of(tree), list[Pair](), list[str]()
    findings = [*unread_documents(NAME, tree), *_misnamed(tree)]
    for split, document in files.items():
        try:
            index = understood(document.content, _Index, document.file.path)
        except Undecodable as error:
            raise refusal(error) from None
        odd = [place for place, one in enumerate(document.content["annotations"]) if not _is_of_a_photo(one)]
        findings += entries_broken(document.file, [f"annotations.{place}" for place in odd])
        names += [category.name for category in sorted(index.categories, key=lambda one: one.id)]
        for photo in index.images:
            found = photos.find(photo.file_name, beside=document.file.path, split=split)
            if isinstance(found, Finding):
                findings.append(found)
                continue
            known = split or split_in(found.path)
            mask = annotation_of(document.file, f"image {photo.id}", read_drawing)
            pairs.append(Pair(sample_of(found, known), known, found, mask))
    return listed(NAME, tree, pairs, findings, with_background(names))


def read_drawing(path: Path, entry: str, name: str) -> Drawing:
    """The objects of one photo: crowds lowest, then the larger below the smaller.

    A crowd is drawn as its class: Datumaro and CVAT mark every object crowd that they write as runs of pixels.

    Args:
        path: the JSON file.
        entry: "image " and the photo's id.
        name: how messages call them.

    Raises:
        Undecodable: an object cannot be understood.
    """
    index = _parsed(path, name)
    photo = index.photos.get(entry)
    if photo is None:
        raise broken(name, "images", "the photo is no longer there")
    size_hw, shapes, passed = (photo.height, photo.width), list[tuple[bool, float, Shape]](), list[str]()
    for place, content in index.objects.get(entry, ()):
        one = understood(content, _Object, name, key=f"annotations.{place}")
        label = index.names.get(one.category_id)
        if label is None:
            raise broken(name, f"annotations.{place}.category_id", f"{one.category_id} stands in no category")
        if not one.segmentation:
            passed.append("bbox")
            continue
        shape, area = _shape(one, label, size_hw, f"annotations.{place}.segmentation", name)
        shapes.append((not one.iscrowd, -(one.area if one.area is not None else area), shape))
    shapes.sort(key=lambda entry: entry[:2])
    return Drawing(tuple(shape for *_, shape in shapes), size_hw, not_drawn(passed, name))


def _shape(one: _Object, label: str, size_hw: tuple[int, int], key: str, name: str) -> tuple[Shape, float]:
    if isinstance(one.segmentation, list):
        if any(len(ring) < 6 or len(ring) % 2 for ring in one.segmentation):
            raise broken(name, key, "a polygon needs at least three points, each with x and y")
        rings = [within_reach(np.array(ring).reshape(-1, 2), size_hw) for ring in one.segmentation]
        area = sum(float(np.ptp(ring[:, 0]) * np.ptp(ring[:, 1])) for ring in rings)
        return Shape(label, lambda canvas, value: paint_area(canvas, rings, value)), area
    assert one.segmentation is not None
    counts = _counts(one.segmentation, size_hw, key, name)
    return Shape(label, lambda canvas, value: paint_runs(canvas, counts, value)), float(sum(counts[1::2]))


def _counts(given: _Runs, size_hw: tuple[int, int], key: str, name: str) -> list[int]:
    height, width = size_hw
    if given.size != size_hw:
        raise broken(name, f"{key}.size", f"{given.size[1]} x {given.size[0]}, but the photo has {width} x {height}")
    try:
        counts = given.counts if isinstance(given.counts, list) else unpacked_counts(given.counts)
    except ValueError as error:
        raise broken(name, f"{key}.counts", error) from None
    if sum(counts) != height * width:
        raise broken(name, f"{key}.counts", f"they make {sum(counts)} pixels, the photo has {height * width}")
    return counts


class _Parsed:
    """A whole file, by photo: what many photos ask for one after the other."""

    def __init__(self, path: Path, name: str) -> None:
        content = load_json(path, name)
        index = understood(content, _Index, name)
        self.names = {category.id: category.name for category in index.categories}
        self.photos = {f"image {photo.id}": photo for photo in index.images}
        self.objects: dict[str, list[tuple[int, Any]]] = defaultdict(list)
        for place, one in enumerate(content["annotations"]):
            if _is_of_a_photo(one):
                self.objects[f"image {one['image_id']}"].append((place, one))


def _is_of_a_photo(one: Any) -> bool:
    return isinstance(one, dict) and "image_id" in one


@parsed_once
def _parsed(path: Path, name: str) -> _Parsed:
    return _Parsed(path, name)


def _files(tree: Tree) -> dict[str, Document]:
    """The annotation file of each split; `instances_` wins over keypoints, captions and the like."""
    documents = [one for one in json_documents(tree) if _is_coco(one.content)]
    chosen = [one for one in documents if _is_named(one)] or documents
    files: dict[str, Document] = {}
    for document in chosen:
        split = split_in_name(document.file.path)
        if split in files:
            raise DataError(
                f"{files[split].file.path} and {document.file.path} are both COCO's annotations"
                + (f" of {split}." if split else "."),
                expected="one of them",
                do="Move the other one out of this folder, or give each the name of its split: train.json, val.json.",
            )
        files[split] = document
    return files


def _misnamed(tree: Tree) -> list[Finding]:
    """The findings about files that are called like COCO's and hold something else."""
    others = [one for one in json_documents(tree) if _is_named(one) and not one.error and not _is_coco(one.content)]
    return [unread(NAME, one.file, "no images, annotations and categories") for one in others]


def _is_named(document: Document) -> bool:
    return document.file.name.startswith("instances")


def _is_coco(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and all(isinstance(content.get(key), list) for key in ("images", "annotations", "categories"))
        and (
            not content["annotations"]
            or any(isinstance(one, dict) and "segmentation" in one for one in content["annotations"])
        )
    )


def write(target: Target) -> Written:
    """Write `images/<split>/` and `annotations/instances_<split>.json`, one object per connected region.

    Regions with holes are runs of pixels (RLE), the others polygons along the edges of their pixels: both give back the
    same pixels. Pixels that are not judged are an object of the category `__ignore__` with `iscrowd` 1.
    """
    labels = shape_classes(target)
    categories = [{"id": place, "name": name} for place, name in enumerate(labels.values(), start=1)]
    numbers = {class_id: place for place, class_id in enumerate(labels, start=1)}
    for split, samples in target.splits.items():
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        found = target.each(
            samples, lambda sample, mask: [_entry(one, sample.size_hw, labels) for one in objects(mask, [*labels])]
        )
        for sample, entries in found:
            name = target.put_photo(sample, f"images/{split}")
            if entries is None:
                continue
            height, width = sample.size_hw
            images.append({"id": len(images) + 1, "file_name": name, "height": height, "width": width})
            for class_id, entry in entries:
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": len(images),
                        "category_id": numbers[class_id],
                        **entry,
                    }
                )
        content = {"info": {}, "licenses": [], "images": images, "annotations": annotations, "categories": categories}
        target.put(f"annotations/instances_{split}.json", json_text(content))
    return Written()


def _entry(one: MaskObject, size_hw: tuple[int, int], labels: dict[int, str]) -> tuple[int, dict[str, Any]]:
    return one.class_id, described(one, size_hw, crowd=labels[one.class_id] in IGNORE_NAMES)


def described(one: MaskObject, size_hw: tuple[int, int], *, crowd: bool = False) -> dict[str, Any]:
    """An object as COCO's annotations have it, without its ids; the shape gives back its pixels.

    Args:
        one: the object.
        size_hw: height and width of its photo.
        crowd: whether it is no single object.

    Returns:
        `segmentation` (runs of pixels where it has holes or is a crowd, else a polygon), `area`, `bbox`, `iscrowd`.
    """
    height, width = one.pixels.shape
    segmentation: Sequence[Any] | dict[str, Any] = (
        _rle(one, size_hw) if crowd or has_holes(one) else [edge_ring(one).ravel().tolist()]
    )
    return {
        "segmentation": segmentation,
        "area": one.area_px,
        "bbox": [*one.offset_xy, width, height],
        "iscrowd": int(crowd),
    }


def _rle(one: MaskObject, size_hw: tuple[int, int]) -> dict[str, Any]:
    whole = np.zeros(size_hw, np.uint8, order="F")
    (x, y), (height, width) = one.offset_xy, one.pixels.shape
    whole[y : y + height, x : x + width] = one.pixels
    return {"size": list(size_hw), "counts": coco_mask.encode(whole)["counts"].decode("ascii")}
