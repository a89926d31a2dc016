"""A bundle: all that predicting needs, in one folder, with a digest for each file."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from maskwright.inference.load import BUNDLE_FORMAT, file_digest
from maskwright.recipe.files import write_recipe
from maskwright.storage import read_json, write_json
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
        write_recipe(run.recipe, making / "recipe.yaml")
        files = {path.name: file_digest(path) for path in sorted(making.iterdir())}
        write_json(making / "bundle.json", {"format": BUNDLE_FORMAT, "files": files, "scores": _scores(run)})
        if target.exists():
            shutil.rmtree(target)
        making.rename(target)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return Bundle(target)


def _scores(run: Run) -> dict[str, object]:
    """What `evaluate` said of each split."""
    files = sorted((run.folder / "evaluation").glob("*/metrics.json"))
    return {path.parent.name: read_json(path) for path in files}
