"""The work on each photo: read, predict, write, and say what came of it; in this process or in others."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import Classes
from maskwright.data.grouping import same_size_groups
from maskwright.data.sample import Image, Mask
from maskwright.errors import DataError, UsageError, shown
from maskwright.inference.labels import read_label, read_prediction
from maskwright.inference.objects import Described, describe_objects
from maskwright.inference.outputs import Job
from maskwright.inference.photo import PhotoFile
from maskwright.inference.predictor import Predictor, masks_of, most_probable, probs_of
from maskwright.inference.written import NEED_PROBS, WHOLE, Prediction
from maskwright.metrics.confusion import confusion
from maskwright.metrics.photo import Cell, photo_row
from maskwright.metrics.scores import scores

AHEAD = 4
"""Photos decoded ahead of the predictor: one thread keeps up with a network, more would only take memory."""


@dataclass(frozen=True)
class Failure:
    """A file that was passed over.

    Args:
        file: its path as messages show it.
        message: what is wrong with it and the way out.
    """

    file: str
    message: str


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one photo.

    Args:
        place: of the photo, as in its job.
        kind: "done" now, "found" there already, or "failed".
        row: what `predictions.csv` says of it.
        counts: confusion counts `(C, C)` where it has a label, [label, predicted].
        failure: why the photo, or its label, could not be read.
        size_hw: height and width of the photo; None where it could not be read.
        objects: the objects of its mask, where they are wanted.
    """

    place: int
    kind: Literal["done", "found", "failed"]
    row: dict[str, Cell]
    counts: NDArray[np.int64] | None = None
    failure: Failure | None = None
    size_hw: tuple[int, int] | None = None
    objects: Sequence[Described] = ()


@dataclass(frozen=True, eq=False)
class Work:
    """What is done to every photo; it can be sent to other processes where its predictor can.

    Args:
        predictor: what predicts.
        classes: what it predicts.
        write: what is written beside the masks, as in `Outputs`.
    """

    predictor: Predictor
    classes: Classes
    write: tuple[str, ...]

    def outcomes(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """What becomes of each photo: first of those that are there already, then of those that are predicted now."""
        todo: list[Job] = []
        for job in jobs:
            found = self._found(job)
            if found is None:
                todo.append(job)
            else:
                yield found
        yield from self.fresh(todo)

    def fresh(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """What becomes of photos that are all predicted now; photos that cannot be come last."""
        failed: list[Outcome] = []
        for job, made in self._predicted(jobs, failed):
            _write(job, made, self.classes)
            yield self._described(job, made.mask, "done")
        yield from failed

    def _found(self, job: Job) -> Outcome | None:
        """What lies there of a photo; None where it does not, or cannot be read, so that it is made again."""
        if not job.finished:
            return None
        try:
            mask = read_prediction(job.mask_file, self.classes)
        except DataError:
            return None
        return self._described(job, mask, "found")

    def _predicted(self, jobs: Iterable[Job], failed: list[Outcome]) -> Iterator[tuple[Job, Prediction]]:
        """Each job with its prediction; those whose photo cannot be read, or that the model refuses, become failed."""
        waiting: deque[Job] = deque()

        def images() -> Iterator[Image]:
            for job, image in _read_ahead(jobs):
                if isinstance(image, DataError):
                    failed.append(_failed(job, str(image)))
                else:
                    waiting.append(job)
                    yield image

        for group in same_size_groups(images()):
            those = [waiting.popleft() for _ in group]
            try:
                yield from zip(those, self._made(group), strict=True)
            except DataError as error:
                failed += [_failed(job, f"{job.photo.shown}: {error}") for job in those]

    def _made(self, images: Sequence[Image]) -> list[Prediction]:
        """Predictions, which hold probabilities where something is made of them."""
        if any(kind in NEED_PROBS for kind in self.write):
            answers = list(probs_of(self.predictor, images))
            return [Prediction(image, most_probable(one), one) for image, one in zip(images, answers, strict=True)]
        return [Prediction(*one) for one in zip(images, masks_of(self.predictor, images), strict=True)]

    def _described(self, job: Job, mask: Mask, kind: Literal["done", "found"]) -> Outcome:
        """What is told of a mask."""
        found: list[Described] = []
        if any(name in WHOLE for name in self.write):
            found = describe_objects(mask, self.classes, shapes="coco" in self.write)
        return replace(self._judged(job, mask, kind), size_hw=(mask.shape[0], mask.shape[1]), objects=found)

    def _judged(self, job: Job, mask: Mask, kind: Literal["done", "found"]) -> Outcome:
        row: dict[str, Cell] = {"file": job.photo.shown, "mask": job.mask_file.as_posix()}
        quality_file = job.file("uncertainty")
        if quality_file is not None:
            from maskwright.inference.quality import read_quality  # SciPy comes with it

            if (expected := read_quality(quality_file)) is not None:
                row["expected_dice"] = expected
        if job.label_file is None:
            return Outcome(job.place, kind, row | _areas(mask, self.classes))
        try:
            label = read_label(job.label_file, self.classes, (mask.shape[0], mask.shape[1]))
        except DataError as error:
            failure = Failure(shown(job.label_file), str(error))
            row["problem"] = str(error)
            return Outcome(job.place, kind, row | _areas(mask, self.classes), failure=failure)
        counts = confusion(label, mask, len(self.classes))
        return Outcome(job.place, kind, row | photo_row(scores(counts), self.classes.names), counts)


def _failed(job: Job, message: str) -> Outcome:
    file = job.photo.shown
    return Outcome(job.place, "failed", {"file": file, "problem": message}, failure=Failure(file, message))


def _areas(mask: Mask, classes: Classes) -> dict[str, Cell]:
    areas = np.bincount(mask.ravel(), minlength=len(classes)).tolist()
    row: dict[str, Cell] = {"judged_px": mask.size}
    for name, area in zip(classes.names, areas, strict=True):
        row |= {f"predicted_px:{name}": area, f"predicted_share:{name}": area / mask.size}
    return row


def _read_ahead(jobs: Iterable[Job]) -> Iterator[tuple[Job, Image | DataError]]:
    """Each job with its photo, or with why there is none; a thread decodes a few of them ahead."""
    reading: deque[tuple[Job, Future[Image | DataError]]] = deque()
    executor = ThreadPoolExecutor(1, thread_name_prefix="decode")
    try:
        for job in jobs:
            reading.append((job, executor.submit(_read, job.photo)))
            if len(reading) > AHEAD:
                first, image = reading.popleft()
                yield first, image.result()
        for first, image in reading:
            yield first, image.result()
    finally:
        executor.shutdown(cancel_futures=True)


def _read(photo: PhotoFile) -> Image | DataError:
    try:
        return photo.image()
    except DataError as error:
        return error


def _write(job: Job, made: Prediction, classes: Classes) -> None:
    try:
        job.write(made, classes)
    except OSError as error:
        raise UsageError(
            f"{shown(job.mask_file)}: cannot be written.",
            found=error.strerror or str(error),
            do="Make room or choose another folder; the same command goes on from here.",
        ) from None
