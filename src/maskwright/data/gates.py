"""When a dataset as a whole is refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from maskwright.data.finding import Finding
from maskwright.data.listing import SPLIT_NAMES, Listing
from maskwright.data.sample import Sample
from maskwright.errors import DataError, shown

MOST_UNUSABLE = 0.10
"""A tenth of a split missing is no longer an accident, and its scores would describe another dataset."""

MOST_LINES = 200
"""More lines than that in one message are read by nobody."""


Problem = tuple[str, Sequence[Finding], str]
"""What is wrong, the findings that show it, the way out."""


def refuse(
    root: Path,
    listing: Listing,
    samples: Sequence[Sample],
    findings: Sequence[Finding],
    *,
    strict: bool,
    allow_leak: bool,
) -> None:
    """Raise one DataError with everything that forbids to go on, or return.

    Args:
        root: the dataset's folder.
        listing: the layout and its pairs.
        samples: the usable samples.
        findings: what is wrong.
        strict: whether any unusable sample is refused.
        allow_leak: whether the same photo may be in two splits.

    Raises:
        DataError: no usable pair; over 10 % of a split unusable; a leak; under `strict`, any unusable sample.
    """
    lost = [finding for finding in findings if finding.left_out]
    problems: list[Problem] = []
    if not any(sample.labelled for sample in samples):
        problems.append(_nothing(lost))
    else:
        problems += _too_many(listing, samples, lost)
    if strict and lost and not problems:
        problems.append(
            (f"{_count(lost)} cannot be used, and --strict allows none.", lost, "Mend them, or read without --strict.")
        )
    leaks = [finding for finding in findings if finding.check == "leak"]
    if leaks and not allow_leak:
        way_out = "Remove one of each, or accept scores that are too good with --allow-leak."
        problems.append((f"the same photo is in two splits, {len(leaks)} times.", leaks, way_out))
    if problems:
        what = "\n".join(f"{shown(root)}: {problem}\n{_lines(about)}" for problem, about, _ in problems)
        raise DataError(what, do="\n  ".join(dict.fromkeys(way_out for _, _, way_out in problems)))


def _nothing(lost: Sequence[Finding]) -> Problem:
    return "no usable pair of a photo and its mask.", lost, "Mend these files, or give another folder."


def _too_many(listing: Listing, samples: Sequence[Sample], lost: Sequence[Finding]) -> list[Problem]:
    drawn = all(pair.split == "" for pair in listing.pairs)
    known = {*SPLIT_NAMES.values(), *(pair.split for pair in listing.pairs)}
    missing: dict[str, dict[str, list[Finding]]] = defaultdict(lambda: defaultdict(list))
    for finding in lost:
        start = finding.sample.partition("/")[0]
        split = "" if drawn else start if start in known else None
        if split is not None:
            missing[split][finding.sample].append(finding)
    problems: list[Problem] = []
    for split, ids in sorted(missing.items()):
        total = len(ids) + sum(split in ("", sample.split) for sample in samples)
        if len(ids) > MOST_UNUSABLE * total:
            name = f"the split {split}" if split else "the dataset"
            what = f"{len(ids)} of {total} samples of {name} cannot be used (at most 10 % may)."
            problems.append((what, [each for found in ids.values() for each in found], "Mend these files."))
    return problems


def _count(lost: Sequence[Finding]) -> str:
    count = len({finding.sample for finding in lost})
    return "1 sample" if count == 1 else f"{count} samples"


def _lines(findings: Sequence[Finding]) -> str:
    lines = [f"    {finding.sentence()}" for finding in findings[:MOST_LINES]]
    return "\n".join(
        [*lines, *([f"    ... and {len(findings) - MOST_LINES} more"] if len(findings) > MOST_LINES else [])]
    )
