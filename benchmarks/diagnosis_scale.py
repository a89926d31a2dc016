"""Diagnosing many photos of 512x512: seconds a photo and peak memory, as JSON.

    python benchmarks/diagnosis_scale.py [PHOTOS]      # default: 500; 10000 is what the figures are about

The photos are drawn as they are asked for, so that neither they nor a network are measured: the predictor spoils the
right mask and blurs it into probabilities. Every metric is made: counts, causes, objects, contours, calibration, the
estimate without labels and disputed labels. A part of the photos is diagnosed first, in a process of its own: what the
peak grows by from there is what each photo leaves behind, and tells what 10,000 of them need.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import make_classes
from maskwright.data.dataset import Dataset
from maskwright.data.sample import Sample
from maskwright.evaluation.diagnose import diagnose

SIDE_PX = 512
PHOTOS, FEW, ALL = 500, 100, 10_000
LIMIT_GIB = 1.0


@dataclass(frozen=True)
class Drawn:
    """A photo that is drawn anew whenever it is asked for."""

    number: int

    def image(self) -> NDArray[np.uint8]:
        """Noise, brighter where there is an object; the first pixels tell the number of the photo."""
        rng = np.random.default_rng(self.number)
        image = rng.integers(60, 120, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
        image += 50 * self.mask()[..., None]
        image[0, 0] = self.number >> 16 & 255, self.number >> 8 & 255, self.number & 255
        return image

    def mask(self) -> NDArray[np.uint8]:
        """One to four ellipses of two classes."""
        return ellipses(np.random.default_rng(self.number + 1), shift=0)


def main() -> None:
    """Diagnose a few and all photos, each in a process of its own, and print."""
    if sys.argv[1:2] == ["--diagnose"]:
        print(json.dumps(measure(int(sys.argv[2]))))
        return
    photos = int(sys.argv[1]) if len(sys.argv) > 1 else PHOTOS
    few, many = (in_a_process(count) for count in (min(FEW, photos // 2), photos))
    kib_a_photo = (many["peak_gib"] - few["peak_gib"]) * 2**20 / (many["photos"] - few["photos"])
    print(
        json.dumps(
            {
                "benchmark": "diagnosis_scale",
                "side_px": SIDE_PX,
                **many,
                "kib_a_photo": round(kib_a_photo, 1),
                f"peak_gib_{ALL}": round(many["peak_gib"] + max(0, ALL - photos) * kib_a_photo / 2**20, 3),
                f"hours_{ALL}": round(many["ms_a_photo"] * ALL / 3.6e6, 2),
                "cores": len(os.sched_getaffinity(0)),
                "limit_gib": LIMIT_GIB,
            }
        )
    )


def in_a_process(photos: int) -> dict[str, float]:
    """What `measure` says of so many photos, in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--diagnose", str(photos)], check=True, stdout=subprocess.PIPE)
    return dict(json.loads(done.stdout))


def measure(photos: int) -> dict[str, float]:
    """Diagnose so many photos; what drawing and predicting takes is left out of the time."""
    names = [f"val/{number:05d}" for number in range(photos)]
    size = (SIDE_PX, SIDE_PX)
    samples = tuple(Sample(name, "val", Drawn(number), size, name) for number, name in enumerate(names))
    dataset = Dataset(make_classes(["background", "cat", "dog"]), samples)
    began = time.process_time()
    made = diagnose(spoilt, dataset)
    cpu_s = time.process_time() - began
    began = time.process_time()
    for sample in samples[:20]:
        spoilt(sample.image())
        sample.image()
        [sample.mask() for _ in range(2)]
    drawing_s = (time.process_time() - began) / min(20, photos)
    return {
        "photos": photos,
        "mDice": round(made.evaluation.scores.mDice, 4),
        "causes": len([loss for loss in made.causes if loss.px]),
        "ms_a_photo": round(1000 * (cpu_s / photos - drawing_s), 1),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 4),
    }


def spoilt(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Probabilities of a mask that is a little off, in one photo of four of another class, too, or missing."""
    number = int(image[0, 0, 0]) << 16 | int(image[0, 0, 1]) << 8 | int(image[0, 0, 2])
    mask = ellipses(np.random.default_rng(number + 1), shift=number % 9)
    if number % 4 == 0:
        mask = np.where(mask > 0, 3 - mask, 0).astype(np.uint8) if number % 8 else np.where(mask == 1, 0, mask)
    planes = [cv2.GaussianBlur((mask == class_id).astype(np.float32), (0, 0), 4) + 0.01 for class_id in range(3)]
    probs = np.stack(planes)
    return np.asarray(probs / probs.sum(axis=0), np.float32)


def ellipses(rng: np.random.Generator, shift: int) -> NDArray[np.uint8]:
    """One to four ellipses of two classes, moved."""
    mask = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    for _ in range(rng.integers(1, 5)):
        x, y = (int(place) for place in rng.integers(60, SIDE_PX - 60, 2))
        axes = tuple(int(axis) for axis in rng.integers(12, 110, 2))
        cv2.ellipse(mask, (x + shift, y), axes, int(rng.integers(0, 180)), 0, 360, int(rng.integers(1, 3)), -1)
    return mask


if __name__ == "__main__":
    main()
