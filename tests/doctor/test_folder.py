"""Trying a folder: whether files can be written, renamed and mapped in it, without a trace."""

from __future__ import annotations

import errno
import mmap
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from maskwright.doctor import folder
from maskwright.doctor.folder import cache, tried


def refusing(number: int) -> Any:
    """A function that the system refuses."""

    def act(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return act


def test_a_folder_that_works_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("x")
    assert tried(tmp_path) == ("", "")
    assert tried(tmp_path / "new" / "below") == ("", "")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    step, error = tried(tmp_path / "file" / "below")
    assert step == "write"
    assert "file" in error


@pytest.mark.parametrize(
    ("target", "name", "step"), [(Path, "write_bytes", "write"), (Path, "rename", "rename"), (mmap, "mmap", "map")]
)
def test_the_step_that_fails_is_told(
    target: Any, name: str, step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target, name, refusing(errno.EPERM))
    assert tried(tmp_path / "new") == (step, "[Errno 1] Operation not permitted")
    assert list(tmp_path.iterdir()) == []


def test_what_is_read_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "write_bytes", lambda path, _: path.write_text("something else"))
    assert tried(tmp_path) == ("map", "what was written is not what is read")


def test_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_CACHE", str(tmp_path / "cache"))
    found = cache()
    assert (found.folder, found.size_bytes, found.failed) == (str(tmp_path / "cache"), 0, "")
    assert found.free_bytes is not None and found.free_bytes > 0
    assert not (tmp_path / "cache").exists()
    (tmp_path / "cache" / "weights").mkdir(parents=True)
    (tmp_path / "cache" / "weights" / "a").write_bytes(bytes(1000))
    assert cache().size_bytes == 1000


def test_another_folder_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("MASKWRIGHT_CACHE", str(tmp_path / "file" / "below"))
    monkeypatch.setattr(folder.tempfile, "gettempdir", lambda: str(tmp_path))
    found = cache()
    assert (found.failed, found.instead, found.of_another) == ("write", str(tmp_path / "maskwright-cache"), False)
    assert found.free_bytes is not None
    monkeypatch.setattr(folder.tempfile, "gettempdir", lambda: str(tmp_path / "file"))
    assert cache().instead == ""


def test_another_folder_has_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(folder.tempfile, "gettempdir", lambda: str(tmp_path / "other"))
    (tmp_path / "other").mkdir()
    real = shutil.disk_usage(tmp_path)
    free = {str(tmp_path): 1 << 30, str(tmp_path / "other"): 9 << 30}
    monkeypatch.setattr(folder.shutil, "disk_usage", lambda place: real._replace(free=free[str(place)]))
    assert (cache().free_bytes, cache().instead) == (1 << 30, str(tmp_path / "other" / "maskwright-cache"))
    free[str(tmp_path / "other")] = 1 << 30
    assert cache().instead == ""
