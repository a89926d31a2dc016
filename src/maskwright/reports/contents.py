"""What a run folder holds, as far as it is there yet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.audit.audit import worst_first
from maskwright.data.finding import Finding, read_findings
from maskwright.data.statistics import Statistics
from maskwright.evaluation.evaluate import Evaluation
from maskwright.recipe.files import read_recipe
from maskwright.recipe.recipe import Recipe, settings
from maskwright.storage import read_json
from maskwright.training.run import Run
from maskwright.training.training_log import TrainingLog, read_training_log

_SPLIT_ORDER = {"train": 0, "val": 1, "test": 2}


ITEMS_SHOWN = 12
"""Of a long list in a table; the file has all of it."""


@dataclass(frozen=True)
class Entry:
    """One setting of the recipe, with what it means and why it has its value."""

    name: str
    value: str
    unit: str
    help: str
    reason: str


@dataclass(frozen=True)
class Panel:
    """One judged photo: image, label, prediction and error side by side in one picture."""

    id: str
    kind: str
    mdice: float
    dice: tuple[float, ...]
    path: Path


@dataclass(frozen=True)
class Picture:
    """One sample with its mask laid over it."""

    id: str
    split: str
    path: Path


@dataclass(frozen=True)
class Judged:
    """How the model did on one split.

    Args:
        split: its name.
        images: how many photos were judged.
        groups: how many independent groups they come in.
        metrics: the five numbers over all classes, in [0, 1] or nan.
        per_class: one dict per class: name, dice, iou, acc, precision, recall, predicted_px, labelled_px.
        intervals: of each score by name, as `Evaluation.intervals`.
        counts: `(C, C)` pixels by [label, predicted].
        panels: the worst and the best pictures.
        error_colours: RGB of each kind of error in the pictures.
    """

    split: str
    images: int
    groups: int
    metrics: dict[str, float]
    per_class: tuple[dict[str, Any], ...]
    intervals: dict[str, NDArray[np.float64]]
    counts: NDArray[np.int64]
    panels: tuple[Panel, ...]
    error_colours: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Contents:
    """Everything that the report is made from; a part that is not there is empty or None."""

    folder: Path
    recipe: tuple[Entry, ...]
    environment: dict[str, str]
    data: Statistics | None
    findings: tuple[Finding, ...]
    log: TrainingLog
    judged: dict[str, Judged]
    samples: tuple[Picture, ...]
    augmented: Path | None
    timings: tuple[tuple[str, float], ...]
    initial: dict[str, Any] | None = None
    audit: dict[str, Any] | None = None
    set_aside: tuple[str, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, from whichever file knows them."""
        if self.data is not None:
            return self.data.classes
        for per_class in (*(judged.per_class for judged in self.judged.values()), self._last_per_class()):
            if per_class:
                return tuple(entry["name"] for entry in per_class)
        return ()

    def reason(self, name: str) -> str:
        """Why one setting of the recipe has its value."""
        return next((entry.reason for entry in self.recipe if entry.name == name), "")

    def setting(self, name: str) -> str | None:
        """The value of one setting of the recipe as it stands in the file."""
        return next((entry.value for entry in self.recipe if entry.name == name), None)

    def _last_per_class(self) -> tuple[dict[str, Any], ...]:
        return tuple(self.log.validations[-1].get("per_class") or ()) if self.log.validations else ()


def read_contents(run: Run) -> Contents:
    """Read a run folder.

    Args:
        run: the run; a training that goes on in it does no harm.

    Raises:
        RunError: a file in it is damaged or of another format version.
        RecipeError: the recipe cannot be read.
    """
    folder = run.folder
    environment = _json(folder / "environment.json") or {}
    data = _json(folder / "data.json")
    augmented = folder / "pictures" / "augmented.jpg"
    recipe = read_recipe(folder / "recipe.yaml") if (folder / "recipe.yaml").is_file() else None
    return Contents(
        folder=folder,
        recipe=() if recipe is None else _entries(recipe),
        environment={key: _plain(value) for key, value in environment.items() if key != "format"},
        data=None if data is None else Statistics.from_json(data),
        findings=worst_first(read_findings(folder / "findings.jsonl")),
        log=read_training_log(folder / "log.jsonl"),
        judged=_judged(folder / "diagnosis") | _judged(folder / "evaluation"),
        samples=_samples(folder / "pictures" / "samples.json"),
        augmented=augmented if augmented.is_file() else None,
        timings=tuple((name, float(seconds)) for name, seconds in run.timings().items() if seconds > 0),
        initial=_json(folder / "initial_weights.json"),
        audit=_json(folder / "audit.json"),
        set_aside=() if recipe is None else recipe.photos_aside,
    )


def _json(path: Path) -> Any:
    return read_json(path, format_version=1) if path.is_file() else None


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        nested = any(isinstance(item, (list, tuple)) for item in value)
        shown = [_plain(item) for item in value[:ITEMS_SHOWN]] + [f"… ({len(value)})"] * (len(value) > ITEMS_SHOWN)
        return ("; " if nested else ", ").join(shown)
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


def _entries(recipe: Recipe) -> tuple[Entry, ...]:
    return tuple(
        Entry(entry.name, _plain(getattr(recipe, entry.name)), entry.unit, entry.help, recipe.reason(entry.name))
        for entry in settings()
    )


def _judged(folder: Path) -> dict[str, Judged]:
    found = [path.parent for path in folder.glob("*/counts.npz")]
    found.sort(key=lambda path: (_SPLIT_ORDER.get(path.name, 3), path.name))
    return {path.name: _judged_split(path) for path in found}


def _judged_split(folder: Path) -> Judged:
    evaluation = Evaluation.load(folder)
    gallery = _json(folder / "gallery" / "gallery.json") or {}
    return Judged(
        split=evaluation.split,
        images=len(evaluation.sample_ids),
        groups=len(evaluation.independent),
        metrics=evaluation.scores.summary(),
        per_class=tuple(evaluation.scores.per_class(evaluation.classes)),
        intervals=evaluation.intervals,
        counts=np.asarray(evaluation.counts.sum(axis=0), np.int64),
        panels=_panels(folder / "gallery", gallery.get("samples") or [], evaluation.classes),
        error_colours={name: tuple(rgb) for name, rgb in (gallery.get("error_colours") or {}).items()},
    )


def _panels(folder: Path, entries: list[dict[str, Any]], names: tuple[str, ...]) -> tuple[Panel, ...]:
    return tuple(
        Panel(
            id=str(entry["id"]),
            kind=str(entry["kind"]),
            mdice=json_number(entry["mDice"]),
            dice=tuple(json_number(entry["dice"].get(name)) for name in names),
            path=folder / Path(entry["file"]).name,
        )
        for entry in sorted(entries, key=lambda entry: (str(entry["kind"]), int(entry["rank"])))
        if (folder / Path(entry["file"]).name).is_file()
    )


def _samples(path: Path) -> tuple[Picture, ...]:
    entries = (_json(path) or {}).get("samples") or []
    pictures = (
        Picture(str(entry["id"]), str(entry["split"]), path.parent / Path(entry["file"]).name) for entry in entries
    )
    return tuple(picture for picture in pictures if picture.path.is_file())


def json_number(value: Any) -> float:
    """A number out of JSON, where null means nan."""
    return math.nan if value is None else float(value)
