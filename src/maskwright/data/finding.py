"""Something wrong with a dataset, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from maskwright.sentences import say


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with one file or sample.

    Args:
        sample: the sample's id, or the file's path relative to the dataset where there is no sample.
        check: key of the check, e.g. "mask_missing"; the sentence is `finding.<check>` in the table.
        severity: in [0, 1], 1 is worst; 1 means that the sample is left out.
        facts: what the sentence needs to be said: file names, values, counts.
        region_xywh: where to look, in pixels of the photo, or None for all of it.
        left_out: whether the sample cannot be used.
    """

    sample: str
    check: str
    severity: float
    facts: Mapping[str, Any] = field(default_factory=dict)
    region_xywh: tuple[int, int, int, int] | None = None
    left_out: bool = False

    def sentence(self, lang: str = "en") -> str:
        """The finding as a whole sentence with the way out."""
        return say(f"finding.{self.check}", lang, **self.facts)

    def record(self) -> dict[str, Any]:
        """The finding as one line of `findings.jsonl`."""
        return {
            "format": 1,
            "sample": self.sample,
            "check": self.check,
            "severity": self.severity,
            "sentence": self.sentence(),
            "facts": dict(self.facts),
            "region_xywh": self.region_xywh,
            "left_out": self.left_out,
        }
