"""A check of one's own, as a person would write it."""

from __future__ import annotations

from maskwright.audit.view import SampleView
from maskwright.data.finding import Finding


def odd_one(view: SampleView) -> list[Finding]:
    """Complains of one sample."""
    facts = {"sentence": f"{view.sample.id} is odd."}
    return [Finding(view.sample.id, "own", 0.4, facts)] if view.sample.id == "train/004" else []
