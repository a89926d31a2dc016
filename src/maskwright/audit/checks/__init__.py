"""Every check of the audit, in two literal tables. A new check is a function in one of them, with a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from maskwright.audit.checks import classes, masks, outlines, photos, regions, splits, twins
from maskwright.audit.seen import Seen
from maskwright.audit.view import SampleView
from maskwright.data.finding import Finding

SampleCheck = Callable[[SampleView], Iterable[Finding]]
"""Looks at one sample at a time, in a thread."""

DatasetCheck = Callable[[Seen], Iterable[Finding]]
"""Looks at the measures of all samples together."""

SAMPLE_CHECKS: tuple[SampleCheck, ...] = (
    regions.specks,
    regions.holes,
)

DATASET_CHECKS: tuple[DatasetCheck, ...] = (
    masks.empty,
    masks.tiny,
    outlines.cut,
    outlines.off,
    outlines.coarse,
    outlines.ragged,
    photos.sizes,
    photos.colours,
    photos.sharpness,
    photos.exposure,
    classes.absent,
    classes.rare,
    classes.mixed_up,
    twins.repeated,
    twins.labelled_differently,
    splits.differ,
)
