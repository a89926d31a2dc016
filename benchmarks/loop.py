"""The training loop with its input pipeline against the same loop with one preloaded batch, and its memory.

    python benchmarks/loop.py [DATA]      # without DATA: drawn photos, 256x256

SegFormer-B0, batch 8, 2 threads. Ten iterations of either alternate; the share is the median over pairs. The memory is
what this process alone holds (unique set size); the loop has no other processes.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from statistics import median

import psutil
import torch

import maskwright
from maskwright.data.dataset import Dataset
from maskwright.data.pets.write import draw_dataset
from maskwright.recipe.recipe import make_recipe
from maskwright.training.batches import Batch, batches, make_batch
from maskwright.training.loop import make_learner, train_step
from maskwright.training.measure import machine
from maskwright.training.memory import keep_freed_memory

THREADS, TURN = 2, 10


def measured(dataset: Dataset, turns: int) -> dict[str, float | str]:
    """Throughput of both, their ratio, and memory."""
    train = dataset.split("train").labelled
    recipe = make_recipe(
        {"precision": "bf16" if machine().bf16 else "fp32", "threads": THREADS}, source="benchmarks/loop.py"
    )
    torch.set_num_threads(THREADS)
    keep_freed_memory()
    learner = make_learner(recipe, len(dataset.classes))
    preloaded = make_batch(train, recipe, 0)
    stream = batches(train, recipe, start=0)

    def rate(source: Iterator[Batch]) -> float:
        began = time.perf_counter()
        for iteration in range(TURN):
            train_step(learner, next(source), recipe, iteration, 1e-5)
        return TURN / (time.perf_counter() - began)

    rate(stream)
    pairs = [(rate(repeat(preloaded)), rate(stream)) for _ in range(turns)]
    stream.close()
    return {
        "precision": recipe.precision,
        "preloaded_it_per_s": median(pair[0] for pair in pairs),
        "with_pipeline_it_per_s": median(pair[1] for pair in pairs),
        "share_of_preloaded": median(pair[1] / pair[0] for pair in pairs),
        "private_memory_mib": psutil.Process().memory_full_info().uss / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--turns", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = arguments.data
        if data is None:
            data = Path(folder) / "data"
            draw_dataset(data, images=60, size_px=256)
        print(json.dumps(measured(maskwright.read(data, cache=False), arguments.turns), indent=1))


if __name__ == "__main__":
    main()
