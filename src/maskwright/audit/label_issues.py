"""Every mask ranked by what models say of it that have not seen it, and by what is found without one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from maskwright.audit.judging import JudgedMask, Probs, judge_mask
from maskwright.audit.label_issue import Kind, LabelIssue, ObjectIssue
from maskwright.audit.settings import AuditSettings
from maskwright.audit.trust import Trust, believed, outlines_believed
from maskwright.data.classes import Classes
from maskwright.data.finding import Finding
from maskwright.data.sample import Sample
from maskwright.errors import DataError

EVIDENCE: Mapping[str, Kind] = {
    "mask_cut": "part_missing",
    "outline_off": "contour_off",
    "mask_empty": "object_unlabelled",
    "mask_tiny": "object_unlabelled",
    "mask_speck_only": "object_unlabelled",
}
"""Checks that need no model and say the same of a mask: which kind of fault each speaks for."""


def label_issues(
    samples: Iterable[Sample],
    probs_of: Callable[[Sample], Probs | None],
    classes: Classes,
    settings: AuditSettings | None = None,
) -> tuple[LabelIssue, ...]:
    """Rank masks by probabilities: `judged_masks`, settled."""
    settings = settings or AuditSettings()
    return settle(judged_masks(samples, probs_of, classes, settings), settings)


def judged_masks(
    samples: Iterable[Sample], probs_of: Callable[[Sample], Probs | None], classes: Classes, settings: AuditSettings
) -> tuple[JudgedMask, ...]:
    """Judge masks by probabilities, one photo in memory at a time.

    Args:
        samples: labelled ones; others are passed over.
        probs_of: gives the probabilities of a sample, `(C, H, W) float32`, from a model that has not seen it; None
            where there are none, and the sample is passed over.
        classes: class 0 is what is not an object.
        settings: the thresholds.

    Returns:
        Every judged mask once.

    Raises:
        DataError: probabilities are of another size or of other classes than the sample.
    """
    judged = []
    for sample in samples:
        mask = sample.mask()
        probs = None if mask is None else probs_of(sample)
        if mask is not None and probs is not None:
            if probs.shape != (len(classes), *mask.shape):
                raise DataError(
                    f"{sample.id}: these probabilities belong to another photo or other classes.",
                    expected=str((len(classes), *mask.shape)),
                    found=str(probs.shape),
                    do="Make them again: maskwright audit DATA --budget 15m",
                )
            judged.append(judge_mask(sample, mask, probs, classes, settings))
    return tuple(judged)


def settle(judged: Sequence[JudgedMask], settings: AuditSettings) -> tuple[LabelIssue, ...]:
    """What is wrong with judged masks, once it is known from all of them how far the model is to be believed.

    Args:
        judged: each mask once.
        settings: the thresholds.

    Returns:
        As many issues, worst first.
    """
    trust = trust_in(judged, settings)
    return _worst_first(_settled(each, trust, settings) for each in judged)


def with_evidence(
    issues: Iterable[LabelIssue], findings: Iterable[Finding], settings: AuditSettings | None = None
) -> tuple[LabelIssue, ...]:
    """The issues with what was found without a model: two witnesses are heard as one.

    The severities s of the model and f of each finding join as 1 - (1 - s) * product of (1 - w f).

    Args:
        issues: what a model says, each mask once.
        findings: of the checks that need no model; those of `EVIDENCE` count.
        settings: the thresholds, w among them; None takes the declared ones.

    Returns:
        The same masks, worst first.
    """
    weight = (settings or AuditSettings()).evidence_weight
    witnesses: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.check in EVIDENCE:
            witnesses.setdefault(finding.sample, []).append(finding)
    heard = []
    for issue in issues:
        own = sorted(witnesses.get(issue.sample, ()), key=lambda finding: -finding.severity)
        if own:
            sound = math.prod(1 - weight * finding.severity for finding in own)
            kind = EVIDENCE[own[0].check] if issue.kind == "none" else issue.kind
            severity, worst = (1 - (1 - each) * sound for each in (issue.severity, issue.worst))
            issue = replace(issue, severity=severity, worst=worst, kind=kind)
        heard.append(issue)
    return _worst_first(heard)


def trust_in(judged: Iterable[JudgedMask], settings: AuditSettings) -> Trust:
    """How far the model is believed about classes, about objects that it does not see, and about single objects.

    Args:
        judged: all judged masks.
        settings: the thresholds.
    """
    judged = tuple(judged)
    votes = tuple(vote for each in judged for vote in each.votes)
    unseen, both = (sum(getattr(each, name) for each in judged) for name in ("unseen", "both_px"))
    either = sum(each.labelled_px + each.own_px for each in judged)
    return Trust(
        np.array([vote.margin for vote in votes]),
        np.array([vote.disputed for vote in votes], bool),
        settings.mislabelled_frac,
        absence=believed(settings.invented_frac, len(votes) + unseen, unseen),
        objects=outlines_believed(2 * both / either if either else 1.0, settings),
    )


def _worst_first(issues: Iterable[LabelIssue]) -> tuple[LabelIssue, ...]:
    return tuple(sorted(issues, key=lambda issue: (-issue.severity, issue.sample)))


def _settled(judged: JudgedMask, trust: Trust, settings: AuditSettings) -> LabelIssue:
    objects = (
        ObjectIssue(
            each.kind,
            trust.objects * each.regret.severity(trust.in_class(each.margin), trust.absence),
            each.region_xywh,
            each.facts,
        )
        for each in judged.objects
    )
    found = [each for each in objects if each.severity >= settings.issue_severity]
    found.sort(key=lambda each: -each.severity)
    weight = settings.weak_weight + (1 - settings.weak_weight) * trust.objects
    belief = trust.in_class(judged.margin)
    severity, worst = (weight * judged.regret.severity(in_class, trust.absence) for in_class in (belief, 1.0))
    return LabelIssue(judged.sample, severity, found[0].kind if found else "none", tuple(found), worst, belief)
