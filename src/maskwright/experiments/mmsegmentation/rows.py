"""What becomes of each entry of a config: a setting, a row of the table, or a reason to refuse."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeGuard

from maskwright.experiments.mmsegmentation.places import shortened
from maskwright.sentences import say

Facts = Mapping[str, object] | None
Kind = Literal["carried over", "replaced", "no counterpart"]

LONGEST_VALUE = 60
"""Characters of a value that a row shows."""


@dataclass(frozen=True)
class Row:
    """One line of the table: an entry of the config and what became of it.

    Args:
        what: where it stands in the config, e.g. "train_pipeline.RandomCrop.cat_max_ratio".
        theirs: its value, as short text; "" where the config has none.
        ours: the settings that it became, e.g. "crop_hw=[512, 512]"; "" for none.
        kind: whether it means the same here, something else, or nothing.
        why_key: the sentence that says why, in the area "mmseg".
        facts: what stands in braces in that sentence.
    """

    what: str
    theirs: str
    ours: str
    kind: Kind
    why_key: str
    facts: Mapping[str, str] = field(default_factory=dict)

    def why(self, lang: str = "en") -> str:
        """The sentence that says why."""
        return say(f"mmseg.{self.why_key}", lang, **self.facts)

    def kind_text(self, lang: str = "en") -> str:
        """What became of the entry, in a language."""
        return say(f"mmseg.kind_{self.kind.replace(' ', '_')}", lang)


@dataclass(frozen=True)
class Part:
    """What one part of a config means; parts are added up, the later one's settings hold.

    Args:
        settings: settings of a recipe.
        reasons: why they have their values.
        rows: the entries that were looked at.
        problems: whole sentences, each a reason why the config cannot be imported.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    problems: tuple[str, ...] = ()

    def __add__(self, later: Part) -> Part:
        return total((self, later))


def total(parts: Iterable[Part]) -> Part:
    """Parts added up."""
    settings: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    rows: list[Row] = []
    problems: list[str] = []
    for part in parts:
        settings.update(part.settings)
        reasons.update(part.reasons)
        rows.extend(part.rows)
        problems.extend(part.problems)
    return Part(settings, reasons, tuple(rows), tuple(problems))


def carried(what: str, theirs: Any, why_key: str = "carried", *, facts: Facts = None, **settings: Any) -> Part:
    """An entry that means the same here."""
    return _entry(what, theirs, "carried over", why_key, facts, settings)


def replaced(what: str, theirs: Any, why_key: str, *, facts: Facts = None, **settings: Any) -> Part:
    """An entry in whose place something else stands here."""
    return _entry(what, theirs, "replaced", why_key, facts, settings)


def without(what: str, theirs: Any, why_key: str = "no_counterpart", *, facts: Facts = None, **settings: Any) -> Part:
    """An entry that Maskwright has nothing for."""
    return _entry(what, theirs, "no counterpart", why_key, facts, settings)


def absent(reason: str, **settings: Any) -> Part:
    """Settings that follow from what the config does not have; no row."""
    return Part(settings, dict.fromkeys(settings, f"given: {reason}"))


def refused(problem: str) -> Part:
    """A reason not to import the config, as a whole sentence."""
    return Part(problems=(problem,))


def unread(entries: Any, known: Iterable[str], path: str) -> Part:
    """A row "no counterpart" for every entry that nobody looked at.

    Args:
        entries: a dict of the config.
        known: keys that were looked at.
        path: where the dict stands.
    """
    known = {"type", *known}
    return total(without(f"{path}.{key}", value) for key, value in entries.items() if key not in known)


def text_of(value: Any) -> str:
    """A value as short text."""
    return shortened(str(value), LONGEST_VALUE)


def type_of(value: Any) -> str:
    """The name of a dict's type, without its package or scope; "" where it has none."""
    name = value.get("type") if isinstance(value, dict) else ""
    return str(name or "").rpartition(".")[2]


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal; a list and a tuple may be, and types with and without their package."""
    return bool(_listed(left) == _listed(right))


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a number that can be calculated with."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _listed(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_listed(entry) for entry in value]
    if isinstance(value, dict):
        return {key: type_of(value) if key == "type" else _listed(entry) for key, entry in value.items()}
    return value


def _entry(what: str, theirs: Any, kind: Kind, why_key: str, facts: Facts, settings: Mapping[str, Any]) -> Part:
    ours = ", ".join(f"{name}={_listed(value)}" for name, value in settings.items())
    shown = text_of(theirs)
    reason = f"given: {what}={shown} of the config" if shown else f"given: {what} of the config"
    row = Row(what, shown, ours, kind, why_key, {name: str(fact) for name, fact in (facts or {}).items()})
    return Part(settings, dict.fromkeys(settings, reason), (row,))
