"""Which training photos `set_aside: doubted` means: what the audit doubts, unless a person said otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from maskwright.audit.audit import Audit
from maskwright.audit.label_issue import LabelIssue
from maskwright.data.classes import IGNORE
from maskwright.data.dataset import Dataset
from maskwright.data.sample import Sample
from maskwright.data.statistics import Statistics
from maskwright.recipe.recipe import Recipe, with_settings
from maskwright.review.journal import read_journal

SUSPICION = 0.5
"""From it on a mask is not learned from. Of 38 faults planted into 190 built-in photos, 30 are above it, and 1 sound
mask."""

CLASS_BELIEF = 0.15
"""Where only the class is disputed, that many of a hundred disputes have to be errors of labels. On the built-in photos
an animal under a wrong name cost a point of mDice, and a sound photo that is not learned from hardly anything."""

LARGEST_SHARE = 0.25
"""Of the training photos, and of those with a class: where more are suspected, it may be the judge who is wrong."""


def with_doubted_set_aside(
    recipe: Recipe, audit: Audit, journal: Path, dataset: Dataset, statistics: Statistics
) -> Recipe:
    """The recipe with the rule "doubted" replaced by the photos that it means.

    Args:
        recipe: a planned one.
        audit: of the same data.
        journal: what persons decided about them; it need not exist.
        dataset: with labelled samples in "train".
        statistics: of the dataset.
    """
    train = dataset.split("train").labelled
    ids = doubted(audit, _verdicts(journal, train), train, statistics.splits["train"].class_images)
    reason = f"measured: the audit doubts the masks of {len(ids)} of {len(train)} photos"
    return with_settings(recipe, {"set_aside": ids}, source="the audit", reason=reason)


def doubted(audit: Audit, verdicts: Mapping[str, bool], train: Dataset, class_images: Sequence[int]) -> tuple[str, ...]:
    """The photos whose masks are suspected, or whose classes are disputed, worst first.

    Args:
        audit: says how far each mask is suspected.
        verdicts: of persons by sample id, whether the mask as it is may be learned from; they count before the audit.
        train: labelled samples to learn from.
        class_images: number of their masks in which each class is present.

    Returns:
        Ids; as many of the most suspected ones as leave three quarters of the photos and of each class.
    """
    suspicion = audit.suspicion | {each: 0.0 if sound else 1.0 for each, sound in verdicts.items()}
    misnamed = {issue.sample for issue in audit.label_issues if _may_be_misnamed(issue)} - verdicts.keys()
    suspected = [each for each in train if suspicion.get(each.id, 0.0) >= SUSPICION or each.id in misnamed]
    left = [int(LARGEST_SHARE * count) for count in class_images]
    total = int(LARGEST_SHARE * len(train))
    ids: list[str] = []
    for sample in sorted(suspected, key=lambda each: (-suspicion[each.id], each.id)):
        if len(ids) == total:
            break
        present = _classes_in(sample)
        if all(left[each] > 0 for each in present):
            ids.append(sample.id)
            for each in present:
                left[each] -= 1
    return tuple(ids)


def _may_be_misnamed(issue: LabelIssue) -> bool:
    return issue.class_belief >= CLASS_BELIEF and issue.worst >= SUSPICION


def _classes_in(sample: Sample) -> tuple[int, ...]:
    mask = sample.mask()
    assert mask is not None, "only labelled samples are learned from"
    return tuple(int(each) for each in np.unique(mask) if each != IGNORE)


def _verdicts(journal: Path, train: Dataset) -> dict[str, bool]:
    """What persons last decided about masks that are still as they were then."""
    if not journal.is_file():
        return {}
    digests = {sample.id: sample.digest for sample in train}
    last = {each.sample: each for each in read_journal(journal)[1] if digests.get(each.sample) == each.digest}
    return {name: each.action == "keep" for name, each in last.items() if each.action != "clear"}
