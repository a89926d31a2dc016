"""What a person says of a run: tags, a note, and whether it is put away. It lies in the run, in `labels.json`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.errors import RunError, UsageError, shown
from maskwright.storage import read_json, write_json
from maskwright.training.marker import check_marker

FILE = "labels.json"
FORMAT = 1


@dataclass(frozen=True)
class Labels:
    """What a person says of a run.

    Args:
        tags: words without blanks, sorted.
        archived: whether lists leave it out unless they are asked for it.
        note: any text.
    """

    tags: tuple[str, ...] = ()
    archived: bool = False
    note: str = ""


def read_labels(folder: Path) -> Labels:
    """The labels of a run; none where nobody gave any.

    Args:
        folder: the run.

    Raises:
        RunError: `labels.json` is damaged, or of another format version.
    """
    path = folder / FILE
    if not path.exists():
        return Labels()
    value = read_json(path, format_version=FORMAT)
    tags, archived, note = value.get("tags", []), value.get("archived", False), value.get("note", "")
    sound = isinstance(tags, list) and all(map(_is_tag, tags)) and isinstance(archived, bool) and isinstance(note, str)
    if not sound:
        raise RunError(
            f"{shown(path)}: not what labels look like.",
            expected='{"format": 1, "tags": ["good"], "archived": false, "note": "text"}',
            found=str({key: value[key] for key in value if key != "format"})[:200],
            do="Tags hold no blanks and no commas. Mend the file, or remove it: the run itself is whole.",
        )
    return Labels(tuple(sorted(set(tags))), archived, note)


def change_labels(
    folder: Path,
    *,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    archived: bool | None = None,
    note: str | None = None,
) -> Labels:
    """Change what is said of a run, and leave the rest as it is.

    Args:
        folder: the run.
        add: tags to give it.
        remove: tags to take from it; those that it does not have are passed over.
        archived: whether it is put away; None leaves that.
        note: the new note, "" for none; None leaves it.

    Returns:
        The labels as they are now.

    Raises:
        UsageError: a tag is empty or holds blanks or commas.
        RunError: there is no run, or its `labels.json` is damaged: nothing is written over it.
    """
    check_marker(folder)
    add = tuple(add)
    wrong = [tag for tag in add if not _is_tag(tag)]
    if wrong:
        raise UsageError(f"{wrong[0]!r}: cannot be a tag.", expected="a word without blanks and commas, such as good")
    now = read_labels(folder)
    labels = Labels(
        tuple(sorted({*now.tags, *add} - set(remove))),
        now.archived if archived is None else archived,
        now.note if note is None else note.strip(),
    )
    if labels != now:
        value = {"tags": list(labels.tags), "archived": labels.archived, "note": labels.note}
        write_json(folder / FILE, {"format": FORMAT, **value})
    return labels


def _is_tag(tag: Any) -> bool:
    return isinstance(tag, str) and bool(tag) and not any(letter.isspace() or letter == "," for letter in tag)
