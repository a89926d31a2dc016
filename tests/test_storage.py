"""Folders that are whole or not there, whoever is killed while writing them."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from maskwright import read
from maskwright.errors import DiskError, MaskwrightError, UsageError
from maskwright.review.journal import Journal
from maskwright.storage import (
    becoming,
    clear_leftovers,
    refuse_inside,
    refuse_occupied,
    renewing,
    replacing,
    write_text,
    writing,
)
from small_folders import split_folder

WRITER = """
import sys, time
from pathlib import Path
from maskwright.storage import becoming
with becoming(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("written")
    print("writing", flush=True)
    time.sleep(60)
"""

FULL = """
import resource, sys
from maskwright.cli.main import answer
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
raise SystemExit(answer(sys.argv[1:]))
"""


def test_what_a_killed_process_left_is_cleared_by_the_next_one(tmp_path: Path) -> None:
    out = tmp_path / "new"
    stranger = tmp_path / ".other.0123abcd.tmp"
    stranger.mkdir()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(out)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None and writer.stdout.readline() == "writing\n"
    with pytest.raises(UsageError, match="another process is writing it"), becoming(out):
        pass
    assert [*tmp_path.glob(".new.*.tmp/half")], "what is still being written is left alone"
    writer.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    with becoming(out) as folder:
        assert [*tmp_path.glob(".new.*.tmp")] == [folder]
        (folder / "whole").touch()
    assert {path.name for path in tmp_path.iterdir()} - {".new.lock"} == {"new", stranger.name}
    assert [path.name for path in out.iterdir()] == ["whole"]


def test_a_folder_is_renewed_whole_and_what_a_kill_left_is_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, left = tmp_path / "new", tmp_path / ".new.0123abcd.tmp"
    for folder in (out, left):
        folder.mkdir()
        (folder / "old").touch()
    monkeypatch.chdir(out)
    with renewing(Path()) as folder:
        (folder / "whole").touch()
        with pytest.raises(UsageError, match="another process is writing it"), renewing(out):
            pass
    assert {path.name for path in tmp_path.iterdir()} - {".new.lock"} == {"new"}
    assert [path.name for path in out.iterdir()] == ["whole"]


def test_where_a_folder_cannot_be_renewed_the_old_one_comes_back(tmp_path: Path) -> None:
    out = tmp_path / "new"
    out.mkdir()
    (out / "old").touch()
    with pytest.raises(FileNotFoundError), renewing(out) as folder:
        folder.rmdir()
    assert {path.name for path in tmp_path.iterdir()} - {".new.lock"} == {"new"}
    assert [path.name for path in out.iterdir()] == ["old"]


def test_after_an_error_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), becoming(tmp_path / "new"):
        raise ZeroDivisionError
    assert not [*tmp_path.glob("new")] and not [*tmp_path.glob(".new.*.tmp")]


def test_a_full_disk_is_one_error_and_the_old_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    write_text(file, "old")
    with (
        pytest.raises(MaskwrightError, match=r"(?s)a\.txt: there is no room.*No space left.*--resume.*as it was"),
        replacing(file) as temporary,
    ):
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert file.read_text() == "old" and [*tmp_path.iterdir()] == [file]
    with pytest.raises(DiskError) as caught, writing(file):
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    assert isinstance(caught.value, OSError), "who can do without the file goes on"
    with pytest.raises(PermissionError), writing(file):
        raise PermissionError(errno.EACCES, "no")


def test_a_full_disk_is_told_of_a_folder_too(tmp_path: Path) -> None:
    out = tmp_path / "new"
    with pytest.raises(DiskError, match=r"(?s)new: there is no room.*No space left"), becoming(out) as folder:
        (folder / "half").touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert {path.name for path in tmp_path.iterdir()} <= {".new.lock"}
    with pytest.raises(DiskError, match=r"inner\.txt: there is no room"), becoming(out), writing(out / "inner.txt"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(PermissionError), becoming(out):
        raise PermissionError(errno.EACCES, "no")


@pytest.mark.skipif(sys.platform == "win32", reason="no largest size of a file can be set there")
@pytest.mark.parametrize("verb", ["convert", "mend"])
def test_convert_and_mend_tell_a_full_disk_and_leave_nothing(tmp_path: Path, verb: str) -> None:
    data, out = split_folder(tmp_path / "data"), tmp_path / "made" / "new"
    journal = Journal(tmp_path / "decided" / "journal.jsonl", read(data, allow_leak=True))
    journal.decide("train/000", "exclude", seen=journal.version("train/000"), who="ann", why="it")
    words = {
        "convert": ["convert", str(data), "--to", "folders", "--allow-leak", "-o", str(out)],
        "mend": ["mend", str(data), "--journal", str(journal.path), "-o", str(out)],
    }[verb]
    done = subprocess.run([sys.executable, "-c", FULL, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "there is no room for it." in done.stderr and "File too large" in done.stderr
    assert "refused" not in done.stderr and "defect" not in done.stderr
    assert not [*out.parent.glob("new*"), *out.parent.glob(".new.*.tmp")]


def test_what_a_kill_left_is_cleared_and_nothing_else(tmp_path: Path) -> None:
    unfinished = tmp_path / "run" / ".bundle.0123abcd.tmp"
    unfinished.mkdir(parents=True)
    (unfinished / "weights").touch()
    (tmp_path / "run" / ".log.0123abcd.tmp").touch()
    mine = tmp_path / "run" / ".mine.tmp"
    mine.touch()
    clear_leftovers(tmp_path)
    assert [*(tmp_path / "run").iterdir()] == [mine]


def test_where_nothing_may_be_written(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    refuse_inside(tmp_path / "data-2", data)
    refuse_inside(data / "in", None)
    with pytest.raises(UsageError, match=r"(?s)lies inside the data.*data in .*Name a folder elsewhere"):
        refuse_inside(data / "in", data)
    refuse_occupied(data)
    (data / "x").touch()
    with pytest.raises(UsageError, match=r"(?s)something lies there already.*Name another folder"):
        refuse_occupied(data)
    with pytest.raises(UsageError, match="something lies there already"):
        refuse_occupied(data / "x")
