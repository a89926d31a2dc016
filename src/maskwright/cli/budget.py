"""A time as people write it."""

from __future__ import annotations

import re

from maskwright.errors import UsageError

SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0}


def seconds(text: str) -> float:
    """The seconds of "90s", "20m", "1.5h" or "1h30m".

    Args:
        text: numbers, each with its unit h, m or s, in this order.

    Raises:
        UsageError: a bare number, another unit, or no time at all.
    """
    number = r"(\d+(?:\.\d*)?)"
    found = re.fullmatch(rf"\s*(?:{number}h)?\s*(?:{number}m)?\s*(?:{number}s)?\s*", text.lower())
    parts = found.groups() if found else ()
    total = sum(float(part) * unit for part, unit in zip(parts, SECONDS.values(), strict=False) if part)
    if total > 0:
        return total
    bare = re.fullmatch(r"\s*\d+(\.\d*)?\s*", text)
    raise UsageError(
        f"--budget {text}: not a time.",
        expected="numbers with their units, such as 90s, 20m or 1h30m",
        do=f"Write {text.strip()}s for seconds or {text.strip()}m for minutes." if bare else "",
    )
