"""Slips of the pen: pieces and holes too small to be meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from maskwright.audit.robust import between
from maskwright.audit.seen import named
from maskwright.audit.view import Region, SampleView
from maskwright.data.finding import Finding

MARGIN_PX = 10
"""Around a speck in the evidence: one sees where it is."""


def specks(view: SampleView) -> Iterator[Finding]:
    """Separate pieces of a class that are too small to be an object of it.

    A class of which a mask has nothing else is worse: the object itself is not labelled, or has another name.
    """
    limit = view.settings.speck_frac * view.pixels
    for class_id, name in enumerate(view.classes.names[1:], start=1):
        pieces = [region for region in view.regions if region.class_id == class_id]
        small = [region for region in pieces if region.area_px < limit and not _at_border(view, region)]
        if not small:
            continue
        alone = len(small) == len(pieces)
        severity = between(len(small), 1, 10, 0.35, 0.2)
        yield _finding(view, "mask_speck_only" if alone else "mask_specks", 0.55 if alone else severity, small, name)


def holes(view: SampleView) -> Iterator[Finding]:
    """Pieces of the first class, or of no class, inside of an object and too small to be meant."""
    if view.mask is None:
        return
    limit = view.settings.hole_frac * view.pixels
    small = [
        region
        for region in view.regions
        if region.class_id == 0 and region.area_px < limit and not _at_border(view, region)
    ]
    if small:
        around = _around(view, small[0])
        yield _finding(view, "mask_holes", between(len(small), 1, 10, 0.35, 0.15), small, view.classes.names[around])


def _finding(view: SampleView, check: str, severity: float, small: Sequence[Region], name: str) -> Finding:
    largest = max(small, key=lambda region: region.area_px)
    facts = {
        "file": named(view.sample),
        "class_name": name,
        "count": len(small),
        "percent": f"{100 * sum(region.area_px for region in small) / view.pixels:.2g}",
    }
    return Finding(view.sample.id, check, severity, facts, view.on_photo(largest.xywh, MARGIN_PX))


def _at_border(view: SampleView, region: Region) -> bool:
    """What the photo's border cuts off may be the tip of something larger."""
    x, y, w, h = region.xywh
    return x == 0 or y == 0 or x + w == view.image.shape[1] or y + h == view.image.shape[0]


def _around(view: SampleView, region: Region) -> int:
    """The class that a region lies in."""
    assert view.mask is not None
    x, y, w, h = region.xywh
    box = view.mask[max(0, y - 1) : y + h + 1, max(0, x - 1) : x + w + 1]
    counts = np.bincount(box.ravel(), minlength=256)[1 : len(view.classes)]
    return int(counts.argmax()) + 1 if counts.any() else 0
