"""A predictor that remembers what it said: who tunes, judges and draws one after the other asks the network once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from maskwright.data.classes import Classes
from maskwright.data.sample import Image
from maskwright.inference.predictor import Loaded, Probs, probs_of

REMEMBERED_BYTES = 512 << 20
"""What is remembered at most: 680 photos of 256 x 256 with three classes. Later photos are asked about again."""


class Remembering:
    """A `Predictor` that asks another one about each photo once, as long as the answers fit into memory.

    Args:
        predictor: who is asked; it knows its `classes` and its `digest`.
        limit_bytes: what the answers may take.
    """

    def __init__(self, predictor: Loaded, *, limit_bytes: int = REMEMBERED_BYTES) -> None:
        self._predictor, self._left_bytes = predictor, limit_bytes
        self._known: dict[bytes, Probs] = {}

    def __call__(self, image: Image) -> Probs:
        """Probabilities `(C, H, W) float32` of a photo; they are read-only."""
        return self.many([image])[0]

    def many(self, images: Sequence[Image]) -> list[Probs]:
        """Probabilities of several photos; unless all are known they go through the network together, as always."""
        keys = [hashlib.blake2b(image.tobytes() + repr(image.shape).encode()).digest() for image in images]
        if all(key in self._known for key in keys):
            return [self._known[key] for key in keys]
        answers = list(probs_of(self._predictor, images))
        for key, probs in zip(keys, answers, strict=True):
            if key not in self._known and probs.nbytes <= self._left_bytes:
                probs.setflags(write=False)
                self._known[key] = probs
                self._left_bytes -= probs.nbytes
        return answers

    @property
    def classes(self) -> Classes:
        """What the predictor tells apart."""
        return self._predictor.classes

    @property
    def digest(self) -> str:
        """Hex digest of what decides the predictions."""
        return self._predictor.digest
