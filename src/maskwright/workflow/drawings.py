"""Weights to start from that were learned from drawn photos alone, where none that learned from photos can be had."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from maskwright.data.pets.write import draw_dataset
from maskwright.data.reading import read
from maskwright.errors import Interrupted, RecipeError, RunError, UsageError, nearest, shown
from maskwright.models import ARCHITECTURES, check_architecture
from maskwright.progress import OnProgress, silent
from maskwright.recipe.pretraining import DRAWINGS
from maskwright.storage import alone
from maskwright.training.run import Run, is_begun
from maskwright.weights import store
from maskwright.weights.metadata import as_metadata, metadata, ours
from maskwright.weights.store import Stored
from maskwright.workflow.start import DEFAULT_MODEL
from maskwright.workflow.train import train
from maskwright.workflow.weights import with_fits

PHOTOS_PER_S = 2
"""Photos drawn for each second of the budget: two cores draw 30 to 70 of them in one."""

FEWEST, MOST = 300, 6000
"""Photos that are drawn."""

SIZE_PX = 160
"""Their side: an iteration takes 0.4 of the time of one at 256 px."""

LEAST_S = 120.0
"""Below it next to nothing is learned, and what is made is kept."""

COLLECTION = 2**30
"""Added to the seed: the demo and the benchmarks judge by drawings of small seeds."""

LICENCE = "Apache-2.0"
"""Of what is learned from drawings: they are the program's own."""


def draw_weights(
    model: str = DEFAULT_MODEL,
    *,
    budget_s: float = 1800.0,
    seed: int = 0,
    threads: int | None = None,
    device: str = "auto",
    on_progress: OnProgress = silent,
) -> Stored:
    """Draw photos of cats and dogs, train a model on them, and put its weights into the cache as `drawings-MODEL`.

    To learn from synthetic pictures first where there are no weights that learned from photos: Kataoka et al.,
    "Pre-training without natural images", ACCV 2020.

    Args:
        model: the architecture, one of Maskwright's own.
        budget_s: seconds for all of it, at least 120.
        seed: of the drawings and of the training.
        threads: threads of torch; None takes all cores.
        device: "auto", "cpu", "cuda" or "cuda:N".
        on_progress: told how far drawing and training are.

    Returns:
        What lies in the cache; what lies there already is taken as it is.

    Raises:
        RecipeError: there is no such architecture, or it is not Maskwright's own.
        UsageError: there is no such device, or the budget is too short.
        RunError: another process makes these weights now.
        Interrupted: the user pressed Ctrl-C; the same call goes on where it stopped.
    """
    _check(model, budget_s, device)
    name, place = f"{DRAWINGS}{model}", store.home() / ".drawings"
    work = place / f"{model}-{budget_s:.0f}s-seed-{seed}"
    images = min(MOST, max(FEWEST, round(PHOTOS_PER_S * budget_s)))
    place.mkdir(parents=True, exist_ok=True)
    with alone(place / f"{model}.lock", lambda: _occupied(model)):
        made = store.cached(name)
        if made is None:
            machine = {"threads": threads, "device": device}
            run = _trained(work, images, {"model": model, "seed": seed}, budget_s, machine, on_progress)
            made = with_fits(_licensed(run, work), name=name, source=f"{images} drawings, seed {seed}, made here")
        for left in place.glob(f"{model}-*"):
            shutil.rmtree(left, ignore_errors=True)
    return made


def _trained(
    work: Path,
    images: int,
    settings: dict[str, Any],
    budget_s: float,
    machine: dict[str, Any],
    on_progress: OnProgress,
) -> Run:
    """Draw into a folder, and train there; what the same call began is gone on with, to the length that it had."""
    began, out = time.monotonic(), work / "run"
    begun = is_begun(out)
    if not begun:
        shutil.rmtree(out, ignore_errors=True)  # what a kill left in the first moment
    collection = COLLECTION + settings["seed"]
    drawn = draw_dataset(
        work / "data",
        images=images,
        size_px=SIZE_PX,
        seed=collection,
        threads=machine["threads"],
        on_progress=on_progress,
    )
    dataset = read(drawn.folder, on_progress=on_progress)
    try:
        if begun:
            return train(dataset, out=out, resume=True, on_progress=on_progress)
        left_s = budget_s - (time.monotonic() - began)
        settings = {**settings, "weights": "none"}
        return train(dataset, out=out, settings=settings, budget_s=left_s, **machine, on_progress=on_progress)
    except Interrupted:
        raise Interrupted("Stopped while drawing weights; nothing is lost.", do="The same command goes on.") from None


def _check(model: str, budget_s: float, device: str) -> None:
    from maskwright.models.forward import settled_device

    check_architecture(model)
    if model not in ARCHITECTURES:
        raise RecipeError(
            f"--model {model}: weights are drawn for Maskwright's own architectures.",
            expected=", ".join(ARCHITECTURES),
            do=nearest(model, [*ARCHITECTURES]),
        )
    settled_device(device)
    if budget_s < LEAST_S:
        raise UsageError(
            f"--budget {budget_s:g}s: too short to learn anything from drawings, and what is made is kept.",
            expected=f"at least {LEAST_S:g}s, and better 30m",
            do="Give more time: --budget 30m",
        )


def _occupied(model: str) -> RunError:
    return RunError(
        f"{DRAWINGS}{model}: another process makes these weights now.",
        do=f"Wait for it; its work lies in {shown(store.home() / '.drawings')}.",
    )


def _licensed(run: Run, work: Path) -> Path:
    """A copy of the best weights that says under which licence they are."""
    from safetensors.torch import load_file, save_file

    best, copy = run.best_weights, work / "weights.safetensors"
    save_file(load_file(best), copy, as_metadata({**ours(metadata(best)), "licence": LICENCE}))
    return copy
