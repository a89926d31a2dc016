"""A predictor that takes its time and leaves a trace of every photo that it was asked for, whatever process asks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np

from maskwright.data.classes import Classes


@dataclass(frozen=True)
class SlowPredictor:
    """Class 1 where a photo is brighter than its own mean.

    Args:
        classes: two of them.
        traces: a folder; each photo asked for leaves a file there, named after its sum.
        seconds: how long a photo takes.
    """

    classes: Classes
    traces: Path
    seconds: float = 0.0
    digest: str = "slow"

    def __call__(self, image: np.ndarray) -> np.ndarray:
        (self.traces / f"{int(image.sum())}.{uuid4().hex}").touch()
        time.sleep(self.seconds)
        grey = image.mean(axis=2)
        bright = (grey > grey.mean()).astype(np.float32)
        return np.stack([1 - bright, bright])
