"""How large an architecture is: counted, not quoted."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

import torch
from torch.utils.flop_counter import FlopCounterMode

from maskwright.models import build_model


@dataclass(frozen=True)
class Size:
    """What an architecture costs.

    Args:
        parameters: numbers that are learned; an auxiliary head, which only trains, is not among them.
        flops: floating-point operations of one photo forward, a multiplication with its addition counted as two.
    """

    parameters: int
    flops: int


def size_of(name: str, *, classes: int = 3, size_hw: tuple[int, int] = (256, 256)) -> Size:
    """Count the parameters and operations of an architecture, without memory or arithmetic ("meta" tensors).

    Args:
        name: of an architecture.
        classes: number of classes.
        size_hw: height and width of the photo, in pixels.

    Raises:
        RecipeError: there is no such architecture.
    """
    with torch.device("meta"):
        model = build_model(name, classes=classes).eval()
        photo = torch.empty(1, 3, *size_hw)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(photo)
    parameters = sum(one.numel() for key, one in model.named_parameters() if not key.startswith("auxiliary."))
    return Size(parameters, int(counter.get_total_flops()))


def photo_seconds(name: str, *, size_hw: tuple[int, int] = (256, 256), repeats: int = 5) -> float:
    """Median seconds that an architecture takes for one photo on this machine, in float32.

    Args:
        name: of an architecture.
        size_hw: height and width of the photo, in pixels.
        repeats: timed after one that warms up.
    """
    model = build_model(name, classes=3).eval()
    photo = torch.rand(1, 3, *size_hw).to(memory_format=torch.channels_last)
    seconds = []
    with torch.inference_mode():
        for _ in range(repeats + 1):
            began = time.perf_counter()
            model(photo)
            seconds.append(time.perf_counter() - began)
    return median(seconds[1:])
