"""One split of a dataset with what was measured of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from maskwright.audit.measures import MaskMeasures, PhotoMeasures
from maskwright.data.dataset import Dataset


@dataclass(frozen=True)
class Part:
    """One split with its measures.

    Args:
        name: the split.
        dataset: its samples.
        photos: their photos' measures.
        masks: their masks' measures, None without a mask.
    """

    name: str
    dataset: Dataset
    photos: Sequence[PhotoMeasures]
    masks: Sequence[MaskMeasures | None]

    @property
    def labelled(self) -> list[MaskMeasures]:
        """The measures of the masks that there are."""
        return [mask for mask in self.masks if mask is not None]


def parts(dataset: Dataset, photos: Sequence[PhotoMeasures], masks: Sequence[MaskMeasures | None]) -> tuple[Part, ...]:
    """The splits of a dataset with the measures of their samples."""
    made = []
    for name in dataset.splits:
        places = [place for place, sample in enumerate(dataset) if sample.split == name]
        part = dataset.split(name)
        made.append(Part(name, part, [photos[place] for place in places], [masks[place] for place in places]))
    return tuple(made)
