"""Small datasets as folders, for tests that read files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE_HW = (12, 16)


def photo(seed: int, size_hw: tuple[int, int] = SIZE_HW) -> NDArray[np.uint8]:
    """Noise that differs for each seed, `(H, W, 3) uint8`."""
    return np.random.default_rng(seed).integers(0, 256, (*size_hw, 3), dtype=np.uint8)


def mask(*class_ids: int, size_hw: tuple[int, int] = SIZE_HW) -> NDArray[np.uint8]:
    """Background with one two-pixel-wide column per class id, `(H, W) uint8`."""
    ids = np.zeros(size_hw, np.uint8)
    for position, class_id in enumerate(class_ids):
        ids[2:, 1 + 3 * position : 3 + 3 * position] = class_id
    return ids


def save(path: Path, pixels: NDArray[Any], **options: Any) -> None:
    """Write pixels in the format of the path's extension; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def split_folder(root: Path, *, train: int = 20, val: int = 12) -> Path:
    """`images/{train,val}/000.png` with `masks/{train,val}/000.png` and a `classes.yaml` of three classes."""
    for split, count, start in (("train", train, 0), ("val", val, 1000)):
        for number in range(count):
            save(root / "images" / split / f"{number:03d}.png", photo(start + number))
            save(root / "masks" / split / f"{number:03d}.png", mask(1 + number % 2))
    (root / "classes.yaml").write_text("names: [background, cat, dog]\n")
    return root


def tree_digest(root: Path) -> str:
    """Digest of every name, link, time and byte below a folder."""
    hasher = hashlib.blake2b()
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        hasher.update(repr((str(path), status.st_mode, status.st_size, status.st_mtime_ns)).encode("utf-8", "replace"))
        if path.is_file():
            hasher.update(path.read_bytes())
    return hasher.hexdigest()
