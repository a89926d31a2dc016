"""The training loop with its input pipeline against the same loop with one preloaded batch, and its memory.

    python benchmarks/loop.py [DATA]      # without DATA: drawn photos, 256x256

SegFormer-B0, batch 8, 2 threads, photos out of the decoded cache as in a run. Iterations of the two alternate one by
one, so a machine that is slower for a while is so for both; an iteration's time is the median. (On two cores no batch
is made ahead, which would be charged to the other.) The memory is what this process alone holds (unique set size); the
loop has no other processes.
"""

import argparse
import json
import os
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
from maskwright.training.machine import machine
from maskwright.training.memory import keep_freed_memory

THREADS, WARM_UP = 2, 10


def measured(dataset: Dataset, iterations: int) -> dict[str, float | str]:
    """Throughput of both, their ratio, and memory."""
    train = dataset.split("train").labelled
    recipe = make_recipe(
        {"precision": "bf16" if machine().bf16 else "fp32", "threads": THREADS}, source="benchmarks/loop.py"
    )
    torch.set_num_threads(THREADS)
    keep_freed_memory()
    learner = make_learner(recipe, len(dataset.classes))
    preloaded = make_batch(train, recipe, 0)

    def seconds(batch: Iterator[Batch], iteration: int) -> float:
        began = time.perf_counter()
        train_step(learner, next(batch), recipe, iteration, 1e-5)
        return time.perf_counter() - began

    sources = (repeat(preloaded), batches(train, recipe, start=0))
    pairs = [[seconds(source, iteration) for source in sources] for iteration in range(iterations + WARM_UP)]
    alone_s, fed_s = (median(pair[place] for pair in pairs[WARM_UP:]) for place in (0, 1))
    return {
        "precision": recipe.precision,
        "preloaded_it_per_s": 1 / alone_s,
        "with_pipeline_it_per_s": 1 / fed_s,
        "share_of_preloaded": alone_s / fed_s,
        "private_memory_mib": psutil.Process().memory_full_info().uss / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--iterations", type=int, default=100)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MASKWRIGHT_CACHE"] = folder  # one's own stays as it is
        data = arguments.data
        if data is None:
            data = Path(folder) / "data"
            draw_dataset(data, images=60, size_px=256)
        print(json.dumps(measured(maskwright.read(data), arguments.iterations), indent=1))


if __name__ == "__main__":
    main()
