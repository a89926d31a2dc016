"""Importing in a process of its own: packages that fail, end their process, or hang do not take the doctor along."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskwright.doctor.trials import LIBRARIES, trial

NMS = "raise RuntimeError('operator torchvision::nms does not exist')"


@pytest.fixture
def lay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is looked in first for what is imported."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def test_the_real_torch_works() -> None:
    found = trial("torch")
    assert (found.outcome, found.error) == ("worked", "")
    assert found.said["threads"] >= 1
    assert found.said["capability"]
    assert isinstance(found.said["bf16"], bool)


def test_the_real_libraries_work() -> None:
    found = trial("libraries")
    assert (found.outcome, found.said, found.step) == ("worked", {"errors": {}}, list(LIBRARIES)[-1])


def test_an_error_is_told_as_one_line(lay: Path) -> None:
    (lay / "torchvision.py").write_text(f"print('hello')\nprint('[1]')\n{NMS}")
    found = trial("torchvision")
    assert (found.outcome, found.error) == ("failed", "RuntimeError: operator torchvision::nms does not exist")


def test_the_step_that_fails_is_told(lay: Path) -> None:
    (lay / "torch.py").write_text("def get_num_threads(): raise OSError('libmkl.so:\\n  not found')")
    found = trial("torch")
    assert (found.outcome, found.error, found.step) == ("failed", "OSError: libmkl.so: not found", "facts")


def test_a_library_does_not_hide_the_others(lay: Path) -> None:
    (lay / "jinja2.py").write_text("raise ImportError('broken')")
    assert trial("libraries").said["errors"] == {"jinja2": "ImportError: broken"}


def test_what_is_left_of_a_removed_package_is_broken(lay: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (lay / "of_nothing").mkdir()
    monkeypatch.setattr("maskwright.doctor.trials.LIBRARIES", {"of_nothing": "of-nothing"})
    errors = trial("libraries").said["errors"]
    assert errors == {"of_nothing": "ImportError: of of_nothing only a folder without a module is left"}


def test_a_process_that_is_killed(lay: Path) -> None:
    (lay / "torch.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGILL)")
    found = trial("torch")
    assert (found.outcome, found.error) == ("killed", "SIGILL")


def test_a_process_that_ends_itself(lay: Path) -> None:
    (lay / "torchvision.py").write_text("import os, sys\nprint('bad luck', file=sys.stderr, flush=True)\nos._exit(3)")
    found = trial("torchvision")
    assert (found.outcome, found.error) == ("killed", "bad luck (3)")


def test_a_process_that_hangs(lay: Path) -> None:
    (lay / "torchvision.py").write_text("import time\ntime.sleep(60)")
    found = trial("torchvision", slow_s=1.0)
    assert (found.outcome, found.error) == ("slow", "1 s")


def test_what_lies_in_the_working_folder_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torchvision.py").write_text("raise ImportError('of the working folder')")
    monkeypatch.chdir(tmp_path)
    assert "working folder" not in trial("torchvision").error
