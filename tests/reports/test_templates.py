"""The templates hold no words of their own, and the table holds no words that nobody says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from maskwright.sentences import table

REPORTS = Path(__file__).resolve().parents[2] / "src" / "maskwright" / "reports"
TEMPLATES = sorted((REPORTS / "templates").glob("*.jinja"))
SOURCES = [*TEMPLATES, *REPORTS.glob("*.py")]
KEYS = {key.removeprefix("report.") for key in table("en") if key.startswith("report.")}
PRODUCT = {"Maskwright", "findings", "jsonl"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_no_words(path: Path) -> None:
    text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    attributes = re.findall(r'(?:title|alt|aria-label|placeholder|data-caption|data-title)="([^"]*)"', text)
    shown = " ".join([re.sub(r"<[^>]*>", " ", text), *attributes])
    assert set(re.findall(r"[^\W\d_]{2,}", shown)) - PRODUCT == set()


def test_every_sentence_that_a_template_says_is_in_the_table() -> None:
    said = {key for path in SOURCES for key in re.findall(r'\bt\("(\w+)"', path.read_text(encoding="utf-8"))}
    complete = {key for key in said if not key.endswith("_")}
    assert len(complete) > 60
    assert complete - KEYS == set()


def test_every_sentence_in_the_table_is_said() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    families = set(re.findall(r'"(?:report\.)?(\w+_)"', text)) | set(re.findall(r'f"(\w+_)\{', text))
    counted = {f"{what}_{form}" for what in re.findall(r'"(\w+)"\)', text) for form in ("one", "few", "many")}
    unsaid = [
        key
        for key in KEYS
        if f'"{key}"' not in text and key not in counted and not any(key.startswith(family) for family in families)
    ]
    assert unsaid == []
