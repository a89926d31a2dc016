"""Rows, shares and sentences that the page shows, made from what the run folder holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from maskwright.data.finding import Finding
from maskwright.reports.contents import Contents, Judged
from maskwright.reports.language import Language
from maskwright.sentences import table
from maskwright.training.training_log import TrainingLog

_MOST_CLASSES = 20
_MOST_EXAMPLES = 40
_KINDS = ("fixed", "rule", "measured", "given")


@dataclass(frozen=True)
class Cell:
    """One field of the confusion matrix: `share` of the pixels labelled as its row, or nan; `count` pixels."""

    share: float
    count: int
    right: bool


@dataclass(frozen=True)
class Matrix:
    """The confusion matrix of a split, or its most confused classes where there are many."""

    names: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int


@dataclass(frozen=True)
class Confusion:
    """The pair of classes that is confused most: `share` of the pixels labelled `label` were predicted otherwise."""

    label: str
    predicted: str
    share: float


@dataclass(frozen=True)
class Group:
    """The findings of one kind."""

    count: int
    left_out: int
    sentences: tuple[str, ...]

    @property
    def more(self) -> int:
        """How many are not among the sentences."""
        return self.count - len(self.sentences)


def confusion_matrix(judged: Judged) -> Matrix:
    """The counts of a split as shares of each row."""
    counts = judged.counts
    chosen = _most_confused(counts)
    sums = counts.sum(axis=1)
    rows = tuple(
        tuple(
            Cell(float(counts[r, c] / sums[r]) if sums[r] else float("nan"), int(counts[r, c]), bool(r == c))
            for c in chosen
        )
        for r in chosen
    )
    names = tuple(str(judged.per_class[c]["name"]) for c in chosen)
    return Matrix(names, rows, left_out=len(counts) - len(chosen))


def worst_confusion(judged: Judged) -> Confusion | None:
    """Which class is taken for which other class most often, by share of the labelled pixels; None below 1 %."""
    if len(judged.counts) < 2:
        return None
    sums = judged.counts.sum(axis=1, keepdims=True)
    shares = np.where(sums > 0, judged.counts / np.maximum(sums, 1), 0.0)
    np.fill_diagonal(shares, 0.0)
    row, column = np.unravel_index(int(shares.argmax()), shares.shape)
    if shares[row, column] < 0.01:
        return None
    names = [str(entry["name"]) for entry in judged.per_class]
    return Confusion(names[row], names[column], float(shares[row, column]))


def finding_groups(contents: Contents, language: Language) -> tuple[Group, ...]:
    """What was found while reading, by kind of finding, the worst first."""
    by_check: dict[str, list[Finding]] = {}
    for finding in contents.findings:
        by_check.setdefault(finding.check, []).append(finding)
    return tuple(
        Group(
            count=len(group),
            left_out=sum(finding.left_out for finding in group),
            sentences=tuple(finding.sentence(language.code) for finding in group[:_MOST_EXAMPLES]),
        )
        for group in by_check.values()
    )


def note_sentences(contents: Contents, language: Language) -> tuple[str, ...]:
    """What the reader assumed, as whole sentences."""
    notes = () if contents.data is None else contents.data.notes
    return tuple(_sentence(key, dict(facts), language, key) for key, facts in notes)


def time_shares(contents: Contents) -> tuple[tuple[str, float, float], ...]:
    """Each part of the work as (name, seconds, share of all seconds)."""
    total = sum(seconds for _, seconds in contents.timings)
    return tuple((name, seconds, seconds / total) for name, seconds in contents.timings)


def training_story(log: TrainingLog, soup_iterations: int, language: Language) -> list[str]:
    """How the training went, in sentences: how it ended, which weights were kept, how often it was resumed.

    Of a soup they tell as soon as its curves show a second member.

    Args:
        log: the training's log.
        soup_iterations: length of each member of a soup; 0 where none is made.
        language: of the sentences.
    """
    story = []
    if log.last is not None and log.last["iteration"] > soup_iterations > 0:
        story.append(language.t("soup_curves", each=language.counted(soup_iterations, "iterations")))
    if log.end is not None and log.last is not None:
        early = log.end["why"] == "patience"
        iterations = language.counted(int(log.end["iteration"]), "iterations")
        story.append(language.t("ended", iterations=iterations, duration=language.duration(log.last["seconds"])))
        story += [language.t("ended_patience")] if early else []
    if log.best is not None:
        facts = {
            "iteration": language.count(log.best["iteration"]),
            "mdice": language.percent(log.best["metrics"]["mDice"]),
            "duration": language.duration(log.best["seconds"]),
        }
        story.append(language.t("best_kept", **facts))
    if log.resumes:
        story.append(language.t("resumed", times=language.counted(log.resumes, "times")))
    return story


def reason_parts(reason: str) -> tuple[str, str]:
    """A setting's reason as (kind, text): "rule: small photos" is ("rule", "small photos")."""
    kind, _, text = reason.partition(":")
    return (kind, text.strip()) if kind in _KINDS else ("", reason)


def _most_confused(counts: Any) -> list[int]:
    if len(counts) <= _MOST_CLASSES:
        return list(range(len(counts)))
    wrong = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
    return sorted(int(place) for place in np.argsort(-wrong, kind="stable")[:_MOST_CLASSES])


def _sentence(key: str, facts: dict[str, Any], language: Language, otherwise: str) -> str:
    """A sentence of another area, or what the file says where the table knows it no more."""
    template = table(language.code).get(key)
    try:
        return template.format(**facts) if template is not None else otherwise
    except (KeyError, IndexError):
        return otherwise
