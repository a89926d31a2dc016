"""A dataset in numbers: counts, shares, sizes, objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import IGNORE, Colour
from maskwright.data.dataset import Dataset
from maskwright.data.listing import Note
from maskwright.data.notebook import html_swatch, html_table
from maskwright.data.sample import Mask
from maskwright.progress import OnProgress, Progress, silent
from maskwright.sentences import say

OBJECT_SIDE_PX = 512
"""Objects are counted on masks thinned to this side, which keeps a pass over large photos cheap."""


@dataclass(frozen=True)
class SplitStatistics:
    """One split in numbers; tuples have one entry per class.

    Args:
        images: number of samples.
        labelled: number of samples with a mask.
        digest: hex digest of the split.
        class_px: labelled pixels of each class.
        class_images: number of masks in which each class is present.
        ignored_px: pixels that are not judged.
        sizes: ((height, width), number of photos), the most frequent first.
        object_area_frac: median area of each class's connected regions as a fraction of their photo; nan where there
            are none.
        objects: number of connected regions (8 neighbours) of each class.
        photos: `Sample.photo_key` of each labelled photo, sorted, with blanks between; None where they were not kept.
        masks: `Sample.mask_key` of each of these, in the same order; None likewise.
    """

    images: int
    labelled: int
    digest: str
    class_px: tuple[int, ...]
    class_images: tuple[int, ...]
    ignored_px: int
    sizes: tuple[tuple[tuple[int, int], int], ...]
    object_area_frac: tuple[float, ...]
    objects: tuple[int, ...]
    photos: str | None = None
    masks: str | None = None

    @property
    def class_frac(self) -> tuple[float, ...]:
        """The share of each class in the judged pixels; zeros where nothing is labelled."""
        total = sum(self.class_px)
        return tuple(count / total if total else 0.0 for count in self.class_px)


@dataclass(frozen=True)
class Statistics:
    """A dataset in numbers; what a run keeps as `data.json`.

    Args:
        path: the folder, "" for arrays.
        layout: the recognised layout.
        classes: the names.
        colours: one RGB colour per class.
        splits: split -> its numbers, train, val and test first.
        left_out: number of samples that could not be used.
        findings: number of findings.
        notes: what was assumed, as (sentence key, facts).
    """

    path: str
    layout: str
    classes: tuple[str, ...]
    colours: tuple[Colour, ...]
    splits: Mapping[str, SplitStatistics]
    left_out: int
    findings: int
    notes: tuple[Note, ...]

    def _repr_html_(self) -> str:
        splits = {name: split for name, split in self.splits.items() if split.labelled}
        head = [say("notebook.class")]
        for name in splits:
            head += [say("notebook.share", split=name), say("notebook.images", split=name)]
        rows = [
            [
                html_swatch(self.colours[place]) + name,
                *(
                    text
                    for split in splits.values()
                    for text in (f"{split.class_frac[place]:.2%}", str(split.class_images[place]))
                ),
            ]
            for place, name in enumerate(self.classes)
        ]
        return html_table(head, rows)

    def to_json(self) -> dict[str, Any]:
        """As `data.json`; `from_json` reads it back."""
        return {"format": 1, **asdict(self)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Statistics:
        """The statistics that `to_json` gave."""
        return cls(
            path=value["path"],
            layout=value["layout"],
            classes=tuple(value["classes"]),
            colours=tuple((r, g, b) for r, g, b in value["colours"]),
            splits={name: _split_from_json(split) for name, split in value["splits"].items()},
            left_out=value["left_out"],
            findings=value["findings"],
            notes=tuple((key, tuple((name, fact) for name, fact in facts)) for key, facts in value["notes"]),
        )


def describe(dataset: Dataset, *, on_progress: OnProgress = silent) -> Statistics:
    """Count what is in a dataset, in one pass over its masks.

    Args:
        dataset: the samples.
        on_progress: is told how many samples are done.

    Returns:
        The numbers.
    """
    done = 0
    splits = {}
    for name in dataset.splits:
        part = dataset.split(name)
        splits[name] = _describe_split(part, name, done, len(dataset), on_progress)
        done += len(part)
    return overall(dataset, splits)


def overall(dataset: Dataset, splits: Mapping[str, SplitStatistics]) -> Statistics:
    """The statistics of a dataset, from those of its splits."""
    return Statistics(
        path=str(dataset.root or ""),
        layout=dataset.layout,
        classes=dataset.classes.names,
        colours=dataset.classes.colours,
        splits=splits,
        left_out=len({finding.sample for finding in dataset.findings if finding.left_out}),
        findings=len(dataset.findings),
        notes=dataset.notes,
    )


def _describe_split(part: Dataset, name: str, done: int, total: int, on_progress: OnProgress) -> SplitStatistics:
    count = len(part.classes)
    pixels, images = np.zeros(256, np.int64), np.zeros(count, np.int64)
    areas: list[list[float]] = [[] for _ in range(count)]
    for position, sample in enumerate(part, start=1):
        mask = sample.mask()
        if mask is not None:
            here = np.bincount(mask.ravel(), minlength=256)
            pixels += here
            images += here[:count] > 0
            for class_id in np.flatnonzero(here[:count]).tolist():
                areas[class_id] += region_areas_frac(mask, class_id).tolist()
        on_progress(Progress("stage.read", done + position, total))
    keys = sorted((sample.photo_key, sample.mask_key) for sample in part.labelled)
    return SplitStatistics(
        images=len(part),
        labelled=len(part.labelled),
        digest=part.digest(name),
        class_px=tuple(pixels[:count].tolist()),
        class_images=tuple(images.tolist()),
        ignored_px=int(pixels[IGNORE]),
        sizes=tuple(Counter(sample.size_hw for sample in part).most_common()),
        object_area_frac=tuple(float(np.median(each)) if each else float("nan") for each in areas),
        objects=tuple(len(each) for each in areas),
        photos=" ".join(photo for photo, _ in keys),
        masks=" ".join(mask for _, mask in keys),
    )


def region_areas_frac(mask: Mask, class_id: int) -> NDArray[np.float64]:
    """The areas of a class's connected regions, as fractions of the photo.

    Args:
        mask: `(H, W) uint8` class ids.
        class_id: which class.

    Returns:
        One area per region (8 neighbours), in (0, 1], on the mask thinned to at most 512 pixels a side.
    """
    step = -(-max(mask.shape) // OBJECT_SIDE_PX)
    thin = (mask[::step, ::step] == class_id).astype(np.uint8)
    count, _, measures, _ = cv2.connectedComponentsWithStats(thin, connectivity=8)
    return np.asarray(measures[1:count, cv2.CC_STAT_AREA] / thin.size, np.float64)


def _split_from_json(value: Mapping[str, Any]) -> SplitStatistics:
    return SplitStatistics(
        images=value["images"],
        labelled=value["labelled"],
        digest=value["digest"],
        class_px=tuple(value["class_px"]),
        class_images=tuple(value["class_images"]),
        ignored_px=value["ignored_px"],
        sizes=tuple(((height, width), count) for (height, width), count in value["sizes"]),
        object_area_frac=tuple(float("nan") if frac is None else frac for frac in value["object_area_frac"]),
        objects=tuple(value["objects"]),
        photos=value.get("photos"),
        masks=value.get("masks"),
    )
