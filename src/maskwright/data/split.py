"""Drawing the splits of a dataset that has none."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SHARES = {"train": 0.70, "val": 0.15, "test": 0.15}
"""Enough validation to tell models apart, and a test set that no decision was made on."""


@dataclass(frozen=True)
class Drawable:
    """What a sample is drawn by.

    Args:
        id: the sample's id.
        content: digest of its photo; samples with the same content stay together.
        class_ids: the classes present in its mask.
    """

    id: str
    content: str
    class_ids: tuple[int, ...]


def draw_splits(
    samples: Sequence[Drawable], *, places: Mapping[str, int] | None = None, seed: int = 0
) -> dict[str, str]:
    """Draw train, val and test, 70 : 15 : 15, so that each class has its share of photos in each.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas, "On the stratification of multi-label data", 2011):
    the class with the fewest photos still to be placed goes first; each of its photos goes to the split that lacks
    most of that class, then to the one that lacks most photos. Photos with equal pixels are placed as one. Ties and
    the order within a class follow a hash of (seed, id), so that the draw is the same on every machine.

    Args:
        samples: what is to be placed.
        places: split -> how many samples it takes; None is the above.
        seed: another seed gives another draw.

    Returns:
        id -> split. Two samples give train and val, one gives train.
    """
    groups: dict[str, list[Drawable]] = defaultdict(list)
    for sample in sorted(samples, key=lambda sample: chance(seed, sample.id)):
        groups[sample.content].append(sample)
    waiting = {content: {*()}.union(*(sample.class_ids for sample in group)) for content, group in groups.items()}
    free = dict(places or _places(len(samples)))
    wanted = _wanted(samples, free)
    splits: dict[str, str] = {}
    while waiting:
        rarest = _rarest(waiting, groups)
        chosen = [content for content, present in waiting.items() if rarest is None or rarest in present]
        for content in chosen:
            present, group = waiting.pop(content), groups[content]
            split = max(free, key=lambda name: (free[name] > 0, wanted[name].get(rarest, 0.0), free[name]))
            splits.update({sample.id: split for sample in group})
            free[split] -= len(group)
            for class_id in present:
                wanted[split][class_id] -= len(group)
    return splits


def _places(count: int) -> dict[str, int]:
    """How many samples each split takes: train never fewer than one, then val, then test."""
    val = max(round(SHARES["val"] * count), 1 if count >= 2 else 0)
    test = max(round(SHARES["test"] * count), 1 if count >= 3 else 0)
    return {"train": count - val - test, "val": val, "test": test}


def _wanted(samples: Sequence[Drawable], places: dict[str, int]) -> dict[str, dict[int | None, float]]:
    """split -> class -> how many photos with that class it should get."""
    counts: dict[int | None, int] = defaultdict(int)
    for sample in samples:
        for class_id in sample.class_ids:
            counts[class_id] += 1
    return {
        split: {class_id: count * place / max(1, len(samples)) for class_id, count in counts.items()}
        for split, place in places.items()
    }


def _rarest(waiting: dict[str, set[int]], groups: dict[str, list[Drawable]]) -> int | None:
    counts: dict[int, int] = defaultdict(int)
    for content, present in waiting.items():
        for class_id in present:
            counts[class_id] += len(groups[content])
    return min(counts, key=lambda class_id: (counts[class_id], class_id)) if counts else None


def chance(seed: int, name: str) -> bytes:
    """What a draw is ordered by: the same on every machine, another for another seed."""
    return hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=8).digest()
