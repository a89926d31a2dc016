"""The cache of weights: one folder per item with the file and what is known about it.

An item is built under a temporary name and renamed when it is whole. Its digest is computed again whenever size or time
of the file are not those of the last check, so a file that was changed or damaged is never used.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskwright.data.cache import cache_folder
from maskwright.errors import RunError, WeightsError, shown
from maskwright.recipe.pretraining import knows_photos
from maskwright.storage import file_digest, read_json, write_json
from maskwright.weights.metadata import metadata, ours
from maskwright.weights.names import file_name, refuse_name, safe_name
from maskwright.weights.table import ENTRIES, HALF, IMAGENET_MEAN, IMAGENET_STD, Commercial, Entry, Part

if TYPE_CHECKING:
    from maskwright.recipe.recipe import Channels

FORMAT = 1
READ_BYTES = 1 << 20
LEFTOVER_S = 24 * 3600.0
"""What is still unfinished after a day was left behind by a process that ended."""

COMMERCIAL: Mapping[str, Commercial] = {
    **dict.fromkeys(("Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CC-BY-4.0"), "yes"),
    **dict.fromkeys(("CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-4.0"), "no"),
}
"""What well-known licences say; of any other it is not stated."""

NOT_STATED = "not stated"


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Weights in the cache.

    Args:
        name: what `--weights` takes.
        path: the file.
        sha256: its digest, in hex.
        size_bytes: its size.
        mtime_ns: its time of change when the digest was computed last, in nanoseconds.
        licence: see `Entry`.
        commercial: see `Entry`.
        source: where it was downloaded or added from.
        commit: of the hub's repository; empty for what was added.
        added: when, as ISO 8601 in UTC.
        mean_rgb: what is taken off each channel, in grey levels.
        std_rgb: what each channel is divided by, in grey levels.
        fits: the architectures that start from it; empty where nobody knows.
        part: "encoder" or "whole".
    """

    name: str
    path: Path
    sha256: str
    size_bytes: int
    mtime_ns: int
    licence: str = NOT_STATED
    commercial: Commercial = "not stated"
    source: str
    commit: str = ""
    added: str
    mean_rgb: Channels = IMAGENET_MEAN
    std_rgb: Channels = IMAGENET_STD
    fits: tuple[str, ...] = ()
    part: Part = "encoder"

    @property
    def verified(self) -> bool:
        """Whether those who wrote the table of weights held and loaded this very file."""
        return any(entry.verified and entry.sha256 == self.sha256 for entry in ENTRIES)


def home() -> Path:
    """The folder in which the items lie."""
    return cache_folder() / "weights"


def cached(name: str) -> Stored | None:
    """The item of a name, or None.

    Raises:
        WeightsError: it is damaged, and was removed; or another version of Maskwright wrote it.
    """
    folder = home() / name
    return _read(folder) if safe_name(name) == name and folder.is_dir() else None


def stored() -> tuple[Stored, ...]:
    """All whole items, by name. Damaged ones are passed over; whoever asks for them is told."""
    return tuple(item for folder in _folders() if (item := _whole(folder)) is not None)


def check() -> tuple[Stored, ...]:
    """Compute the digest of every item again.

    Returns:
        All items, by name.

    Raises:
        WeightsError: some are damaged, and were removed; all of them at once.
    """
    whole, problems = [], []
    for folder in _folders():
        try:
            item = _read(folder)
            _compare(item)
            whole.append(item)
        except WeightsError as error:
            problems.append(str(error))
    if problems:
        raise WeightsError("\n".join(problems))
    return tuple(whole)


def open_verified(item: Stored) -> Path:
    """The file of an item that is what it was when it was added.

    Raises:
        WeightsError: it is damaged, and was removed.
    """
    with contextlib.suppress(OSError):
        now = item.path.stat()
        if (now.st_size, now.st_mtime_ns) == (item.size_bytes, item.mtime_ns):
            return item.path
    _compare(item)
    with contextlib.suppress(OSError):  # a shared cache may be read-only: then each use computes the digest
        _write(replace(item, mtime_ns=item.path.stat().st_mtime_ns), item.path.parent)
    return item.path


def add(
    path: Path,
    *,
    name: str | None = None,
    source: str | None = None,
    fits: tuple[str, ...] = (),
    part: Part = "encoder",
) -> Stored:
    """Copy a file of one's own into the cache.

    A file that is known by its digest takes name and licence of the table; one with the name of an entry whose digest
    is not known is taken for that, where it fits. Of any other file its own metadata is believed.

    Args:
        path: the file.
        name: what to call it; None takes the table's name, or one made of the file's.
        source: where it is from; None says the file.
        fits: the architectures that start from it.
        part: whether it is an encoder's, or a whole segmentation model's.

    Raises:
        WeightsError: the file is missing or empty, the name cannot be used, is taken, or is that of other weights.
    """
    refuse_name(name)
    _refuse_file(path)
    said = metadata(path)
    wanted = name or safe_name(path.stem)
    with _building() as folder:
        copy = folder / file_name(path)
        sha256 = _copy(path, copy)
        known = _by_digest(sha256)
        named = known if known and name in (None, known.name) else _by_name(wanted, known, sha256, path, fits)
        entry = named or known
        source = source or str(path.resolve())
        item = _item(copy, said, entry, sha256=sha256, source=source, fits=fits, part=part)
        return _settle(replace(item, name=name or (entry.name if entry else wanted)), folder)


def take(file: Path, entry: Entry, *, sha256: str, commit: str, source: str) -> Stored:
    """Move a download whose digest was compared into the cache.

    Args:
        file: on the same disk as the cache.
        entry: what it is.
        sha256: its digest, in hex.
        commit: of the hub's repository.
        source: where it was downloaded from.
    """
    said = metadata(file)
    with _building() as folder:
        moved = file.replace(folder / file_name(Path(source)))
        item = _item(moved, said, entry, sha256=sha256, source=source)
        return _settle(replace(item, name=entry.name, commit=commit), folder)


def described(path: Path) -> Stored:
    """What is known of a file outside of the cache: by its digest, else what it says about itself.

    Args:
        path: the file.

    Returns:
        As if it were in the cache, under its path as its name.

    Raises:
        WeightsError: the file is missing, empty or damaged.
    """
    _refuse_file(path)
    sha256 = file_digest(path)
    return _item(path, metadata(path), _by_digest(sha256), sha256=sha256, source=str(path.resolve()))


def pin(name: str) -> Mapping[str, str]:
    """What the first download of some weights wrote down: "commit", "file" and "sha256"; empty before it."""
    path = _pin_file(name)
    written: dict[str, str] = read_json(path, format_version=FORMAT) if path.exists() else {}
    return {key: value for key, value in written.items() if key != "format"}


def write_pin(name: str, *, commit: str, file: str, sha256: str) -> None:
    """Write down what later downloads of some weights have to be."""
    write_json(_pin_file(name), {"format": FORMAT, "commit": commit, "file": file, "sha256": sha256})


def _pin_file(name: str) -> Path:
    return home() / ".pins" / f"{name}.json"


def _folders() -> list[Path]:
    if not home().is_dir():
        return []
    return sorted(folder for folder in home().iterdir() if folder.is_dir() and not folder.name.startswith("."))


def _whole(folder: Path) -> Stored | None:
    with contextlib.suppress(RunError, OSError, KeyError, TypeError, ValueError):
        return _parse(folder)
    return None


def _read(folder: Path) -> Stored:
    try:
        return _parse(folder)
    except RunError as error:
        if _of_another_version(folder):  # not ours to remove
            raise WeightsError(error.where, expected=error.expected, found=error.found, do=error.do) from None
        raise _removed(folder, error.found or error.where) from None
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise _removed(folder, f"{type(error).__name__}: {error}") from None


def _parse(folder: Path) -> Stored:
    about = read_json(folder / "about.json", format_version=FORMAT)
    facts: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in about.items()}
    del facts["format"]
    item = Stored(path=folder / facts.pop("file"), **facts)
    size_bytes = item.path.stat().st_size
    if size_bytes != item.size_bytes:
        raise ValueError(f"{size_bytes} bytes instead of {item.size_bytes}")
    return item


def _of_another_version(folder: Path) -> bool:
    with contextlib.suppress(RunError, AttributeError):
        return read_json(folder / "about.json").get("format") not in (None, FORMAT)
    return False


def _compare(item: Stored) -> None:
    try:
        found = file_digest(item.path)
    except OSError as error:
        raise _removed(item.path.parent, str(error)) from None
    if found != item.sha256:
        raise _removed(item.path.parent, f"SHA-256 {found}", expected=f"SHA-256 {item.sha256}")


def _removed(folder: Path, found: str, *, expected: str = "") -> WeightsError:
    """Remove a damaged item; the error that says so."""
    shutil.rmtree(folder, ignore_errors=True)
    downloaded = any(entry.name == folder.name and entry.hub for entry in ENTRIES)
    again = f"get {folder.name}" if downloaded else f"add FILE --name {folder.name}"
    if not knows_photos(folder.name):
        again = "draw"
    return WeightsError(
        f"{folder.name}: these weights were damaged in the cache, and are removed from it.",
        expected=expected,
        found=found,
        do=f"Take them in again: maskwright weights {again}",
    )


def _refuse_file(path: Path) -> None:
    if path.is_file() and path.stat().st_size:
        return
    found = "an empty file" if path.is_file() else "a folder" if path.is_dir() else "no such file"
    raise WeightsError(
        f"{shown(path)}: there are no weights here.",
        expected="a file of weights, such as model.safetensors or checkpoint.pth",
        found=found,
        do="Is the path right, was the file copied whole?",
    )


@contextlib.contextmanager
def _building() -> Iterator[Path]:
    """A temporary folder in the cache, gone at the end unless it was renamed."""
    home().mkdir(parents=True, exist_ok=True)
    for left in home().glob(".*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > LEFTOVER_S:
                shutil.rmtree(left, ignore_errors=True)
    folder = home() / f".{uuid.uuid4().hex[:12]}.tmp"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy(path: Path, copy: Path) -> str:
    """Copy a file; its SHA-256."""
    running = hashlib.sha256()
    with path.open("rb") as source, copy.open("xb") as target:
        while piece := source.read(READ_BYTES):
            running.update(piece)
            target.write(piece)
    return running.hexdigest()


def _by_digest(sha256: str) -> Entry | None:
    """The table's entry that a file is."""
    return next((entry for entry in ENTRIES if sha256 in (entry.sha256, pin(entry.name).get("sha256"))), None)


def _by_name(name: str, known: Entry | None, sha256: str, path: Path, fits: tuple[str, ...]) -> Entry | None:
    """The table's entry that a file is called, which its digest does not tell or tells to be `known`."""
    entry = next((entry for entry in ENTRIES if entry.name == name), None)
    if entry is None:
        return None
    if known is not None:
        raise WeightsError(
            f"{shown(path)}: cannot be {name}.",
            expected=f"another file than {known.name}",
            found=f"SHA-256 {sha256}, which is {known.name}",
            do="Leave --name out.",
        )
    if expected := entry.sha256 or pin(name).get("sha256", ""):
        raise WeightsError(
            f"{shown(path)}: this is not the file that is known as {name}.",
            expected=f"SHA-256 {expected}",
            found=f"SHA-256 {sha256}",
            do="Copy the file again, or give it another name with --name.",
        )
    if fits and not set(fits) & set(entry.fits):
        raise WeightsError(
            f"{shown(path)}: cannot be {name}.",
            expected=f"weights for {', '.join(entry.fits)}",
            found=f"weights for {', '.join(fits)}",
            do="Give it another name with --name.",
        )
    return entry


def _item(
    path: Path,
    said: Mapping[str, str],
    entry: Entry | None,
    *,
    sha256: str,
    source: str,
    fits: tuple[str, ...] = (),
    part: Part = "encoder",
) -> Stored:
    """A file with all that is known of it: what the table says, else what the caller and the file itself say."""
    now = path.stat()
    item = Stored(
        name=str(path.resolve()),
        path=path,
        sha256=sha256,
        size_bytes=now.st_size,
        mtime_ns=now.st_mtime_ns,
        source=source,
        added=_now(),
    )
    if entry is not None:
        return replace(
            item,
            licence=entry.licence,
            commercial=entry.commercial,
            mean_rgb=entry.mean_rgb,
            std_rgb=entry.std_rgb,
            fits=entry.fits,
            part=entry.part,
        )
    about = ours(said)
    licence = str(about.get("licence") or said.get("licence") or said.get("license") or NOT_STATED)
    commercial = COMMERCIAL.get(licence, "not stated")
    halves = said.get("input", "").startswith("RGB, x/127.5-1")
    return replace(
        item,
        licence=licence,
        commercial="no" if about.get("commercial") == "no" else commercial,
        mean_rgb=_three(about.get("mean_rgb")) or (HALF if halves else IMAGENET_MEAN),
        std_rgb=_three(about.get("std_rgb"), above=0.0) or (HALF if halves else IMAGENET_STD),
        fits=fits,
        part=part,
    )


def _settle(item: Stored, folder: Path) -> Stored:
    """Make a whole item visible."""
    final = home() / item.name
    with item.path.open("rb+") as file:
        os.fsync(file.fileno())
    _write(item, folder)
    there = _room(final)
    if there is None:
        try:
            folder.rename(final)
            return replace(item, path=final / item.path.name)
        except OSError:  # another process was faster
            there = cached(item.name)
            if there is None:
                raise
    return _same(there, item)


def _room(final: Path) -> Stored | None:
    """What lies in the place of an item already; a damaged one makes room."""
    try:
        return cached(final.name)
    except WeightsError:
        if final.exists():
            raise
        return None


def _same(there: Stored, item: Stored) -> Stored:
    if there.sha256 == item.sha256:
        return there
    raise WeightsError(
        f"{item.name}: other weights of this name lie in the cache already.",
        expected=f"SHA-256 {there.sha256}",
        found=f"SHA-256 {item.sha256}",
        do=f"Choose another name with --name, or remove {shown(there.path.parent)} first.",
    )


def _write(item: Stored, folder: Path) -> None:
    about: dict[str, Any] = {"format": FORMAT, **asdict(item), "file": item.path.name}
    del about["path"]
    write_json(folder / "about.json", about)


def _three(said: Any, *, above: float = -math.inf) -> Channels | None:
    """A number for each channel, where a file says so."""
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        red, green, blue = map(float, said)
        return (red, green, blue) if all(above < one < math.inf for one in (red, green, blue)) else None
    return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
