"""Every sentence that a person reads on a page, in a report or on the terminal: one table per language."""

from __future__ import annotations

import functools
import math
from importlib import resources
from typing import Any

import yaml

from maskwright.errors import UsageError, nearest

LANGUAGES = ("en", "ru")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C, where it was built: ten times as fast


def say(key: str, lang: str = "en", **facts: Any) -> str:
    """A sentence of the table, with its facts filled in.

    Args:
        key: the sentence's key, e.g. "report.title".
        lang: "en" or "ru".
        facts: what stands in braces in the sentence, by name.

    Returns:
        The sentence.

    Raises:
        KeyError: there is no such sentence, or a fact is missing: a defect of the program.
        UsageError: the language is not known.
    """
    return table(lang)[key].format(**facts)


@functools.cache
def table(lang: str) -> dict[str, str]:
    """All sentences of one language by their full key ("report.title").

    The files `<lang>/<area>.yaml` and `<lang>/<area>.<part>.yaml` hold the keys `area.*`.
    """
    if lang not in LANGUAGES:
        raise UsageError(f"--lang {lang}: not a language of Maskwright.", do=nearest(lang, LANGUAGES))
    sentences: dict[str, str] = {}
    for file in sorted((resources.files(__package__) / lang).iterdir(), key=lambda file: file.name):
        area = file.name.partition(".")[0]
        content = yaml.load(file.read_text(encoding="utf-8"), _LOADER)
        sentences.update({f"{area}.{key}": str(text) for key, text in content.items()})
    return sentences


def percent(fraction: float | None) -> str:
    """A fraction in percent with two decimals; a dash where there is none."""
    return "–" if fraction is None or math.isnan(fraction) else f"{100 * fraction:.2f}"
