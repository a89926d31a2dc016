"""Predicting many photos: masks, overlays and a table, in a way that can be broken off and go on."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maskwright.data.classes import Classes
from maskwright.errors import Interrupted, UsageError, shown
from maskwright.inference.inputs import find_photos
from maskwright.inference.labels import find_labels
from maskwright.inference.outputs import FOLDERS, Job, plan_outputs
from maskwright.inference.predictor import Predictor
from maskwright.inference.work import Failure, Outcome, Work
from maskwright.metrics.photo import Cell, csv_cell, photo_columns
from maskwright.metrics.scores import Scores, scores
from maskwright.progress import OnProgress, Progress, silent
from maskwright.storage import write_bytes

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
    spread: Spread = Work.outcomes,
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
    out = Path(out)
    _check_classes(predictor, classes)
    photos = find_photos(paths, outside=tuple(out / name for name in FOLDERS))
    jobs = plan_outputs(
        photos,
        out,
        digest=getattr(predictor, "digest", None),
        classes=classes,
        labels=find_labels(None if labels is None else Path(labels), photos),
        with_overlay=overlay,
        with_quality=quality,
        overwrite=overwrite,
    )
    outcomes: dict[Path | str, Outcome] = {}
    on_progress(Progress("stage.predict", 0, len(jobs)))
    try:
        for outcome in spread(Work(predictor, classes, quality), jobs):
            outcomes[outcome.source] = outcome
            on_progress(Progress("stage.predict", len(outcomes), len(jobs)))
    except KeyboardInterrupt:
        there = sum(outcome.kind != "failed" for outcome in outcomes.values())
        raise Interrupted(
            f"Stopped after {there} of {len(jobs)} photos; they are in {shown(out)}.",
            do="The same command goes on from there.",
        ) from None
    made = [outcomes[job.photo.source] for job in jobs]
    columns = _columns(classes, with_labels=labels is not None, quality=quality)
    rows = tuple({column: outcome.row.get(column, "") for column in columns} for outcome in made)
    write_bytes(out / "predictions.csv", _csv(rows, columns).encode())
    on_progress(Progress("stage.predict", len(jobs), len(jobs)))
    kinds = Counter(outcome.kind for outcome in made)
    counts = [outcome.counts for outcome in made if outcome.counts is not None]
    return Predictions(
        out,
        kinds["done"],
        kinds["found"],
        tuple(outcome.failure for outcome in made if outcome.failure is not None),
        rows,
        scores(np.sum(counts, axis=0)) if counts else None,
    )


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


def _csv(rows: Iterable[dict[str, Cell]], columns: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([csv_cell(row[column]) for column in columns] for row in rows)
    return text.getvalue()
