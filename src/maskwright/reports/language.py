"""How one language says sentences and writes numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from maskwright.sentences import say, table

THIN = "\u202f"
"""Narrow no-break space: between the thousands in Russian, before the percent sign in both languages."""


@dataclass(frozen=True)
class Language:
    """The report's sentences and numbers in one language.

    Args:
        code: "en" or "ru".
        area: the page's own sentences, "<area>.<key>" in the table; what they lack is said as the run's report does.
    """

    code: str
    area: str = "report"

    def t(self, key: str, **facts: Any) -> str:
        """The page's sentence `key` with its facts filled in."""
        own = f"{self.area}.{key}"
        return say(own if own in table(self.code) else f"report.{key}", self.code, **facts)

    def named(self, key: str, otherwise: str) -> str:
        """The sentence with the full key `key` where the table has it, else `otherwise`."""
        return table(self.code).get(key, otherwise)

    def counted(self, number: int, what: str) -> str:
        """A number with its noun in the right form: `<what>_one`, `<what>_few` or `<what>_many`."""
        return self.t(f"{what}_{self._plural(number)}", n=self.count(number))

    def count(self, number: float | None) -> str:
        """A whole number with its thousands kept apart."""
        if not _finite(number):
            return self.t("not_available")
        return f"{number:,.0f}".replace(",", THIN if self.code == "ru" else ",")

    def decimal(self, number: float | None, digits: int = 2) -> str:
        """A number with a fixed count of decimals."""
        if not _finite(number):
            return self.t("not_available")
        return self._with_comma(f"{number:.{digits}f}")

    def numbers(self, several: Iterable[float]) -> str:
        """Numbers with the decimals that they have, kept apart by semicolons where the comma is the decimal one."""
        return ("; " if self.code == "ru" else ", ").join(self._with_comma(f"{number:g}") for number in several)

    def percent(self, fraction: float | None, digits: int = 1) -> str:
        """A fraction in [0, 1] as a percentage; n/a for nan; more digits where a small share would read as 0."""
        if not _finite(fraction):
            return self.t("not_available")
        assert fraction is not None
        if 0 < fraction < 0.5 * 10 ** -(digits + 2):
            return f"<{THIN}{self._with_comma(f'{10**-digits:.{digits}f}')}{THIN}%"
        return f"{self._with_comma(f'{100 * fraction:.{digits}f}')}{THIN}%"

    def percents(self, low: float, high: float, digits: int = 1) -> str:
        """Two fractions in [0, 1] as a range of percentages."""
        low_text, high_text = (self._with_comma(f"{100 * end:.{digits}f}") for end in (low, high))
        return f"{low_text}–{high_text}{THIN}%"

    def duration(self, seconds: float | None) -> str:
        """Seconds as "3 h 20 min", "58 min 12 s", "12 s" or "0.4 s"."""
        if not _finite(seconds):
            return self.t("not_available")
        assert seconds is not None
        if seconds < 9.95:
            return self.t("duration_s", s=self.decimal(seconds, 1))
        whole = round(seconds)
        if whole < 60:
            return self.t("duration_s", s=whole)
        if whole < 3600:
            return self.t("duration_min", min=whole // 60, s=whole % 60)
        return self.t("duration_h", h=whole // 3600, min=whole % 3600 // 60)

    def moment(self, when: datetime) -> str:
        """A date and time in local time."""
        return self.t("moment", y=f"{when:%Y}", m=f"{when:%m}", d=f"{when:%d}", clock=f"{when:%H:%M}")

    def listed(self, parts: list[str]) -> str:
        """Parts joined as a list in a sentence."""
        if len(parts) < 2:
            return "".join(parts)
        return self.t("list_and", head=", ".join(parts[:-1]), last=parts[-1])

    @property
    def separators(self) -> str:
        """The decimal and the thousands separator, as plotly wants them."""
        return f",{THIN}" if self.code == "ru" else ".,"

    def _with_comma(self, text: str) -> str:
        return text.replace(".", ",") if self.code == "ru" else text

    def _plural(self, number: int) -> str:
        if self.code == "ru":
            if number % 10 == 1 and number % 100 != 11:
                return "one"
            return "few" if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14) else "many"
        return "one" if number == 1 else "many"


def _finite(number: float | None) -> bool:
    return number is not None and math.isfinite(number)
