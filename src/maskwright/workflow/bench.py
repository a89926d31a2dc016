"""How fast a model predicts on this machine: each runtime, precision and number of threads in a process of its own."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maskwright.cgroups import cpu_name, usable_cores
from maskwright.data.sample import Image
from maskwright.errors import MaskwrightError, UsageError
from maskwright.inference.exports import exports_in
from maskwright.inference.load import load
from maskwright.inference.opening import opened
from maskwright.inference.predictor import Loaded
from maskwright.progress import OnProgress, Progress, silent
from maskwright.recipe.files import read_recipe

BATCH = 8
"""Photos that go together where throughput is measured: what `predict` hands over."""

WARMING, LEAST_TIMED = 4, 5
"""Photos before the clock starts, and those that are timed at least."""


@dataclass(frozen=True)
class Case:
    """One way to predict.

    Args:
        runtime: "torch", or the name of an export.
        precision: "fp32", "bf16" or "int8".
        threads: to compute with.
        size_hw: height and width of the photos in pixels.
    """

    runtime: str
    precision: str
    threads: int
    size_hw: tuple[int, int]


@dataclass(frozen=True)
class Speed:
    """What was measured of a case; photo array in, mask out, one look at each photo, without post-processing.

    Args:
        case: how it was predicted.
        cold_start_s: from the start of a fresh Python to the first mask.
        p50_ms: median of one photo at a time, in milliseconds.
        p99_ms: 99th percentile of the same.
        timed: how many photos these two are of.
        photos_per_s: where `BATCH` photos go together.
        problem: why it could not be measured, else "".
    """

    case: Case
    cold_start_s: float = float("nan")
    p50_ms: float = float("nan")
    p99_ms: float = float("nan")
    timed: int = 0
    photos_per_s: float = float("nan")
    problem: str = ""


@dataclass(frozen=True)
class Bench:
    """Every case on one machine.

    Args:
        cpu: its name.
        cores: that this process may use.
        looks: how much more work than one look a prediction is with the recipe's test-time augmentation.
        speeds: in the order of sizes, runtimes, precisions and threads.
    """

    cpu: str
    cores: int
    looks: float
    speeds: tuple[Speed, ...]

    def to_json(self) -> dict[str, Any]:
        """As a JSON value; what could not be measured is null."""
        return {
            "cpu": self.cpu,
            "cores": self.cores,
            "looks": self.looks,
            "batch": BATCH,
            "speeds": [_told(speed) for speed in self.speeds],
        }


def bench(
    path: Path | str,
    *,
    sizes: Sequence[int] = (),
    threads: Sequence[int] = (),
    seconds: float = 3.0,
    model: str | None = None,
    on_progress: OnProgress = silent,
) -> Bench:
    """Measure how fast a run or a bundle predicts on this machine.

    Args:
        path: the run or the bundle; of its exports those are measured whose runtime is installed.
        sizes: sides of square photos in pixels; none takes the size that the recipe trained on.
        threads: numbers of threads; none takes one, and all cores.
        seconds: for the latency of each case, and as many for its throughput.
        model: `package.module:function` of one's own that the folder may have imported.
        on_progress: told after each case.

    Returns:
        A speed for each case; one that cannot be measured says why.

    Raises:
        RunError: as `load`.
        UsageError: a size or a number of threads is not positive.
    """
    wrong = [number for number in (*sizes, *threads) if number < 1]
    if wrong:
        raise UsageError(f"bench: {wrong[0]} is no size and no number of threads.", expected="whole numbers from 1 on")
    there = opened(path)
    recipe = read_recipe(there.folder / "recipe.yaml")
    load(there.folder, model=model, postprocess=False)  # what cannot be opened is told before anything is measured
    cores = usable_cores()
    cases = [
        Case(runtime, precision, count, size_hw)
        for size_hw in ([(side, side) for side in sizes] or [recipe.crop_hw])
        for runtime, precision in _ways(there.folder)
        for count in (threads or sorted({1, cores}))
    ]
    speeds = []
    on_progress(Progress("stage.bench", 0, len(cases)))
    for case in cases:
        speeds.append(_in_own_process(there.folder, case, seconds, model))
        on_progress(Progress("stage.bench", len(speeds), len(cases)))
    return Bench(cpu_name(), cores, recipe.tta_work, tuple(speeds))


def _ways(folder: Path) -> list[tuple[str, str]]:
    """Runtimes with the precisions that they compute in."""
    from maskwright.training.machine import machine

    in_torch = [("torch", "fp32"), *([("torch", "bf16")] if machine(device="cpu").bf16 else [])]
    return [*in_torch, *((name, "int8" if name.endswith("int8") else "fp32") for name in exports_in(folder))]


def _in_own_process(folder: Path, case: Case, seconds: float, model: str | None) -> Speed:
    """A fresh Python for each case: threads are settled once in a process, and a cold start is one."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(_measured, folder, case, seconds, model, time.time()).result()


def _measured(folder: Path, case: Case, seconds: float, model: str | None, began: float) -> Speed:
    photo = np.random.default_rng(0).integers(0, 256, (*case.size_hw, 3), dtype=np.uint8)
    try:
        predictor = _predictor(folder, case, model)
        predictor.mask(photo)
        cold_start_s = time.time() - began  # the clock of both processes
        latencies = _times(lambda: predictor.mask(photo), seconds)
        batch: list[Image] = [photo] * BATCH
        together = _times(lambda: predictor.masks(batch), seconds)
    except MaskwrightError as error:
        return Speed(case, problem=str(error))
    p50, p99 = np.percentile(latencies, (50, 99)) * 1000
    return Speed(case, cold_start_s, float(p50), float(p99), len(latencies), BATCH / float(np.median(together)))


def _predictor(folder: Path, case: Case, model: str | None) -> Loaded:
    """What predicts with one look, without post-processing."""
    predictor = load(folder, runtime=case.runtime, threads=case.threads, model=model, postprocess=False, tta=False)
    if case.runtime == "torch":
        from maskwright.inference.runtimes.torch import TorchPredictor

        assert isinstance(predictor, TorchPredictor)
        predictor.compute_in(case.precision)
    return predictor


def _times(act: Callable[[], object], seconds: float) -> list[float]:
    """Seconds of each time that something was done, for about so many seconds in all."""
    for _ in range(WARMING):
        act()
    taken: list[float] = []
    while len(taken) < LEAST_TIMED or sum(taken) < seconds:
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return taken


def _told(speed: Speed) -> dict[str, Any]:
    told = asdict(speed)
    return {**told.pop("case"), **{name: None if value != value else value for name, value in told.items()}}
