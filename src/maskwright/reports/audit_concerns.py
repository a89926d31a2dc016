"""What findings are about, and what a person should do first."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from maskwright.data.finding import Finding

CONCERNS: dict[str, tuple[str, ...]] = {
    "leaks": ("leak", "near_leak"),
    "files": ("extension_wrong", "rotation_unchecked", "listed_twice", "outside_splits", "mask_all_ignored"),
    "labels": (
        *("label_object_unlabelled", "label_label_without_object", "label_part_missing", "label_contour_off"),
        *(
            "label_wrong_class",
            "duplicate_differs",
            "twin_masks_differ",
            "mask_cut",
            "outline_off",
            "mask_empty",
            "mask_tiny",
        ),
        "mask_speck_only",
    ),
    "classes": ("class_mixed_up", "class_absent", "class_absent_in_split", "class_rare"),
    "outlines": ("mask_specks", "mask_holes", "outline_coarse", "outline_ragged"),
    "duplicates": ("duplicate", "near_duplicate"),
    "photos": ("photo_size", "photo_grey", "photo_cast", "photo_blurred", "photo_dark", "photo_bright"),
    "splits": (
        *("splits_differ_class_images", "splits_differ_class_px", "splits_differ_object_area", "splits_differ_sizes"),
        *("splits_differ_brightness", "splits_differ_sharpness", "splits_differ_saturation"),
    ),
    "other": (),
}
"""What a check's findings are about. Files that cannot be used are in "files" and unknown checks in "other"."""

MOST_TASKS = 3
SERIOUS = 0.5
"""From the middle of the scale on, more speaks for a fault than against it."""

_CONCERN = {check: concern for concern, checks in CONCERNS.items() for check in checks}


@dataclass(frozen=True)
class Task:
    """What a person should do about one concern.

    Args:
        concern: a key of `CONCERNS`.
        findings: how many there are.
        samples: in how many samples.
        worst: the highest severity.
    """

    concern: str
    findings: int
    samples: int
    worst: float


def concern_of(finding: Finding) -> str:
    """What a finding is about: a key of `CONCERNS`."""
    return "files" if finding.left_out else _CONCERN.get(finding.check, "other")


def tasks(findings: Iterable[Finding]) -> tuple[Task, ...]:
    """What to do, the most important first: by the worst finding to a tenth, then by the sum of severities."""
    by_concern: dict[str, list[Finding]] = {}
    for finding in findings:
        by_concern.setdefault(concern_of(finding), []).append(finding)
    order = sorted(
        by_concern,
        key=lambda concern: (
            -round(max(each.severity for each in by_concern[concern]), 1),
            -sum(each.severity for each in by_concern[concern]),
            list(CONCERNS).index(concern),
        ),
    )
    return tuple(_task(concern, by_concern[concern]) for concern in order)


def suspected(findings: Iterable[Finding], samples: Collection[str]) -> int:
    """How many samples have a serious finding: of those that were looked at, and of those that were left out."""
    serious = [each for each in findings if each.severity >= SERIOUS]
    return len({each.sample for each in serious if each.left_out or each.sample in samples})


def _task(concern: str, findings: list[Finding]) -> Task:
    samples = len({finding.sample for finding in findings})
    return Task(concern, len(findings), samples, max(finding.severity for finding in findings))
