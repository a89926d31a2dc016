"""The templates hold no words of their own, and the tables hold no words that nobody says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from maskwright.sentences import table

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "maskwright"
REPORTS = PACKAGE / "reports"
TEMPLATES = sorted((REPORTS / "templates").glob("*.jinja"))
SOURCES = [*TEMPLATES, *REPORTS.glob("*.py")]
ELSEWHERE = {
    "card": [PACKAGE / "cli" / name for name in ("bundle.py", "open.py")],
    "diagnosis": [PACKAGE / "cli" / "diagnose.py", PACKAGE / "evaluation" / "diagnosis.py"],
}
"""What says the sentences of an area beside the pages."""
OWNERS = {
    "audit": "audit_page",
    "card": "card",
    "compare": "compare_page",
    "diagnosis": "diagnosis",
    "sweep": "sweep_page",
    "tuning": "tuning",
}
"""How the files begin that have an area of sentences of their own."""
AREAS = {
    area: {key.removeprefix(f"{area}.") for key in table("en") if key.startswith(f"{area}.")}
    for area in ("report", *OWNERS.values())
}
PRODUCT = {"Maskwright", "findings", "duplicates", "jsonl", "json"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_no_words(path: Path) -> None:
    text = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    attributes = re.findall(r'(?:title|alt|aria-label|placeholder|data-caption|data-title)="([^"]*)"', text)
    shown = " ".join([re.sub(r"<[^>]*>", " ", text), *attributes])
    assert set(re.findall(r"[^\W\d_]{2,}", shown)) - PRODUCT == set()


@pytest.mark.parametrize("area", list(AREAS))
def test_every_sentence_that_a_template_says_is_in_the_table(area: str) -> None:
    """What a page of its own lacks it says as the run's report does; the shared parts say what the report has."""
    known = AREAS["report"] | AREAS[area]
    said = {key for path in _of(area) for key in re.findall(r'\bt\("(\w+)"', path.read_text(encoding="utf-8"))}
    complete = {key for key in said if not key.endswith("_")}
    assert len(complete) > 25
    assert complete - known == set()


@pytest.mark.parametrize("area", list(AREAS))
def test_every_sentence_in_the_table_is_said(area: str) -> None:
    paths = [*SOURCES, *ELSEWHERE.get(area, ())]
    text = "\n".join(path.read_text(encoding="utf-8") for path in paths).replace(f'"{area}.', '"')
    families = set(re.findall(r'"(?:report\.)?(\w+_)"', text)) | set(re.findall(r'f"(\w+_)\{', text))
    counted = {f"{what}_{form}" for what in re.findall(r'"(\w+)"\)', text) for form in ("one", "few", "many")}
    unsaid = [
        key
        for key in AREAS[area]
        if f'"{key}"' not in text and key not in counted and not any(key.startswith(family) for family in families)
    ]
    assert unsaid == []


def _of(area: str) -> list[Path]:
    owners = {path: next((own for start, own in OWNERS.items() if path.name.startswith(start)), "") for path in SOURCES}
    return [path for path in SOURCES if owners[path] in (area, "")]
