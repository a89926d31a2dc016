"""Predicting many photos: masks, overlays and tables, in a way that can be broken off and go on."""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import Classes
from maskwright.errors import Interrupted, UsageError, shown
from maskwright.inference.inputs import find_photos
from maskwright.inference.labels import find_labels
from maskwright.inference.objects import Told, write_coco, write_objects
from maskwright.inference.outputs import Job, Outputs, plan_outputs
from maskwright.inference.predictor import Predictor
from maskwright.inference.spill import Spill
from maskwright.inference.work import Failure, Outcome, Work
from maskwright.inference.written import FOLDERS, kinds_of
from maskwright.metrics.photo import Cell, csv_cell, photo_columns
from maskwright.metrics.scores import Scores, scores
from maskwright.progress import OnProgress, Progress, silent
from maskwright.storage import replacing

Spread = Callable[[Work, Sequence[Job]], Iterable[Outcome]]
"""Who does the work: gives the outcome of each job once, in any order."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """What `predict` did.

    Args:
        out: the folder of the predictions.
        done: how many photos were predicted now.
        skipped: how many were there already.
        failed: photos and labels that could not be read.
        rows: one dict for each photo, as in `predictions.csv`, in the order of the photos; read from disk when asked.
        scores: the scores over all labelled photos together, or None where there are no labels.
    """

    out: Path
    done: int
    skipped: int
    failed: tuple[Failure, ...]
    rows: Sequence[dict[str, Cell]]
    scores: Scores | None


def predict(
    predictor: Predictor,
    classes: Classes,
    paths: Sequence[str | Path] | str | Path,
    out: Path | str,
    *,
    write: str | Sequence[str] = "overlays",
    labels: Path | str | None = None,
    overwrite: bool = False,
    spread: Spread = Work.outcomes,
    on_progress: OnProgress = silent,
) -> Predictions:
    """Predict photos into a folder.

    Writes `out/masks/<name>.png` (index PNG with palette; a pixel holds the *value* of its class, as in the masks
    the model learned from), what `write` names, `out/predictions.csv` and `out/predictions.json`. `<name>` is
    the photo's path below what was given, without extension, or with it where two photos would share one. What is
    there already is not predicted again, so the same call goes on after an interruption.

    Args:
        predictor: what predicts; its `digest`, where it has one, tells whether the folder is its own.
        classes: what it predicts; in its order.
        paths: photos, folders and patterns, see `find_photos`.
        out: the folder, made where it is not there.
        write: what is written beside the masks, as a list or with commas: "colours" (RGB PNG in the classes' colours),
            "overlays" (JPEG), "probs" (uint8 in an NPZ, steps of 1/255), "uncertainty" (PNG, grey, 0 certain to 255;
            and what Dice each photo may expect in the table, see `maskwright.inference.quality`), "geojson" (polygons
            along the edges of pixels), "objects" (`objects.csv`: area, share and box per class and object), "coco"
            (`coco.json`); "masks" for none of them.
        labels: a folder of masks with the photos' names, or one mask for one photo, see `find_labels`; then the
            table compares, and pixels labelled as ignored do not count in it.
        overwrite: predict again what is there already.
        spread: who does the work on the photos and tells their outcomes in any order: this process, or many machines
            (`maskwright.scale.prediction.over_ray`).
        on_progress: told after each photo.

    Returns:
        What was done, with the table. A file that cannot be read is passed over and named in it.

    Raises:
        UsageError: the paths hold no photo, the labels fit none, the folder belongs to another predictor, or
            the predictor knows other classes.
        Interrupted: stopped by the user; what was predicted by then stays.
    """
    outputs = Outputs(Path(out), kinds_of(write))
    _check_classes(predictor, classes)
    photos = find_photos(paths, outside=tuple(outputs.out / name for name in FOLDERS))
    found = find_labels(None if labels is None else Path(labels), photos)
    digest = getattr(predictor, "digest", None)
    jobs = plan_outputs(photos, outputs, digest=digest, classes=classes, labels=found, overwrite=overwrite)
    del photos, found
    columns = _columns(classes, with_labels=labels is not None, quality="uncertainty" in outputs.write)
    tally = _Tally(outputs, columns)
    on_progress(Progress("stage.predict", 0, len(jobs)))
    try:
        for outcome in spread(Work(predictor, classes, outputs.write), jobs):
            tally.add(outcome, jobs[outcome.place])
            on_progress(tally.progress(len(jobs)))
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped after {tally.there} of {len(jobs)} photos; they are in {shown(outputs.out)}.",
            do="The same command goes on from there.",
        ) from None
    tally.write(classes)
    on_progress(Progress("stage.predict", len(jobs), len(jobs)))
    return tally.predictions()


class _Tally:
    """What has come of the photos so far."""

    def __init__(self, outputs: Outputs, columns: list[str]) -> None:
        self.outputs, self.columns = outputs, columns
        self.rows: Spill[dict[str, Cell]] = Spill(
            outputs.out, lambda row: {column: row.get(column, "") for column in columns}
        )
        self.told: Spill[Told | None] = Spill(outputs.out, lambda told: told)
        self.failures: dict[int, Failure] = {}
        self.kinds: Counter[str] = Counter()
        self.counts: NDArray[np.int64] | None = None
        self.began_s = time.monotonic()

    def add(self, outcome: Outcome, job: Job) -> None:
        self.kinds[outcome.kind] += 1
        self.rows.put(outcome.place, outcome.row)
        self.told.put(outcome.place, outcome.size_hw and (job.photo.relative, outcome.size_hw, outcome.objects))
        if outcome.failure is not None:
            self.failures[outcome.place] = outcome.failure
        if outcome.counts is not None:
            self.counts = outcome.counts if self.counts is None else self.counts + outcome.counts
        if not self.kinds["done"]:
            self.began_s = time.monotonic()  # what was there before says nothing about the speed of the others

    @property
    def there(self) -> int:
        return self.kinds["done"] + self.kinds["found"]

    def progress(self, total: int) -> Progress:
        seen, passed_s = self.kinds.total(), time.monotonic() - self.began_s
        if not self.kinds["done"] or passed_s <= 0:
            return Progress("stage.predict", seen, total)
        speed = self.kinds["done"] / passed_s
        facts = {"cli.photos_per_s": speed}
        return Progress("stage.predict", seen, total, facts=facts, seconds_left=(total - seen) / speed)

    def write(self, classes: Classes) -> None:
        out = self.outputs.out
        _write_csv(out / "predictions.csv", self.rows, self.columns)
        if "objects" in self.outputs.write:
            write_objects(out / "objects.csv", self._told(), classes)
        if "coco" in self.outputs.write:
            write_coco(out / "coco.json", self._told(), classes)

    def _told(self) -> Iterator[Told]:
        return (told for told in self.told if told)

    def predictions(self) -> Predictions:
        failed = tuple(failure for _, failure in sorted(self.failures.items(), key=lambda entry: entry[0]))
        judged = None if self.counts is None else scores(self.counts)
        return Predictions(self.outputs.out, self.kinds["done"], self.kinds["found"], failed, self.rows, judged)


def _check_classes(predictor: Predictor, classes: Classes) -> None:
    known = getattr(predictor, "classes", None)
    if known is not None and tuple(known.names) != classes.names:
        raise UsageError(
            "The predictor tells other classes apart than it was said to.",
            expected=", ".join(known.names),
            found=", ".join(classes.names),
            do="Pass predictor.classes.",
        )


def _columns(classes: Classes, *, with_labels: bool, quality: bool) -> list[str]:
    areas = [f"{column}:{name}" for name in classes.names for column in ("predicted_px", "predicted_share")]
    numbers = photo_columns(classes.names) if with_labels else ["judged_px", *areas]
    return ["file", "mask", *numbers, *(["expected_dice"] if quality else []), "problem"]


def _write_csv(path: Path, rows: Iterable[dict[str, Cell]], columns: Sequence[str]) -> None:
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([csv_cell(row[column]) for column in columns] for row in rows)
