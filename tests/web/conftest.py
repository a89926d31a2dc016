"""An audited dataset to decide on, a fresh copy for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from review_pets import audited_pets


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return audited_pets(tmp_path_factory.mktemp("drawn") / "pets")


@pytest.fixture
def data(drawn: Path, tmp_path: Path) -> Path:
    """A copy of the dataset and its audit."""
    for folder in (drawn, drawn.with_name("pets.maskwright")):
        shutil.copytree(folder, tmp_path / folder.name)
    return tmp_path / "pets"
