"""Classes that are missing, that hardly occur, or whose pixel values mean something else in a part of the data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from maskwright.audit.likeness import features, fit, held_out, likeliest
from maskwright.audit.measures import ObjectMeasures
from maskwright.audit.robust import between
from maskwright.audit.seen import Seen
from maskwright.data.finding import Finding
from maskwright.data.sample import Sample

FEWEST = 15
"""Objects of a class that a part must have, and twice as many all others, before a mix-up is looked for."""

RARE_FRAC = 0.15
"""In a small split a few masks are many; a class in more than this share of them is not rare."""


def absent(seen: Seen) -> Iterator[Finding]:
    """Declared classes that no mask has, or none of a split that others have it in."""
    splits = {name: split for name, split in seen.statistics.data.splits.items() if split.labelled}
    for class_id, name in enumerate(seen.dataset.classes.names):
        without = [split for split, counts in splits.items() if not counts.class_images[class_id]]
        if splits and len(without) == len(splits):
            yield Finding("", "class_absent", 0.6, {"class_name": name})
            continue
        for split in without:
            yield Finding(split, "class_absent_in_split", 0.7, {"class_name": name, "split": split})


def rare(seen: Seen) -> Iterator[Finding]:
    """Classes in a few masks of a split only."""
    least = seen.settings.rare_images
    for split, counts in seen.statistics.data.splits.items():
        for class_id, name in enumerate(seen.dataset.classes.names):
            found = counts.class_images[class_id]
            if 0 < found < min(least, RARE_FRAC * counts.labelled):
                facts = {"class_name": name, "split": split, "count": found, "masks": counts.labelled}
                yield Finding(split, "class_rare", between(least - found, 1, least, 0.5, 0.25), facts)


def mixed_up(seen: Seen) -> Iterator[Finding]:
    """Parts of the data (a split, a folder) in which a class looks like another class of the rest.

    A class is described by size, place and colour of its connected pieces. Only classes that these tell apart in the
    rest of the data are judged, and cats are no dogs by their size: what looks alike is left to a model.
    """
    pieces = [
        (sample, each)
        for sample, mask in zip(seen.dataset, seen.masks, strict=True)
        for each in (mask.objects if mask else ())
    ]
    if not pieces:
        return
    values = features([each for _, each in pieces])
    labels = np.array([each.class_id for _, each in pieces])
    for part, inside in _parts(pieces).items():
        if 2 * inside.sum() > len(pieces):
            continue
        yield from _mixed_up_in(seen, part, values, labels, inside)


def _parts(pieces: list[tuple[Sample, ObjectMeasures]]) -> dict[str, NDArray[np.bool_]]:
    """Splits, and folders of masks where a split has several: name -> which pieces are in it."""
    splits = np.array([sample.split for sample, _ in pieces])
    folders = np.array([str(PurePosixPath(sample.mask_file or sample.id).parent) for sample, _ in pieces])
    within: dict[str, set[str]] = defaultdict(set)
    for split, folder in zip(splits.tolist(), folders.tolist(), strict=True):
        within[split].add(folder)
    parts = {split: splits == split for split in within} if len(within) > 1 else {}
    several = {folder for names in within.values() if len(names) > 1 for folder in names}
    return parts | {folder: folders == folder for folder in sorted(several)}


def _mixed_up_in(
    seen: Seen,
    part: str,
    values: NDArray[np.float64],
    labels: NDArray[np.int64],
    inside: NDArray[np.bool_],
) -> Iterator[Finding]:
    rest = ~inside
    known = [c for c in range(len(seen.dataset.classes)) if (labels[rest] == c).sum() >= 2 * FEWEST]
    usable = rest & np.isin(labels, known)
    if len(known) < 2:
        return
    told_apart = held_out(values[usable], labels[usable], known)
    looks_like = likeliest(values[inside], fit(values[usable], labels[usable], known))
    given = labels[inside]
    for class_id in sorted(set(given.tolist())):
        own = looks_like[given == class_id]
        if len(own) < FEWEST:
            continue
        seems, count = max(((c, int((own == c).sum())) for c in known), key=lambda pair: pair[1])
        share, limit = count / len(own), seen.settings.swap_accuracy
        sure = told_apart[seems, seems] >= limit and told_apart.get((class_id, seems), 0.0) <= 1 - limit
        if seems == class_id or share < limit or not sure or (looks_like[given == seems] == seems).mean() > 0.5:
            continue
        facts = {
            "part": part,
            "class_name": seen.class_name(class_id),
            "other_class": seen.class_name(seems),
            "percent": f"{100 * share:.0f}",
        }
        yield Finding(part, "class_mixed_up", 0.9, facts)
