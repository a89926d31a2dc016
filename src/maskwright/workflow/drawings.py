"""Weights to start from that were learned from drawn photos alone: for who has no others."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from maskwright.data.pets.write import draw_dataset
from maskwright.data.reading import read
from maskwright.progress import OnProgress, silent
from maskwright.recipe.plan import DRAWINGS
from maskwright.training.run import Run, is_begun
from maskwright.weights import store
from maskwright.weights.metadata import as_metadata, metadata, ours
from maskwright.weights.store import Stored
from maskwright.workflow.start import DEFAULT_MODEL
from maskwright.workflow.train import train
from maskwright.workflow.weights import add_weights

PHOTOS_PER_S = 2
"""Photos drawn for each second of the budget: two cores draw 30 to 70 of them in one."""

FEWEST, MOST = 300, 6000
"""Photos that are drawn."""

SIZE_PX = 160
"""Their side: an iteration takes 0.4 of the time of one at 256 px."""

LICENCE = "Apache-2.0"
"""Of what is learned from drawings: they are the program's own."""


def draw_weights(
    model: str = DEFAULT_MODEL,
    *,
    budget_s: float = 1800.0,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    threads: int | None = None,
    device: str = "auto",
    on_progress: OnProgress = silent,
) -> Stored:
    """Draw photos of cats and dogs, train a model on them, and put its weights into the cache as `drawings-MODEL`.

    To learn from synthetic pictures first where there are no weights that learned from photos: Kataoka et al.,
    "Pre-training without natural images", ACCV 2020.

    Args:
        model: the architecture.
        budget_s: seconds for all of it.
        settings: settings by name that the plan keeps as given.
        seed: of the drawings and of the training.
        threads: threads of torch; None takes all cores.
        device: "auto", "cpu", "cuda" or "cuda:N".
        on_progress: told how far drawing and training are.

    Returns:
        What lies in the cache; what lies there already is taken as it is.

    Raises:
        MaskwrightError: there is no such architecture, a setting is wrong, or the disk is full.
        Interrupted: the user pressed Ctrl-C; the same call goes on where it stopped.
    """
    name = f"{DRAWINGS}{model}"
    if (there := store.cached(name)) is not None:
        return there
    began = time.monotonic()
    work = store.home() / ".drawings" / name
    drawn = draw_dataset(
        work / "data",
        images=min(MOST, max(FEWEST, round(PHOTOS_PER_S * budget_s))),
        size_px=SIZE_PX,
        seed=seed,
        threads=threads,
        on_progress=on_progress,
    )
    run = train(
        read(drawn.folder, on_progress=on_progress),
        out=work / "run",
        settings={**(settings or {}), "model": model, "weights": "none", "seed": seed},
        budget_s=budget_s - (time.monotonic() - began),
        threads=threads,
        device=device,
        resume=is_begun(work / "run"),
        on_progress=on_progress,
    )
    item = add_weights(_licensed(run, work), name=name)
    shutil.rmtree(work, ignore_errors=True)
    return item


def _licensed(run: Run, work: Path) -> Path:
    """A copy of the best weights that says under which licence they are."""
    from safetensors.torch import load_file, save_file

    best, copy = run.best_weights, work / "weights.safetensors"
    save_file(load_file(best), copy, as_metadata({**ours(metadata(best)), "licence": LICENCE}))
    return copy
