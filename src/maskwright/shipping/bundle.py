"""A bundle: all that predicting needs, in one folder or zip, with size and digest of each file."""

from __future__ import annotations

import shutil
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskwright.data.classes import read_classes
from maskwright.errors import RunError, UsageError, shown
from maskwright.inference.exports import ABOUT, FOLDER, exports_in, read_export
from maskwright.inference.opening import BUNDLE_FORMAT, MANIFEST, WEIGHTS, manifest_of, opened
from maskwright.inference.postprocess.settings import FILE
from maskwright.recipe.files import without_place
from maskwright.shipping.facts import Facts
from maskwright.shipping.preprocessing import preprocessing
from maskwright.storage import (
    file_digest,
    read_if_there,
    read_json,
    refuse_occupied,
    replacing,
    write_json,
    write_text,
    writing,
)
from maskwright.training.run import Run, splits_of

LISTING = (".json", ".yaml", ".md", ".html", ".xml")
"""Text, which is packed; weights and networks would become no smaller."""

Pages = Callable[[Path, Facts], Mapping[str, str]]
"""(the folder of a bundle, what it tells) to the pages about it, as text by file name."""


@dataclass(frozen=True)
class Bundle:
    """A bundle; `maskwright.load(bundle.path)` predicts with it.

    Args:
        path: its folder, or a zip.
    """

    path: Path


def packed(run: Run, out: Path, facts: Facts, pages: Pages) -> Bundle:
    """Put the best weights of a run and all that belongs to them into one folder or zip.

    Args:
        run: with weights.
        out: what is written; `RUN/bundle` is replaced, anything else may not be there yet.
        facts: what the bundle tells of itself.
        pages: makes its model card.

    Raises:
        RunError: the run has no weights yet, or a file of it is damaged.
        UsageError: something lies in `out` already.
        DiskError: the disk is full; an older bundle stays.
    """
    if not run.best_weights.is_file():
        raise RunError(f"{shown(run.folder)}: has no weights yet.", do="Train some: maskwright train DATA -o RUN")
    with _making(out, replaces=out == run.folder / "bundle") as making:
        copies = {WEIGHTS: run.best_weights}
        copies |= {name: run.folder / name for name in ("classes.yaml", FILE)}
        for name, file in copies.items():
            if name != FILE or file.is_file():
                shutil.copyfile(file, making / name)
        recipe, text = run.recipe, (run.folder / "recipe.yaml").read_text(encoding="utf-8")
        write_text(making / "recipe.yaml", without_place(text, recipe.weights))
        data = read_if_there(run.folder / "data.json")
        if data:  # where the photos lay is nobody's business
            write_json(making / "data.json", {**data, "path": Path(data["path"]).name})
        names = read_classes(making / "classes.yaml").names
        write_json(making / "preprocessing.json", preprocessing(recipe, classes=len(names)))
        _take_exports(run.folder, making)
        for name, text in pages(making, facts).items():
            (making / name).write_text(text, encoding="utf-8")
        write_json(
            making / MANIFEST, {"format": BUNDLE_FORMAT, **facts.model_dump(mode="json"), "files": _list(making)}
        )
    return Bundle(out)


def repacked(bundle: Path, out: Path) -> Bundle:
    """Write a bundle as a zip, or a zip as a folder; what it does not list is left out.

    Args:
        bundle: a folder or a zip.
        out: what is written, not there yet.

    Raises:
        RunError: the bundle is damaged.
        UsageError: something lies in `out` already.
        DiskError: the disk is full.
    """
    folder = opened(bundle).folder
    with _making(out) as making:
        for name in (MANIFEST, *manifest_of((folder / MANIFEST).read_bytes(), bundle).files):
            (making / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, making / name)
    return Bundle(out)


def data_of(folder: Path) -> dict[str, str]:
    """Digests by split of the data that a run or a bundle was made from; nothing where that is not known."""
    if (folder / MANIFEST).is_file() and not (folder / "data.json").is_file():
        return dict(read_json(folder / MANIFEST).get("data") or {})  # of the first bundles
    return {name: split["digest"] for name, split in splits_of(folder).items()}


def photos_of(folder: Path) -> dict[str, frozenset[str]]:
    """The labelled photos of each split that a run or a bundle was made from, as `Sample.photo_key`.

    Nothing where that is not known: older runs keep the digests of whole splits only.
    """
    if (folder / MANIFEST).is_file() and not (folder / "data.json").is_file():
        photos = read_json(folder / MANIFEST).get("photos") or {}
    else:
        photos = {name: split["photos"] for name, split in splits_of(folder).items() if split.get("photos") is not None}
    return {name: frozenset(keys.split()) for name, keys in photos.items()}


@contextmanager
def _making(out: Path, *, replaces: bool = False) -> Iterator[Path]:
    """A folder that becomes `out` when the block ends well, or is packed into it where that is called .zip."""
    as_zip = out.suffix.lower() == ".zip"
    if not replaces:
        _refuse_taken(out, as_zip=as_zip)
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        making = out.resolve().with_name(f".{out.name[:80]}.{uuid.uuid4().hex[:8]}.tmp")
        making.mkdir()
        try:
            yield making
            if as_zip:
                _pack(making, out)
            else:
                if out.exists():
                    shutil.rmtree(out)
                making.rename(out)
        finally:
            shutil.rmtree(making, ignore_errors=True)


def _refuse_taken(out: Path, *, as_zip: bool) -> None:
    if not as_zip:
        refuse_occupied(out)
    elif out.exists() or out.is_symlink():
        raise UsageError(
            f"-o {shown(out)}: something lies there already, and nothing is overwritten.", do="Name another file."
        )


def _pack(folder: Path, out: Path) -> None:
    """The same folder gives the same bytes: the list first, no times."""
    files = sorted(
        (path for path in folder.rglob("*") if path.is_file()), key=lambda path: (path.name != MANIFEST, path)
    )
    with replacing(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED if path.suffix in LISTING else zipfile.ZIP_STORED
            with path.open("rb") as file, archive.open(entry, "w") as packed_file:
                shutil.copyfileobj(file, packed_file, 1 << 20)


def _list(folder: Path) -> dict[str, dict[str, Any]]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): {"sha256": file_digest(path), "bytes": path.stat().st_size}
        for path in paths
    }


def _take_exports(run: Path, making: Path) -> None:
    """Exports come along that were made from the bundled weights."""
    digest = file_digest(making / WEIGHTS)
    for name in exports_in(run):
        export = read_export(run / FOLDER / name)
        if export.about["made_from"]["weights"] == digest:
            target = making / FOLDER / name
            target.mkdir(parents=True)
            write_json(target / ABOUT, export.about)
            for file, content in export.files.items():
                (target / file).write_bytes(content)
