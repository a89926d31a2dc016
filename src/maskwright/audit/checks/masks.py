"""Masks without an object, or with a scrap of one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from maskwright.audit.robust import between, robust_z
from maskwright.audit.seen import Seen, named
from maskwright.data.finding import Finding

USUAL_FRAC = 0.2
"""Where a fifth of the masks is empty, empty photos are part of the data."""

FEWEST = 12
"""With fewer masks of a class one cannot say how much of a photo it usually covers."""

LEAST_SPREAD = 0.5
"""Deviation of the logarithm that any data are taken to have: objects of one size are seen from near and far."""


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


def tiny(seen: Seen) -> Iterator[Finding]:
    """Masks in which a class covers far less than in the others: often only a scrap of the object is left."""
    limit = seen.settings.tiny_z
    for class_id in range(1, len(seen.dataset.classes)):
        having = [
            (sample, mask.class_px[class_id] / max(1, sum(mask.class_px)))
            for sample, mask in zip(seen.dataset, seen.masks, strict=True)
            if mask and mask.class_px[class_id]
        ]
        if len(having) < FEWEST:
            continue
        shares = [share for _, share in having]
        scores = -robust_z(np.log(shares), least_spread=LEAST_SPREAD)
        for (sample, share), score in zip(having, scores.tolist(), strict=True):
            if score >= limit:
                facts = {
                    "file": named(sample),
                    "class_name": seen.class_name(class_id),
                    "percent": f"{100 * share:.2g}",
                    "usual": f"{100 * float(np.median(shares)):.2g}",
                }
                yield Finding(sample.id, "mask_tiny", between(score, limit, 2 * limit, 0.8, 0.35), facts)
