"""The one seam: whatever answers a photo with probabilities is a predictor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import Classes
from maskwright.data.grouping import BATCH, same_size_groups
from maskwright.data.sample import Image, Mask
from maskwright.errors import UsageError

if TYPE_CHECKING:
    from maskwright.recipe.recipe import Recipe

Probs = NDArray[np.float32]
"""`(C, H, W) float32`, sums to 1 over `C`."""

Answer = TypeVar("Answer")


class Predictor(Protocol):
    """What can predict: torch, ONNX Runtime, HTTP, or a lambda in a test.

    It may also offer these, which `probs_of` and `masks_of` use and which must say the same as the call:
    `many(images) -> list of probs`, `mask(image) -> mask` and `masks(images) -> list of masks`, where a mask is the
    class with the highest probability in each pixel, the first of equals. Further attributes that are read where
    they are there: `classes: Classes`, and `digest: str`, equal for predictors that predict the same.
    """

    def __call__(self, image: Image, /) -> Probs:
        """Probabilities of a photo.

        Args:
            image: `(H, W, 3) uint8` RGB.

        Returns:
            `(C, H, W) float32`.
        """
        ...


class Loaded(Predictor, Protocol):
    """A predictor out of a run or a bundle: it offers everything, and knows what it was made from."""

    @property
    def classes(self) -> Classes:
        """What it tells apart."""
        ...

    @property
    def recipe(self) -> Recipe:
        """What its weights were trained by."""
        ...

    @property
    def digest(self) -> str:
        """Hex digest of what decides the predictions."""
        ...

    def many(self, images: Sequence[Image], /) -> Sequence[Probs]:
        """Probabilities of several photos."""
        ...

    def mask(self, image: Image, /) -> Mask:
        """The most probable class of each pixel, `(H, W) uint8`."""
        ...

    def masks(self, images: Sequence[Image], /) -> Sequence[Mask]:
        """The most probable classes of several photos."""
        ...


def probs_of(predictor: Predictor, images: Iterable[Image], *, batch: int = BATCH) -> Iterator[Probs]:
    """The probabilities of photos, in their order, holding no more than one batch at a time.

    Args:
        predictor: asked through `.many` where it has that.
        images: `(H, W, 3) uint8` RGB of any sizes, as a stream.
        batch: how many photos of one size, one after the other, go together.

    Returns:
        An iterator of `(C, H, W) float32`, one for each photo.

    Raises:
        UsageError: one of them is no photo, or the predictor answers with another shape or another number of answers.
    """
    many: Callable[[Sequence[Image]], Sequence[Probs]] | None = getattr(predictor, "many", None)
    for group in same_size_groups(map(_photo, images), batch):
        answers = [predictor(image) for image in group] if many is None else many(group)
        for image, probs in zip(group, _counted(answers, group), strict=True):
            if probs.ndim != 3 or probs.shape[1:] != image.shape[:2]:
                raise _wrong_shape("(C, {}, {})".format(*image.shape[:2]), probs.shape)
            yield probs


def masks_of(predictor: Predictor, images: Iterable[Image], *, batch: int = BATCH) -> Iterator[Mask]:
    """The predicted class of each pixel of photos, in their order, holding no more than one batch at a time.

    Args:
        predictor: asked through `.masks` where it has that, else `.mask`, else by its probabilities.
        images: `(H, W, 3) uint8` RGB of any sizes, as a stream.
        batch: how many photos of one size, one after the other, go together.

    Returns:
        An iterator of `(H, W) uint8` class ids, one for each photo.

    Raises:
        UsageError: as `probs_of`.
    """
    masks: Callable[[Sequence[Image]], Sequence[Mask]] | None = getattr(predictor, "masks", None)
    one: Callable[[Image], Mask] | None = getattr(predictor, "mask", None)
    if masks is None and one is None:
        yield from (most_probable(probs) for probs in probs_of(predictor, images, batch=batch))
        return
    for group in same_size_groups(map(_photo, images), batch):
        answers = masks(group) if masks is not None else [one(image) for image in group] if one else []
        for image, mask in zip(group, _counted(answers, group), strict=True):
            if mask.shape != image.shape[:2]:
                raise _wrong_shape(str(image.shape[:2]), mask.shape)
            yield np.asarray(mask, np.uint8)


def photo_groups(images: Iterable[Image]) -> Iterator[list[Image]]:
    """Neighbours of one size, as they go through a network together.

    Raises:
        UsageError: one of them is no photo.
    """
    return (list(group) for _, group in groupby(map(_photo, images), key=lambda image: image.shape))


def _photo(image: Any) -> Image:
    is_array = isinstance(image, np.ndarray)
    if is_array and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size:
        found: Image = image
        return found
    raise UsageError(
        "A predictor was given something else than a photo.",
        expected="(H, W, 3) uint8 RGB of at least one pixel",
        found=f"{image.shape} {image.dtype}" if is_array else type(image).__name__,
        do='np.asarray(PIL.Image.open(path).convert("RGB")) makes one; maskwright.predict takes paths.',
    )


def check_classes(predictor: Predictor, names: Sequence[str]) -> None:
    """Refuse a predictor that tells other classes apart than the data at hand.

    Args:
        predictor: where it knows no `classes`, nothing is checked.
        names: the names of the classes, by id.

    Raises:
        UsageError: its classes have other names, or another order.
    """
    known = getattr(predictor, "classes", None)
    if known is not None and tuple(known.names) != tuple(names):
        raise UsageError(
            "The predictor tells other classes apart than the dataset has.",
            expected=", ".join(known.names),
            found=", ".join(names),
            do=f"Name the dataset's classes as the model knows them: --classes {','.join(known.names)}",
        )


def most_probable(probs: Probs) -> Mask:
    """The class with the highest probability in each pixel, the first of equals.

    Args:
        probs: `(C, H, W)`, or logits.

    Returns:
        `(H, W) uint8`; what `argmax` gives, several times as fast with few classes.
    """
    best, mask = probs[0].copy(), np.zeros(probs.shape[1:], np.uint8)
    for place, plane in enumerate(probs[1:], 1):
        np.putmask(mask, plane > best, np.uint8(place))
        np.maximum(best, plane, out=best)
    return mask


def _counted(answers: Sequence[Answer], group: Sequence[Image]) -> Sequence[Answer]:
    if len(answers) != len(group):
        raise UsageError(
            "The predictor answers for another number of photos than it was asked.",
            expected=str(len(group)),
            found=str(len(answers)),
            do="Give one answer for each photo, in their order.",
        )
    return answers


def _wrong_shape(expected: str, found: tuple[int, ...]) -> UsageError:
    return UsageError(
        "The predictor answers with another shape than its photo has.",
        expected=expected,
        found=str(found),
        do="A predictor takes (H, W, 3) and gives (C, H, W) probabilities at the photo's own size.",
    )
