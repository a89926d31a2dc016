"""Masks without an object."""

from __future__ import annotations

from collections.abc import Iterator

from maskwright.audit.robust import between
from maskwright.audit.seen import Seen, named
from maskwright.data.finding import Finding

USUAL_FRAC = 0.2
"""Where a fifth of the masks is empty, empty photos are part of the data."""


def empty(seen: Seen) -> Iterator[Finding]:
    """Masks in which everything is the first class; the less usual that is, the worse."""
    if len(seen.dataset.classes) < 2:
        return
    labelled = [(sample, mask) for sample, mask in zip(seen.dataset, seen.masks, strict=True) if mask]
    bare = [(sample, mask) for sample, mask in labelled if not any(mask.class_px[1:-1]) and mask.class_px[0]]
    share = len(bare) / max(1, len(labelled))
    severity = between(share, 0.0, USUAL_FRAC, 0.15, 0.75)
    for sample, _ in bare:
        facts = {"file": named(sample), "class_name": seen.class_name(0), "percent": f"{100 * share:.2g}"}
        yield Finding(sample.id, "mask_empty", severity, facts)
