"""LabelMe: one JSON file per photo with polygons, rectangles, circles, lines and small pictures."""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage
from PIL import PngImagePlugin
from pydantic import BaseModel, FiniteFloat, PositiveInt

from maskwright.data.annotation import (
    Canvas,
    Drawing,
    Embedded,
    Shape,
    annotation_of,
    broken,
    not_drawn,
    with_background,
)
from maskwright.data.decode import MAX_PIXELS
from maskwright.data.finding import Finding
from maskwright.data.formats.documents import (
    Document,
    Photos,
    json_documents,
    listed,
    load_json,
    sample_of,
    split_in,
    understood,
)
from maskwright.data.formats.target import Target, Written, shape_classes, stem_of
from maskwright.data.listing import Listing, Pair, left_out, note, split_id
from maskwright.data.shapes import (
    MaskObject,
    Points,
    has_holes,
    objects,
    paint_drawn,
    paint_pixels,
    pixel_rings,
    within_reach,
)
from maskwright.data.tree import File, Tree
from maskwright.storage import json_text

NAME = "LabelMe"

LINE_PX = 10
"""Width of a line or line strip, as LabelMe itself draws them into masks."""


class _Shape(BaseModel):
    label: str
    points: list[tuple[FiniteFloat, FiniteFloat]]
    shape_type: str | None = "polygon"
    mask: str | None = None


class _File(BaseModel):
    shapes: list[_Shape]
    imagePath: str
    imageHeight: PositiveInt | None = None
    imageWidth: PositiveInt | None = None


def read(tree: Tree) -> Listing | None:
    """List a folder with LabelMe's files.

    The photo is the one that the file names, beside it or elsewhere in the dataset; else the one inside of the file.

    Args:
        tree: what lies in the dataset's folder.

    Returns:
        The pairs, or None when no JSON file has shapes and an imagePath.
    """
    documents = [one for one in json_documents(tree) if _is_labelme(one.content)]
    if not documents:
        return None
    photos, pairs, findings = Photos.of(tree), list[Pair](), list[Finding]()
    unread = [one for one in json_documents(tree) if one.error]
    for document in (*documents, *unread):
        photo, split = _photo(photos, document)
        if isinstance(photo, Finding):
            findings.append(photo)
        else:
            mask = annotation_of(document.file, "", read_drawing)
            pairs.append(Pair(sample_of(photo, split), split, photo, mask))
    labels = {label for document in documents for label in _labels(document.content)}
    names = with_background(sorted(labels))
    notes = (note("classes_from_labels", classes=", ".join(names)),)
    return listed(NAME, tree, pairs, findings, names, notes)


def read_drawing(path: Path, entry: str, name: str) -> Drawing:  # noqa: ARG001 - the file holds one photo
    """The shapes of one file, in its order: later ones lie on top, as LabelMe shows them.

    Args:
        path: the JSON file.
        entry: "".
        name: how messages call the file.

    Raises:
        Undecodable: the file or a shape cannot be understood.
    """
    content = load_json(path, name)
    file = understood(content, _File, name)
    size_hw = (file.imageHeight, file.imageWidth) if file.imageHeight and file.imageWidth else None
    shapes, passed = [], []
    for place, one in enumerate(file.shapes):
        kind = one.shape_type or "polygon"
        if kind == "mask":
            shapes.append(Shape(one.label, _pasted(one, f"shapes.{place}", name)))
        elif kind not in _DRAWN:
            passed.append(kind)
        else:
            least, draw = _DRAWN[kind]
            if len(one.points) < least:
                raise broken(name, f"shapes.{place}.points", f"a {kind} needs at least {least} points")
            shapes.append(Shape(one.label, _drawn(draw, np.array(one.points))))
    return Drawing(tuple(shapes), size_hw, not_drawn(passed, name))


Draw = Callable[[Canvas, Points, int], None]


def _drawn(draw: Draw, points: Points) -> Callable[[Canvas, int], None]:
    return lambda canvas, value: draw(canvas, within_reach(points, (canvas.shape[0], canvas.shape[1])), value)


def _polygon(canvas: Canvas, points: Points, value: int) -> None:
    paint_drawn(canvas, "polygon", points, value)


def _rectangle(canvas: Canvas, points: Points, value: int) -> None:
    paint_drawn(canvas, "rectangle", np.array([points[:2].min(axis=0), points[:2].max(axis=0)]), value)


def _circle(canvas: Canvas, points: Points, value: int) -> None:
    radius = math.dist(points[0], points[1])
    paint_drawn(canvas, "ellipse", np.array([points[0] - radius, points[0] + radius]), value)


def _line(canvas: Canvas, points: Points, value: int) -> None:
    paint_drawn(canvas, "line", points, value, LINE_PX)


_DRAWN: dict[str, tuple[int, Draw]] = {
    "polygon": (3, _polygon),
    "oriented_rectangle": (4, _polygon),
    "rectangle": (2, _rectangle),
    "circle": (2, _circle),
    "line": (2, _line),
    "linestrip": (2, _line),
}
"""Kind of shape -> how many points it needs, how it is drawn; "mask" is pasted, others (point, points) have no area."""


def _pasted(one: _Shape, key: str, name: str) -> Callable[[Canvas, int], None]:
    if one.mask is None or not one.points:
        raise broken(name, f"{key}.mask", "a mask without its picture or its place")
    pixels = _small_picture(one.mask, f"{key}.mask", name)
    x, y = np.clip(np.array(one.points[0]), -(2**30), 2**30).astype(int).tolist()
    return lambda canvas, value: paint_pixels(canvas, (x, y), pixels, value)


def _small_picture(text: str, key: str, name: str) -> NDArray[np.uint8]:
    try:
        content = base64.b64decode(text, validate=True)
        with PngImagePlugin.PngImageFile(io.BytesIO(content)) as picture:
            if picture.size[0] * picture.size[1] > MAX_PIXELS:
                raise ValueError(f"{picture.size[0]} x {picture.size[1]} pixels")
            return (np.asarray(picture.convert("L")) > 0).astype(np.uint8)
    except Exception as error:  # decoders of foreign bytes raise anything: SyntaxError, struct.error, KeyError ...
        raise broken(name, key, f"no PNG in base64 ({error})") from None


def _is_labelme(content: Any) -> bool:
    return isinstance(content, dict) and isinstance(content.get("shapes"), list) and "imagePath" in content


def _photo(photos: Photos, document: Document) -> tuple[File | Finding, str]:
    """The photo of a file and its split."""
    file, content = document.file, document.content or {}
    split = split_in(file.path)
    if document.error:
        alike = next((name for name in photos.by_path if File(name).stem() == file.stem()), None)
        stem = PurePosixPath(file.stem()).name
        found: File | Finding = (
            photos.by_path[alike]
            if alike
            else left_out(document.error.check, split_id(split, stem), **document.error.facts)
        )
    else:
        named = content["imagePath"]
        found = photos.find(named if isinstance(named, str) else "", beside=file.path, split=split)
    if isinstance(found, Finding):
        if found.check == "listed_photo_missing" and content.get("imageData"):
            return Embedded(file.path, file.kind, file.size, file.mtime_ns, _embedded), split
        return found, split
    return found, split or split_in(found.path)


def _embedded(path: Path, name: str) -> bytes:
    content = load_json(path, name)
    try:
        return base64.b64decode(content["imageData"])
    except (KeyError, TypeError, binascii.Error) as error:
        raise broken(name, "imageData", error) from None


def _labels(content: Any) -> set[str]:
    shapes = [shape for shape in content["shapes"] if isinstance(shape, dict)]
    drawn = [shape for shape in shapes if (shape.get("shape_type") or "polygon") in (*_DRAWN, "mask")]
    return {shape["label"] for shape in drawn if isinstance(shape.get("label"), str)}


def write(target: Target) -> Written:
    """Write `<split>/` with each photo and its JSON file beside it.

    One shape per connected region: a polygon through the outermost pixels, or where there are holes a "mask" shape;
    drawn by LabelMe, both give back the same pixels.
    """
    labels = shape_classes(target)
    for split, samples in target.splits.items():
        for sample, shapes in target.each(
            samples, lambda _, mask: [_entry(one, labels) for one in objects(mask, [*labels])]
        ):
            name = target.put_photo(sample, split)
            if shapes is None:
                continue
            height, width = sample.size_hw
            content: dict[str, Any] = {
                "version": "5.10.1",
                "flags": {},
                "shapes": shapes,
                "imagePath": PurePosixPath(name).name,
                "imageData": None,
                "imageHeight": height,
                "imageWidth": width,
            }
            target.put(f"{split}/{stem_of(sample)}.json", json_text(content))
    return Written()


def _entry(one: MaskObject, labels: dict[int, str]) -> dict[str, Any]:
    entry: dict[str, Any] = {"label": labels[one.class_id], "group_id": None, "description": "", "flags": {}}
    if has_holes(one):
        (x, y), (height, width) = one.offset_xy, one.pixels.shape
        buffer = io.BytesIO()
        PilImage.fromarray(one.pixels.astype(bool)).save(buffer, "PNG")
        picture = base64.b64encode(buffer.getvalue()).decode("ascii")
        corners = [[x, y], [x + width - 1, y + height - 1]]
        return {**entry, "points": corners, "shape_type": "mask", "mask": picture}
    ring = pixel_rings(one)[0].tolist()
    return {**entry, "points": (ring * 3)[: max(3, len(ring))], "shape_type": "polygon", "mask": None}
