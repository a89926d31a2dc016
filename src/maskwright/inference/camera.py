"""A camera as photos: frames are predicted while they come, until the time is over or somebody stops it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np

from maskwright.data.classes import Classes
from maskwright.data.sample import Image
from maskwright.errors import UsageError
from maskwright.inference.films import write_film
from maskwright.inference.outputs import Job, Outputs, plan_outputs
from maskwright.inference.photo import PhotoFile
from maskwright.inference.predictions import Predictions
from maskwright.inference.predictor import Predictor
from maskwright.inference.tally import Tally
from maskwright.inference.work import Work
from maskwright.inference.written import kinds_of
from maskwright.progress import OnProgress, Progress, silent

PREFIX = "camera:"
"""How a camera is named, before its number."""

FAILING = 30
"""Frames in a row that a camera may fail to give before it is taken to be gone."""


@dataclass(frozen=True, eq=False)
class _Taken:
    """A frame that a camera gave."""

    pixels: Image

    def image(self, _photo: PhotoFile) -> Image:
        return self.pixels


def predict_camera(
    predictor: Predictor,
    classes: Classes,
    camera: str,
    out: Path | str,
    *,
    write: str = "overlays",
    every: int = 1,
    seconds: float | None = None,
    on_progress: OnProgress = silent,
) -> Predictions:
    """Predict what a camera sees into a folder, as `predict` does with photos.

    Every recording has a folder of its own in `masks` and beside it, named by when it began. Ctrl-C ends it as the end
    of its time does: what was predicted by then stays, with its tables.

    Args:
        predictor: what predicts.
        classes: what it predicts; in its order.
        camera: "camera:0" is the first one.
        out: the folder.
        write: as in `predict`.
        every: every n-th frame is predicted.
        seconds: how long; None goes on until Ctrl-C.
        on_progress: told after each frame.

    Returns:
        What was done.

    Raises:
        UsageError: there is no such camera, or the folder belongs to another predictor.
    """
    outputs = Outputs(Path(out), kinds_of(write))
    capture = _opened(camera)
    try:
        plan_outputs([], outputs, digest=getattr(predictor, "digest", None), classes=classes, labels={})
        tally = Tally(outputs, classes, with_labels=False)
        jobs: list[Job] = []
        began = datetime.now().strftime("%Y%m%d-%H%M%S")
        name = f"{camera.replace(':', '_')}/{began}"
        images = _frames(capture, every, seconds)
        started_s = time.monotonic()
        try:
            for outcome in Work(predictor, classes, outputs.write).fresh(_jobs(images, name, outputs, jobs)):
                tally.add(outcome, jobs[outcome.place])
                on_progress(tally.progress(None))
        except KeyboardInterrupt:
            pass
        passed_s = time.monotonic() - started_s
    finally:
        capture.release()
    tally.write()
    on_progress(Progress("stage.predict", tally.there, tally.there))
    if "films" in outputs.write and tally.there:
        pictures = (job.file("overlays") for job in jobs[: len(tally.rows)])
        write_film(outputs.out / "films" / f"{name}.mp4", filter(None, pictures), tally.there / passed_s)
    return tally.predictions()


def only_camera(paths: Sequence[str]) -> str:
    """The camera among paths.

    Raises:
        UsageError: something else stands beside it.
    """
    if len(paths) > 1:
        raise UsageError(
            f"{', '.join(paths[:3])}: a camera is looked at alone.", do="Give one camera, or photos, to each command."
        )
    return paths[0]


def _opened(camera: str) -> cv2.VideoCapture:
    number = camera.removeprefix(PREFIX)
    capture = cv2.VideoCapture(int(number)) if number.isdecimal() else None
    if capture is None or not capture.isOpened():
        raise UsageError(
            f"{camera}: no such camera gives pictures.",
            expected="camera:0 for the first one, camera:1 for the second",
            do="Is it plugged in, does another program use it, and may you? On Linux you need the group video.",
        )
    return capture


def _frames(capture: cv2.VideoCapture, every: int, seconds: float | None) -> Iterator[Image]:
    ends_s = None if seconds is None else time.monotonic() + seconds
    place = failing = 0
    while failing < FAILING and (ends_s is None or time.monotonic() < ends_s):
        if not capture.grab():
            failing += 1
            continue
        place, failing = place + 1, 0
        if (place - 1) % every:
            continue
        there, frame = capture.retrieve()
        if there and frame is not None:
            yield np.ascontiguousarray(frame[..., ::-1], np.uint8)


def _jobs(images: Iterator[Image], name: str, outputs: Outputs, jobs: list[Job]) -> Iterator[Job]:
    for place, image in enumerate(images):
        photo = PhotoFile(f"{name}/{place:06}", 0, image.nbytes)
        jobs.append(Job(place, photo, photo.relative, outputs, None))
        yield Job(place, PhotoFile(photo.source, 0, image.nbytes, inside=_Taken(image)), photo.relative, outputs, None)
