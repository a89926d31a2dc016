"""Photos that are the same, or nearly: groups of them, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from maskwright.data.dataset import Dataset

Sameness = Literal["exact", "near"]
"""Equal pixels; or the same picture turned, mirrored, cropped, made brighter or compressed anew."""


@dataclass(frozen=True)
class Twins:
    """Two samples with the same photo.

    Args:
        first: id of one sample.
        second: id of the other.
        sameness: "exact" or "near".
        change: what was done to the first to make the second: "none", "mirrored", "turned", "mirrored_turned", each
            perhaps with "_cropped".
        similarity: correlation of their aligned grey values, in [-1, 1]; 1 is the same.
        mask_agreement: IoU of their aligned labels, mean over the classes other than the first that either has, in
            [0, 1]; nan where one has no mask.
    """

    first: str
    second: str
    sameness: Sameness
    change: str
    similarity: float
    mask_agreement: float


@dataclass(frozen=True)
class DuplicateGroup:
    """Samples that show one photo.

    Args:
        samples: their ids, sorted.
        splits: the split of each.
        twins: which of them are the same, and how.
    """

    samples: tuple[str, ...]
    splits: tuple[str, ...]
    twins: tuple[Twins, ...]

    @property
    def leaks(self) -> bool:
        """Whether the photo is in more than one split."""
        return len(set(self.splits)) > 1


def grouped(dataset: Dataset, groups: Sequence[DuplicateGroup]) -> Dataset:
    """The dataset, its samples that show one photo in one group: whoever divides it keeps them together."""
    first = {sample: group.samples[0] for group in groups for sample in group.samples}
    samples = (replace(sample, group=first.get(sample.id, sample.group)) for sample in dataset)
    return replace(dataset, samples=tuple(samples))


def groups_to_json(groups: Sequence[DuplicateGroup]) -> list[dict[str, Any]]:
    """As `duplicates.json` holds them."""
    return [
        {
            "samples": list(group.samples),
            "splits": list(group.splits),
            "leaks": group.leaks,
            "twins": [vars(twins) for twins in group.twins],
        }
        for group in groups
    ]


def groups_from_json(value: Sequence[Mapping[str, Any]]) -> tuple[DuplicateGroup, ...]:
    """The groups that `groups_to_json` gave."""
    return tuple(
        DuplicateGroup(tuple(group["samples"]), tuple(group["splits"]), tuple(_twins(each) for each in group["twins"]))
        for group in value
    )


def _twins(value: Mapping[str, Any]) -> Twins:
    agreement = value["mask_agreement"]
    return Twins(
        value["first"],
        value["second"],
        value["sameness"],
        value["change"],
        float(value["similarity"]),
        float("nan") if agreement is None else float(agreement),
    )
