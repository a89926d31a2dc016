"""The list of runs: what is told of each, choosing among them, and their order. The folders are the only truth."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PureWindowsPath
from typing import Any, Literal, get_args

from maskwright.errors import MaskwrightError, RunError, UsageError, nearest, shown
from maskwright.experiments.labels import read_labels
from maskwright.experiments.log_ends import read_log_ends
from maskwright.experiments.search import find_runs, run_name
from maskwright.storage import read_if_there
from maskwright.training.marker import MARKER, check_marker
from maskwright.training.presence import is_training
from maskwright.training.resumable import state_path, trained_weights

Status = Literal["new", "training", "stopped", "ended", "imported", "damaged"]
STATUSES: tuple[Status, ...] = get_args(Status)

_FILES = tuple(
    f"{MARKER} recipe.yaml data.json log.jsonl labels.json import.json weights/best.json weights/last.json "
    f"weights/best.safetensors weights/last.safetensors {state_path(Path()).as_posix()}".split()
)
"""All that `summarise` looks at, in a run that nothing trains."""

_TOLD = ("model:", "seed:", "iterations:", "length_changes:")


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """What a list tells of a run.

    Args:
        folder: where it lies.
        name: its path from the folder that was listed.
        status: "new" before training, "training" now, "stopped" before its end, "ended", "imported" from elsewhere and
            not trained here, or "damaged".
        trouble: what is wrong with its files, in a paragraph; "" where nothing is.
        model: its architecture.
        seed: of its random draws.
        data: name of the folder that it was trained on; "" where that is not known.
        data_path: that folder as it was called then, perhaps on another computer.
        train_digest: of the training photos, masks and classes; "" where it is not known.
        val_digest: of the validation photos; scores of runs with equal ones may be compared.
        iteration: iterations done.
        iterations: how many there are to be; None where that is not known.
        best_mdice: mDice on validation of the weights that are kept, as a fraction; None before the first.
        best_iteration: whose they are.
        started: unix time; None before training.
        seconds: time spent training.
        weights_bytes: size of the best weights; None where there are none.
        resumable: whether it has not ended and can go on: its state is there, or nothing was trained yet.
        tags: see `Labels`.
        archived: see `Labels`.
        note: see `Labels`.
    """

    folder: Path
    name: str
    status: Status
    trouble: str = ""
    model: str = ""
    seed: int | None = None
    data: str = ""
    data_path: str = ""
    train_digest: str = ""
    val_digest: str = ""
    iteration: int = 0
    iterations: int | None = None
    best_mdice: float | None = None
    best_iteration: int | None = None
    started: float | None = None
    seconds: float = 0.0
    weights_bytes: int | None = None
    resumable: bool = False
    tags: tuple[str, ...] = ()
    archived: bool = False
    note: str = ""

    @property
    def data_here(self) -> bool:
        """Whether its data still lie where it found them."""
        return bool(self.data_path) and Path(self.data_path).is_dir()

    def to_json(self) -> dict[str, Any]:
        """All of it, as plain values."""
        return {**vars(self), "folder": str(self.folder)}


def list_runs(folder: Path | str) -> tuple[RunSummary, ...]:
    """What is told of each run in a folder and below it, archived and damaged ones too, sorted by path.

    Of each run only small files are read, and of its log the first and the last lines.

    Args:
        folder: where to look, see `find_runs`.

    Raises:
        UsageError: there is no such folder.
    """
    folder = Path(folder)
    return tuple(summarise(run, name=run_name(run, folder)) for run in find_runs(folder))


def summarise(run: Path, *, name: str) -> RunSummary:
    """What a list tells of a run. Whatever is wrong with its files is told too, and never raised.

    Args:
        run: its folder.
        name: what to call it.
    """
    told: dict[str, Any] = {"status": "damaged"}
    troubles = []
    for part in (_marker, _settings, _data, _course, _best, _weights):
        try:
            told |= part(run)
        except (MaskwrightError, OSError) as error:
            troubles.append(str(error))
            if part is _marker:  # of another version, whose files may mean anything
                break
    if troubles:
        told |= {"status": "damaged", "resumable": False}
    try:
        told |= vars(read_labels(run))
    except (MaskwrightError, OSError) as error:
        troubles.append(str(error))
    return RunSummary(folder=run, name=name, trouble="\n".join(troubles), **told)


def mark_of(run: Path) -> Hashable:
    """What stays equal as long as `summarise` would tell the same of a run; None while it is trained."""
    return None if is_training(run) else tuple(_written(run / name) for name in _FILES)


def _written(path: Path) -> tuple[int, int, int] | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns


def choose_runs(
    runs: Iterable[RunSummary],
    *,
    model: str = "*",
    data: str = "*",
    tags: Sequence[str] = (),
    status: str | None = None,
    min_mdice: float = 0.0,
    archived: bool = False,
) -> tuple[RunSummary, ...]:
    """Those that fit all that is asked for.

    Args:
        runs: to choose from.
        model: a pattern for the architecture's name, such as "segformer-*".
        data: a pattern for the name of the data.
        tags: a run must have all of them.
        status: one of `STATUSES`; None takes every one.
        min_mdice: the least best mDice on validation, a fraction; above 0 runs without one are left out.
        archived: whether those that were put away are taken too.

    Raises:
        UsageError: there is no such status.
    """
    if status is not None and status not in STATUSES:
        raise UsageError(f"--status {status}: no run is ever that.", do=nearest(status, STATUSES))
    return tuple(
        run
        for run in runs
        if fnmatchcase(run.model, model)
        and fnmatchcase(run.data, data)
        and set(tags) <= set(run.tags)
        and status in (None, run.status)
        and (run.best_mdice or 0.0) >= min_mdice
        and (archived or not run.archived)
    )


def sort_runs(runs: Iterable[RunSummary], by: str) -> tuple[RunSummary, ...]:
    """The runs in order: the smallest first, or the largest where a minus stands before the key; the unknown last.

    Args:
        runs: in the order that equals keep.
        by: one of `SORTS`, perhaps with a minus before it. The smallest age is the newest.

    Raises:
        UsageError: there is no such key.
    """
    name = by.removeprefix("-")
    if name not in SORTS:
        raise UsageError(f"--sort {by}: runs are not sorted by that.", do=nearest(name, tuple(SORTS)))
    runs, key = tuple(runs), SORTS[name]
    unknown = [run for run in runs if key(run) in (None, "")]
    known = [run for run in runs if key(run) not in (None, "")]
    return (*sorted(known, key=key, reverse=by != name), *unknown)


def _marker(run: Path) -> dict[str, Any]:
    check_marker(run)
    return {}


def _settings(run: Path) -> dict[str, Any]:
    """The few settings that are told, by their lines: reading all of the YAML would take longer than the rest."""
    path = run / "recipe.yaml"
    if not path.is_file() and not (run / "log.jsonl").is_file():  # it is being set up, or was killed before
        return {}
    with _sound(path):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith(_TOLD)]
        values = {name: value.partition(" #")[0].strip() for name, _, value in (line.partition(":") for line in lines)}
        changes = json.loads(values.get("length_changes", "[]"))
        return {
            "model": values["model"].strip("'\""),
            "seed": int(values["seed"]),
            "iterations": int(changes[-1][1] if changes else values["iterations"]),
        }


def _data(run: Path) -> dict[str, Any]:
    path = run / "data.json"
    value = read_if_there(path)
    if not value:
        return {}
    with _sound(path):
        where, splits = str(value.get("path", "")), value["splits"]
        digests = {f"{name}_digest": str(splits[name]["digest"]) for name in ("train", "val") if name in splits}
        return {"data": PureWindowsPath(where).name, "data_path": where, **digests}  # it parses both kinds of path


def _course(run: Path) -> dict[str, Any]:
    path = run / "log.jsonl"
    log = read_log_ends(path)
    if log is None:
        _refuse_weights_without(path)
        resting = "imported" if (run / "import.json").is_file() else "new"
        return {"status": "training" if is_training(run) else resting, "resumable": True}
    told = dict(vars(log))
    if told.pop("ended"):
        return {**told, "status": "ended"}
    told["resumable"] = state_path(run).is_file() or not (log.iteration or trained_weights(run))
    if is_training(run):
        return {**told, "status": "training"}
    # The state that was saved when it stopped is often later than the last line.
    return {**told, "status": "stopped", "iteration": max(log.iteration, _saved_iteration(run))}


def _refuse_weights_without(log: Path) -> None:
    made = trained_weights(log.parent)
    if made:
        raise RunError(
            f"{shown(log)}: tells nothing of the training that made the weights.",
            found=", ".join(made),
            do="Restore the file from a copy.",
        )


def _saved_iteration(run: Path) -> int:
    path = run / "weights" / "last.json"
    with _sound(path):
        return int(read_if_there(path).get("iteration", 0))


def _best(run: Path) -> dict[str, Any]:
    path = run / "weights" / "best.json"
    value = read_if_there(path)
    if value.get("val_mDice") is None:  # none yet, or imported and not judged here
        return {}
    with _sound(path):
        return {"best_mdice": float(value["val_mDice"]), "best_iteration": int(value["iteration"])}


def _weights(run: Path) -> dict[str, Any]:
    path = run / "weights" / "best.safetensors"
    return {"weights_bytes": path.stat().st_size} if path.is_file() else {}


def _natural(name: str) -> list[Any]:
    """A key by which trial 9 stands before trial 10."""
    return [int(part) if place % 2 else part for place, part in enumerate(re.split(r"(\d+)", name))]


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    """What a file of another shape raises becomes an error that names it."""
    try:
        yield
    except (OSError, LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        found = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise RunError(f"{shown(path)}: not what a run holds.", found=found, do="Restore it from a copy.") from None


SORTS: Mapping[str, Callable[[RunSummary], Any]] = {
    "name": lambda run: _natural(run.name),
    "model": lambda run: run.model,
    "data": lambda run: run.data,
    "score": lambda run: run.best_mdice,
    "age": lambda run: None if run.started is None else -run.started,
    "seconds": lambda run: run.seconds or None,
    "status": lambda run: STATUSES.index(run.status),
}
"""What a list can be sorted by."""
