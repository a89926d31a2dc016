"""How much of the machine's arithmetic a training step and a validation pass use.

    python benchmarks/machine_share.py [--threads 2] [--repeats 7]

FLOPs of matrix products and convolutions are counted by torch's `FlopCounterMode` over the pass (a multiplication and
an addition are two); normalisation, activation, resizing and the optimiser count as none, and take time all the same.
A step has three times those of its photos' predictions: two more products as large for the gradients. (Its counter
takes the gradient of a depthwise convolution for that of a full one.) The peak is what a product of two 2048 x 2048
matrices reaches in the same arithmetic with the same threads, in the same run. A step is that of the loop (batch 8), a
pass judges 120 photos as validation does; photos are noise that lies in memory.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from maskwright.data.classes import make_classes
from maskwright.data.dataset import Dataset
from maskwright.data.sample import ArrayPixels, Sample
from maskwright.recipe.recipe import make_recipe
from maskwright.training.batches import make_batch
from maskwright.training.loop import make_learner, train_step
from maskwright.training.machine import environment, machine
from maskwright.training.memory import keep_freed_memory
from maskwright.training.validation import validation_counts
from training_step import timed

MODELS = (("segformer-b0", 256), ("mlp-mobilenetv2", 256), ("mlp-mobilenetv2", 384))
SIDE, JUDGED = 2048, 120


def peak_flops(precision: str, repeats: int) -> float:
    """FLOP/s of a large matrix product."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = (torch.randn(SIDE, SIDE).to(dtype) for _ in range(2))
    return 2 * SIDE**3 / timed(lambda: a @ b, repeats)


def noise(side: int) -> Dataset:
    """Photos and masks of noise."""
    rng, samples = np.random.default_rng(0), []
    for number in range(JUDGED):
        image = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
        mask = rng.integers(0, 3, (side, side), dtype=np.uint8)
        samples.append(Sample(f"{number}", "train", ArrayPixels(image, mask), (side, side), digest=f"{number}"))
    return Dataset(make_classes(["background", "cat", "dog"]), tuple(samples))


def measured(model: str, side: int, threads: int, repeats: int, peak: float) -> dict[str, Any]:
    """Step and pass of one model at one size."""
    precision = "bf16" if machine().bf16 else "fp32"
    settings = {"model": model, "crop_hw": (side, side), "precision": precision, "threads": threads}
    recipe, data = make_recipe(settings, source="benchmark"), noise(side)
    learner, batch = make_learner(recipe, 3), make_batch(data, recipe, 0)
    with FlopCounterMode(display=False) as counter:
        validation_counts(learner.model, data, recipe)
    judging = counter.get_total_flops()
    told: dict[str, Any] = {"model": model, "side_px": side, "precision": precision}
    for name, flops, action in (
        ("step", 3 * recipe.batch_size * judging / JUDGED, lambda: train_step(learner, batch, recipe, 1, 1e-4)),
        ("validation", judging, lambda: validation_counts(learner.model, data, recipe)),
    ):
        taken = timed(action, repeats)
        told |= {f"{name}_gflop": flops / 1e9, f"{name}_s": taken, f"{name}_share_of_peak": flops / taken / peak}
    return told


def main() -> None:
    """Say the machine, its peak, and a line for each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    keep_freed_memory()
    peak = peak_flops("bf16" if machine().bf16 else "fp32", given.repeats)
    about = environment()
    lines = [measured(model, side, given.threads, given.repeats, peak) for model, side in MODELS]
    told = {"cpu": about["cpu"], "torch": about["torch"], "threads": given.threads, "peak_gflops": peak / 1e9}
    print(json.dumps({**told, "models": lines}, indent=1))


if __name__ == "__main__":
    main()
