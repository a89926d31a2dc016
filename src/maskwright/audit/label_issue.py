"""A label that a model which has not seen it disputes, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from maskwright.data.finding import Finding
from maskwright.data.notebook import html_table, html_title
from maskwright.sentences import say

Kind = Literal["object_unlabelled", "label_without_object", "part_missing", "contour_off", "wrong_class", "none"]
"""What is wrong: an animal without a mask, a mask without an animal, a part of the animal not in its mask, a mask whose
outline is elsewhere, an animal under another class; or nothing that could be seen."""


@dataclass(frozen=True)
class ObjectIssue:
    """One object, labelled or predicted, whose label is disputed.

    Args:
        kind: what is wrong with it.
        severity: in [0, 1], 1 is worst.
        region_xywh: where, in pixels of the photo.
        facts: what the sentence needs: names of classes, shares.
    """

    kind: Kind
    severity: float
    region_xywh: tuple[int, int, int, int]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LabelIssue:
    """What a model says of one mask.

    Args:
        sample: the sample's id.
        severity: in [0, 1], 1 is worst; what samples are ranked by.
        kind: the kind of its worst object, "none" where the severity is below the threshold of findings.
        objects: the disputed objects, worst first.
        worst: the severity that it would have if the model were right about every class that it disputes.
        class_belief: the share of disputes about classes, where the model is so sure, that are errors of labels.
    """

    sample: str
    severity: float
    kind: Kind
    objects: tuple[ObjectIssue, ...] = ()
    worst: float = 0.0
    class_belief: float = 0.0

    def _repr_html_(self) -> str:
        head = [say("notebook.severity"), say("notebook.sentence")]
        rows = [[f"{finding.severity:.2f}", finding.sentence()] for finding in self.findings()]
        return html_title(f"{self.severity:.2f} {self.sample}") + (html_table(head, rows) if rows else "")

    def findings(self) -> tuple[Finding, ...]:
        """The objects as findings, check `label_<kind>`; none is worse than its mask: a small object weighs little."""
        return tuple(
            Finding(self.sample, f"label_{each.kind}", min(each.severity, self.severity), each.facts, each.region_xywh)
            for each in self.objects
        )
