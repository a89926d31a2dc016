"""The order in which samples are looked at: every sample once, the worst first."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from maskwright.audit.folder import AuditFolder, looked_at
from maskwright.data.dataset import Dataset
from maskwright.data.finding import Finding, read_findings
from maskwright.storage import read_if_there


@dataclass(frozen=True)
class Place:
    """One sample in the queue.

    Args:
        index: the sample's position in the dataset.
        severity: of the worst that is known about it, in [0, 1]; 0 where nothing is.
        findings: what is known, worst first.
    """

    index: int
    severity: float
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Queue:
    """All samples, worst first.

    Args:
        places: every sample once.
        audited: whether an audit of the data was there to sort by.
        left_out: findings about files that could not be read as a sample.
        changed: samples whose photo or mask is not the one that the audit looked at: what it found of them is left out.
        missed: samples that it did not look at.
        believed: whether the models that judged are good enough for proposals.
    """

    places: tuple[Place, ...]
    audited: bool
    left_out: tuple[Finding, ...]
    changed: frozenset[str] = frozenset()
    missed: frozenset[str] = frozenset()
    believed: bool = True


def build_queue(dataset: Dataset, folder: AuditFolder) -> Queue:
    """Sort the samples by what the audit found, or the reader where there is no audit of a sample as it is now.

    Args:
        dataset: the samples.
        folder: where an audit of them may lie.

    Raises:
        RunError: the audit's files are damaged.
    """
    audited = folder.findings.is_file()
    ids = {sample.id for sample in dataset}
    seen = looked_at(folder)
    changed = frozenset(each.id for each in dataset if seen.get(each.id, each.digest) != each.digest)
    missed = frozenset(ids - seen.keys() if seen else ())
    known = [each for each in read_findings(folder.findings) if each.sample not in changed]
    known += [each for each in dataset.findings if not audited or each.sample in changed | missed]
    issues = read_if_there(folder.label_issues)
    ranks = {each["sample"]: float(each["severity"]) for each in issues.get("label_issues", ())}
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in known:
        if finding.sample in ids:
            found[finding.sample].append(finding)
    places = [
        _place(index, found.get(sample.id, []), 0.0 if sample.id in changed else ranks.get(sample.id, 0.0))
        for index, sample in enumerate(dataset)
    ]
    places.sort(key=lambda place: (-place.severity, place.index))
    left_out = tuple(finding for finding in known if finding.sample not in ids)
    return Queue(tuple(places), audited, left_out, changed, missed, issues.get("believed", True))


def _place(index: int, findings: list[Finding], rank: float) -> Place:
    worst_first = sorted(findings, key=lambda finding: -finding.severity)
    return Place(index, max([rank, *(finding.severity for finding in findings)]), tuple(worst_first))
