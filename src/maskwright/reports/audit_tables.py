"""Filters, commands and rows of the audit's page."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.audit.audit import Audit
from maskwright.audit.folder import beside
from maskwright.audit.settings import AuditSettings, thresholds
from maskwright.audit.statistics import Difference
from maskwright.reports.audit_cards import Card, check_name
from maskwright.reports.audit_concerns import CONCERNS
from maskwright.reports.language import Language

FORMULAS = {
    "inverse_frequency": "w = 1 / f",
    "enet": "w = 1 / ln(1.02 + f)",
    "effective_number": "w = (1 − b) / (1 − bⁿ),  b = 1 − 1/N",
}
"""How `data.class_weights` makes each weight before they are scaled to a mean of 1."""


@dataclass(frozen=True)
class Choice:
    """One entry of a filter: its value, what it is called, and how many cards it leaves."""

    value: str
    name: str
    count: int


def filters(shown: Sequence[Card], audit: Audit, language: Language) -> dict[str, Any]:
    """What the cards can be filtered by.

    Returns:
        "checks": (concern, its checks) in the order of `CONCERNS`; "splits" and "classes": their choices.
    """
    checks = Counter(card.finding.check for card in shown)
    concern = {card.finding.check: card.concern for card in shown}
    by_concern = [
        (name, [Choice(each, check_name(each, language), checks[each]) for each in checks if concern[each] == name])
        for name in CONCERNS
    ]
    return {
        "checks": [(name, choices) for name, choices in by_concern if choices],
        "splits": _choices(Counter(card.split for card in shown if card.split), audit.splits),
        "classes": [
            Choice(str(class_id), audit.classes.names[class_id], count)
            for class_id, count in sorted(Counter(each for card in shown for each in card.class_ids).items())
            if class_id < len(audit.classes)
        ],
    }


def _choices(counts: Counter[str], order: Iterable[str]) -> list[Choice]:
    return [Choice(name, name, counts[name]) for name in order if counts[name]]


def commands(audit: Audit, folder: Path) -> dict[str, str]:
    """What to type next, by verb; empty for data that lie in no folder.

    Args:
        audit: tells the data.
        folder: where the audit lies; it is named where it is not the one beside the data.
    """
    if not audit.root:
        return {}
    data = shlex.quote(audit.root)
    if folder.resolve() != beside(Path(audit.root)).path:
        data += f" --audit {shlex.quote(str(folder.resolve()))}"
    return {
        "review": f"maskwright review {data}",
        "mend": f"maskwright mend {data} -o {shlex.quote(audit.name + '-mended')}",
    }


@dataclass(frozen=True)
class Move:
    """A sample that the re-split puts into another split."""

    sample: str
    target: str


def moves(audit: Audit) -> tuple[Move, ...]:
    """What the offered re-split moves, in the order of the samples."""
    return tuple(Move(sample, audit.resplit[sample]) for sample in sorted(audit.resplit))


@dataclass(frozen=True)
class Threshold:
    """One threshold of the audit: its value, what it means and why; `changed` where the user gave the value."""

    name: str
    value: str
    unit: str
    help: str
    reason: str
    changed: bool


def threshold_rows(settings: AuditSettings) -> tuple[Threshold, ...]:
    """All thresholds in the order in which they are declared."""
    return tuple(
        Threshold(
            name=entry.name,
            value=f"{getattr(settings, entry.name):g}",
            unit=entry.unit,
            help=entry.help,
            reason=entry.reason,
            changed=getattr(settings, entry.name) != entry.default,
        )
        for entry in thresholds()
    )


def quantity(difference: Difference, value: float, language: Language) -> str:
    """A value of a comparison of splits, in its unit."""
    if difference.what in _SHARES:
        return language.percent(value)
    return language.decimal(value, 2 if abs(value) < 10 else 0)


def probability(value: float, language: Language) -> str:
    """A p value, "< 0.001" where three decimals would be zeros."""
    return f"< {language.decimal(0.001, 3)}" if value < 0.0005 else language.decimal(value, 3)


_SHARES = ("class_images", "class_px", "object_area", "saturation")


def note_sentences(notes: Iterable[tuple[str, Iterable[tuple[str, str]]]], language: Language) -> tuple[str, ...]:
    """What the reader assumed, as whole sentences."""
    return tuple(language.named(key, key).format(**dict(facts)) for key, facts in notes)
