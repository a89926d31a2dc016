"""The lines of a journal: what is whole, and what a killed process left of one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.errors import RunError, shown
from maskwright.review.binding import Binding
from maskwright.review.decision import Decision

BEGINNING = b'{"format": '
"""How a journal's first line begins, so that no other file is taken for one whose first line was cut."""


@dataclass(frozen=True)
class Lines:
    """What stands in a part of a journal.

    Args:
        bindings: what data it says it is for, in their order.
        decisions: in their order.
        whole_bytes: how many bytes are whole lines.
        torn: the bytes after them.
    """

    bindings: tuple[Binding, ...]
    decisions: tuple[Decision, ...]
    whole_bytes: int
    torn: bytes


def parse_lines(content: bytes, path: Path, *, first: bool) -> Lines:
    """Understand a part of a journal that begins with a line.

    Args:
        content: the bytes.
        path: the journal's, for messages.
        first: whether it is the journal's beginning, where it has to say what data it is for.

    Raises:
        RunError: a line that others follow makes no sense.
    """
    whole, _, torn = content.rpartition(b"\n")
    lines = whole.split(b"\n") if whole else []
    if first and not lines and torn and not torn.startswith(BEGINNING[: len(torn)]):
        raise _damaged(path, torn, ValueError("no first line that says what data it is for"))
    parsed: list[Binding | Decision] = []
    for number, line in enumerate(lines):
        try:
            parsed.append(_parsed(json.loads(line), header=first and number == 0))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if number == len(lines) - 1 and not (first and number == 0) and not _is_json(line):
                torn = line + b"\n" + torn  # a crash of the machine leaves zeros
                break
            raise _damaged(path, line, error) from None
    return Lines(
        tuple(each for each in parsed if isinstance(each, Binding)),
        tuple(each for each in parsed if isinstance(each, Decision)),
        len(content) - len(torn),
        torn,
    )


def _parsed(record: dict[str, Any], *, header: bool) -> Binding | Decision:
    if record.get("kind") == "data":
        return Binding.from_record(record)
    if header:
        raise ValueError("no first line that says what data it is for")
    return Decision.from_record(record)


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _damaged(path: Path, line: bytes, error: Exception) -> RunError:
    return RunError(
        f"{shown(path)}: a line of this journal makes no sense.",
        expected="JSON, format 1",
        found=f"{line[:60].decode(errors='replace')} ({' '.join(str(error).split())[:80]})",
        do="Restore the file from a copy; an unknown format is read by the Maskwright version that wrote it.",
    )
