"""Every sentence stands in every language, with the same facts, and whatever the code says is there."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

from maskwright.errors import UsageError
from maskwright.sentences import LANGUAGES, say, table

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "maskwright"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_language_has_a_gap(lang: str) -> None:
    assert sorted(table(lang)) == sorted(table("en"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_sentence_tells_the_same_facts(lang: str) -> None:
    english = table("en")
    differing = [key for key, text in table(lang).items() if (_facts(text) ^ _facts(english[key])) - _may_lack(key)]
    assert differing == []


def test_russian_sentences_are_russian() -> None:
    words = {key: text for key, text in table("ru").items() if any(letter.isalpha() for letter in _said(text))}
    same = [key for key, text in words.items() if text == table("en")[key] and len(_said(text).split()) > 2]
    assert same == []


def test_whatever_the_code_says_is_in_the_table() -> None:
    said = {key for path in PACKAGE.rglob("*.py") for key in _keys_said(path)}
    assert len(said) > 20
    assert sorted(said - set(table("en"))) == []


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UsageError, match="--lang de"):
        say("cli.stopped", "de")


def _facts(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def _may_lack(key: str) -> set[str]:
    """A singular need not tell its number: English says "once" where Russian counts 1, 21, 31, ..."""
    return {"n"} if key.endswith("_one") else set()


def _said(text: str) -> str:
    return "".join(literal for literal, _, _, _ in string.Formatter().parse(text))


def _keys_said(path: Path) -> set[str]:
    """The literal keys given to `say` and `Progress` in a module."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    return {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id in ("say", "Progress") and call.args
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    }
