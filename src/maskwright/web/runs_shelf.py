"""A folder of runs as its page shows it: which there are, what is said of them, and starting and stopping them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from maskwright.data.classes import Classes, classes_known
from maskwright.data.dataset import Dataset
from maskwright.data.reading import look_over
from maskwright.data.sample import Sample
from maskwright.errors import RunError, UsageError
from maskwright.experiments.labels import Labels, change_labels, read_labels
from maskwright.experiments.runs import RunSummary, mark_of, summarise
from maskwright.experiments.search import find_runs, is_run, run_name
from maskwright.recipe.files import read_recipe
from maskwright.recipe.fingerprint import APART, differing
from maskwright.recipe.recipe import Recipe, settings
from maskwright.sentences import say
from maskwright.storage import read_json
from maskwright.training.marker import check_marker
from maskwright.training.presence import ask_to_stop
from maskwright.web.answers import Refusal, Unknown
from maskwright.web.confined import confined
from maskwright.web.resuming import Resumed, resume

LONGEST_TAG = 100
"""Letters of a tag; longer ones leave no room in the table."""


class Shelf:
    """The runs in a folder.

    Args:
        root: the folder.
        data: where the photos lie of runs whose own folder of photos is gone; None for nowhere.
        classes: names of the classes where neither the photos' folder nor the runs tell them.
        deep: whether runs are looked for below the folder too, see `find_runs`, or only in the folder itself.
    """

    def __init__(
        self,
        root: Path,
        *,
        data: Path | None = None,
        classes: Classes | tuple[str, ...] | None = None,
        deep: bool = True,
    ) -> None:
        self.root, self._data, self._classes, self._deep = root, data, classes, deep
        self._resolved = root.resolve()
        self._folders: dict[str, Path] = {}
        self._datasets: dict[Path, Dataset] = {}
        self._told: dict[str, tuple[Hashable, RunSummary]] = {}
        self._resumed: dict[str, Resumed] = {}

    def runs(self) -> tuple[RunSummary, ...]:
        """All runs as they are now, see `list_runs`."""
        found = find_runs(self.root) if self._deep else filter(is_run, sorted(self.root.iterdir()))
        self._folders = {run_name(folder, self.root): folder for folder in found}
        self._told = {name: self._as_told(name, folder) for name, folder in self._folders.items()}
        return tuple(run for _, run in self._told.values())

    def value(self, lang: str, names: Sequence[str] = ()) -> dict[str, Any]:
        """The runs as the page's table takes them, and what became of those that were to go on.

        Args:
            lang: of what is said of them.
            names: of the runs that are looked at; none for all. Those that are gone are left out.

        Returns:
            `runs`; `whole`, whether these are all; by name `judged`, when each was last evaluated (unix time, 0 for
            never); by name `troubles`, why those that were to go on could not; and `resuming`, those that still may.
        """
        known = {name: self._folders[name] for name in names if name in self._folders}
        asked = [summarise(folder, name=name) for name, folder in known.items() if is_run(folder)]
        runs = asked if names else self.runs()
        return {
            "runs": [self._marked(run, lang).to_json() for run in runs],
            "whole": not names,
            "judged": {run.name: _judged(run.folder) for run in runs},
            "troubles": self._troubles(),
            "resuming": [name for name, resumed in list(self._resumed.items()) if resumed.goes_on],
        }

    def folder(self, name: str) -> Path:
        """The folder of a run.

        Raises:
            Unknown: no run is called so.
            Refusal: a link leads to it from elsewhere, or it is of a version that is not known here.
        """
        if name not in self._folders:
            self.runs()
        if name not in self._folders:
            raise Unknown("no_run", name=name)
        folder = self._folders[name]
        if not self._inside(folder):
            raise Refusal("run_outside", name=name)
        if not is_run(folder):  # moved or removed since
            raise Unknown("no_run", name=name)
        try:
            check_marker(folder)
        except RunError:
            raise Refusal("other_version", name=name) from None
        return folder

    def recipes(self, names: Sequence[str]) -> dict[str, Any]:
        """The settings in which runs differ, in the order of their declaration; of one run all of them.

        Of runs of one recipe those that make none are told: the seed, the threads and the device.
        """
        recipes = [read_recipe(self.folder(name) / "recipe.yaml") for name in names]
        told = set(differing(recipes)) if len(recipes) > 1 else {each.name for each in settings()}
        told |= {name for name in APART if len({getattr(recipe, name) for recipe in recipes}) > 1}
        return {"runs": list(names), "settings": [_setting(each, recipes) for each in settings() if each.name in told]}

    def label(self, name: str, *, tags: Sequence[str] | None, archived: bool | None, note: str | None) -> Labels:
        """Change what is said of a run; None leaves it.

        Raises:
            Refusal: a tag cannot be one, or what was said before cannot be read.
        """
        folder = self.folder(name)
        wrong = next((tag for tag in tags or () if len(tag) > LONGEST_TAG), None)
        if wrong is not None:
            raise Refusal("long_tag", tag=f"{wrong[:20]}…", most=LONGEST_TAG)
        try:
            gone = () if tags is None else set(read_labels(folder).tags) - set(tags)
            return change_labels(folder, add=tags or (), remove=gone, archived=archived, note=note)
        except UsageError:
            raise Refusal("wrong_tag", tags=", ".join(tags or ())) from None
        except RunError:
            raise Refusal("labels_damaged", name=name, folder=folder) from None

    def stop(self, name: str, _lang: str) -> None:
        """Ask the training of a run to save and to stop.

        Raises:
            Refusal: it is not trained.
        """
        try:
            ask_to_stop(self.folder(name))
        except RunError:
            raise Refusal("not_training", name=name) from None

    def resume(self, name: str, lang: str) -> None:
        """Let a run go on, in a process of its own that speaks a language.

        Raises:
            Refusal: it goes on already, or its photos are gone.
        """
        resumed = self._resumed.get(name)
        if resumed is not None and resumed.goes_on:
            raise Refusal("goes_on", name=name)
        folder = self.folder(name)
        self._resumed[name] = resume(folder, self.data_path(folder), lang=lang)

    def dismiss(self, name: str, _lang: str) -> None:
        """Say no more why a run could not go on."""
        if name in self._resumed and not self._resumed[name].goes_on:
            del self._resumed[name]

    def data_path(self, folder: Path) -> Path:
        """Where the photos of a run lie.

        Raises:
            Refusal: nowhere where they are known to be.
        """
        told = folder / "data.json"
        path = str(read_json(told, format_version=1).get("path", "")) if told.is_file() else ""
        if path and Path(path).is_dir():
            return Path(path)
        if self._data is None:
            raise Refusal("data_gone", path=path, folder=self.root)
        return self._data

    def dataset(self, folder: Path, *, anew: bool = False) -> Dataset:
        """The photos of a run, kept once they are read.

        Args:
            folder: of the run.
            anew: read them again: they may have changed.
        """
        path = self.data_path(folder)
        if anew or path not in self._datasets:
            self._datasets[path] = look_over(path, classes=classes_known(self._classes, path, folder))
        return self._datasets[path]

    def sample(self, name: str, sample: str) -> tuple[Sample, Path | None]:
        """A photo of a run's data by its id, and the folder that its file lies in.

        Raises:
            Unknown: there is none.
            Outside: its file lies elsewhere.
        """
        dataset = self.dataset(self.folder(name))
        found = next((each for each in dataset if each.id == sample), None)
        if found is None:
            raise Unknown("no_photo", sample=sample)
        for file in (found.image_file, found.mask_file):
            confined(dataset.root, file)
        return found, dataset.root

    def _as_told(self, name: str, folder: Path) -> tuple[Hashable, RunSummary]:
        """What was told of a run, where nothing has changed since, and the mark by which that is known."""
        mark, before = mark_of(folder), self._told.get(name)
        if before is not None and mark is not None and before[0] == mark:
            return before
        return mark, summarise(folder, name=name)

    def _troubles(self) -> dict[str, str]:
        """By the run's name what its process said that could not go on; one that is gone, trains or ended has none."""
        for name, resumed in list(self._resumed.items()):
            if not resumed.goes_on and not (resumed.failed and resumed.waits):
                self._resumed.pop(name, None)
        return {name: resumed.said() for name, resumed in list(self._resumed.items()) if resumed.failed}

    def _marked(self, run: RunSummary, lang: str) -> RunSummary:
        """What is wrong with a run, in a language: one that lies elsewhere says so, and errors are introduced in it."""
        if not self._inside(run.folder):
            return replace(run, trouble=say("web.run_outside", lang, name=run.name))
        return replace(run, trouble=say("web.troubled", lang, what=run.trouble)) if run.trouble else run

    def _inside(self, folder: Path) -> bool:
        return folder.resolve().is_relative_to(self._resolved)


def _judged(folder: Path) -> float:
    """When a run was last evaluated, unix time; 0 for never."""
    return max((file.stat().st_mtime for file in folder.glob("evaluation/*/counts.npz")), default=0.0)


def _setting(each: Any, recipes: Sequence[Recipe]) -> dict[str, Any]:
    return {
        "name": each.name,
        "help": each.help,
        "unit": each.unit,
        "apart": each.name in APART,
        "values": [recipe.model_dump(mode="json")[each.name] for recipe in recipes],
        "reasons": [recipe.reason(each.name) for recipe in recipes],
    }
