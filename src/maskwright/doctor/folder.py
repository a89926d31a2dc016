"""Whether the folder of caches can be used: by writing, renaming and mapping a file in it."""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from maskwright.data.cache import cache_folder
from maskwright.doctor.world import Cache

TRIED = b"maskwright" * 1000

LITTLE_BYTES = 2 << 30
"""The largest weights of the table are 0.4 GB, and decoded photos take a quarter of what is free."""

Step = Literal["", "write", "rename", "map"]


def cache() -> Cache:
    """The folder of caches; nothing that was not there before is left in it."""
    folder = cache_folder()
    failed, error = tried(folder)
    lies = next((place for place in (folder, *folder.resolve().parents) if place.is_dir()), None)
    free_bytes = shutil.disk_usage(lies).free if lies else None
    full = free_bytes is not None and free_bytes < LITTLE_BYTES
    return Cache(
        folder=str(folder),
        size_bytes=_size_bytes(folder),
        free_bytes=free_bytes,
        failed=failed,
        error=error,
        of_another=bool(failed) and lies is not None and _of_another(lies),
        instead=_instead() if failed or full else "",
    )


def tried(folder: Path) -> tuple[Step, str]:
    """Write, rename and map a file in a folder, and take it away again.

    Args:
        folder: is made where it is missing, and then taken away again too.

    Returns:
        The step that failed and what the system says; two empty texts where all of it works.
    """
    step: Step = "write"
    try:
        with _there(folder):
            first = folder / f".doctor.{uuid.uuid4().hex[:12]}.tmp"
            second = first.with_suffix(".renamed")
            try:
                first.write_bytes(TRIED)
                step = "rename"
                first.rename(second)
                step = "map"
                with second.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                    if mapped[:] != TRIED:
                        return step, "what was written is not what is read"
            finally:
                first.unlink(missing_ok=True)
                second.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        return step, " ".join(str(error).split())
    return "", ""


@contextlib.contextmanager
def _there(folder: Path) -> Iterator[None]:
    """A folder that is there inside of the block; folders that had to be made are removed after it."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for place in missing:
            with contextlib.suppress(OSError):  # another process may have begun to use it
                place.rmdir()


def _size_bytes(folder: Path) -> int:
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - thrice as fast
    return total


def _of_another(folder: Path) -> bool:
    return hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()


def _instead() -> str:
    """A folder in which all of it works, and has room; empty where there is none."""
    folder = Path(tempfile.gettempdir())
    full = shutil.disk_usage(folder).free < LITTLE_BYTES if folder.is_dir() else True
    return "" if full or tried(folder / "maskwright-cache")[0] else str(folder / "maskwright-cache")
