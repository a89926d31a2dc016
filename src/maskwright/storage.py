"""Files that are whole or not there: written under a temporary name, then renamed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import filelock

from maskwright.errors import DiskError, MaskwrightError, RunError, UsageError, shown

NO_ROOM = tuple(getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name))
"""What the system says where a disk, a quota or the largest size of a file is reached; Windows has not all of them."""

LEFTOVER = r"\.[0-9a-f]{8}\.tmp"
"""How the names of unfinished files and folders end."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say it in one way where there is no room for a file or a folder.

    Args:
        path: what is being written.

    Raises:
        DiskError: the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise DiskError(
            f"{shown(path)}: there is no room for it.",
            found=str(error.strerror),
            do="Make room and give the same command again, a run with --resume: what was finished stands as it was.",
        ) from None


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well.

    Args:
        path: the file to be written; its folder is made.

    Returns:
        A context manager giving the temporary path. After an exception the old file stands as it was.

    Raises:
        DiskError: the disk is full.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _unfinished(path)
        temporary.touch()
        mode = temporary.stat().st_mode
        try:
            yield temporary
            temporary.chmod(mode)  # safetensors writes files that nobody else may read
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def clear_leftovers(folder: Path) -> None:
    """Take away what a kill left unfinished anywhere in a folder that no other process is writing."""
    for path in sorted(folder.rglob(".*.tmp")):
        if re.search(rf"{LEFTOVER}$", path.name):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


@contextlib.contextmanager
def becoming(folder: Path) -> Iterator[Path]:
    """A temporary folder beside `folder` that takes its place when the block ends well.

    What a killed process left of an earlier attempt at the same folder is cleared away first.

    Args:
        folder: not there yet, or empty.

    Returns:
        A context manager giving the temporary folder, which is gone after an exception.

    Raises:
        UsageError: another process is writing that folder.
        DiskError: the disk is full.
    """
    with _beside(folder) as (whole, temporary):
        yield temporary
        if whole.exists():
            whole.rmdir()  # it is empty, and Windows renames onto nothing
        temporary.rename(whole)


@contextlib.contextmanager
def renewing(folder: Path) -> Iterator[Path]:
    """A temporary folder beside `folder` that takes its place, also that of an older one, when the block ends well.

    What a killed process left of an earlier attempt at the same folder is cleared away first.

    Args:
        folder: what is written; its parents are made.

    Returns:
        A context manager giving the temporary folder. After an exception the old folder stands as it was.

    Raises:
        UsageError: another process is writing that folder.
        DiskError: the disk is full.
    """
    with _beside(folder) as (whole, temporary):
        yield temporary
        old = _unfinished(whole)
        try:
            if whole.exists():
                whole.rename(old)
            temporary.rename(whole)
        except BaseException:
            if old.exists():
                old.rename(whole)
            raise
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[tuple[Path, Path]]:
    """A folder, resolved, and a temporary one beside it, while no other process writes it."""
    whole = folder.resolve()
    stem = f".{whole.name[:80]}"
    with writing(folder):
        whole.parent.mkdir(parents=True, exist_ok=True)
        with alone(whole.with_name(f"{stem}.lock"), lambda: _occupied(folder)):
            for leftover in whole.parent.iterdir():
                if re.fullmatch(re.escape(stem) + LEFTOVER, leftover.name):
                    shutil.rmtree(leftover, ignore_errors=True)
            temporary = _unfinished(whole)
            temporary.mkdir()
            try:
                yield whole, temporary
            finally:
                shutil.rmtree(temporary, ignore_errors=True)


def _unfinished(whole: Path) -> Path:
    return whole.with_name(f".{whole.name[:80]}.{uuid.uuid4().hex[:8]}.tmp")


@contextlib.contextmanager
def alone(path: Path, occupied: Callable[[], MaskwrightError], *, timeout_s: float = 0.0) -> Iterator[None]:
    """Hold a lock that the system lets go of when its process dies.

    Args:
        path: the lock's file, in a folder that is there.
        occupied: gives what is raised where another process holds it.
        timeout_s: how long that one is waited for.

    Raises:
        MaskwrightError: that of `occupied`.
    """
    lock = filelock.FileLock(path, timeout=timeout_s)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise occupied() from None
    try:
        yield
    finally:
        if os.name == "posix":
            path.unlink(missing_ok=True)  # while it is held: whoever waits for this file finds that it is gone
        lock.release()


def _occupied(folder: Path) -> UsageError:
    return UsageError(
        f"-o {shown(folder)}: another process is writing it.", do="Wait until it has ended, or name another folder."
    )


def refuse_inside(folder: Path, data: Path | None) -> None:
    """Refuse to write into a dataset, which is never changed.

    Args:
        folder: what would be written.
        data: the dataset's folder, None for one in memory.

    Raises:
        UsageError: it lies inside.
    """
    if data is not None and folder.resolve().is_relative_to(data.resolve()):
        raise UsageError(
            f"-o {shown(folder)}: lies inside the data, which is never written to.",
            found=f"data in {shown(data)}",
            do="Name a folder elsewhere.",
        )


def refuse_occupied(folder: Path, *, holds: str = "other files", do: str = "Name another folder.") -> None:
    """Refuse a new folder where something lies.

    Args:
        folder: what would be written; an empty folder may be there.
        holds: what lies there, for the message.
        do: the way out.

    Raises:
        UsageError: something lies there already.
    """
    there = folder.exists() or folder.is_symlink()
    if there and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"-o {shown(folder)}: something lies there already, and nothing is overwritten.",
            expected="a folder that is not there yet, or an empty one",
            found=holds,
            do=do,
        )


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write a UTF-8 text file whole or not at all."""
    write_bytes(path, content.encode())


def sync_folder(folder: Path) -> None:
    """Make new names in a folder outlive a power cut; Windows has no such call and needs none."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all; nan becomes null."""
    write_text(path, json_text(value, indent=1) + "\n")


def json_text(value: Any, *, indent: int | None = None) -> str:
    """A value as strict JSON; nan and infinities become null, and bytes of a path that are no letters their escapes."""
    text = json.dumps(_without_nan(value), indent=indent, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", errors="backslashreplace").decode()


def read_json(path: Path, *, format_version: int | None = None) -> Any:
    """Read a JSON file that Maskwright wrote.

    Args:
        path: the file.
        format_version: the version that the file's "format" key must hold; None asks for none.

    Raises:
        RunError: the file is missing, is not JSON, or is of another format version.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{shown(path)}: no such file.", do="Was the whole folder copied?") from None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(
            f"{shown(path)}: cannot be read as JSON.", found=str(error), do="Restore the file from a copy."
        ) from None
    found = value.get("format") if isinstance(value, dict) else None
    if format_version is not None and found != format_version:
        raise RunError(
            f"{shown(path)}: this format version is not known here.",
            expected=f"format {format_version}",
            found=f"format {found}",
            do="Use the Maskwright version that wrote it, or a newer one: pip install -U maskwright",
        )
    return value


def read_if_there(path: Path, *, format_version: int | None = 1) -> dict[str, Any]:
    """What `read_json` gives of a file that need not be there: empty where it is not.

    Args:
        path: the file.
        format_version: as in `read_json`.

    Raises:
        RunError: it is damaged or of another format version.
    """
    return dict(read_json(path, format_version=format_version)) if path.is_file() else {}


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    if hasattr(value, "tolist"):
        return _without_nan(value.tolist())
    return value
