"""Opening a run or a bundle: of a bundle, a folder or a zip, the files that it lists are taken, each as it says.

Nothing in it is executed and no name that it mentions is imported. A zip is read into the cache, under its digest: what
lies there is looked through anew whenever it is opened, as a folder is.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import stat
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from maskwright import __version__
from maskwright.data.cache import cache_folder
from maskwright.errors import RunError, shown
from maskwright.inference.exports import ABOUT, DIGEST, FOLDER, PACKAGES
from maskwright.inference.zipped import Zipped
from maskwright.storage import file_digest, writing
from maskwright.training.marker import check_marker
from maskwright.training.run import Run

BUNDLE_FORMAT = 2
MANIFEST = "bundle.json"
WEIGHTS = "weights.safetensors"
NEEDED = (WEIGHTS, "classes.yaml", "recipe.yaml")
"""What a bundle cannot do without."""
OPTIONAL = (
    *("postprocess.yaml", "data.json", "preprocessing.json"),
    *(f"{FOLDER}/{name}/{ABOUT}" for name in PACKAGES),
)
"""What is read where it lies there; where it does and is not listed, somebody put it there."""

MOST_FILES = 1000
MOST_BYTES = 4 * 2**30
"""All files together: far above any network that a computer without a GPU predicts with."""
MOST_JSON_BYTES = 64 * 2**20
MOST_YAML_BYTES = 4 * 2**20
DEEPEST_YAML = 8
"""What Maskwright writes nests three deep."""
KEPT_DAYS = 30
"""A zip that was not opened for so long is taken out of the cache."""

NAME = r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,99}/){0,3}[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}"
"""Names of files, with "/" between folders: nothing hidden, and nothing that leads out."""

_EVENTS = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Listed(BaseModel):
    """A file of a bundle: its SHA-256 in hex, and its size; the first bundles tell none."""

    model_config = ConfigDict(frozen=True, strict=True)

    sha256: str = Field(pattern=DIGEST)
    bytes: int | None = Field(None, ge=0)


class Manifest(BaseModel):
    """What `bundle.json` says of the bundle's files."""

    model_config = ConfigDict(frozen=True, strict=True)

    format: int
    files: Annotated[
        dict[Annotated[str, StringConstraints(pattern=f"^{NAME}$", max_length=300)], Listed],
        Field(max_length=MOST_FILES),
    ]


@dataclass(frozen=True)
class Opened:
    """A run or a bundle that may be predicted with.

    Args:
        folder: where its files lie; of a zip, in the cache.
        weights: its weights; those of a run need not be there yet.
    """

    folder: Path
    weights: Path


def opened(path: Path | str) -> Opened:
    """Open a run folder, or a bundle: a folder or a zip, whose files are all looked through first.

    Args:
        path: the folder or the file.

    Raises:
        RunError: neither a run nor a bundle lies there, or it is damaged, or of a newer version.
        DiskError: there is no room for a zip in the cache.
    """
    path = Path(path)
    if path.is_file():
        return _opened_zip(path)
    if not is_bundle(path):
        check_marker(path, or_bundle=True)
        return Opened(path, Run(path).best_weights)
    check_files(path, manifest_of(_small(path / MANIFEST, MOST_JSON_BYTES), path))
    return Opened(path, path / WEIGHTS)


def weights_in(path: Path) -> Path:
    """The weights of a run, its best ones, or of a bundle.

    Raises:
        RunError: as `opened`.
    """
    return opened(path).weights


def is_bundle(path: Path) -> bool:
    """Whether a bundle lies there, as a folder or, as far as its name tells, as a zip."""
    return (path / MANIFEST).is_file() or (path.is_file() and path.suffix.lower() == ".zip")


def manifest_of(content: bytes, where: Path) -> Manifest:
    """What a `bundle.json` lists.

    Args:
        content: of the file.
        where: the bundle, for messages.

    Raises:
        RunError: it is damaged, of a newer version, or lists what no bundle holds.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise damaged(where, f"{MANIFEST} cannot be read as JSON: {str(error)[:120]}") from None
    if not isinstance(value, dict):
        raise damaged(where, f"{MANIFEST} is no JSON object")
    _check_format(value, where)
    if value["format"] == 1 and isinstance(value.get("files"), dict):  # digests alone
        value = {**value, "files": {name: {"sha256": digest} for name, digest in value["files"].items()}}
    try:
        manifest = Manifest.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))[:80]
        raise damaged(where, f"{MANIFEST}, {place}: {first['msg'][:200]}") from None
    missing = [name for name in NEEDED if name not in manifest.files]
    if missing:
        raise damaged(where, f"{MANIFEST} does not list {', '.join(missing)}")
    if sum(listed.bytes or 0 for listed in manifest.files.values()) > MOST_BYTES:
        raise damaged(where, f"its files would take more than {MOST_BYTES // 2**30} GiB")
    return manifest


def check_files(folder: Path, manifest: Manifest, where: Path | None = None) -> None:
    """Refuse a folder that does not hold exactly what its bundle lists; what else lies there is not looked at.

    Args:
        folder: of the files.
        manifest: the list.
        where: the bundle, for messages; None for the folder itself.

    Raises:
        RunError: a file is missing, is a link, has another size or digest, or lies there unlisted and would be read.
    """
    where = where or folder
    home = folder.resolve()
    for name, listed in manifest.files.items():
        path = folder / name
        if not path.is_file() or path.is_symlink() or not path.resolve().is_relative_to(home):
            raise damaged(where, f"{name} is missing, or is a link", expected="a file")
        size = path.stat().st_size
        if size != (size if listed.bytes is None else listed.bytes) or size > MOST_BYTES:
            raise damaged(where, f"{name} has {size} bytes", expected=f"{listed.bytes} bytes")
        if file_digest(path) != listed.sha256:
            raise damaged(where, f"{name} has another digest", expected=f"SHA-256 {listed.sha256}")
        if name.endswith(".yaml"):
            _check_yaml(_small(path, MOST_YAML_BYTES, where), name, where)
    for name in OPTIONAL:
        if name not in manifest.files and os.path.lexists(folder / name):
            raise damaged(where, f"{name} lies there and is not listed in {MANIFEST}", do="Take it out of the folder.")


def damaged(where: Path, found: str, *, expected: str = "", do: str = "Copy the whole bundle again.") -> RunError:
    """What is said of a bundle that is not what it says."""
    return RunError(f"{shown(where)}: this bundle is damaged, or was changed.", expected=expected, found=found, do=do)


def _check_format(value: Mapping[str, Any], where: Path) -> None:
    version = value.get("format")
    if type(version) is int and 1 <= version <= BUNDLE_FORMAT:
        return
    if type(version) is not int or version < 1:
        raise damaged(where, f"{MANIFEST} names no format version")
    made = value.get("made")
    by = made.get("maskwright") if isinstance(made, dict) else None
    known = isinstance(by, str) and re.fullmatch(r"\d+(\.\d+){0,3}([a-z]+\d+)?", by) is not None and len(by) < 30
    raise RunError(
        f"{shown(where)}: a bundle of a newer format than this Maskwright reads.",
        expected=f"format 1 to {BUNDLE_FORMAT} (Maskwright {__version__})",
        found=f"format {version}" + (f", made by Maskwright {by}" if known else ""),
        do=f"Install a newer one: pip install -U 'maskwright{f'>={by}' if known else ''}'",
    )


def _check_yaml(content: bytes, name: str, where: Path) -> None:
    """Refuse references and deep nesting: a few bytes of either become more than any memory holds."""
    depth = 0
    try:
        for event in yaml.parse(content, Loader=_EVENTS):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > DEEPEST_YAML:
                raise damaged(where, f"{name} refers to itself, or nests deeper than any file of a bundle")
    except (yaml.YAMLError, ValueError) as error:
        raise damaged(where, f"{name} is no YAML: {' '.join(str(error).split())[:120]}") from None


def _small(path: Path, limit: int, where: Path | None = None) -> bytes:
    if path.is_symlink() or path.stat().st_size > limit:
        raise damaged(where or path.parent, f"{path.name} is a link, or has more than {limit // 2**20} MiB")
    return path.read_bytes()


def _opened_zip(path: Path) -> Opened:
    with Zipped(path, most_files=MOST_FILES + 100) as archive:
        folder = cache_folder() / "bundles" / file_digest(path)
        if not _stands(folder):
            content = archive.read(MANIFEST, MOST_JSON_BYTES)
            manifest = manifest_of(content, path)
            archive.check_sizes({name: listed.bytes for name, listed in manifest.files.items()}, MOST_BYTES)
            _unpack(archive, manifest, content, folder, path)
    with contextlib.suppress(OSError):
        os.utime(folder)
    return Opened(folder, folder / WEIGHTS)


def _stands(folder: Path) -> bool:
    """Whether the cache holds a bundle whole; what is damaged there is taken away."""
    if not folder.is_dir():
        return False
    try:
        check_files(folder, manifest_of(_small(folder / MANIFEST, MOST_JSON_BYTES), folder))
    except (RunError, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        return False
    return True


def _unpack(archive: Zipped, manifest: Manifest, content: bytes, folder: Path, path: Path) -> None:
    making = folder.with_name(f".{folder.name[:16]}.{uuid.uuid4().hex[:8]}.tmp")
    with writing(folder):
        _forget(folder.parent)
        making.mkdir(parents=True)
        try:
            for name in manifest.files:
                (making / name).parent.mkdir(parents=True, exist_ok=True)
                archive.extract(name, making / name)
            (making / MANIFEST).write_bytes(content)
            check_files(making, manifest, path)
            with contextlib.suppress(OSError):  # another process was as fast, and its files are the same
                making.rename(folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    if not folder.is_dir():
        raise damaged(path, f"{shown(folder)} cannot be written", do="Make the cache's folder writable.")


def _forget(bundles: Path) -> None:
    """Take out of the cache what was not opened for long, and what a kill left unfinished."""
    for entry in bundles.iterdir() if bundles.is_dir() else ():
        with contextlib.suppress(OSError):
            about = entry.lstat()
            old_s = 24 * 3600 if entry.name.startswith(".") else KEPT_DAYS * 24 * 3600
            if stat.S_ISDIR(about.st_mode) and time.time() - about.st_mtime > old_s:
                shutil.rmtree(entry, ignore_errors=True)
