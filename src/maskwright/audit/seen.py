"""All samples as the checks of a whole dataset see them: their measures, beside the samples themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from maskwright.audit.duplicates import DuplicateGroup
from maskwright.audit.measures import MaskMeasures, ObjectMeasures, PhotoMeasures
from maskwright.audit.part import Part
from maskwright.audit.settings import AuditSettings
from maskwright.audit.statistics import AuditStatistics
from maskwright.data.dataset import Dataset
from maskwright.data.decode import EXTENSIONS
from maskwright.data.sample import Sample


@dataclass(frozen=True)
class Seen:
    """What was seen of a dataset.

    Args:
        dataset: the samples.
        settings: the thresholds.
        photos: the measures of each sample's photo, in the order of the samples.
        masks: those of its mask, None without one.
        splits: the same, split by split.
        statistics: the numbers of the splits.
        groups: samples that show one photo.
    """

    dataset: Dataset
    settings: AuditSettings
    photos: tuple[PhotoMeasures, ...]
    masks: tuple[MaskMeasures | None, ...]
    splits: tuple[Part, ...]
    statistics: AuditStatistics
    groups: tuple[DuplicateGroup, ...]

    def objects(self) -> Iterator[tuple[Sample, ObjectMeasures]]:
        """Every connected piece of every class but the first, with its sample."""
        for sample, mask in zip(self.dataset, self.masks, strict=True):
            for each in mask.objects if mask else ():
                if each.class_id:
                    yield sample, each

    def class_name(self, class_id: int) -> str:
        """What a class is called."""
        return self.dataset.classes.names[class_id]


def named(sample: Sample) -> str:
    """How sentences call a sample's mask: its file where that is a picture, else the photo's: others may be shared."""
    return sample.mask_file if sample.mask_file.lower().endswith(EXTENSIONS) else photo_named(sample)


def photo_named(sample: Sample) -> str:
    """How sentences call a sample's photo: its file, or its id where there is none."""
    return sample.image_file or sample.id
