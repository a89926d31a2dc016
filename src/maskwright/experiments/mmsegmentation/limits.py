"""How large values may become while a config is followed. A config's own are far below."""

from __future__ import annotations

from typing import Any

MOST_STEPS = 300_000
"""Steps in all files of one config together: under a second. MMSegmentation's longest config takes about 20 000."""

LARGEST_TEXT = 100_000
"""Characters of a text that is put together."""

LONGEST_LIST = 10_000
"""Elements of a list that is put together."""

LARGEST_TREE = 100_000
"""Values in a whole config."""

DEEPEST = 60
"""Levels of dicts and lists."""

MOST_BITS = 256
"""Binary digits of a whole number."""


class TooMuch(ValueError):
    """A value that would take too much memory or time."""


def within(value: Any) -> Any:
    """The value, unless it is a whole number of too many digits.

    Raises:
        TooMuch: it is.
    """
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise TooMuch("the number is too large")
    return value
