"""A bundle: all that predicting needs, in one folder, with a digest for each file."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from maskwright.inference.load import BUNDLE_FORMAT
from maskwright.storage import file_digest, read_json, write_json
from maskwright.training.run import Run


@dataclass(frozen=True)
class Bundle:
    """A bundle folder; `maskwright.load(bundle.folder)` predicts with it."""

    folder: Path


def bundle(run: Run) -> Bundle:
    """Put the best weights, classes, recipe and scores of a run into `RUN/bundle`.

    An older bundle of the run is replaced.

    Args:
        run: a run with weights.

    Returns:
        The bundle.
    """
    target = run.folder / "bundle"
    making = run.folder / f".bundle.{uuid.uuid4().hex[:8]}.tmp"
    making.mkdir()
    try:
        shutil.copyfile(run.best_weights, making / "weights.safetensors")
        shutil.copyfile(run.folder / "classes.yaml", making / "classes.yaml")
        shutil.copyfile(run.folder / "recipe.yaml", making / "recipe.yaml")
        files = {path.name: file_digest(path) for path in sorted(making.iterdir())}
        about = {"format": BUNDLE_FORMAT, "files": files, "started_from": _start(run)}
        about |= {"scores": _scores(run), "data": data_of(run.folder)}
        write_json(making / "bundle.json", about)
        if target.exists():
            shutil.rmtree(target)
        making.rename(target)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return Bundle(target)


def data_of(folder: Path) -> dict[str, str]:
    """Digests by split of the data that a run or a bundle was made from; nothing where that is not known."""
    bundled, data = folder / "bundle.json", folder / "data.json"
    if bundled.is_file():
        return dict(read_json(bundled).get("data") or {})
    splits = read_json(data, format_version=1)["splits"] if data.is_file() else {}
    return {name: split["digest"] for name, split in splits.items()}


def _start(run: Run) -> dict[str, object]:
    """The weights that the training started from, and under which licence they are."""
    path = run.folder / "initial_weights.json"
    initial = read_json(path) if path.exists() else {}
    return {name: initial.get(name) for name in ("name", "licence", "commercial")}


def _scores(run: Run) -> dict[str, object]:
    """What `evaluate` said of each split."""
    files = sorted((run.folder / "evaluation").glob("*/metrics.json"))
    return {path.parent.name: read_json(path) for path in files}
