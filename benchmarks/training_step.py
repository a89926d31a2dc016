"""SegFormer-B0's training step against Hugging Face transformers', in one process, and our loop against its own limit.

    pip install transformers==5.23.0      # the peer, for this script alone
    python benchmarks/training_step.py [--loop DATA] [--out FILE]

The step: zero_grad, forward, cross-entropy at full size, backward, AdamW; 256x256, batch 8, 2 threads; no data. The
peer runs first and as it comes (float32, its default AdamW); ours runs as the loop runs it: bfloat16 where the CPU has
it, channels_last, freed memory kept. Rounds of both alternate, so that a noisy neighbour meets both; each round's
median is kept and the ratio is taken of the medians over rounds. The peer is also timed with kept memory.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path
from statistics import median

import torch
from torch.nn import functional

from maskwright.models import build_model
from maskwright.models.forward import autocast
from maskwright.training.measure import machine
from maskwright.training.memory import keep_freed_memory

BATCH, SIDE, CLASSES, THREADS = 8, 256, 3, 2


def peer_step() -> Callable[[], None]:
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    config = SegformerConfig(
        num_labels=CLASSES, hidden_sizes=[32, 64, 160, 256], depths=[2, 2, 2, 2], decoder_hidden_size=256
    )
    model = SegformerForSemanticSegmentation(config).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)
    images, masks = torch.randn(BATCH, 3, SIDE, SIDE), torch.randint(0, CLASSES, (BATCH, SIDE, SIDE))

    def step() -> None:
        optimiser.zero_grad()
        logits = functional.interpolate(model(pixel_values=images).logits, size=(SIDE, SIDE), mode="bilinear")
        functional.cross_entropy(logits, masks).backward()
        optimiser.step()

    return step


def our_step(precision: str) -> Callable[[], None]:
    model = build_model("segformer-b0", classes=CLASSES, drop_path=0.1, head_dropout=0.1).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    images = torch.randn(BATCH, 3, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    masks = torch.randint(0, CLASSES, (BATCH, SIDE, SIDE))

    def step() -> None:
        optimiser.zero_grad()
        with autocast(torch.device("cpu"), precision):
            logits = model(images)
        functional.cross_entropy(logits, masks).backward()
        optimiser.step()

    return step


def timed(step: Callable[[], None], repeats: int) -> float:
    step()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - began)
    return median(seconds)


def steps_result(rounds: int, repeats: int) -> dict[str, float | str]:
    precision = "bf16" if machine().bf16 else "fp32"
    peer, ours, ours_fp32 = peer_step(), our_step(precision), our_step("fp32")
    seconds: dict[str, list[float]] = {"peer": [], "ours": [], "ours_fp32": []}
    for _ in range(2):
        peer()
    # The peer's own rounds come first: keeping freed memory cannot be taken back.
    seconds["peer"] = [timed(peer, repeats) for _ in range(rounds)]
    keep_freed_memory()
    kept = []
    for _ in range(rounds):
        kept.append(timed(peer, repeats))
        seconds["ours"].append(timed(ours, repeats))
        seconds["ours_fp32"].append(timed(ours_fp32, repeats))
    ms = {name: 1000 * median(values) for name, values in seconds.items()}
    return {
        "precision": precision,
        "transformers_fp32_ms": ms["peer"],
        "transformers_fp32_kept_memory_ms": 1000 * median(kept),
        "ours_ms": ms["ours"],
        "ours_fp32_ms": ms["ours_fp32"],
        "ratio": ms["peer"] / ms["ours"],
        "ratio_against_kept_memory": 1000 * median(kept) / ms["ours"],
    }


def loop_result(data: Path, iterations: int) -> dict[str, float]:
    """Iterations per second of the loop's step with the input pipeline, and with one preloaded batch."""
    import psutil

    import maskwright
    from maskwright.recipe.recipe import Recipe, with_settings
    from maskwright.training.batches import Batch, batches, make_batch
    from maskwright.training.loop import make_learner, train_step

    dataset = maskwright.read(data)
    train = dataset.split("train").labelled
    precision = "bf16" if machine().bf16 else "fp32"
    recipe = with_settings(
        Recipe(), {"precision": precision, "threads": THREADS}, source="benchmark", reason="benchmark"
    )
    keep_freed_memory()
    learner = make_learner(recipe, len(dataset.classes))
    preloaded = make_batch(train, recipe, 0)
    stream = batches(train, recipe, start=0)

    def rate(source: Iterator[Batch], count: int) -> float:
        began = time.perf_counter()
        for iteration in range(count):
            train_step(learner, next(source), recipe, iteration, 1e-5)
        return count / (time.perf_counter() - began)

    rate(stream, 5)
    pairs = [(rate(repeat(preloaded), 10), rate(stream, 10)) for _ in range(iterations // 10)]
    stream.close()
    return {
        "preloaded_it_per_s": median(pair[0] for pair in pairs),
        "with_pipeline_it_per_s": median(pair[1] for pair in pairs),
        "share_of_preloaded": median(pair[1] / pair[0] for pair in pairs),
        "private_memory_mib": psutil.Process().memory_full_info().uss / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--loop", type=Path, help="a dataset: measure the loop instead of the step")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    if arguments.loop:
        result = loop_result(arguments.loop, 20 * arguments.rounds)
    else:
        result = steps_result(arguments.rounds, arguments.repeats)
    text = json.dumps({"torch": torch.__version__, **result}, indent=1)
    sys.stdout.write(text + "\n")
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
