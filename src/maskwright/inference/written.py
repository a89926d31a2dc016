"""What can be written of a prediction: one table of kinds, each with its folder, its extension and its writer."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maskwright.data.classes import Classes
from maskwright.data.encode import photo_png, write_jpeg
from maskwright.data.pictures import overlay
from maskwright.data.sample import Image, Mask
from maskwright.data.shapes import MaskObject, edge_polygons
from maskwright.errors import UsageError, nearest
from maskwright.inference.objects import numbered_objects
from maskwright.inference.predictor import Probs
from maskwright.storage import json_text, write_bytes, write_text


@dataclass(frozen=True, eq=False)
class Prediction:
    """A photo and what was predicted for it.

    Args:
        image: `(H, W, 3) uint8` RGB.
        mask: `(H, W) uint8` class ids.
        probs: `(C, H, W) float32`, or None where none of what is written needs them.
    """

    image: Image
    mask: Mask
    probs: Probs | None = None


Writer = Callable[[Path, Prediction, Classes], None]
"""Writes a file whole or not at all."""


def kinds_of(write: str | Sequence[str]) -> tuple[str, ...]:
    """The kinds that are meant, each once, in the order of the tables.

    Args:
        write: names of `WRITERS`, `WHOLE` and `PUT_TOGETHER`, as a list or with commas between them; "masks" may stand
            among them and says nothing, since masks are always written; "films" are made of "overlays".

    Raises:
        UsageError: a name is no kind.
    """
    names = [name.strip() for name in (write.split(",") if isinstance(write, str) else write)]
    known = ("masks", *WRITERS, *WHOLE, *PUT_TOGETHER)
    for name in names:
        if name not in known:
            raise UsageError(f"--write {name}: nothing of that name is written.", do=nearest(name, known))
    if "films" in names:
        names.append("overlays")
    return tuple(kind for kind in known[1:] if kind in names)


def _write_colours(path: Path, made: Prediction, classes: Classes) -> None:
    write_bytes(path, photo_png(classes.palette[made.mask]))


def _write_overlay(path: Path, made: Prediction, classes: Classes) -> None:
    write_jpeg(path, overlay(made.image, made.mask, classes))


def _write_uncertainty(path: Path, made: Prediction, _classes: Classes) -> None:
    from maskwright.inference.quality import write_quality  # SciPy comes with it

    write_quality(path, _probs(made))


def _write_probs(path: Path, made: Prediction, classes: Classes) -> None:
    buffer = io.BytesIO()
    steps = np.rint(255 * _probs(made)).astype(np.uint8)
    np.savez_compressed(buffer, format=np.asarray(1), probs=steps, classes=np.asarray(classes.names))
    write_bytes(path, buffer.getvalue())


def _write_geojson(path: Path, made: Prediction, classes: Classes) -> None:
    write_text(path, json_text(geojson(made.mask, classes)) + "\n")


def geojson(mask: Mask, classes: Classes) -> dict[str, Any]:
    """The objects of a mask as a GeoJSON FeatureCollection (RFC 7946), in pixels of the photo: x right, y down.

    Args:
        mask: `(H, W) uint8` class ids.
        classes: what they mean; the background makes no objects.
    """
    features = [_feature(number, one, mask.size, classes) for number, one in numbered_objects(mask, classes)]
    return {"type": "FeatureCollection", "features": features}


def _feature(number: int, one: MaskObject, photo_px: int, classes: Classes) -> dict[str, Any]:
    polygons = [[_closed(ring.tolist()) for ring in rings] for rings in edge_polygons(one)]
    several = len(polygons) > 1
    height, width = one.pixels.shape
    return {
        "type": "Feature",
        "id": number,
        "geometry": {
            "type": "MultiPolygon" if several else "Polygon",
            "coordinates": polygons if several else polygons[0],
        },
        "properties": {
            "class": classes.names[one.class_id],
            "value": classes.values[one.class_id],
            "area_px": one.area_px,
            "share": one.area_px / photo_px,
            "box_px": [*one.offset_xy, width, height],
        },
    }


def _closed(ring: list[list[int]]) -> list[list[int]]:
    return [*ring, ring[0]]


def _probs(made: Prediction) -> Probs:
    if made.probs is None:
        raise UsageError("The probabilities are wanted, and the predictor was asked for masks only.")
    return made.probs


WRITERS: Mapping[str, tuple[str, Writer]] = {
    "colours": (".png", _write_colours),
    "overlays": (".jpg", _write_overlay),
    "uncertainty": (".png", _write_uncertainty),
    "probs": (".npz", _write_probs),
    "geojson": (".geojson", _write_geojson),
}
"""What has a file for each photo, by the name of its folder: its extension and its writer."""

WHOLE = ("objects", "coco")
"""What is one file about all photos: `objects.csv` and `coco.json`."""

PUT_TOGETHER = ("films",)
"""What is made of the overlays of all frames of a film."""

NEED_PROBS = ("uncertainty", "probs")

FOLDERS = ("masks", *WRITERS, *PUT_TOGETHER)
"""Where what is made of the photos lies, in the folder of the predictions."""
