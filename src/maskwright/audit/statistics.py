"""What is in the data, split by split and class by class, and whether the splits differ: values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from maskwright.data.statistics import Statistics

GRID = 16
"""Cells a side of the heat maps of where a class is: fine enough to see, small enough to keep per sample."""

AREA_EDGES = tuple(2.0**-power for power in range(16, -1, -1))
"""Edges of the bins of object areas, as shares of the photo: each bin doubles the one before."""


@dataclass(frozen=True)
class ClassDetail:
    """One class in one split.

    Args:
        area_counts: objects per bin of `AREA_EDGES`, 16 numbers; smaller objects are counted in the first.
        objects_per_image: mean number of objects in the masks that have the class; nan where none has.
        position: `GRID` rows of `GRID` shares in [0, 1], from the top left: how often the class is there, over all
            masks of the split stretched to one size.
        mean_rgb: mean colour of its pixels, each in [0, 255]; nan where there are none.
        luma_counts: histogram of the brightness of its pixels, 16 bins over 0..255, in thinned pixels.
    """

    area_counts: tuple[int, ...]
    objects_per_image: float
    position: tuple[tuple[float, ...], ...]
    mean_rgb: tuple[float, float, float]
    luma_counts: tuple[int, ...]


@dataclass(frozen=True)
class SplitDetail:
    """One split: its photos and each class.

    Args:
        mean_rgb: mean colour of the photos, each in [0, 255].
        rgb_counts: three histograms (red, green, blue) of 32 bins over 0..255, in thinned pixels.
        brightness: each photo's mean brightness: 5th, 25th, 50th, 75th and 95th percentile, in [0, 255].
        sharpness: likewise of the photos' sharpness (log10 of the variance of the Laplacian).
        saturation: likewise of the photos' mean saturation, in [0, 1].
        classes: one per class.
    """

    mean_rgb: tuple[float, float, float]
    rgb_counts: tuple[tuple[int, ...], ...]
    brightness: tuple[float, ...]
    sharpness: tuple[float, ...]
    saturation: tuple[float, ...]
    classes: tuple[ClassDetail, ...]


@dataclass(frozen=True)
class Difference:
    """One test of whether two splits differ.

    Args:
        first: name of one split.
        second: name of the other.
        what: "class_images", "class_px", "object_area", "brightness", "sharpness", "saturation" or "sizes".
        class_name: which class, "" where it is about photos.
        first_value: the quantity in the first split.
        second_value: in the second.
        effect: how large the difference is, 0 is none: Cliff's delta, in [-1, 1], or Cramer's V, in [0, 1].
        p: probability of so large a difference by chance.
        p_holm: the same, corrected for all tests (Holm 1979).
        differs: whether p_holm is below the threshold.
    """

    first: str
    second: str
    what: str
    class_name: str
    first_value: float
    second_value: float
    effect: float
    p: float
    p_holm: float
    differs: bool


@dataclass(frozen=True)
class AuditStatistics:
    """The data in numbers.

    Args:
        data: images, classes, pixel shares, sizes and objects of each split.
        splits: split -> its photos and classes in detail.
        differences: tests between the first split and each other one, the most certain first.
        class_weights: rule -> a weight per class, from the first split (see `data.class_weights`); {} without labels.
    """

    data: Statistics
    splits: Mapping[str, SplitDetail]
    differences: tuple[Difference, ...]
    class_weights: Mapping[str, tuple[float, ...]]

    def to_json(self) -> dict[str, Any]:
        """As `statistics.json` holds it; `from_json` reads it back."""
        return {
            "data": self.data.to_json(),
            "splits": {name: asdict(split) for name, split in self.splits.items()},
            "differences": [asdict(each) for each in self.differences],
            "class_weights": {rule: list(weights) for rule, weights in self.class_weights.items()},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> AuditStatistics:
        """The statistics that `to_json` gave."""
        return cls(
            data=Statistics.from_json(value["data"]),
            splits={name: _split(split) for name, split in value["splits"].items()},
            differences=tuple(Difference(**_numbers(each)) for each in value["differences"]),
            class_weights={rule: tuple(weights) for rule, weights in value["class_weights"].items()},
        )


def _split(value: Mapping[str, Any]) -> SplitDetail:
    return SplitDetail(
        mean_rgb=_rgb(value["mean_rgb"]),
        rgb_counts=tuple(tuple(counts) for counts in value["rgb_counts"]),
        brightness=tuple(map(_number, value["brightness"])),
        sharpness=tuple(map(_number, value["sharpness"])),
        saturation=tuple(map(_number, value["saturation"])),
        classes=tuple(_class(each) for each in value["classes"]),
    )


def _class(value: Mapping[str, Any]) -> ClassDetail:
    return ClassDetail(
        area_counts=tuple(value["area_counts"]),
        objects_per_image=_number(value["objects_per_image"]),
        position=tuple(tuple(row) for row in value["position"]),
        mean_rgb=_rgb(value["mean_rgb"]),
        luma_counts=tuple(value["luma_counts"]),
    )


def _rgb(value: Any) -> tuple[float, float, float]:
    red, green, blue = map(_number, value)
    return red, green, blue


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _numbers(value: Mapping[str, Any]) -> dict[str, Any]:
    """Null of JSON as nan."""
    return {key: float("nan") if entry is None else entry for key, entry in value.items()}
