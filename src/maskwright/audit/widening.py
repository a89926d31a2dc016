"""An audit of some splits beside an earlier one of more: what was found of the others stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from maskwright.audit.audit import Audit, worst_first
from maskwright.audit.folder import AuditFolder
from maskwright.data.dataset import Dataset
from maskwright.data.finding import Finding
from maskwright.errors import RunError

WIDENED = "audit.widened"
"""The note that says what is from an earlier audit."""


def earlier_audit(folder: AuditFolder) -> Audit | None:
    """The audit that lies in a folder; None where there is none, or none that can be read any more."""
    try:
        return Audit.load(folder)
    except RunError:
        return None


def widened(made: Audit, earlier: Audit | None, dataset: Dataset) -> Audit:
    """An audit with what an earlier one found in the splits that were not looked at now.

    Findings and label issues stay where photo and mask are as they were. Statistics, duplicates and the offered
    re-split are about all splits together: they stay where nothing at all has changed.

    Args:
        made: the audit at hand.
        earlier: one of the same data, or None.
        dataset: the samples of all splits, and what was found while reading them.
    """
    if earlier is None or earlier.classes != made.classes:
        return made
    others = {sample.id: sample.digest for sample in dataset if sample.split not in made.splits}
    held = {name for name, digest in others.items() if earlier.digests.get(name) == digest}
    if not held:
        return made
    splits = sorted({sample.split for sample in dataset if sample.id in held}, key=dataset.splits.index)
    lost = sum(name not in made.digests for name in earlier.digests) - len(held)
    note = WIDENED, (("splits", ", ".join(splits)), ("count", str(len(held))), ("lost", str(lost)))
    about = held | {name for name in splits if _same(name, earlier, dataset)}
    kept = [finding for finding in earlier.findings if finding.sample in about]
    issues = [*made.label_issues, *(issue for issue in earlier.label_issues if issue.sample in held)]
    whole = replace(
        made,
        splits=tuple(name for name in dataset.splits if name in {*made.splits, *splits}),
        images=made.images + len(held),
        findings=_once([*made.findings, *dataset.findings, *kept]),
        trust=min(made.trust, earlier.trust if len(issues) > len(made.label_issues) else 1.0),
        label_issues=tuple(sorted(issues, key=lambda issue: (-issue.severity, issue.sample))),
        notes=tuple(dict.fromkeys([*made.notes, *(each for each in earlier.notes if each[0] != WIDENED), note])),
        digests={**made.digests, **{name: others[name] for name in sorted(held)}},
    )
    if {*made.splits} <= {*earlier.splits} and all(_same(name, earlier, dataset) for name in earlier.splits):
        return replace(whole, statistics=earlier.statistics, duplicates=earlier.duplicates, resplit=earlier.resplit)
    return whole


def _same(split: str, earlier: Audit, dataset: Dataset) -> bool:
    """Whether a split is as it was when it was looked at."""
    known = earlier.statistics.data.splits.get(split)
    return known is not None and split in dataset.splits and known.digest == dataset.digest(split)


def _once(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings worst first, each once."""
    by_what: dict[str, Finding] = {}
    for each in findings:
        by_what.setdefault(repr((each.sample, each.check, each.region_xywh, sorted(each.facts.items()))), each)
    return worst_first(by_what.values())
