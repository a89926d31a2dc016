"""What data a journal was made for, and when other data is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from maskwright.data.dataset import Dataset
from maskwright.errors import DataError, shown
from maskwright.review.decision import Decision

MOST_NAMED = 5
"""Samples that one message names; more are counted."""


@dataclass(frozen=True)
class Binding:
    """A line of a journal that says what data the decisions after it are about.

    Args:
        name: the folder's name, for people.
        classes: the names of the classes, by id.
        samples: how many there are.
        splits: the digest of each split.
    """

    name: str
    classes: tuple[str, ...]
    samples: int
    splits: Mapping[str, str]

    def record(self) -> dict[str, Any]:
        """The line as JSON."""
        return {"format": 1, "kind": "data", **asdict(self)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Binding:
        """The binding that `record` gave.

        Raises:
            ValueError: it is of another format version.
        """
        if record.get("format") != 1:
            raise ValueError(f"format {record.get('format')}")
        return cls(str(record["name"]), tuple(record["classes"]), int(record["samples"]), dict(record["splits"]))


def bind(dataset: Dataset) -> Binding:
    """What a journal says of a dataset."""
    name = dataset.root.name if dataset.root is not None else ""
    splits = {split: dataset.digest(split) for split in dataset.splits}
    return Binding(name, dataset.classes.names, len(dataset), splits)


def refuse_other_data(
    path: Path, bindings: Sequence[Binding], decisions: Sequence[Decision], dataset: Dataset, *, strict: bool
) -> None:
    """Raise where a journal was made for other data, naming what differs, or return.

    Args:
        path: the journal.
        bindings: what it says it was made for; the last one counts.
        decisions: its decisions.
        dataset: the data at hand.
        strict: also refuse data that differs only in samples on which nothing was decided.

    Raises:
        DataError: the classes, a sample that was decided on or, under `strict`, any sample differs.
    """
    if not bindings:
        return
    made_for, here = bindings[-1], bind(dataset)
    differing = _decided_otherwise(decisions, dataset)
    if made_for.classes != here.classes:
        differing.insert(0, f"classes {', '.join(made_for.classes)} there, {', '.join(here.classes)} here")
    if strict:
        differing += [f"split {name}" for name in sorted(_changed_splits(made_for, here))]
        if made_for.samples != here.samples:
            differing.append(f"{made_for.samples} samples there, {here.samples} here")
    if differing:
        more = "\n  Where only samples without a decision differ, the next decision in maskwright review takes them in."
        raise DataError(
            f"{shown(path)}: this journal was made for other data.",
            expected=f"{made_for.name}, as it was when it was decided on",
            found="; ".join(differing),
            do="Give that folder, restore the changed files, or move the journal away to begin anew." + more * strict,
        )


def _decided_otherwise(decisions: Sequence[Decision], dataset: Dataset) -> list[str]:
    digests = {sample.id: sample.digest for sample in dataset}
    last = {decision.sample: decision.digest for decision in decisions}
    gone = sorted(sample for sample in last if sample not in digests)
    changed = sorted(sample for sample, digest in last.items() if digests.get(sample, digest) != digest)
    return [
        f"{what}: {', '.join(names[:MOST_NAMED])}"
        + (f" and {len(names) - MOST_NAMED} more" * (len(names) > MOST_NAMED))
        for what, names in (("decided on and not there", gone), ("decided on and changed since", changed))
        if names
    ]


def _changed_splits(made_for: Binding, here: Binding) -> set[str]:
    names = {*made_for.splits, *here.splits}
    return {name for name in names if made_for.splits.get(name) != here.splits.get(name)}
