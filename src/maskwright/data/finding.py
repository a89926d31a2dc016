"""Something wrong with a dataset, as a value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maskwright.errors import RunError, shown
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
        said: its sentence in the file that it was read from, for a check that is not known here; "" elsewhere.
    """

    sample: str
    check: str
    severity: float
    facts: Mapping[str, Any] = field(default_factory=dict)
    region_xywh: tuple[int, int, int, int] | None = None
    left_out: bool = False
    said: str = field(default="", compare=False)

    def _repr_html_(self) -> str:
        from maskwright.data.notebook import html_title  # decodes pictures, which the command line does without

        return html_title(f"{self.severity:.2f} {self.sample}", small=self.sentence())

    def sentence(self, lang: str = "en") -> str:
        """The finding as a whole sentence with the way out."""
        try:
            return say(f"finding.{self.check}", lang, **self.facts)
        except KeyError:
            if self.said:
                return self.said
            raise

    def record(self, lang: str = "en") -> dict[str, Any]:
        """The finding as one line of `findings.jsonl`, its sentence in "en" or "ru"."""
        return {
            "format": 1,
            "sample": self.sample,
            "check": self.check,
            "severity": self.severity,
            "sentence": self.sentence(lang),
            "facts": dict(self.facts),
            "region_xywh": self.region_xywh,
            "left_out": self.left_out,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Finding:
        """The finding that `record` gave."""
        region = record.get("region_xywh")
        return cls(
            sample=record["sample"],
            check=record["check"],
            severity=float(record["severity"]),
            facts=dict(record.get("facts") or {}),
            region_xywh=None if region is None else (region[0], region[1], region[2], region[3]),
            left_out=bool(record.get("left_out")),
            said=str(record.get("sentence") or ""),
        )


def read_findings(path: Path) -> tuple[Finding, ...]:
    """Read a `findings.jsonl`, in its order; none where there is no such file.

    Raises:
        RunError: a line is no finding, or of another format version.
    """
    if not path.is_file():
        return ()
    findings = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if record["format"] != 1:
                raise ValueError(f"format {record['format']}")
            findings.append(Finding.from_record(record))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise RunError(
                f"{shown(path)}, line {number}: this is no finding.",
                expected="JSON, format 1",
                found=" ".join(str(error).split())[:120],
                do="Make the file again: maskwright audit DATA",
            ) from None
    return tuple(findings)
