"""A time as people write it."""

from __future__ import annotations

import pytest

from maskwright.cli.budget import seconds
from maskwright.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("20m", 1200), ("1h30m", 5400), ("1.5h", 5400), ("1H 2m 3s", 3723), (" 0.5m ", 30)],
)
def test_a_time_is_read(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "0m", "m", "20x", "-5m", "5s 3m", "1e3s", "twenty"])
def test_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a time") as caught:
        seconds(text)
    assert "1h30m" in str(caught.value)


def test_a_bare_number_is_asked_for_its_unit() -> None:
    with pytest.raises(UsageError, match="Write 20s for seconds or 20m for minutes"):
        seconds("20")
