"""What a run folder tells, as facts: the same facts in the same order each time."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from maskwright.errors import RunError
from maskwright.evaluation.compare import compare
from maskwright.evaluation.comparison import pair_rows
from maskwright.evaluation.evaluate import Evaluation
from maskwright.metrics.scores import PER_CLASS
from maskwright.recipe.recipe import settings
from maskwright.storage import read_json
from maskwright.trackers.facts import Checkpoint, Document, Fact, Matrix, Parameters, Picture, Scalar, Summary, Table
from maskwright.trackers.tracker import About, Status
from maskwright.training.presence import is_training
from maskwright.training.run import Run

STEP_METRICS = ("loss", "lr", "iteration_s", "data_wait_frac")
"""What is told of a line of training; the rest of it is told by other curves."""


def story(run: Run, *, compared: Sequence[Path] = (), whole: bool = True) -> Iterator[Fact]:
    """All that a run tells.

    Args:
        run: being trained, or done.
        compared: other runs, for the table of a comparison on validation.
        whole: also what is only told once, when training has ended or was stopped: the best checkpoint.

    Returns:
        Facts in the order in which they came about. A curve's points are in the order of their iterations.

    Raises:
        RunError, UsageError: a file is damaged, or the runs cannot be compared.
    """
    log = run.log()
    yield from _parameters(run)
    yield from _scalars(log)
    yield from _pictures(run.folder / "pictures", "samples.json", "samples")
    for folder in sorted(run.folder.glob("evaluation/*")):
        if (folder / "counts.npz").is_file():
            yield from _evaluation(folder, _best_iteration(run))
    if compared:
        yield from _comparison([run.folder, *compared])
    yield from (Document(run.folder / name) for name in ("recipe.yaml", "report.html") if (run.folder / name).is_file())
    if whole and run.best_weights.is_file():
        yield Checkpoint(run.best_weights, _best_iteration(run))


def about(run: Run) -> About:
    """What tells a run from others."""
    first = next((entry for entry in run.log() if entry["event"] == "start"), None)
    seed = repr(first) if first is not None else (run.folder / "recipe.yaml").read_text(encoding="utf-8")
    data = _json(run.folder / "data.json")
    return About(
        folder=run.folder,
        name=run.folder.resolve().name,
        project=Path(data.get("path") or "").name or "maskwright",
        identity=hashlib.sha256(seed.encode()).hexdigest()[:32],
        started=float((first or {}).get("time") or 0.0),
    )


def standing(run: Run) -> tuple[Status, float]:
    """How a run stands, and since when: the unix time of the last line of its log, in seconds."""
    log = run.log()
    since = _started(log) + max((float(entry.get("seconds") or 0.0) for entry in log), default=0.0)
    if is_training(run.folder):
        return "training", since
    return ("ended" if log and log[-1]["event"] == "end" else "stopped"), since


def _parameters(run: Run) -> Iterator[Parameters]:
    recipe = run.recipe
    values = {each.name: getattr(recipe, each.name) for each in settings()}
    del values["length_changes"]  # it grows while training, and a tracker takes each parameter but once
    values["set_aside"] = len(recipe.photos_aside)  # of thousands of photos a tracker would refuse the names
    yield Parameters("recipe", values)
    splits = _json(run.folder / "data.json").get("splits", {})
    yield Parameters(
        "data", {f"{split}.{name}": told[name] for split, told in splits.items() for name in ("images", "digest")}
    )
    environment = _json(run.folder / "environment.json")
    yield Parameters("environment", {name: value for name, value in environment.items() if name != "format"})


def _scalars(log: Sequence[dict[str, Any]]) -> Iterator[Scalar]:
    started = _started(log)
    for entry in log:
        iteration, at = int(entry.get("iteration", 0)), started + float(entry.get("seconds") or 0.0)
        if entry["event"] == "train":
            told = [(name, "train", entry.get(name)) for name in STEP_METRICS]
        elif entry["event"] == "validation":
            told = [(name, "val", value) for name, value in entry["metrics"].items()]
            told += [(score, one["name"], one.get(score)) for score in PER_CLASS for one in entry.get("per_class", ())]
        else:
            continue
        for metric, series, value in told:
            if value is not None and math.isfinite(value):
                yield Scalar(metric, series, iteration, float(value), at)


def _evaluation(folder: Path, iteration: int) -> Iterator[Fact]:
    split, judged, at = folder.name, Evaluation.load(folder), (folder / "counts.npz").stat().st_mtime
    records = judged.scores.per_class(judged.classes)
    values = judged.scores.summary() | {
        f"{score}/{record['name']}": record[score] for score in PER_CLASS for record in records
    }
    yield Summary(split, iteration, {name: value for name, value in values.items() if math.isfinite(value)}, at)
    yield Matrix(f"confusion {split}", iteration, judged.classes, judged.counts.sum(axis=0))
    head = ("name", *PER_CLASS, "predicted_px", "labelled_px")
    yield Table(f"classes {split}", head, tuple(tuple(_cell(record[name]) for name in head) for record in records))
    yield from _pictures(folder / "gallery", "gallery.json", split, iteration)
    shown = _json(folder / "gallery" / "gallery.json").get("samples", ())
    columns = ("kind", "rank", "id", "mDice")
    yield Table(f"photos {split}", columns, tuple(tuple(_cell(entry[name]) for name in columns) for entry in shown))


def _pictures(folder: Path, index: str, title: str, iteration: int = 0) -> Iterator[Picture]:
    for place, entry in enumerate(_json(folder / index).get("samples", ())):
        file = folder / entry["file"]
        if not file.is_file():
            continue
        scored = f", mDice {100 * entry['mDice']:.1f}" if entry.get("mDice") is not None else ""
        kind = f"{entry['kind']} {title}" if "kind" in entry else title
        yield Picture(kind, f"{entry.get('rank', place + 1):02d}", iteration, f"{entry['id']}{scored}", file)


def _comparison(folders: Sequence[Path]) -> Iterator[Table]:
    compared = compare(folders)
    head = ("run", "recipe", "aAcc", "mIoU", "mDice", *(f"dice {name}" for name in compared.classes))
    rows = []
    for run in compared.runs:
        scores = run.evaluation.scores
        values = (scores.aAcc, scores.mIoU, scores.mDice, *scores.dice.tolist())
        rows.append((run.name, compared.recipe_of[run.name], *map(_cell, values)))
    yield Table("comparison", head, tuple(rows))
    pairs = tuple(tuple(row) for row in pair_rows(compared))
    yield Table("comparison pairs", ("pair", "difference", "interval", "p", "verdict"), pairs)


def _best_iteration(run: Run) -> int:
    return int(_json(run.best_weights.with_suffix(".json")).get("iteration") or 0)


def _started(log: Sequence[dict[str, Any]]) -> float:
    return next((float(entry.get("time") or 0.0) for entry in log if entry["event"] == "start"), 0.0)


def _cell(value: Any) -> Any:
    return None if value != value else value


def _json(path: Path) -> dict[str, Any]:
    """A small file of a run; empty where it is not there, or not yet."""
    try:
        told = read_json(path)
    except RunError:
        return {}
    return told if isinstance(told, dict) else {}
