"""What the architectures cost, and which weights there are for them."""

from __future__ import annotations

from dataclasses import dataclass

from maskwright.models import ARCHITECTURES
from maskwright.progress import OnProgress, Progress, silent
from maskwright.weights.table import Entry, fitting


@dataclass(frozen=True)
class Offer:
    """One architecture.

    Args:
        name: of it.
        parameters: numbers that are learned.
        flops: floating-point operations of one photo forward, a multiplication with its addition counted as two.
        seconds: of one photo on this machine, in float32; None where it was not timed.
        weights: what the table has for it.
    """

    name: str
    parameters: int
    flops: int
    seconds: float | None
    weights: tuple[Entry, ...]


def architectures(*, size_px: int = 256, timed: bool = False, on_progress: OnProgress = silent) -> tuple[Offer, ...]:
    """All architectures, the lighter ones first, with what they cost: counted here, not quoted.

    Args:
        size_px: side of the photo that is counted for.
        timed: also time each one on this machine.
        on_progress: told after each one.
    """
    from maskwright.models.size import photo_seconds, size_of

    offers = []
    for place, name in enumerate(ARCHITECTURES):
        on_progress(Progress("stage.count", place, len(ARCHITECTURES)))
        counted = size_of(name, size_hw=(size_px, size_px))
        seconds = photo_seconds(name, size_hw=(size_px, size_px)) if timed else None
        offers.append(Offer(name, counted.parameters, counted.flops, seconds, fitting(name)))
    on_progress(Progress("stage.count", len(ARCHITECTURES), len(ARCHITECTURES)))
    return tuple(offers)
