"""The audit without a model on 10 000 photos of 256x256: seconds and peak memory, as JSON.

    python benchmarks/audit_scale.py [PHOTOS]      # default: 10000

The photos are made of drawn scenes: the grounds of two of them, cropped, mirrored, recoloured and blended, and the pets
of a third, larger or smaller, somewhere on it. So they vary as photos do, and no two are the same. Reading with an
empty cache, every check, the statistics and the search for duplicates are measured in a process of its own; the page
is not made. The memory is the largest resident set of that process, with what it maps of the decoded cache.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.audit.survey import survey
from maskwright.data.classes import classes_yaml
from maskwright.data.encode import write_jpeg, write_mask_png
from maskwright.data.pets.write import PETS, draw_dataset
from maskwright.data.reading import look_over, read

SIDE_PX = 256
SCENES = 120
PHOTOS = 10_000
LIMIT_S, LIMIT_GIB = 120, 1.0

Picture = NDArray[np.uint8]


def main() -> None:
    """Make the photos, audit them in another process, and print."""
    if sys.argv[1:2] == ["--audit"]:
        measure(Path(sys.argv[2]))
        return
    photos = int(sys.argv[1]) if len(sys.argv) > 1 else PHOTOS
    with tempfile.TemporaryDirectory() as folder:
        data = make_photos(Path(folder), photos)
        environment = {**os.environ, "MASKWRIGHT_CACHE": str(Path(folder) / "cache")}
        subprocess.run([sys.executable, __file__, "--audit", str(data)], check=True, env=environment)


def measure(data: Path) -> None:
    """Audit a folder and print seconds and memory."""
    began, load = time.perf_counter(), os.getloadavg()[0]
    dataset = look_over(data)
    read_s = time.perf_counter() - began
    audit = survey(dataset)
    seconds, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "benchmark": "audit_scale",
                "photos": audit.images,
                "seconds": round(seconds, 1),
                "read_s": round(read_s, 1),
                "cpu_s": round(used.ru_utime + used.ru_stime, 1),
                "peak_gib": round(used.ru_maxrss / 2**20, 3),
                "findings": len(audit.findings),
                "cores": len(os.sched_getaffinity(0)),
                "load_before": round(load, 1),
                "limit_s": LIMIT_S,
                "limit_gib": LIMIT_GIB,
            }
        )
    )


def make_photos(folder: Path, count: int) -> Path:
    """Write `count` photos with masks below a folder, four fifths to train on."""
    draw_dataset(folder / "scenes", images=SCENES, size_px=SIDE_PX)
    scenes = [(sample.image(), sample.mask()) for sample in read(folder / "scenes", cache=False)]
    data = folder / "data"

    def make(number: int) -> None:
        image, mask = compose([(image, mask) for image, mask in scenes if mask is not None], number)
        name = f"{'train' if number % 5 else 'val'}/{number:05d}"
        write_jpeg(data / "img" / f"{name}.jpg", image, quality=90)
        write_mask_png(data / "labels" / f"{name}.png", mask, PETS)

    with ThreadPoolExecutor() as pool:
        list(pool.map(make, range(count)))
    (data / "classes.yaml").write_text(classes_yaml(PETS))
    return data


def compose(scenes: list[tuple[Picture, Picture]], number: int) -> tuple[Picture, Picture]:
    """One photo: two grounds blended, and the pets of a scene on it."""
    rng = np.random.default_rng(number)
    one, other, pets = (scenes[int(place)] for place in rng.choice(len(scenes), 3, replace=False))
    share = cv2.resize(rng.random((3, 3), np.float32), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)[..., None]
    ground = varied(one[0], rng) * share + varied(other[0], rng) * (1 - share)
    image, mask = moved(*pets, rng)
    inside = cv2.GaussianBlur((mask > 0).astype(np.float32), (0, 0), 0.7)[..., None]
    photo = image * inside + ground * (1 - inside) + rng.normal(0, 3, ground.shape)
    return np.clip(photo, 0, 255).astype(np.uint8), mask


def varied(image: Picture, rng: np.random.Generator) -> NDArray[np.float32]:
    """A part of a picture, perhaps mirrored, in other colours."""
    side = int(rng.uniform(0.4, 0.8) * SIDE_PX)
    y, x = (int(start) for start in rng.integers(0, SIDE_PX - side, 2))
    part = cv2.resize(image[y : y + side, x : x + side], (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
    part = part[:, ::-1] if rng.random() < 0.5 else part
    return np.asarray(part * rng.uniform(0.7, 1.2, 3) + rng.uniform(-15, 15), np.float32)


def moved(image: Picture, mask: Picture, rng: np.random.Generator) -> tuple[Picture, Picture]:
    """A scene's pets, larger or smaller and elsewhere."""
    scale, shift = rng.uniform(0.6, 1.3), rng.uniform(-50, 50, 2)
    warp = np.array(
        [[scale, 0, shift[0] + SIDE_PX * (1 - scale) / 2], [0, scale, shift[1] + SIDE_PX * (1 - scale) / 2]]
    )
    size = (SIDE_PX, SIDE_PX)
    picture = cv2.warpAffine(image, warp, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(picture, np.uint8), np.asarray(
        cv2.warpAffine(mask, warp, size, flags=cv2.INTER_NEAREST), np.uint8
    )


if __name__ == "__main__":
    main()
