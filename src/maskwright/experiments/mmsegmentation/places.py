"""Where in a config something stands, and the errors about it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from maskwright.errors import UsageError, shown

LONGEST_TEXT = 90
"""Characters of a config's text that a message or a note shows."""

MOST_PLACES = 12
"""Places that one message names."""

WRITTEN_OUT = (
    "Write the value itself in its place, or give the config that MMSegmentation wrote beside the checkpoint "
    "(work_dirs/NAME/NAME.py): that one holds nothing but values."
)


@dataclass(frozen=True)
class NotFollowed:
    """A piece of a config that was not followed.

    Args:
        file: the file.
        line: its line, from 1.
        text: what stands there, shortened.
    """

    file: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{shown(self.file)}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Source:
    """One file of a config.

    Args:
        file: its path.
        lines: what it says, line by line.
    """

    file: Path
    lines: tuple[str, ...]

    def place(self, node: ast.AST) -> NotFollowed:
        """Where a node of the file's syntax tree stands."""
        line = getattr(node, "lineno", 1)
        lines = list(self.lines[line - 1 : getattr(node, "end_lineno", line)])
        if lines and hasattr(node, "col_offset"):
            # Columns count bytes of UTF-8; the end is cut first so that the start stays where it is.
            lines[-1] = lines[-1].encode()[: node.end_col_offset].decode(errors="ignore")  # type: ignore[attr-defined]
            lines[0] = lines[0].encode()[node.col_offset :].decode(errors="ignore")
        return NotFollowed(self.file, line, shortened(" ".join(" ".join(lines).split())))


def shortened(text: str, length: int = LONGEST_TEXT) -> str:
    """A text of at most so many characters, without those that would steer a terminal."""
    text = "".join(character if character.isprintable() else " " for character in text[: length + 1])
    return text if len(text) <= length else f"{text[: length - 3]}..."


def executes(found: Sequence[tuple[ast.AST, str]], source: Source) -> UsageError:
    """The refusal of a config that would run code; nothing of it has been run.

    Args:
        found: each node with what it is ("a lambda").
        source: the file.
    """
    lines = [f"{source.place(node)}   ({what})" for node, what in found[:MOST_PLACES]]
    more = [f"... and {len(found) - MOST_PLACES} more"] if len(found) > MOST_PLACES else []
    return UsageError(
        "This config executes code: Maskwright reads configs and never runs them.\n  " + "\n  ".join([*lines, *more]),
        expected="literals, dict(...), names of variables, simple expressions of them",
        do=f"Nothing was run. {WRITTEN_OUT}",
    )


def cannot_follow(place: NotFollowed, why: str) -> UsageError:
    """The refusal of something that is no danger but whose value cannot be known."""
    return UsageError(
        f"{shown(place.file)}:{place.line}: this cannot be followed: {why}.", found=place.text, do=WRITTEN_OUT
    )
