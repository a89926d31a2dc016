"""Training in several processes with torch's own means, and what came of it."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import distributed, multiprocessing

from maskwright.data.dataset import Dataset
from maskwright.recipe.recipe import Recipe
from maskwright.training.loop import fit
from maskwright.training.run import make_run
from maskwright.training.sharing import Share


def train_together(dataset: Dataset, recipe: Recipe, folder: Path, *, world: int) -> list[Path]:
    """Train one model in `world` processes; each has a run below `folder`, the first one's first."""
    runs = [folder / f"rank-{rank}" for rank in range(world)]
    arguments = (world, dataset, recipe, runs, folder / "meeting", [path for path in sys.path if path])
    multiprocessing.start_processes(_member, arguments, nprocs=world, start_method="spawn")
    return runs


def _member(
    rank: int, world: int, dataset: Dataset, recipe: Recipe, runs: list[Path], meeting: Path, path: list[str]
) -> None:
    sys.path[:] = path
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=world)
    try:
        fit(dataset, recipe, _run(runs[rank], recipe), share=Share(rank, world))
    finally:
        distributed.destroy_process_group()


def train_alone(dataset: Dataset, recipe: Recipe, folder: Path) -> Path:
    """The same in this process."""
    fit(dataset, recipe, _run(folder, recipe))
    return folder


def _run(folder: Path, recipe: Recipe):  # type: ignore[no-untyped-def]
    from maskwright.recipe.files import write_recipe

    torch.set_num_threads(1)
    run = make_run(folder)
    write_recipe(recipe, folder / "recipe.yaml")
    return run
