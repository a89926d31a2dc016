"""What mending changed, and who said why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from maskwright.data.dataset import Dataset
from maskwright.data.sample import Mask, Sample
from maskwright.review.balance import pixels_of
from maskwright.review.decision import Decision
from maskwright.sentences import say
from maskwright.storage import json_text, write_text


@dataclass(frozen=True)
class Change:
    """One sample that is not in the new dataset as it was in the old one.

    Args:
        sequence: the decision's number, 0 where nobody decided.
        sample: the sample's id.
        action: "exclude", "relabel", or "unusable" where the file could not be read.
        who: the person.
        when: the moment, ISO 8601 in UTC.
        why: the person's note, or what is wrong with the file.
        changed_px: pixels that have another class now.
        before_px: pixels of each class before, by name.
        after_px: pixels of each class now, by name.
    """

    sequence: int
    sample: str
    action: Literal["exclude", "relabel", "unusable"]
    who: str
    when: str
    why: str
    changed_px: int = 0
    before_px: Mapping[str, int] = field(default_factory=dict)
    after_px: Mapping[str, int] = field(default_factory=dict)

    def said(self, lang: str = "en") -> str:
        """What happened to the sample."""
        return say(f"mend.did_{self.action}", lang, pixels=self.changed_px)

    def record(self) -> dict[str, Any]:
        """The change as one line of `changes.jsonl`."""
        return {"format": 1, **asdict(self)}


def repainted(sample: Sample, decision: Decision, mask: Mask, names: Sequence[str]) -> Change:
    """The change of a new mask.

    Args:
        sample: as the old dataset has it.
        decision: why it has a new mask.
        mask: the new mask.
        names: of the classes.
    """
    old = sample.mask()
    before = mask if old is None else old
    return Change(
        decision.sequence,
        sample.id,
        "relabel",
        decision.who,
        decision.when,
        decision.why,
        changed_px=int(np.count_nonzero(before != mask)),
        before_px=dict(zip(names, pixels_of(before, len(names)).tolist(), strict=True)),
        after_px=dict(zip(names, pixels_of(mask, len(names)).tolist(), strict=True)),
    )


def left_out(dataset: Dataset, last: Mapping[str, Decision]) -> list[Change]:
    """The changes of what is not in the new dataset: excluded samples, and files that could not be read."""
    excluded = [decision for decision in last.values() if decision.action == "exclude"]
    return [
        *(Change(each.sequence, each.sample, "exclude", each.who, each.when, each.why) for each in excluded),
        *(
            Change(0, finding.sample, "unusable", "", "", finding.sentence())
            for finding in dataset.findings
            if finding.left_out
        ),
    ]


def write_changes(folder: Path, changes: Sequence[Change], dataset: Dataset, *, kept: int, lang: str) -> None:
    """Write `changes.jsonl` and `changes.md`.

    Args:
        folder: the new dataset.
        changes: in their order.
        dataset: the old one.
        kept: samples that somebody looked at and kept as they are.
        lang: language of the page.
    """
    write_text(folder / "changes.jsonl", "".join(json_text(change.record()) + "\n" for change in changes))
    write_text(folder / "changes.md", _page(changes, dataset, kept, lang))


def _page(changes: Sequence[Change], dataset: Dataset, kept: int, lang: str) -> str:
    name = dataset.root.name if dataset.root is not None else ""
    count = {action: sum(change.action == action for change in changes) for action in ("exclude", "relabel")}
    intro = say(
        "mend.page",
        lang,
        name=name,
        before=len(dataset),
        after=len(dataset) - count["exclude"],
        excluded=count["exclude"],
        relabelled=count["relabel"],
        kept=kept,
    )
    head = [say(f"mend.{key}", lang) for key in ("sample", "change", "why", "who", "when")]
    rows = [_row(change, lang) for change in changes]
    table = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join([intro.rstrip(), "", *(table if rows else []), ""])


def _row(change: Change, lang: str) -> list[str]:
    moment = change.when[:16].replace("T", " ")
    return [_cell(text) for text in (change.sample, change.said(lang), change.why, change.who, moment)]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
