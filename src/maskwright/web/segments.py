"""The forms in which a predicted mask is sent: pictures, COCO's runs, polygons, or areas alone."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from PIL import Image as PilImage
from pycocotools import mask as coco_mask

from maskwright.data.classes import Classes
from maskwright.data.encode import JPEG_QUALITY, mask_png, mask_values
from maskwright.data.pictures import overlay
from maskwright.data.sample import Image, Mask
from maskwright.inference.written import geojson
from maskwright.web.security import accepted

Format = Literal["palette", "index", "overlay", "rle", "geojson", "areas"]
Areas = list[dict[str, Any]]
"""For each class its `id`, `name`, `value`, how many `pixels` it has and what `share` of the photo."""


@dataclass(frozen=True, eq=False)
class Segmented:
    """A photo and its mask.

    Args:
        image: `(H, W, 3) uint8` RGB.
        mask: `(H, W) uint8` class ids.
        classes: what they mean.
    """

    image: Image
    mask: Mask
    classes: Classes

    def areas(self) -> Areas:
        """How much of the photo each class has."""
        return areas_of(self.mask, self.classes)


def areas_of(mask: Mask, classes: Classes) -> Areas:
    """How many pixels of a mask `(H, W) uint8` each class has."""
    pixels = np.bincount(mask.ravel(), minlength=256)[: len(classes)].tolist()
    rows = zip(classes.names, classes.values, pixels, strict=True)
    return [
        {"id": place, "name": name, "value": value, "pixels": count, "share": count / mask.size}
        for place, (name, value, count) in enumerate(rows)
    ]


def _palette(made: Segmented) -> bytes:
    return mask_png(made.mask, made.classes)


def _index(made: Segmented) -> bytes:
    buffer = io.BytesIO()
    PilImage.fromarray(mask_values(made.mask, made.classes)).save(buffer, "PNG")
    return buffer.getvalue()


def _overlay(made: Segmented) -> bytes:
    drawn = overlay(made.image, made.mask, made.classes)
    _, encoded = cv2.imencode(".jpg", drawn[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return encoded.tobytes()


def _rle(made: Segmented) -> dict[str, Any]:
    """Each class as COCO has regions without polygons: one annotation, compressed runs of its pixels."""
    annotations = []
    for area in made.areas():
        if area["pixels"]:
            runs = coco_mask.encode(np.asfortranarray(made.mask == area["id"], np.uint8))
            box = [round(edge) for edge in coco_mask.toBbox(runs)]
            annotations.append(
                {
                    "category_id": area["id"],
                    "segmentation": {"size": list(made.mask.shape), "counts": runs["counts"].decode("ascii")},
                    "area": area["pixels"],
                    "bbox": box,
                    "iscrowd": 1,
                }
            )
    return {"annotations": annotations}


def _geojson(made: Segmented) -> dict[str, Any]:
    return geojson(made.mask, made.classes)


def _areas(_made: Segmented) -> dict[str, Any]:
    return {}


PICTURES: Mapping[Format, tuple[str, Callable[[Segmented], bytes]]] = {
    "palette": ("image/png", _palette),
    "index": ("image/png", _index),
    "overlay": ("image/jpeg", _overlay),
}
VALUES: Mapping[Format, tuple[str, Callable[[Segmented], dict[str, Any]]]] = {
    "rle": ("application/json", _rle),
    "geojson": ("application/geo+json", _geojson),
    "areas": ("application/json", _areas),
}
"""Every format with its media type and how it is made; a value gets the areas and times besides, a picture has them in
its headers."""

FOR_ACCEPT: Mapping[str, Format] = {
    "image/png": "palette",
    "application/json": "rle",
    "application/geo+json": "geojson",
    "image/jpeg": "overlay",
}
"""What a client gets that names no format, by the media type that it accepts; the first for any."""


def format_for(accept: str) -> Format | None:
    """The format that an Accept header asks for (RFC 9110, 12.5.1), None where it takes none of ours."""
    for kind in accepted(accept if accept.strip() else "*/*"):
        for ours, chosen in FOR_ACCEPT.items():
            if kind in (ours, "*/*", f"{ours.split('/')[0]}/*"):
                return chosen
    return None


def sent(chosen: Format, made: Segmented) -> bytes | dict[str, Any]:
    """A mask in a format: the bytes of a picture, or a value for JSON."""
    return PICTURES[chosen][1](made) if chosen in PICTURES else VALUES[chosen][1](made)


def media_type(chosen: Format) -> str:
    """What a format is called in headers."""
    return (PICTURES[chosen] if chosen in PICTURES else VALUES[chosen])[0]


def header_text(areas: Areas) -> str:
    """Pixels by class as a header's value: JSON of ASCII letters alone."""
    return json.dumps({area["name"]: area["pixels"] for area in areas}, ensure_ascii=True)
