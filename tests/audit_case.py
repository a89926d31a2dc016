"""Audits for tests of the page about them: the real survey of a drawn dataset, and a model that errs on purpose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np

from maskwright.audit.audit import Audit, with_label_issues, worst_first
from maskwright.audit.label_issue import Kind, LabelIssue, ObjectIssue
from maskwright.audit.probabilities import write_probs
from maskwright.audit.survey import survey
from maskwright.data.dataset import Dataset
from maskwright.data.finding import Finding
from maskwright.data.sample import Mask, Sample

KINDS = tuple(kind for kind in get_args(Kind) if kind != "none")


def surveyed(dataset: Dataset, *, more: int = 0) -> Audit:
    """The audit of a dataset without a model, with `more` findings about specks beside its own."""
    audit = survey(dataset)
    specks = [_speck(dataset[number % len(dataset)], number) for number in range(more)]
    return replace(audit, findings=worst_first([*audit.findings, *specks]))


def disputed(audit: Audit, dataset: Dataset, probs: Path, *, count: int = 10) -> Audit:
    """The audit with a model's opinion: the labels of `count` samples, moved, are kept as its probabilities."""
    issues = [_issue(sample, number, probs, len(dataset.classes)) for number, sample in enumerate(dataset[:count])]
    return with_label_issues(audit, issues)


def moved(mask: Mask) -> Mask:
    """What the model of these tests sees: each object 12 pixels further to the right."""
    return np.roll(mask, 12, axis=1)


def _issue(sample: Sample, number: int, probs: Path, class_count: int) -> LabelIssue:
    mask = sample.mask()
    assert mask is not None
    rows, columns = np.nonzero(mask)
    region = int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1
    kind, severity = KINDS[number % len(KINDS)], 0.99 - 0.01 * number
    write_probs(probs, sample.id, np.eye(class_count, dtype=np.float32)[moved(mask)].transpose(2, 0, 1))
    facts = {"file": f"{sample.id}.png", "class_name": "square", "other_class": "disc", "percent": "40"}
    return LabelIssue(sample.id, severity, kind, (ObjectIssue(kind, severity, region, facts),))


def _speck(sample: Sample, number: int) -> Finding:
    facts = {"file": f"{sample.id}.png", "class_name": "disc", "count": 1 + number, "percent": "0.1"}
    return Finding(sample.id, "mask_specks", 0.3 - 1e-4 * number, facts, (4 + number % 40, 6, 5, 4))
