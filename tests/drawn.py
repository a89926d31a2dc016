"""A small dataset on disk, for tests that start where a user starts."""

from __future__ import annotations

from pathlib import Path

import cv2

from tiny import tiny_dataset

CLASSES = "background,square,disc"


def draw_folder(folder: Path, *, train: int = 8, val: int = 4) -> Path:
    """Write `img/{train,val}/*.png` and `labels/{train,val}/*.png` of three classes; no classes.yaml.

    Args:
        folder: made, and given back.
        train: number of photos to train on.
        val: number of photos to judge on.
    """
    for sample in tiny_dataset(train=train, val=val):
        mask = sample.mask()
        assert mask is not None
        for kind, pixels in (("img", sample.image()[..., ::-1]), ("labels", mask)):
            path = folder / kind / f"{sample.id}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), pixels)
    return folder
