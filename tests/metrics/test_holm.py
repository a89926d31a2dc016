from __future__ import annotations

import pytest

from maskwright.metrics.holm import holm


def test_the_smallest_is_multiplied_by_all_and_order_is_kept() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02] and holm([]) == []
