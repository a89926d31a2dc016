"""Photos that differ from the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from maskwright.audit.robust import between, robust_z
from maskwright.audit.seen import Seen, photo_named
from maskwright.data.finding import Finding

FEWEST = 20
"""With fewer photos there is no rest to differ from."""

USUAL_FRAC = 0.9
"""One size is the usual one when so many photos have it; others are then named whatever they are."""

GREY = 0.03
"""Mean saturation below which a photo has no colours."""

COLOURFUL = 0.1
"""Median saturation above which a photo without colours is an exception."""

BURNT_FRAC = 0.4
"""A photo of which so much is pure black or pure white shows nothing there."""


def sizes(seen: Seen) -> Iterator[Finding]:
    """Photos of another size than nearly all others, or far smaller or larger, or of far other proportions."""
    if len(seen.photos) < FEWEST:
        return
    hw = np.array([photo.size_hw for photo in seen.photos], float)
    usual, count = Counter(photo.size_hw for photo in seen.photos).most_common(1)[0]
    area, shape = np.log(hw.prod(axis=1)), np.log(hw[:, 1] / hw[:, 0])
    scores = np.maximum(abs(robust_z(area, least_spread=0.35)), abs(robust_z(shape, least_spread=0.2)))
    one_size = count >= USUAL_FRAC * len(seen.photos)
    for sample, photo, score in zip(seen.dataset, seen.photos, scores.tolist(), strict=True):
        if score >= seen.settings.photo_z or (one_size and photo.size_hw != usual):
            facts = {
                "file": photo_named(sample),
                "size": f"{photo.size_hw[1]} x {photo.size_hw[0]}",
                "usual": f"{usual[1]} x {usual[0]}",
            }
            yield Finding(sample.id, "photo_size", between(score, 0, 20, 0.35, 0.1), facts)


def colours(seen: Seen) -> Iterator[Finding]:
    """Photos without colours among photos with colours, and photos with a strong cast."""
    if len(seen.photos) < FEWEST:
        return
    colourful = float(np.median([photo.saturation for photo in seen.photos])) > COLOURFUL
    rgb = np.array([photo.mean_rgb for photo in seen.photos]) + 8.0
    casts = [np.log(rgb[:, 0] / rgb[:, 1]), np.log(rgb[:, 2] / rgb[:, 1])]
    scores = np.max([abs(robust_z(cast, least_spread=0.08)) for cast in casts], axis=0)
    limit = 1.5 * seen.settings.photo_z
    for sample, photo, score in zip(seen.dataset, seen.photos, scores.tolist(), strict=True):
        facts = {"file": photo_named(sample)}
        if colourful and photo.saturation < GREY:
            yield Finding(sample.id, "photo_grey", 0.15, facts)
        elif score >= limit:
            yield Finding(sample.id, "photo_cast", between(score, limit, 3 * limit, 0.3, 0.15), facts)


def sharpness(seen: Seen) -> Iterator[Finding]:
    """Photos far blurrier than the rest."""
    if len(seen.photos) < FEWEST:
        return
    scores = -robust_z([photo.sharpness for photo in seen.photos], least_spread=0.2)
    limit = seen.settings.photo_z
    for sample, score in zip(seen.dataset, scores.tolist(), strict=True):
        if score >= limit:
            severity = between(score, limit, 2 * limit, 0.45, 0.2)
            yield Finding(sample.id, "photo_blurred", severity, {"file": photo_named(sample)})


def exposure(seen: Seen) -> Iterator[Finding]:
    """Photos far darker or brighter than the rest, or in large part burnt out or black."""
    if len(seen.photos) < FEWEST:
        return
    scores = robust_z([photo.brightness for photo in seen.photos], least_spread=15.0)
    limit = seen.settings.photo_z
    for sample, photo, score in zip(seen.dataset, seen.photos, scores.tolist(), strict=True):
        dark, bright = photo.dark_frac >= BURNT_FRAC and score < -2, photo.bright_frac >= BURNT_FRAC and score > 2
        if abs(score) >= limit or dark or bright:
            check = "photo_dark" if score < 0 else "photo_bright"
            severity = between(max(abs(score), limit), limit, 2 * limit, 0.4, 0.2)
            yield Finding(sample.id, check, severity, {"file": photo_named(sample)})
