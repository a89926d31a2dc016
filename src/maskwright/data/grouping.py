"""Which photos go through a network together: one rule for training's validation and for everybody who predicts.

The same groups also round alike, so what training logs is what `evaluate` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from maskwright.data.sample import Image

BATCH = 8
"""Photos that go together where they have one size: enough for a network's throughput on a CPU."""

BATCH_PIXELS = 16_000_000
"""Pixels that go together at most, so that memory is that of one large photo, not of eight: eight full-HD photos."""


def same_size_groups(images: Iterable[Image], batch: int = BATCH) -> Iterator[list[Image]]:
    """Neighbours of one size, up to `batch` of them and up to `BATCH_PIXELS` pixels."""
    group: list[Image] = []
    for image in images:
        pixels = image.shape[0] * image.shape[1]
        full = len(group) >= batch or (len(group) + 1) * pixels > BATCH_PIXELS
        if group and (full or image.shape != group[0].shape):
            yield group
            group = []
        group.append(image)
    if group:
        yield group
