"""What a person decided about one sample, as a value."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from maskwright.data.sample import Sample

Action = Literal["keep", "exclude", "relabel", "clear"]
"""Keep the sample as the dataset has it, leave it out, give it the painted mask, or take back what was decided."""

ACTIONS: tuple[Action, ...] = get_args(Action)


@dataclass(frozen=True)
class Decision:
    """One line of a journal. The last decision about a sample is the one that counts.

    Args:
        sequence: its place in the journal, from 1, without gaps.
        sample: the sample's id.
        action: "keep", "exclude", "relabel" or "clear".
        seen: the version of the sample that the person looked at.
        version: the version that the decision makes.
        who: the person.
        when: the moment, ISO 8601 in UTC.
        why: the person's note, "" for none.
        digest: the sample's digest in the dataset, so that the decision belongs to these pixels and no others.
        mask_file: the new mask's path relative to the journal's folder, "" where none was painted.
        mask_digest: SHA-256 of that file, in hex.
    """

    sequence: int
    sample: str
    action: Action
    seen: str
    version: str
    who: str
    when: str
    why: str
    digest: str
    mask_file: str = ""
    mask_digest: str = ""

    def record(self) -> dict[str, Any]:
        """The decision as one line of `journal.jsonl`."""
        return {"format": 1, "kind": "decision", **asdict(self)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Decision:
        """The decision that `record` gave.

        Raises:
            ValueError: the record is not one, or names an action that is not known.
        """
        if record.get("format") != 1 or record.get("kind") != "decision":
            raise ValueError(f"format {record.get('format')}, kind {record.get('kind')}")
        if record["action"] not in ACTIONS:
            raise ValueError(f"action {record['action']}")
        texts = {name: str(record[name]) for name in _TEXTS}
        return cls(sequence=int(record["sequence"]), action=record["action"], **texts)


_TEXTS = ("sample", "seen", "version", "who", "when", "why", "digest", "mask_file", "mask_digest")


def version_of(sample: Sample, sequence: int) -> str:
    """What a sample is called in the state that the decision number `sequence` made of it.

    Args:
        sample: the sample as the dataset has it.
        sequence: of the last decision about it, 0 for none.
    """
    return hashlib.blake2b(f"{sample.id}\0{sample.digest}\0{sequence}".encode(), digest_size=8).hexdigest()
