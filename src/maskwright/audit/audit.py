"""What an audit found, as one value, and its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from maskwright.audit.duplicates import DuplicateGroup, groups_from_json, groups_to_json
from maskwright.audit.folder import AuditFolder, looked_at
from maskwright.audit.label_issue import LabelIssue, ObjectIssue
from maskwright.audit.label_issues import EVIDENCE, with_evidence
from maskwright.audit.notebook import audit_html
from maskwright.audit.settings import AuditSettings, make_settings
from maskwright.audit.statistics import AuditStatistics
from maskwright.data.classes import Classes, classes_yaml
from maskwright.data.dataset import Dataset
from maskwright.data.encode import write_findings
from maskwright.data.finding import Finding, read_findings
from maskwright.data.listing import Note
from maskwright.errors import RunError, shown
from maskwright.storage import read_json, write_json, write_text


@dataclass(frozen=True)
class Audit:
    """What is wrong with a dataset, worst first, and what is in it.

    Args:
        classes: the classes.
        root: the dataset's folder, "" for arrays.
        splits: the splits that were looked at.
        images: how many samples were looked at.
        findings: everything that is wrong, worst first.
        statistics: the data in numbers.
        duplicates: samples that show one photo, leaks between splits first.
        resplit: id -> split for samples that should move so that no photo is in two splits; empty where none is.
        label_issues: every judged mask once, worst first; empty where no model judged.
        trust: how far the weakest of the models that judged is believed about single objects, in [0, 1].
        settings: the thresholds.
        seconds: how long it took.
        notes: what has to be told about it, as (sentence key, facts): what the models that judged had seen.
        digests: id -> `Sample.digest` of each sample that was looked at: what was found holds while it is the same.
    """

    classes: Classes
    root: str
    splits: tuple[str, ...]
    images: int
    findings: tuple[Finding, ...]
    statistics: AuditStatistics
    duplicates: tuple[DuplicateGroup, ...] = ()
    resplit: Mapping[str, str] = field(default_factory=dict)
    label_issues: tuple[LabelIssue, ...] = ()
    trust: float = 1.0
    settings: AuditSettings = field(default_factory=AuditSettings)
    seconds: float = 0.0
    notes: tuple[Note, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the dataset is called: the name of its folder."""
        return Path(self.root).name or "data"

    @property
    def believed(self) -> bool:
        """Whether the models that judged could dispute an object at all; what weaker ones see is shown to nobody."""
        return self.trust >= self.settings.issue_severity

    @property
    def counts(self) -> dict[str, int]:
        """Findings per check, the most frequent first."""
        return dict(Counter(finding.check for finding in self.findings).most_common())

    def _repr_html_(self) -> str:
        return audit_html(self.name, self.images, self.findings, self.root)

    @property
    def suspicion(self) -> dict[str, float]:
        """How far a sample's label is suspected, in [0, 1], worst first: with a model, or of those that none judged by
        their findings."""
        worst = {issue.sample: issue.severity for issue in self.label_issues}
        for finding in self.findings:  # worst first
            if finding.check in EVIDENCE:
                worst.setdefault(finding.sample, finding.severity)
        return dict(sorted(worst.items(), key=lambda each: -each[1]))

    @property
    def suspects(self) -> tuple[str, ...]:
        """Samples by how far their label is suspected."""
        return tuple(self.suspicion)

    def holds(self, dataset: Dataset) -> bool:
        """Whether it looked at all samples of a dataset, and they and the classes are as they were."""
        return self.classes == dataset.classes and self.digests == {each.id: each.digest for each in dataset}

    def save(self, folder: AuditFolder) -> None:
        """Write findings, statistics, duplicates, label issues, samples, classes; each file whole or not at all."""
        write_findings(self.findings, folder.findings)
        write_json(folder.statistics, {"format": 1, **self._head(), **self.statistics.to_json()})
        groups = groups_to_json(self.duplicates)
        write_json(folder.duplicates, {"format": 1, "groups": groups, "resplit": dict(self.resplit)})
        write_json(folder.samples, {"format": 1, "samples": dict(self.digests)})
        write_text(folder.path / "classes.yaml", classes_yaml(self.classes))
        issues = [asdict(issue) for issue in self.label_issues]
        write_json(
            folder.label_issues, {"format": 1, "trust": self.trust, "believed": self.believed, "label_issues": issues}
        )

    @classmethod
    def load(cls, folder: AuditFolder) -> Audit:
        """The audit that `save` wrote.

        Raises:
            RunError: a file is missing, damaged or of another format version.
        """
        numbers = read_json(folder.statistics, format_version=1)
        duplicates = read_json(folder.duplicates, format_version=1)
        issues = read_json(folder.label_issues, format_version=1)
        try:
            head = numbers["audit"]
            return cls(
                classes=_classes(head["classes"]),
                root=head["root"],
                splits=tuple(head["splits"]),
                images=head["images"],
                findings=read_findings(folder.findings),
                statistics=AuditStatistics.from_json(numbers),
                duplicates=groups_from_json(duplicates["groups"]),
                resplit=duplicates["resplit"],
                label_issues=tuple(_issue(each) for each in issues["label_issues"]),
                trust=float(issues.get("trust", 1.0)),
                settings=make_settings(head["settings"]),
                seconds=head["seconds"],
                notes=tuple((key, tuple((name, fact) for name, fact in facts)) for key, facts in head.get("notes", ())),
                digests=looked_at(folder),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise RunError(
                f"{shown(folder.path)}: these files are no audit, or not a whole one.",
                found=" ".join(f"{type(error).__name__} {error}".split())[:120],
                do="Make them again: maskwright audit DATA",
            ) from None

    def _head(self) -> dict[str, Any]:
        return {
            "audit": {
                "root": self.root,
                "splits": list(self.splits),
                "images": self.images,
                "classes": asdict(self.classes),
                "settings": self.settings.model_dump(),
                "seconds": self.seconds,
                "notes": self.notes,
            }
        }


def with_label_issues(audit: Audit, issues: Iterable[LabelIssue]) -> Audit:
    """The audit with what a model says of the masks: the issues, and a finding for each of their objects.

    Args:
        audit: what was found without a model, or with an earlier one, whose issues go.
        issues: every judged mask once; any order. What was found without a model is heard beside it.
    """
    old = {finding for issue in audit.label_issues for finding in map(_key, issue.findings())}
    kept = [finding for finding in audit.findings if _key(finding) not in old]
    ranked = with_evidence(issues, kept, audit.settings)
    found = [finding for issue in ranked for finding in issue.findings()]
    return replace(audit, label_issues=ranked, findings=worst_first([*kept, *found]))


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in the order in which a person should look at them; equals by sample and check."""
    return tuple(sorted(findings, key=lambda each: (-each.severity, each.sample, each.check, each.region_xywh or ())))


def _key(finding: Finding) -> tuple[str, str, Any]:
    return finding.sample, finding.check, finding.region_xywh


def _classes(value: Mapping[str, Any]) -> Classes:
    colour = value["ignore_colour"]
    return Classes(
        tuple(value["names"]),
        tuple((r, g, b) for r, g, b in value["colours"]),
        tuple(value["values"]),
        value["ignore"],
        None if colour is None else (colour[0], colour[1], colour[2]),
    )


def _issue(value: Mapping[str, Any]) -> LabelIssue:
    objects = tuple(
        ObjectIssue(each["kind"], each["severity"], tuple(each["region_xywh"]), each["facts"])
        for each in value["objects"]
    )
    more = {name: float(value[name]) for name in ("worst", "class_belief") if name in value}  # older audits have none
    return LabelIssue(value["sample"], value["severity"], value["kind"], objects, **more)
