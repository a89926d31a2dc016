"""SAM 2 as a proposal: loaded when it is first asked for."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from maskwright.data.sample import Image, Mask
from maskwright.errors import UsageError
from maskwright.review.proposals import Proposal, Region, replaced
from maskwright.weights.sam import fetched_sam


def sam_proposal() -> Proposal | None:
    """A proposal that takes the object in a box, or under clicks, or that the present mask of the class surrounds.

    Returns:
        The proposal, or None where the extra `hf` or the weights are missing.
    """
    folder = fetched_sam()
    return None if folder is None else functools.partial(_propose, folder)


def _propose(folder: Path, image: Image, mask: Mask, region: Region) -> Mask:
    from maskwright.models.sam import segment

    box = region.box_xywh
    if box is None and not region.points:
        box = _box_of(mask, region.class_id)
    found = segment(_loaded(folder), image, box_xywh=box, points=region.points)
    return replaced(mask, found, Region(region.class_id, box, region.points))


def _box_of(mask: Mask, class_id: int) -> tuple[int, int, int, int]:
    rows = np.flatnonzero((mask == class_id).any(axis=1))
    columns = np.flatnonzero((mask == class_id).any(axis=0))
    if not len(rows):
        raise UsageError(
            "There is no mask of this class to begin with.", do="Draw a box around the object, or click on it."
        )
    return int(columns[0]), int(rows[0]), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


@functools.lru_cache(maxsize=1)
def _loaded(folder: Path) -> object:
    from maskwright.models.sam import load_sam

    return load_sam(folder)
