"""From the measures of single samples to the statistics of the splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from maskwright.audit.differences import differences
from maskwright.audit.measures import MaskMeasures
from maskwright.audit.part import Part
from maskwright.audit.settings import AuditSettings
from maskwright.audit.statistics import AREA_EDGES, GRID, AuditStatistics, ClassDetail, SplitDetail
from maskwright.data.class_weights import RULES, derived_class_weights
from maskwright.data.dataset import Dataset
from maskwright.data.statistics import SplitStatistics, overall

PERCENTILES = (5, 25, 50, 75, 95)


def gather(dataset: Dataset, splits: Sequence[Part], settings: AuditSettings) -> AuditStatistics:
    """The statistics of a dataset.

    Args:
        dataset: all samples.
        splits: the splits, see `parts`.
        settings: `difference_p` is what makes two splits differ.
    """
    numbers = {part.name: _counts(part) for part in splits}
    first = next((name for name, split in numbers.items() if sum(split.class_px)), None)
    weights = {rule: derived_class_weights(rule, numbers[first].class_px) for rule in RULES} if first else {}
    return AuditStatistics(
        data=overall(dataset, numbers),
        splits={part.name: _detail(part) for part in splits},
        differences=differences(splits, dataset.classes.names, settings.difference_p),
        class_weights=weights,
    )


def _counts(part: Part) -> SplitStatistics:
    classes = range(len(part.dataset.classes))
    masks = part.labelled
    pixels = np.zeros(len(classes) + 1, np.int64)
    for mask in masks:
        pixels += mask.class_px
    areas = [[each.area_frac for mask in masks for each in mask.objects if each.class_id == c] for c in classes]
    return SplitStatistics(
        images=len(part.dataset),
        labelled=len(masks),
        digest=part.dataset.digest(part.name),
        class_px=tuple(pixels[:-1].tolist()),
        class_images=tuple(sum(mask.class_px[c] > 0 for mask in masks) for c in classes),
        ignored_px=int(pixels[-1]),
        sizes=tuple(Counter(sample.size_hw for sample in part.dataset).most_common()),
        object_area_frac=tuple(float(np.median(each)) if each else float("nan") for each in areas),
        objects=tuple(len(each) for each in areas),
    )


def _detail(part: Part) -> SplitDetail:
    photos = part.photos
    rgb = np.asarray([photo.mean_rgb for photo in photos]).mean(axis=0).tolist()
    counts = np.asarray([photo.rgb_counts for photo in photos]).sum(axis=0, dtype=np.int64)
    return SplitDetail(
        mean_rgb=(rgb[0], rgb[1], rgb[2]),
        rgb_counts=tuple(tuple(channel) for channel in counts.tolist()),
        brightness=_percentiles([photo.brightness for photo in photos]),
        sharpness=_percentiles([photo.sharpness for photo in photos]),
        saturation=_percentiles([photo.saturation for photo in photos]),
        classes=tuple(_class_detail(part.labelled, class_id) for class_id in range(len(part.dataset.classes))),
    )


def _percentiles(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(value) for value in np.percentile(values, PERCENTILES))


def _class_detail(masks: Sequence[MaskMeasures], class_id: int) -> ClassDetail:
    areas = [each.area_frac for mask in masks for each in mask.objects if each.class_id == class_id]
    having = sum(mask.class_px[class_id] > 0 for mask in masks)
    sums = np.asarray([(0.0, 0.0, 0.0, 0), *(mask.rgb_sums[class_id] for mask in masks if class_id in mask.rgb_sums)])
    red, green, blue, pixels = sums.sum(axis=0).tolist()
    mean = [channel / pixels if pixels else float("nan") for channel in (red, green, blue)]
    bins = np.clip(np.asarray(areas), AREA_EDGES[0], 1)
    return ClassDetail(
        area_counts=tuple(np.histogram(bins, AREA_EDGES)[0].tolist()),
        objects_per_image=len(areas) / having if having else float("nan"),
        position=_position(masks, class_id),
        mean_rgb=(mean[0], mean[1], mean[2]),
        luma_counts=tuple(_sum([m.luma_counts[class_id] for m in masks if class_id in m.luma_counts], 16).tolist()),
    )


def _position(masks: Sequence[MaskMeasures], class_id: int) -> tuple[tuple[float, ...], ...]:
    total = np.zeros((GRID, GRID))
    for mask in masks:
        if class_id in mask.grids:
            total += mask.grids[class_id]
    return tuple(tuple(row) for row in np.round(total / (255 * max(1, len(masks))), 4).tolist())


def _sum(histograms: Sequence[NDArray[np.uint16]], bins: int) -> NDArray[np.int64]:
    return np.asarray(np.sum(histograms, axis=0, dtype=np.int64) if histograms else np.zeros(bins, np.int64))
