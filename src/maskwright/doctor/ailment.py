"""What a check found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from maskwright.doctor.world import World
from maskwright.sentences import say

State = Literal["ok", "warning", "broken"]
STATES: tuple[State, ...] = ("ok", "warning", "broken")
"""From well to bad."""


@dataclass(frozen=True)
class Ailment:
    """What a check found, also where that is nothing bad.

    Args:
        check: the name of the check.
        state: "ok"; "warning": works, and costs something; "broken": something does not work.
        says: its sentence is `doctor.<says>`.
        facts: what stands in the sentence.
        fix: commands that mend it, in their order, to be copied.
    """

    check: str
    state: State
    says: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    fix: tuple[str, ...] = ()

    def sentence(self, lang: str = "en") -> str:
        """What it says to a person, "en" or "ru"."""
        return say(f"doctor.{self.says}", lang, **self.facts)


Check = Callable[[World], tuple[Ailment, ...]]
"""Looks at the facts and at nothing else; empty where it does not apply."""
