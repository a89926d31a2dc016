"""A predictor with its post-processing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from maskwright.data.classes import Classes
from maskwright.data.sample import Image, Mask
from maskwright.inference.postprocess.settings import PostProcess
from maskwright.inference.postprocess.steps import processed
from maskwright.inference.predictor import Predictor, Probs, most_probable, probs_of


@dataclass(frozen=True)
class PostProcessed:
    """A `Predictor` that takes the steps of a post-processing after another one.

    Its probabilities sum to 1, and its masks are their most probable classes.

    Args:
        predictor: whose probabilities are processed.
        post: the steps.
    """

    predictor: Predictor
    post: PostProcess

    def __call__(self, image: Image) -> Probs:
        """Probabilities `(C, H, W) float32` of a photo, after all steps."""
        return self.many([image])[0]

    def many(self, images: Sequence[Image]) -> list[Probs]:
        """Probabilities of several photos; neighbours of one size go through the network together."""
        answers = zip(probs_of(self.predictor, images), images, strict=True)
        return [processed(probs, image, self.post) for probs, image in answers]

    def mask(self, image: Image) -> Mask:
        """The most probable class of each pixel, `(H, W) uint8`."""
        return most_probable(self(image))

    def masks(self, images: Sequence[Image]) -> list[Mask]:
        """The most probable classes of several photos."""
        return [most_probable(probs) for probs in self.many(images)]

    @property
    def digest(self) -> str:
        """Hex digest of what decides the predictions: the predictor's and the steps."""
        return digest_with(self._own("digest"), self.post)

    @property
    def classes(self) -> Classes:
        """What the predictor tells apart."""
        classes: Classes = self._own("classes")
        return classes

    @property
    def recipe(self) -> Any:
        """What the predictor's weights were trained by."""
        return self._own("recipe")

    def _own(self, name: str) -> Any:
        return getattr(self.predictor, name)


def digest_with(predictor: str, post: PostProcess) -> str:
    """Hex digest of a predictor, given by its digest, with a post-processing after it."""
    return hashlib.blake2b(f"{predictor}\0{tuple(post.steps())!r}".encode(), digest_size=16).hexdigest()
