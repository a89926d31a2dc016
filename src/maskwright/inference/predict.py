"""Predicting many photos: masks, overlays and tables, in a way that can be broken off and go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path, PurePosixPath

from maskwright.data.classes import Classes
from maskwright.data.encode import mask_png
from maskwright.errors import Interrupted, UsageError, shown
from maskwright.inference.films import Film, frame_rate, write_film
from maskwright.inference.inputs import find_photos
from maskwright.inference.labels import find_labels
from maskwright.inference.outputs import Job, Outputs, plan_outputs
from maskwright.inference.predictor import Predictor, masks_of
from maskwright.inference.tally import Predictions, Tally
from maskwright.inference.work import Outcome, Work
from maskwright.inference.written import FOLDERS, kinds_of
from maskwright.progress import OnProgress, Progress, silent

Spread = Callable[[Work, Sequence[Job]], Iterable[Outcome]]
"""Who does the work: gives the outcome of each job once, in any order."""


def predict(
    predictor: Predictor,
    classes: Classes,
    paths: Sequence[str | Path] | str | Path,
    out: Path | str,
    *,
    write: str | Sequence[str] = "overlays",
    labels: Path | str | None = None,
    every: int = 1,
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
            (`coco.json`), "films" (of each film its overlays as one, `films/<name>.mp4`); "masks" for none of them.
        labels: a folder of masks with the photos' names, or one mask for one photo, see `find_labels`; then the
            table compares, and pixels labelled as ignored do not count in it.
        every: of films every n-th frame is a photo.
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
    photos = find_photos(paths, every=every, outside=tuple(outputs.out / name for name in FOLDERS))
    found = find_labels(None if labels is None else Path(labels), photos)
    digest = getattr(predictor, "digest", None)
    jobs = plan_outputs(photos, outputs, digest=digest, classes=classes, labels=found, overwrite=overwrite)
    del photos, found
    tally = Tally(outputs, classes, with_labels=labels is not None)
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
    tally.write()
    if "films" in outputs.write:
        _write_films(jobs, every)
    on_progress(tally.progress(len(jobs)))
    return tally.predictions()


def _write_films(jobs: Sequence[Job], every: int) -> None:
    """Put the overlays of each film together, as long as the film is."""
    for film, frames in groupby(jobs, lambda job: job.photo.inside):
        if isinstance(film, Film):
            first, pictures = _looked_at(frames)
            name = PurePosixPath(first.name).parent
            write_film(first.outputs.out / "films" / f"{name}.mp4", pictures, frame_rate(film.path) / every)


def _looked_at(frames: Iterable[Job]) -> tuple[Job, Iterator[Path]]:
    listed = list(frames)
    return listed[0], (path for job in listed if (path := job.file("overlays")) is not None)


def mask_of(predictor: Predictor, classes: Classes, paths: Sequence[str | Path] | str | Path) -> bytes:
    """The mask of one photo as the bytes of an index PNG, with nothing written anywhere.

    Args:
        predictor: what predicts.
        classes: what it predicts; in its order.
        paths: one photo, see `find_photos`; "-" for its bytes on standard input.

    Raises:
        UsageError: there is no photo, or more than one.
        DataError: it cannot be read.
    """
    _check_classes(predictor, classes)
    photos = find_photos(paths)
    if len(photos) > 1:
        raise UsageError("-o -: one mask goes to standard output.", expected="one photo", found=f"{len(photos)} photos")
    (mask,) = masks_of(predictor, [photos[0].image()])
    return mask_png(mask, classes)


def _check_classes(predictor: Predictor, classes: Classes) -> None:
    known = getattr(predictor, "classes", None)
    if known is not None and tuple(known.names) != classes.names:
        raise UsageError(
            "The predictor tells other classes apart than it was said to.",
            expected=", ".join(known.names),
            found=", ".join(classes.names),
            do="Pass predictor.classes.",
        )
