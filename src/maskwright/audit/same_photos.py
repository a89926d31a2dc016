"""Finding the photos that a dataset has more than once, and which samples should move to another split for it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from maskwright.audit.alignment import Alignment, align, mask_agreement, quickly_alike
from maskwright.audit.candidates import Candidate, Cut, candidates
from maskwright.audit.duplicates import DuplicateGroup, Twins
from maskwright.audit.measures import MaskMeasures
from maskwright.audit.settings import AuditSettings
from maskwright.data.dataset import Dataset
from maskwright.data.sample import Sample
from maskwright.data.split import Drawable, draw_splits
from maskwright.data.workers import in_order, workers
from maskwright.progress import OnProgress, Progress

CROPPED_FRAC = 0.97
"""A photo that shows less of the other one than this was cropped; less is rounding."""


SURELY = 0.98
"""Equal photos have a cosine of 1, or hardly less where they are of one colour."""

SAME_PLACE = np.eye(2, 3, dtype=np.float32)


def same_photos(
    dataset: Dataset, thumbs: NDArray[np.uint8], settings: AuditSettings, on_progress: OnProgress
) -> tuple[DuplicateGroup, ...]:
    """Groups of samples that show one photo, those in several splits first.

    Args:
        dataset: the samples.
        thumbs: their grey pictures, `(N, 64, 64) uint8`.
        settings: `near_similarity` is what makes two photos the same.
        on_progress: told how many likely pairs are compared.

    Returns:
        The groups; pairs within a group are named as far as they were needed to see that it is one.
    """
    samples = dataset.samples
    joined = list(range(len(samples)))
    found: list[Twins] = []
    likely = [*_equal(samples), *candidates(thumbs)]
    with ThreadPoolExecutor(workers()) as pool:
        waiting = (each for each in likely if _root(joined, each.first) != _root(joined, each.second))
        results = in_order(pool, lambda each: (each, _twins(samples, thumbs, each, settings)), waiting)
        for done, (candidate, twins) in enumerate(results, start=1):
            if twins is not None and _root(joined, candidate.first) != _root(joined, candidate.second):
                joined[_root(joined, candidate.second)] = _root(joined, candidate.first)
                found.append(twins)
            if done % 100 == 0:
                on_progress(Progress("stage.compare", done, None))
    return _groups(samples, joined, found)


def resplit(dataset: Dataset, groups: Sequence[DuplicateGroup], masks: Sequence[MaskMeasures | None]) -> dict[str, str]:
    """Which samples move to which split so that no photo is in two of them.

    Only samples of photos in several splits are drawn anew, a whole group at a time, into the places that they leave
    behind: the sizes of the splits and their shares of each class stay as they are as far as that can be.

    Args:
        dataset: the samples.
        groups: which of them show one photo.
        masks: the measures of each sample's mask.

    Returns:
        id -> split, only of samples that move.
    """
    leaking = {sample: group.samples[0] for group in groups if group.leaks for sample in group.samples}
    if not leaking:
        return {}
    chosen = [(sample, mask) for sample, mask in zip(dataset, masks, strict=True) if sample.id in leaking]
    drawn = draw_splits(
        [Drawable(sample.id, leaking[sample.id], _classes(mask)) for sample, mask in chosen],
        places=Counter(sample.split for sample, _ in chosen),
    )
    return {sample.id: drawn[sample.id] for sample, _ in chosen if drawn[sample.id] != sample.split}


def _classes(mask: MaskMeasures | None) -> tuple[int, ...]:
    return () if mask is None else tuple(place for place, pixels in enumerate(mask.class_px[:-1]) if pixels)


def _equal(samples: Sequence[Sample]) -> list[Candidate]:
    """Pairs that the reader found to have equal photos."""
    groups: dict[str, list[int]] = defaultdict(list)
    for place, sample in enumerate(samples):
        if sample.group:
            groups[sample.group].append(place)
    return [Candidate(1.0, group[0], later, Cut()) for group in groups.values() for later in group[1:]]


def _twins(
    samples: Sequence[Sample], thumbs: NDArray[np.uint8], pair: Candidate, settings: AuditSettings
) -> Twins | None:
    one, other = samples[pair.first], samples[pair.second]
    exact = pair.cut == Cut() and pair.cosine > SURELY and np.array_equal(one.image(), other.image())
    if exact:
        return Twins(one.id, other.id, "exact", "none", 1.0, _agreement(one, other, SAME_PLACE))
    if not quickly_alike(thumbs[pair.first], thumbs[pair.second], pair.cut):
        return None
    found = align(one.image(), other.image(), pair.cut)
    if found is None or found.similarity < settings.near_similarity:
        return None
    agreement = _agreement(one, other, found.warp)
    return Twins(one.id, other.id, "near", _change(pair.cut, found), round(found.similarity, 4), agreement)


def _agreement(one: Sample, other: Sample, warp: NDArray[np.float32]) -> float:
    first, second = one.mask(), other.mask()
    return float("nan") if first is None or second is None else mask_agreement(first, second, warp)


def _change(cut: Cut, alignment: Alignment) -> str:
    turned = {(0, False): "none", (0, True): "mirrored"}.get((cut.quarter_turns, cut.mirrored))
    turned = turned or ("mirrored_turned" if cut.mirrored else "turned")
    cropped = min(alignment.covered_frac, alignment.area_frac) < CROPPED_FRAC
    return f"{turned}_cropped" if cropped else turned


def _groups(samples: Sequence[Sample], joined: list[int], found: Sequence[Twins]) -> tuple[DuplicateGroup, ...]:
    members: dict[int, list[Sample]] = defaultdict(list)
    for place, sample in enumerate(samples):
        members[_root(joined, place)].append(sample)
    twins: dict[str, list[Twins]] = defaultdict(list)
    for each in found:
        twins[each.first].append(each)
    groups = []
    for group in members.values():
        if len(group) > 1:
            group = sorted(group, key=lambda sample: sample.id)
            pairs = tuple(each for sample in group for each in twins[sample.id])
            ids, splits = tuple(sample.id for sample in group), tuple(sample.split for sample in group)
            groups.append(DuplicateGroup(ids, splits, pairs))
    return tuple(sorted(groups, key=lambda group: (not group.leaks, group.samples)))


def _root(joined: list[int], place: int) -> int:
    while joined[place] != place:
        joined[place] = joined[joined[place]]
        place = joined[place]
    return place
