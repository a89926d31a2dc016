"""One thread for what is heavy: predicting and comparing, one after the other, with one predictor in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maskwright.data.sample import Image, Mask, Sample
from maskwright.inference.load import load
from maskwright.inference.opening import weights_in
from maskwright.inference.postprocess.settings import FILE
from maskwright.inference.predictor import Predictor, check_classes, masks_of

KEPT_BYTES = 256_000_000
"""What the masks may take that are kept: four thousand photos of 256 x 256 pixels."""

Stamp = tuple[str, int, int, int]


@dataclass(frozen=True)
class _Job:
    stamp: Stamp | None
    act: Callable[[], Any]
    done: Future[Any] = field(default_factory=Future)


class Workbench:
    """Predictions of runs, made in a thread of their own and kept as long as there is room.

    What is asked of the run whose predictor is in memory goes first, so that questions about several runs, mixed as a
    page asks them, do not load each predictor again and again.
    """

    def __init__(self) -> None:
        self._jobs: list[_Job] = []
        self._more = threading.Condition()
        self._thread: threading.Thread | None = None
        self._open: tuple[Stamp, Predictor] | None = None
        self._masks: OrderedDict[tuple[Stamp, str], Mask] = OrderedDict()

    def predict(self, run: Path, sample: Sample, names: tuple[str, ...]) -> Future[Mask]:
        """The mask that a run predicts for a photo, with its post-processing.

        Args:
            run: its folder.
            sample: the photo.
            names: the classes that its label has.

        Returns:
            A future of `(H, W) uint8` class ids; its error is what `load` and `check_classes` raise.
        """
        stamp = _stamp(run)
        known = self._masks.get((stamp, sample.digest))
        if known is not None:
            ready: Future[Mask] = Future()
            ready.set_result(known)
            return ready
        return self._add(_Job(stamp, lambda: self._predicted(run, stamp, sample, names)))

    def do(self, act: Callable[[], Any]) -> Future[Any]:
        """Something else that is heavy, in its turn."""
        return self._add(_Job(None, act))

    def _add(self, job: _Job) -> Future[Any]:
        with self._more:
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="workbench", daemon=True)
                self._thread.start()
            self._more.notify()
        return job.done

    def _work(self) -> None:
        while True:
            with self._more:
                self._more.wait_for(lambda: self._jobs)
                stamp = self._open[0] if self._open else None
                job = next((each for each in self._jobs if each.stamp == stamp), self._jobs[0])
                self._jobs.remove(job)
            if job.done.set_running_or_notify_cancel():
                try:
                    job.done.set_result(job.act())
                except Exception as error:  # whoever asked is told
                    job.done.set_exception(error)

    def _predicted(self, run: Path, stamp: Stamp, sample: Sample, names: tuple[str, ...]) -> Mask:
        if (stamp, sample.digest) not in self._masks:
            if self._open is None or self._open[0] != stamp:
                self._open = None  # before the next one is read
                self._open = stamp, load(run)
            predictor = self._open[1]
            check_classes(predictor, names)
            self._keep((stamp, sample.digest), _mask(predictor, sample.image()))
        return self._masks[stamp, sample.digest]

    def _keep(self, key: tuple[Stamp, str], mask: Mask) -> None:
        self._masks[key] = mask
        while len(self._masks) > 1 and sum(each.nbytes for each in self._masks.values()) > KEPT_BYTES:
            self._masks.popitem(last=False)


def _mask(predictor: Predictor, image: Image) -> Mask:
    return next(masks_of(predictor, [image]))


def _stamp(run: Path) -> Stamp:
    """Changes when the run has other weights or another post-processing, as while it is trained."""
    weights, post = weights_in(run), run / FILE
    about = weights.stat() if weights.is_file() else None
    return (
        str(run),
        about.st_mtime_ns if about else 0,
        about.st_size if about else 0,
        post.stat().st_mtime_ns if post.is_file() else 0,
    )
