"""Numbers and plurals in both languages."""

from __future__ import annotations

import math

import pytest

from maskwright.reports.language import THIN, Language

EN, RU = Language("en"), Language("ru")


@pytest.mark.parametrize(
    ("fraction", "english", "russian"),
    [
        (0.6244, f"62.4{THIN}%", f"62,4{THIN}%"),
        (1.0, f"100.0{THIN}%", f"100,0{THIN}%"),
        (0.0, f"0.0{THIN}%", f"0,0{THIN}%"),
        (0.0001, f"<{THIN}0.1{THIN}%", f"<{THIN}0,1{THIN}%"),
        (math.nan, "n/a", "н/д"),
        (None, "n/a", "н/д"),
    ],
)
def test_percent(fraction: float | None, english: str, russian: str) -> None:
    assert (EN.percent(fraction), RU.percent(fraction)) == (english, russian)


@pytest.mark.parametrize(
    ("seconds", "english", "russian"),
    [
        (0.42, "0.4 s", "0,4 с"),
        (59.4, "59 s", "59 с"),
        (59.6, "1 min 0 s", "1 мин 0 с"),
        (3599.7, "1 h 0 min", "1 ч 0 мин"),
        (7380, "2 h 3 min", "2 ч 3 мин"),
    ],
)
def test_durations(seconds: float, english: str, russian: str) -> None:
    assert (EN.duration(seconds), RU.duration(seconds)) == (english, russian)


@pytest.mark.parametrize(
    ("number", "russian"),
    [(1, "фотография"), (3, "фотографии"), (5, "фотографий"), (11, "фотографий"), (12, "фотографий"),
     (21, "фотография"), (22, "фотографии"), (111, "фотографий"), (0, "фотографий")],
)  # fmt: skip
def test_russian_plurals(number: int, russian: str) -> None:
    assert RU.counted(number, "photos") == f"{number} {russian}"


def test_english_plurals_and_thousands() -> None:
    assert [EN.counted(number, "photos") for number in (0, 1, 2)] == ["0 photos", "1 photo", "2 photos"]
    assert EN.count(1234567) == "1,234,567"
    assert RU.count(1234567) == f"1{THIN}234{THIN}567"


def test_lists() -> None:
    assert EN.listed(["a"]) == "a"
    assert EN.listed(["a", "b", "c"]) == "a, b and c"
    assert RU.listed(["a", "b"]) == "a и b"
