"""Splits that are not drawn from the same photos."""

from __future__ import annotations

from collections.abc import Iterator

from maskwright.audit.robust import between
from maskwright.audit.seen import Seen
from maskwright.data.finding import Finding

LEAST_EFFECT = 0.2
"""Below this a difference is small whatever its p (Cliff's delta 0.15 to 0.33 is called small)."""


def differ(seen: Seen) -> Iterator[Finding]:
    """Differences between splits that are no chance and large enough to matter."""
    for each in seen.statistics.differences:
        if each.differs and abs(each.effect) >= LEAST_EFFECT:
            facts = {
                "split": each.second,
                "other_split": each.first,
                "class_name": each.class_name,
                "value": f"{each.second_value:.3g}",
                "other_value": f"{each.first_value:.3g}",
                "p": f"{each.p_holm:.1g}",
            }
            severity = between(abs(each.effect), LEAST_EFFECT, 0.8, 0.5, 0.2)
            yield Finding(each.second, f"splits_differ_{each.what}", severity, facts)
