"""What came of many photos: counted while it comes, then written as tables."""

from __future__ import annotations

import csv
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import Classes
from maskwright.inference.objects import Told, write_coco, write_objects
from maskwright.inference.outputs import Job, Outputs
from maskwright.inference.predictions import Predictions
from maskwright.inference.spill import Spill
from maskwright.inference.work import Failure, Outcome
from maskwright.metrics.photo import Cell, csv_cell, photo_columns
from maskwright.metrics.scores import scores
from maskwright.progress import Progress
from maskwright.storage import replacing


class Tally:
    """What has come of the photos so far.

    Args:
        outputs: what is written, and where.
        classes: what is predicted.
        with_labels: whether the table compares with labels.
    """

    def __init__(self, outputs: Outputs, classes: Classes, *, with_labels: bool) -> None:
        self.outputs, self.classes = outputs, classes
        quality = "uncertainty" in outputs.write
        self.columns = columns = _columns(classes, with_labels=with_labels, quality=quality)
        self.rows: Spill[dict[str, Cell]] = Spill(
            outputs.out, lambda row: {column: row.get(column, "") for column in columns}
        )
        self.told: Spill[Told | None] = Spill(outputs.out, lambda told: told)
        self.failures: dict[int, Failure] = {}
        self.kinds: Counter[str] = Counter()
        self.counts: NDArray[np.int64] | None = None
        self.began_s = time.monotonic()

    def add(self, outcome: Outcome, job: Job) -> None:
        """Count what became of a photo."""
        self.kinds[outcome.kind] += 1
        self.rows.put(outcome.place, outcome.row)
        names = job.photo.shown, job.photo.relative
        self.told.put(outcome.place, outcome.size_hw and (*names, outcome.size_hw, outcome.objects))
        if outcome.failure is not None:
            self.failures[outcome.place] = outcome.failure
        if outcome.counts is not None:
            self.counts = outcome.counts if self.counts is None else self.counts + outcome.counts
        if not self.kinds["done"]:
            self.began_s = time.monotonic()  # what was there before says nothing about the speed of the others

    @property
    def there(self) -> int:
        """How many photos have a prediction."""
        return self.kinds["done"] + self.kinds["found"]

    def progress(self, total: int | None) -> Progress:
        """How far the work is, with photos a second and the time left."""
        seen, passed_s = self.kinds.total(), time.monotonic() - self.began_s
        if not self.kinds["done"] or passed_s <= 0:
            return Progress("stage.predict", seen, total)
        speed = self.kinds["done"] / passed_s
        left_s = None if total is None else (total - seen) / speed
        return Progress("stage.predict", seen, total, facts={"cli.photos_per_s": speed}, seconds_left=left_s)

    def write(self) -> None:
        """Write the tables about all photos."""
        out = self.outputs.out
        _write_csv(out / "predictions.csv", self.rows, self.columns)
        if "objects" in self.outputs.write:
            write_objects(out / "objects.csv", self._told(), self.classes)
        if "coco" in self.outputs.write:
            write_coco(out / "coco.json", self._told(), self.classes)

    def _told(self) -> Iterator[Told]:
        return (told for told in self.told if told)

    def predictions(self) -> Predictions:
        """All of it as a value."""
        failed = tuple(failure for _, failure in sorted(self.failures.items(), key=lambda entry: entry[0]))
        judged = None if self.counts is None else scores(self.counts)
        return Predictions(
            self.outputs.out, self.classes, self.kinds["done"], self.kinds["found"], failed, self.rows, judged
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
