"""maskwright doctor: what is installed, what is broken, and the fix for each."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from maskwright.cli.screen import Screen
from maskwright.cli.verb import Answer, verb
from maskwright.errors import GateError
from maskwright.sentences import say

if TYPE_CHECKING:
    from maskwright.doctor import Ailment, Examination

WIDTH = 110
"""Columns of a sentence; commands are never broken."""


@verb
def doctor(screen: Screen) -> Answer:
    """What is installed, what is broken, and the fix for each.

    Changes nothing and asks nothing of the network. What may be broken is tried in a process of its own. Exits with 1
    when something is broken.
    """
    from maskwright.doctor import examine

    examination = examine()
    broken = examination.state == "broken"
    value, text = examination.to_json(screen.lang), page(examination, screen.lang)
    return Answer(value, text, exit_code=GateError.exit_code if broken else 0)


def page(examination: Examination, lang: str) -> str:
    """An examination for a person: the facts, then what was found, the worst at the end, where it is seen.

    Args:
        examination: what was found.
        lang: "en" or "ru".
    """
    from maskwright.doctor.ailment import STATES

    findings = sorted(examination.findings, key=lambda one: STATES.index(one.state))
    counts = {state: sum(one.state == state for one in findings) for state in STATES}
    summary = say(f"doctor.summary_{examination.state}", lang, warnings=counts["warning"], broken=counts["broken"])
    return "\n".join(
        [
            *_fact_lines(examination.facts, lang),
            "",
            *[line for one in findings for line in _lines(one, lang)],
            "",
            summary,
        ]
    )


def _fact_lines(facts: Mapping[str, Any], lang: str) -> list[str]:
    cpu, memory, cache = facts["cpu"], facts["memory_bytes"], facts["cache"]
    torch = facts["torch"]
    versions = {**facts["packages"], **({"torch": torch["version"]} if torch else {})}
    names = ", ".join(facts["gpu"]["names"])
    offline = facts["offline"]
    listed = say(
        "doctor.page_packages", lang, packages=", ".join(f"{name}=={version}" for name, version in versions.items())
    )
    return [
        say("doctor.page_maskwright", lang, **{key: facts[key] for key in ("maskwright", "python", "executable")}),
        say("doctor.page_system", lang, **facts["system"]),
        *textwrap.wrap(listed, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False),
        say(
            "doctor.page_cpu",
            lang,
            name=cpu["name"],
            usable=cpu["usable"],
            cores=cpu["cores"],
            avx512=_yes_no(cpu["avx512"], lang),
            bf16=_yes_no(cpu["bf16"], lang),
        ),
        say(
            "doctor.page_memory",
            lang,
            usable=_gib(memory["limit"] or memory["total"]),
            available=_gib(memory["available"]),
        ),
        say("doctor.page_gpu", lang, names=names) if names else say("doctor.page_no_gpu", lang),
        say(
            "doctor.page_cache",
            lang,
            folder=cache["folder"],
            size=_gib(cache["size_bytes"]),
            free=_gib(cache["free_bytes"]),
        ),
        say("doctor.page_offline", lang, variable=offline) if offline else say("doctor.page_online", lang),
    ]


def _lines(one: Ailment, lang: str) -> list[str]:
    """A finding: its state, its check and its sentence, and below that the commands."""
    state = say(f"doctor.state_{one.state}", lang)
    name = say(f"doctor.name_{one.check}", lang)
    sentence = textwrap.wrap(
        f"{state:<10}{name:<14}{one.sentence(lang)}",
        WIDTH,
        subsequent_indent=" " * 24,
        break_long_words=False,
        break_on_hyphens=False,
    )
    label = say("doctor.change" if one.state == "ok" else "doctor.fix", lang)
    return [*sentence, *([f"{'':24}{label}"] if one.fix else []), *[f"{'':26}{command}" for command in one.fix]]


def _yes_no(answer: bool, lang: str) -> str:
    return say("doctor.answer_yes", lang) if answer else say("doctor.answer_no", lang)


def _gib(size_bytes: int | None) -> str:
    return "–" if size_bytes is None else f"{size_bytes / 2**30:.1f}"
