"""SegFormer-B0's training step against Hugging Face transformers', in one process.

    pip install transformers==5.23.0      # the peer, for this script alone
    python benchmarks/training_step.py

The step: zero_grad, forward, cross-entropy at full size, backward, AdamW; 256x256, batch 8, 2 threads; no data. The
peer runs first and as it comes (float32, its default AdamW); ours runs as the loop runs it: bfloat16 where the CPU has
it, channels_last, freed memory kept. A round's median is kept, and the ratio is taken of the medians over rounds. The
peer is also timed with kept memory, its rounds alternating with ours.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median

import torch
from torch.nn import functional

from maskwright.models import build_model
from maskwright.models.forward import autocast
from maskwright.training.machine import machine
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


def timed(step: Callable[[], object], repeats: int) -> float:
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    if find_spec("transformers") is None:
        sys.exit("The peer is missing: pip install transformers==5.23.0")
    print(json.dumps({"torch": torch.__version__, **steps_result(arguments.rounds, arguments.repeats)}, indent=1))


if __name__ == "__main__":
    main()
