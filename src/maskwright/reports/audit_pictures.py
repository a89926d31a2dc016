"""The evidence of a finding, drawn: outlines on the photo, the region marked, small regions enlarged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import IGNORE, Classes
from maskwright.data.decode import read_image
from maskwright.data.finding import Finding
from maskwright.data.sample import Image, Mask, Sample
from maskwright.errors import DataError

PANEL_PX = 304
"""Longest side of a panel: two of them fill a card; smaller photos are enlarged to it."""
LINE_FRAC = 1 / 150
"""Width of an outline and of the region's frame, of the panel: seen at arm's length, and no object is hidden by it."""
TINT = 0.2
"""How much of a class's colour lies on its area: it tells the class, and the photo under it can still be judged."""
ZOOM_BELOW = 0.2
"""A region whose longest side is shorter than a fifth of the photo's is too small to be judged in the whole photo."""
CONTEXT = 3.0
"""An enlarged part is three times as wide as its region: what lies around tells what it should have been."""
SMALLEST_PART_PX = 64
"""An enlarged part is not narrower than that: fewer pixels show nothing that a person knows."""
_GAP_PX = 8
_DARK = 32

Part = tuple[int, int, int, int]
"""x, y, width and height in pixels of the photo."""


@dataclass(frozen=True)
class Evidence:
    """What is shown of a finding.

    Args:
        panels: one or two pictures, `(h, w, 3) uint8` RGB.
        names: what each shows: "photo", "label", "model", "part", "this", "other" or "file".
        class_ids: the classes that are labelled in the photo, or seen there by the model.
    """

    panels: tuple[Image, ...]
    names: tuple[str, ...]
    class_ids: tuple[int, ...] = ()


def evidence(
    finding: Finding,
    sample: Sample,
    classes: Classes,
    *,
    other: Sample | None = None,
    probs: NDArray[np.float32] | None = None,
    panel_px: int = PANEL_PX,
) -> Evidence:
    """Draw what a finding is about.

    Where the finding names another sample, both stand side by side. Where a model's opinion is there, label and model
    do. Otherwise the photo stands beside its label, or the label beside an enlarged part where the region is small.

    Args:
        finding: tells the region.
        sample: the sample that it is about.
        classes: give the colours.
        other: the sample that it is compared with.
        probs: `(C, H, W) float32` of a model, for a finding about the label.
        panel_px: longest side of a panel.

    Returns:
        The panels.

    Raises:
        DataError: the sample's files can no longer be read.
    """
    image, mask = sample.image(), sample.mask()
    region = _within(finding.region_xywh, image)
    part = around(region, image) if region is not None and _small(region, image) else None
    draw = partial(outlined, image, classes=classes, panel_px=panel_px)
    if other is not None:
        beside = outlined(other.image(), other.mask(), classes=classes, panel_px=panel_px)
        return Evidence((draw(mask, region=region), beside), ("this", "other"), _present(mask))
    if probs is not None and mask is not None:
        model = _opinion(probs, mask)
        panels = draw(mask, region=region, part=part), draw(model, region=region, part=part)
        return Evidence(panels, ("label", "model"), tuple(sorted({*_present(mask), *_present(model)})))
    whole = draw(mask, region=region)
    if part is not None:
        near = draw(mask, region=region, part=part)
        return Evidence((whole, near), ("photo" if mask is None else "label", "part"), _present(mask))
    if mask is None:
        return Evidence((whole,), ("photo",))
    return Evidence((draw(None), whole), ("photo", "label"), _present(mask))


def part_evidence(members: Iterable[Sample], class_id: int, classes: Classes, panel_px: int) -> Evidence | None:
    """Two samples of a part of the data that have a class, with their labels; None where none has it.

    Args:
        members: where they are looked for, in this order.
        class_id: the class.
        classes: give the colours.
        panel_px: longest side of a panel.

    Raises:
        DataError: a sample's files can no longer be read.
    """
    having = (each for each in members if class_id in _present(each.mask()))
    panels = tuple(
        outlined(each.image(), each.mask(), classes=classes, panel_px=panel_px) for each in islice(having, 2)
    )
    return Evidence(panels, ("label",) * len(panels), (class_id,)) if panels else None


def file_evidence(finding: Finding, root: Path, *, panel_px: int = PANEL_PX) -> Evidence | None:
    """The picture that a finding about a file names, as far as it can be decoded; None where it cannot.

    Args:
        finding: its facts name the photo as "image", or the file as "file", relative to the dataset's folder.
        root: the dataset's folder; nothing outside of it is opened.
        panel_px: longest side of the panel.
    """
    name = str(finding.facts.get("image") or finding.facts.get("file") or "")
    path = (root / name).resolve()
    if not name or not path.is_relative_to(root.resolve()) or not path.is_file():
        return None
    try:
        image = read_image(path)
    except (DataError, OSError):
        return None
    if 0 < image.max() < _DARK:  # a mask of small values would be seen as black
        image = (image * (255.0 / image.max())).astype(np.uint8)
    return Evidence((_fitted(image, panel_px),), ("file",))


def outlined(
    image: Image,
    mask: Mask | None,
    *,
    classes: Classes,
    part: Part | None = None,
    region: Part | None = None,
    panel_px: int = PANEL_PX,
) -> Image:
    """A photo, or a part of it, with the outline of each labelled area drawn after it was scaled.

    Classes with the colour black are not drawn, pixels that are not judged are hatched in white.

    Args:
        image: `(H, W, 3) uint8` RGB.
        mask: `(H, W) uint8` class ids, 255 where nothing is judged; None draws nothing.
        classes: give each id its colour.
        part: what is shown of it; None shows all.
        region: what a frame is drawn around.
        panel_px: longest side of the picture.

    Returns:
        `(h, w, 3) uint8` RGB, a new array.
    """
    x, y, width, height = part or (0, 0, image.shape[1], image.shape[0])
    drawn = _fitted(image[y : y + height, x : x + width], panel_px)
    size = drawn.shape[1], drawn.shape[0]
    if mask is not None:
        ids = cv2.resize(mask[y : y + height, x : x + width], size, interpolation=cv2.INTER_NEAREST)
        drawn = _with_areas(drawn, ids.astype(np.uint8), classes)
    if region is not None:
        scale = size[0] / width
        left, top = round((region[0] - x) * scale), round((region[1] - y) * scale)
        _frame(drawn, left, top, round(region[2] * scale), round(region[3] * scale))
    return drawn


def around(region: Part, image: Image) -> Part:
    """The square part of a photo in whose middle a region lies, as far as the photo goes."""
    height, width = image.shape[:2]
    side = min(round(max(CONTEXT * max(region[2:]), SMALLEST_PART_PX)), height, width)
    x = min(max(0, round(region[0] + region[2] / 2 - side / 2)), width - side)
    y = min(max(0, round(region[1] + region[3] / 2 - side / 2)), height - side)
    return x, y, side, side


def side_by_side(panels: tuple[Image, ...]) -> NDArray[np.uint8]:
    """Panels beside each other, in the middle of their row, with nothing (alpha 0) between them.

    Args:
        panels: `(h, w, 3) uint8` each.

    Returns:
        `(H, W, 4) uint8` RGBA.
    """
    height = max(panel.shape[0] for panel in panels)
    width = max(panel.shape[1] for panel in panels)
    picture = np.zeros((height, len(panels) * (width + _GAP_PX) - _GAP_PX, 4), np.uint8)
    for place, panel in enumerate(panels):
        top = (height - panel.shape[0]) // 2
        left = place * (width + _GAP_PX) + (width - panel.shape[1]) // 2
        picture[top : top + panel.shape[0], left : left + panel.shape[1], :3] = panel
        picture[top : top + panel.shape[0], left : left + panel.shape[1], 3] = 255
    return picture


def _opinion(probs: NDArray[np.float32], mask: Mask) -> Mask:
    """The class that the model finds most probable, at the size of the mask."""
    ids = np.argmax(probs, axis=0).astype(np.uint8)
    size = mask.shape[1], mask.shape[0]
    return np.asarray(cv2.resize(ids, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def _with_areas(image: Image, ids: Mask, classes: Classes) -> Image:
    rows, columns = np.ogrid[: ids.shape[0], : ids.shape[1]]
    image[(ids == IGNORE) & ((rows + columns) % 9 < 2)] = 235
    areas = {each: (ids == each).astype(np.uint8) for each in _present(ids, background=True)}
    drawn = {class_id: area for class_id, area in areas.items() if any(classes.colours[class_id])}
    for area in drawn.values():  # before any line: the dark rim of one area must not cover the line of another
        rim = cv2.dilate(area, np.ones((3, 3), np.uint8)) > area
        image[rim] = image[rim] // 3
    kernel = np.ones((2 * _line_px(image) + 1, 2 * _line_px(image) + 1), np.uint8)
    for class_id, area in drawn.items():
        colour = np.asarray(classes.colours[class_id], np.uint8)
        tinted = cv2.addWeighted(image, 1 - TINT, np.full_like(image, colour), TINT, 0)
        np.copyto(image, tinted, where=area[..., None] > 0)
        inner = cv2.erode(area, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1)
        image[area > inner] = colour
    return image


def _frame(drawn: Image, left: int, top: int, width: int, height: int) -> None:
    """A white frame with a dark rim just outside of a region."""
    line_px = _line_px(drawn)
    margin = 3 * line_px
    limits: Any = drawn.shape[1] - 2, drawn.shape[0] - 2
    start = max(1, left - margin), max(1, top - margin)
    end = min(limits[0], left + width + margin), min(limits[1], top + height + margin)
    cv2.rectangle(drawn, start, end, (10, 12, 14), line_px + 2)
    cv2.rectangle(drawn, start, end, (255, 255, 255), line_px)


def _line_px(drawn: Image) -> int:
    return max(1, round(LINE_FRAC * int(max(drawn.shape[:2]))))


def _fitted(image: Image, panel_px: int) -> Image:
    """A picture scaled until its longest side has `panel_px` pixels."""
    height, width = image.shape[:2]
    scale = panel_px / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, size, interpolation=way).astype(np.uint8)  # a new array


def _within(region: Part | None, image: Image) -> Part | None:
    """The part of a region that lies in the photo; None where none does, or all of the photo is meant."""
    if region is None:
        return None
    height, width = image.shape[:2]
    x, y = min(max(0, region[0]), width - 1), min(max(0, region[1]), height - 1)
    right, bottom = min(width, region[0] + region[2]), min(height, region[1] + region[3])
    inside = x, y, max(1, right - x), max(1, bottom - y)
    return None if inside[2:] == (width, height) else inside


def _small(region: Part, image: Image) -> bool:
    return bool(max(region[2:]) < ZOOM_BELOW * max(image.shape[:2]))


def _present(mask: Mask | None, *, background: bool = False) -> tuple[int, ...]:
    """The ids in a mask: without those that are not judged and, unless wanted, without the first."""
    if mask is None:
        return ()
    found = np.flatnonzero(np.bincount(mask.ravel(), minlength=256)).tolist()
    return tuple(int(each) for each in found if each != IGNORE and (background or each > 0))
