"""A run: the folder that a training writes as it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from maskwright.data.notebook import html_title
from maskwright.errors import RunError, shown
from maskwright.recipe.files import read_recipe
from maskwright.recipe.recipe import Recipe
from maskwright.sentences import say
from maskwright.storage import (
    clear_leftovers,
    json_text,
    read_json,
    refuse_occupied,
    write_json,
    write_text,
    writing,
)
from maskwright.training.log_lines import events_of
from maskwright.training.marker import FORMAT_TEXT, MARKER, check_marker
from maskwright.training.resumable import state_path, trained_weights


@dataclass(frozen=True)
class Run:
    """A run folder.

    Args:
        folder: where it lies; it may be copied and moved as a whole.
    """

    folder: Path

    def _repr_html_(self) -> str:
        kept = [entry for entry in self.log() if entry["event"] == "validation" and entry.get("best")]
        small = say("notebook.run_empty")
        if kept:
            mdice = f"{100 * kept[-1]['metrics']['mDice']:.2f}"
            small = say("notebook.run", mdice=mdice, iteration=kept[-1]["iteration"])
        report = self.folder / "report.html"
        link = Markup('<p><a href="{0}">{0}</a></p>').format(report) if report.is_file() else Markup()
        return html_title(str(self.folder), small=small) + link

    @property
    def recipe(self) -> Recipe:
        """The recipe, with the changes that were made while training."""
        return read_recipe(self.folder / "recipe.yaml")

    @property
    def best_weights(self) -> Path:
        """The weights that validation kept; the last ones where nothing was validated yet."""
        best = self.folder / "weights" / "best.safetensors"
        return best if best.exists() else self.folder / "weights" / "last.safetensors"

    def log(self) -> list[dict[str, Any]]:
        """The entries of `log.jsonl`; a line cut off by a kill is left out."""
        return read_log(self.folder / "log.jsonl")

    def timings(self) -> dict[str, float]:
        """How long each part of the work took, in seconds."""
        path = self.folder / "timings.json"
        return read_json(path, format_version=1)["seconds"] if path.exists() else {}

    def add_timings(self, seconds: Mapping[str, float]) -> None:
        """Record how long parts of the work took."""
        write_json(self.folder / "timings.json", {"format": 1, "seconds": {**self.timings(), **seconds}})


def open_run(folder: Path) -> Run:
    """A run that is there.

    Raises:
        RunError: the folder is missing, is no run, or is of another format version.
    """
    check_marker(folder)
    return Run(folder)


def make_run(folder: Path, *, again: bool = False) -> Run:
    """A new run folder.

    Args:
        folder: new or empty.
        again: take also a folder in which an earlier attempt was killed before it began to train.

    Raises:
        UsageError: something else lies there already.
    """
    if again and (folder / MARKER).is_file():
        clear_leftovers(folder)
    else:
        for unfinished in folder.glob(f".{MARKER}.*.tmp") if again else ():
            unfinished.unlink()
        refuse_begun(folder)
    write_text(folder / MARKER, FORMAT_TEXT)
    return Run(folder)


def is_begun(folder: Path) -> bool:
    """Whether a run lies there that was set up as a whole, so that training can go on (`data.json` is written last)."""
    return (folder / MARKER).is_file() and (folder / "data.json").is_file()


def refuse_begun(folder: Path) -> None:
    """Refuse a folder for a new run in which something lies.

    Raises:
        UsageError: something lies there already; where it is a run, the message says how to go on with it.
    """
    if (folder / MARKER).is_file():
        refuse_occupied(folder, holds="a run", do="Name another folder, or go on with that run: --resume.")
    refuse_occupied(folder)


def refuse_lost_state(folder: Path) -> None:
    """Refuse to begin a training anew over what it has made already: the state it would go on from did not come along.

    Args:
        folder: of the run; one in which nothing was trained yet, or that is not there, may begin.

    Raises:
        RunError: the run has trained, and its state is gone.
    """
    if state_path(folder).is_file():
        return
    weights = trained_weights(folder)
    logged = any(entry["iteration"] > 0 for entry in read_log(folder / "log.jsonl"))
    made = [*weights, *(["log.jsonl"] if logged else [])]
    if made:
        start = f"--weights {shown(folder / weights[0])} " if weights else ""
        raise RunError(
            f"{shown(folder)}: has trained, and the state that it would go on from is gone; nothing is overwritten.",
            expected=shown(state_path(folder)),
            found=", ".join(made),
            do=f"Bring the folder state back from where the run was copied from, or start another run: {start}-o NEW.",
        )


def splits_of(folder: Path) -> dict[str, Any]:
    """What `data.json` of a run tells of each split that it was made from; nothing where there is none."""
    path = folder / "data.json"
    return dict(read_json(path, format_version=1)["splits"]) if path.is_file() else {}


def read_log(path: Path) -> list[dict[str, Any]]:
    """The entries of a `log.jsonl`; a line cut off by a kill or by another hand is left out."""
    return events_of(path.read_bytes()) if path.exists() else []


def append_log(path: Path, entry: Mapping[str, Any]) -> None:
    """Add one line to a `log.jsonl`, handed to the system before this returns: it survives a kill, not a power cut.

    Raises:
        DiskError: the disk is full; part of the line may be there, and `cut_log` takes it out.
    """
    with writing(path), path.open("a", encoding="utf-8") as file:
        file.write(json_text(dict(entry)) + "\n")


def cut_log(path: Path, *, after: int) -> None:
    """Take out the lines of what will be done again after a kill: later iterations, and the end.

    A later change of the length stays where training goes on: it stands in the recipe. Lines that say no iteration are
    left out, as `read_log` leaves out those that are no entries.
    """
    kept = [entry for entry in read_log(path) if _stays(entry, after)]
    write_text(path, "".join(json_text(entry) + "\n" for entry in kept))


def _stays(entry: Mapping[str, Any], after: int) -> bool:
    if entry["event"] == "length":
        return after >= 0
    iteration = entry.get("iteration")
    return isinstance(iteration, int) and iteration <= after and bool(entry["event"] != "end")
