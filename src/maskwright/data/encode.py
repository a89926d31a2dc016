"""Writing masks, photos and findings as files."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PilImage

from maskwright.data.classes import IGNORE, Classes
from maskwright.data.finding import Finding
from maskwright.data.sample import Image, Mask
from maskwright.errors import DataError, shown
from maskwright.storage import json_text, write_bytes, write_text

JPEG_QUALITY = 88
"""Where blocks are no longer seen at arm's length; 95 would double the report's size."""


def write_mask_png(path: Path, mask: Mask, classes: Classes) -> None:
    """Write a mask as an index PNG that every labelling tool reads, whole or not at all.

    Args:
        path: the file, `.png`.
        mask: `(H, W) uint8` class ids, 255 where nothing is judged.
        classes: gives each id its value on disk and its palette colour. Values above 255 make a 16-bit grey PNG,
            which has no palette.

    Raises:
        DataError: the mask holds an id that is no class, or ignored pixels that have no value on disk.
    """
    write_bytes(path, mask_png(mask, classes, name=shown(path)))


def mask_png(mask: Mask, classes: Classes, *, name: str = "mask") -> bytes:
    """The bytes of a mask as `write_mask_png` writes it.

    Args:
        mask: `(H, W) uint8` class ids, 255 where nothing is judged.
        classes: gives each id its value on disk and its palette colour.
        name: how messages call the mask.

    Raises:
        DataError: as `write_mask_png`.
    """
    values = mask_values(mask, classes, name=name)
    picture = PilImage.fromarray(values)
    if values.dtype == np.uint8:
        picture.putpalette(_palette_on_disk(classes).tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def mask_values(mask: Mask, classes: Classes, *, name: str = "mask") -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The values that a mask has on disk.

    Args:
        mask: `(H, W) uint8` class ids, 255 where nothing is judged.
        classes: gives each id its value.
        name: how messages call the mask.

    Returns:
        `(H, W) uint8`, or `uint16` when a class has a value above 255.

    Raises:
        DataError: as `write_mask_png`.
    """
    ignored = _ignore_on_disk(classes)
    table = np.zeros(256, np.uint16)
    table[: len(classes)] = classes.values
    table[IGNORE] = ignored if ignored is not None else 0
    known = {*range(len(classes)), *([IGNORE] if ignored is not None else [])}
    unknown = sorted(set(np.flatnonzero(np.bincount(mask.ravel(), minlength=256)).tolist()) - known)
    if unknown:
        raise DataError(
            f"{name}: class id {', '.join(map(str, unknown))} cannot be written.",
            expected=f"ids 0..{len(classes) - 1}" + (f" or {IGNORE} for ignore" if ignored is not None else ""),
            do="Declare an ignore value in classes.yaml." if unknown == [IGNORE] else "Were these classes meant?",
        )
    values = table[mask]
    return values.astype(np.uint8) if max(classes.values) <= 255 and (ignored or 0) <= 255 else values


def write_jpeg(path: Path, image: Image, *, quality: int = JPEG_QUALITY) -> None:
    """Write a picture as JPEG, whole or not at all.

    Args:
        path: the file, `.jpg`.
        image: `(H, W, 3) uint8` RGB.
        quality: 1..100.
    """
    _, encoded = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    write_bytes(path, encoded.tobytes())


def photo_png(image: Image) -> bytes:
    """A photo `(H, W, 3) uint8` RGB as the content of a PNG file."""
    buffer = io.BytesIO()
    PilImage.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def write_findings(findings: Iterable[Finding], path: Path) -> None:
    """Write `findings.jsonl`: one JSON object per finding, whole or not at all."""
    write_text(path, "".join(json_text(finding.record()) + "\n" for finding in findings))


def _ignore_on_disk(classes: Classes) -> int | None:
    return classes.ignore if classes.ignore is not None else None if IGNORE in classes.values else IGNORE


def _palette_on_disk(classes: Classes) -> NDArray[np.uint8]:
    palette = np.zeros((256, 3), np.uint8)
    ignored = _ignore_on_disk(classes)
    if ignored is not None:
        palette[ignored] = 255
    palette[list(classes.values)] = classes.colours
    return palette
