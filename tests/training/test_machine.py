"""What this process believes that it may use of the machine."""

from __future__ import annotations

import pytest

from maskwright.cgroups import Limits, usable_cores


@pytest.mark.parametrize(("granted", "usable"), [(None, 8), (2.5, 2), (0.5, 1), (64.0, 8)])
def test_a_container_may_grant_fewer_cores(granted: float | None, usable: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskwright.cgroups.limits", lambda: Limits(cores=granted))
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert usable_cores() == usable
