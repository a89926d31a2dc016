"""Predicting many photos: masks, overlays and a table, in a way that can be broken off and go on."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import Classes
from maskwright.data.decode import read_image
from maskwright.data.sample import Image, Mask
from maskwright.errors import DataError, Interrupted, UsageError, shown
from maskwright.inference.inputs import PhotoFile, find_photos
from maskwright.inference.labels import find_labels, read_label, read_prediction
from maskwright.inference.outputs import FOLDERS, Job, plan_outputs
from maskwright.inference.predictor import Predictor, Probs, masks_of, most_probable, probs_of
from maskwright.inference.quality import read_quality
from maskwright.metrics.confusion import confusion
from maskwright.metrics.photo import Cell, csv_cell, photo_columns, photo_row
from maskwright.metrics.scores import Scores, scores
from maskwright.progress import OnProgress, Progress, silent
from maskwright.storage import write_bytes

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
class Predictions:
    """What `predict` did.

    Args:
        out: the folder of the predictions.
        done: how many photos were predicted now.
        skipped: how many were there already.
        failed: photos and labels that could not be read.
        rows: one dict for each photo, as in `predictions.csv`, in the order of the photos.
        scores: the scores over all labelled photos together, or None where there are no labels.
    """

    out: Path
    done: int
    skipped: int
    failed: tuple[Failure, ...]
    rows: tuple[dict[str, Cell], ...]
    scores: Scores | None


def predict(
    predictor: Predictor,
    classes: Classes,
    paths: Sequence[str | Path] | str | Path,
    out: Path | str,
    *,
    overlay: bool = True,
    labels: Path | str | None = None,
    quality: bool = False,
    overwrite: bool = False,
    on_progress: OnProgress = silent,
) -> Predictions:
    """Predict photos into a folder.

    Writes `out/masks/<name>.png` (index PNG with palette; a pixel holds the *value* of its class, as in the masks
    the model learned from), `out/overlays/<name>.jpg`, `out/predictions.csv` and `out/predictions.json`. `<name>` is
    the photo's path below what was given, without extension, or with it where two photos would share one. What is
    there already is not predicted again, so the same call goes on after an interruption.

    Args:
        predictor: what predicts; its `digest`, where it has one, tells whether the folder is its own.
        classes: what it predicts; in its order.
        paths: photos, folders and patterns, see `find_photos`.
        out: the folder, made where it is not there.
        overlay: whether overlays are written too.
        labels: a folder of masks with the photos' names, or one mask for one photo, see `find_labels`; then the
            table compares, and pixels labelled as ignored do not count in it.
        quality: whether to write where the predictor is unsure, `out/uncertainty/<name>.png` (grey, 0 certain to 255),
            and what Dice each photo may expect, see `maskwright.inference.quality`.
        overwrite: predict again what is there already.
        on_progress: told after each photo.

    Returns:
        What was done, with the table. A file that cannot be read is passed over and named in it.

    Raises:
        UsageError: the paths hold no photo, the labels fit none, the folder belongs to another predictor, or
            the predictor knows other classes.
        Interrupted: stopped by the user; what was predicted by then stays.
    """
    out = Path(out)
    _check_classes(predictor, classes)
    photos = find_photos(paths, outside=tuple(out / name for name in FOLDERS))
    table = _Table(classes, find_labels(None if labels is None else Path(labels), photos), labels is not None, quality)
    jobs = plan_outputs(
        photos,
        out,
        digest=getattr(predictor, "digest", None),
        classes=classes,
        with_overlay=overlay,
        with_quality=quality,
        overwrite=overwrite,
    )
    ready = done = 0
    todo = []
    on_progress(Progress("stage.predict", 0, len(jobs)))
    try:
        for job in jobs:
            if job.finished and table.add_finished(job):
                ready += 1
                on_progress(Progress("stage.predict", ready, len(jobs)))
            else:
                todo.append(job)
        for job, image, mask, probs in _predicted(predictor, todo, table.fail, quality):
            _write(job, image, mask, classes, probs)
            table.add(job, mask)
            done += 1
            on_progress(Progress("stage.predict", len(table.rows), len(jobs)))
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped after {ready + done} of {len(jobs)} photos; they are in {shown(out)}.",
            do="The same command goes on from there.",
        ) from None
    rows = tuple(table.row(job) for job in jobs)
    write_bytes(out / "predictions.csv", _csv(rows, table.columns).encode())
    on_progress(Progress("stage.predict", len(jobs), len(jobs)))
    return Predictions(out, done, ready, tuple(table.failures), rows, table.scores)


def _check_classes(predictor: Predictor, classes: Classes) -> None:
    known = getattr(predictor, "classes", None)
    if known is not None and tuple(known.names) != classes.names:
        raise UsageError(
            "The predictor tells other classes apart than it was said to.",
            expected=", ".join(known.names),
            found=", ".join(classes.names),
            do="Pass predictor.classes.",
        )


def _predicted(
    predictor: Predictor, jobs: Sequence[Job], fail: Callable[[Job, str], None], quality: bool
) -> Iterator[tuple[Job, Image, Mask, Probs | None]]:
    """Each job with its photo, its prediction, and its probabilities where `quality` is asked for.

    A photo that cannot be read is told to `fail`.
    """
    waiting: deque[tuple[Job, Image]] = deque()

    def images() -> Iterator[Image]:
        for job, image in _read_ahead(jobs):
            if isinstance(image, DataError):
                fail(job, str(image))
            else:
                waiting.append((job, image))
                yield image

    if quality:
        for probs in probs_of(predictor, images()):
            yield *waiting.popleft(), most_probable(probs), probs
        return
    for mask in masks_of(predictor, images()):
        yield *waiting.popleft(), mask, None


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
    if photo.problem:
        return DataError(photo.problem)
    try:
        return read_image(photo.source, name=shown(photo.source))
    except DataError as error:
        return error


def _write(job: Job, image: Image, mask: Mask, classes: Classes, probs: Probs | None) -> None:
    try:
        job.write(image, mask, classes, probs)
    except OSError as error:
        raise UsageError(
            f"{shown(job.mask_file)}: cannot be written.",
            found=error.strerror or str(error),
            do="Make room or choose another folder; the same command goes on from here.",
        ) from None


@dataclass
class _Table:
    """The rows as they come in, by photo."""

    classes: Classes
    labels: dict[Path, Path]
    with_labels: bool
    quality: bool
    rows: dict[Path, dict[str, Cell]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    counts: NDArray[np.int64] | None = None

    @property
    def columns(self) -> list[str]:
        areas = [f"{column}:{name}" for name in self.classes.names for column in ("predicted_px", "predicted_share")]
        numbers = photo_columns(self.classes.names) if self.with_labels else ["judged_px", *areas]
        return ["file", "mask", *numbers, *(["expected_dice"] if self.quality else []), "problem"]

    @property
    def scores(self) -> Scores | None:
        return None if self.counts is None else scores(self.counts)

    def add_finished(self, job: Job) -> bool:
        """Take a prediction from its file; False where that cannot be read, so that it is made again."""
        try:
            mask = read_prediction(job.mask_file, self.classes)
        except DataError:
            return False
        self.add(job, mask)
        return True

    def add(self, job: Job, mask: Mask) -> None:
        row: dict[str, Cell] = {"file": shown(job.photo.source), "mask": job.mask_file.as_posix()}
        if job.quality_file is not None and (expected := read_quality(job.quality_file)) is not None:
            row["expected_dice"] = expected
        label_file = self.labels.get(job.photo.source)
        try:
            label = None if label_file is None else read_label(label_file, self.classes, (mask.shape[0], mask.shape[1]))
        except DataError as error:
            label = None
            row["problem"] = str(error)
            self.failures.append(Failure(shown(label_file or ""), str(error)))
        self.rows[job.photo.source] = row | (self._areas(mask) if label is None else self._compared(label, mask))

    def fail(self, job: Job, message: str) -> None:
        file = shown(job.photo.source)
        self.failures.append(Failure(file, message))
        self.rows[job.photo.source] = {"file": file, "problem": message}

    def row(self, job: Job) -> dict[str, Cell]:
        row = self.rows[job.photo.source]
        return {column: row.get(column, "") for column in self.columns}

    def _areas(self, mask: Mask) -> dict[str, Cell]:
        areas = np.bincount(mask.ravel(), minlength=len(self.classes)).tolist()
        row: dict[str, Cell] = {"judged_px": mask.size}
        for name, area in zip(self.classes.names, areas, strict=True):
            row |= {f"predicted_px:{name}": area, f"predicted_share:{name}": area / mask.size}
        return row

    def _compared(self, label: Mask, mask: Mask) -> dict[str, Cell]:
        counts = confusion(label, mask, len(self.classes))
        self.counts = counts if self.counts is None else self.counts + counts
        return photo_row(scores(counts), self.classes.names)


def _csv(rows: Iterable[dict[str, Cell]], columns: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([csv_cell(row[column]) for column in columns] for row in rows)
    return text.getvalue()
