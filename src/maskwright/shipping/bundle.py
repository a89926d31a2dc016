"""A bundle: all that predicting needs, in one folder, with a digest for each file."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from maskwright.inference.load import BUNDLE_FORMAT
from maskwright.inference.postprocess.settings import FILE
from maskwright.storage import file_digest, read_if_there, read_json, write_json, writing
from maskwright.training.run import Run, splits_of


@dataclass(frozen=True)
class Bundle:
    """A bundle folder; `maskwright.load(bundle.folder)` predicts with it."""

    folder: Path


def bundle(run: Run) -> Bundle:
    """Put the best weights, classes, recipe, post-processing and scores of a run into `RUN/bundle`.

    An older bundle of the run is replaced.

    Args:
        run: a run with weights.

    Returns:
        The bundle.

    Raises:
        DiskError: the disk is full; an older bundle stays.
    """
    target = run.folder / "bundle"
    making = run.folder / f".bundle.{uuid.uuid4().hex[:8]}.tmp"
    making.mkdir()
    try:
        copies = {"weights.safetensors": run.best_weights}
        copies |= {name: run.folder / name for name in ("classes.yaml", "recipe.yaml", FILE)}
        for name, file in copies.items():
            if name != FILE or file.is_file():
                with writing(target / name):
                    shutil.copyfile(file, making / name)
        files = {path.name: file_digest(path) for path in sorted(making.iterdir())}
        about = {"format": BUNDLE_FORMAT, "files": files, "started_from": _start(run)}
        about |= {"scores": _scores(run), "data": data_of(run.folder)}
        about |= {name: _keys(run.folder, name) for name in ("photos", "masks")}
        write_json(making / "bundle.json", about)
        if target.exists():
            shutil.rmtree(target)
        making.rename(target)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return Bundle(target)


def data_of(folder: Path) -> dict[str, str]:
    """Digests by split of the data that a run or a bundle was made from; nothing where that is not known."""
    bundled = folder / "bundle.json"
    if bundled.is_file():
        return dict(read_json(bundled).get("data") or {})
    return {name: split["digest"] for name, split in splits_of(folder).items()}


def photos_of(folder: Path) -> dict[str, frozenset[str]]:
    """The labelled photos of each split that a run or a bundle was made from, as `Sample.photo_key`.

    Nothing where that is not known: older runs keep the digests of whole splits only.
    """
    bundled = folder / "bundle.json"
    photos = read_json(bundled).get("photos") or {} if bundled.is_file() else _keys(folder, "photos")
    return {name: frozenset(keys.split()) for name, keys in photos.items()}


def _keys(folder: Path, kind: str) -> dict[str, str]:
    return {name: split[kind] for name, split in splits_of(folder).items() if split.get(kind) is not None}


def _start(run: Run) -> dict[str, object]:
    """The weights that the training started from, and under which licence they are."""
    initial = read_if_there(run.folder / "initial_weights.json", format_version=None)
    return {name: initial.get(name) for name in ("name", "licence", "commercial")}


def _scores(run: Run) -> dict[str, object]:
    """What `evaluate` said of each split."""
    files = sorted((run.folder / "evaluation").glob("*/metrics.json"))
    return {path.parent.name: read_json(path) for path in files}
