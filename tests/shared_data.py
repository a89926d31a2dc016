"""The data that lies beside the checkout and is never part of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def shared(*parts: str) -> Path:
    """A path in the shared folder: `MASKWRIGHT_SHARED`, else `../shared` beside the checkout.

    The test that asks is skipped, with a plain reason, where the path is not there.

    Args:
        parts: names below the folder, e.g. "data", "cats_dogs_256".
    """
    beside = Path(__file__).resolve().parents[2] / "shared"
    path = Path(os.environ.get("MASKWRIGHT_SHARED", beside)).joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path} is not there; MASKWRIGHT_SHARED may name the folder that holds {'/'.join(parts)}")
    return path
