"""One photo, several samples."""

from __future__ import annotations

import math
from collections.abc import Iterator

from maskwright.audit.duplicates import Twins
from maskwright.audit.robust import between
from maskwright.audit.seen import Seen, named, photo_named
from maskwright.data.finding import Finding
from maskwright.data.sample import Sample


def repeated(seen: Seen) -> Iterator[Finding]:
    """The same photo, mirrored, turned, cropped or compressed anew; across splits it is a leak.

    Photos with equal pixels are found by the reader already.
    """
    samples = {sample.id: sample for sample in seen.dataset}
    for group in seen.groups:
        for twins in group.twins:
            if twins.sameness == "exact":
                continue
            first, second = _ordered(samples[twins.first], samples[twins.second])
            leaks = first.split != second.split
            facts = _facts(first, second) | {"change": twins.change, "similarity": f"{twins.similarity:.2f}"}
            yield Finding(second.id, "near_leak" if leaks else "near_duplicate", 0.85 if leaks else 0.25, facts)


def labelled_differently(seen: Seen) -> Iterator[Finding]:
    """One photo, several masks that do not agree: at least one of them is wrong.

    Photos of one split with equal pixels are found by the reader already.
    """
    samples = {sample.id: sample for sample in seen.dataset}
    limit = seen.settings.twin_iou
    for group in seen.groups:
        for twins in group.twins:
            first, second = _ordered(samples[twins.first], samples[twins.second])
            known = twins.sameness == "exact" and first.split == second.split
            if known or not _differ(twins, limit):
                continue
            severity = between(1 - twins.mask_agreement, 1 - limit, 0.6, 0.85, 0.5)
            facts = _facts(first, second) | {
                "file": named(second),
                "other": named(first),
                "percent": f"{100 * twins.mask_agreement:.0f}",
            }
            yield Finding(second.id, "twin_masks_differ", severity, facts)


def _differ(twins: Twins, limit: float) -> bool:
    return not math.isnan(twins.mask_agreement) and twins.mask_agreement < limit


def _ordered(first: Sample, second: Sample) -> tuple[Sample, Sample]:
    """The sample to keep first: that of the training split, then by id."""
    order = {"train": 0, "val": 1, "test": 2}
    return (
        (first, second)
        if (order.get(first.split, 3), first.id) <= (order.get(second.split, 3), second.id)
        else (second, first)
    )


def _facts(first: Sample, second: Sample) -> dict[str, object]:
    return {
        "file": photo_named(second),
        "other": photo_named(first),
        "split": second.split,
        "other_split": first.split,
    }
