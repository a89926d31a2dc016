"""A folder of runs as its page shows it: which there are, what is said of them, and starting and stopping them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from maskwright.data.classes import Classes, read_classes
from maskwright.data.dataset import Dataset
from maskwright.data.reading import look_over
from maskwright.data.sample import Sample
from maskwright.experiments.labels import Labels, change_labels, read_labels
from maskwright.experiments.runs import RunSummary, list_runs
from maskwright.recipe.files import read_recipe
from maskwright.recipe.fingerprint import APART, differing
from maskwright.recipe.recipe import Recipe, settings
from maskwright.storage import read_json
from maskwright.training.presence import ask_to_stop
from maskwright.web.answers import Refusal, Unknown
from maskwright.web.confined import confined
from maskwright.web.resuming import Resumed, resume


class Shelf:
    """The runs in a folder.

    Args:
        root: the folder.
        data: where the photos lie of runs whose own folder of photos is gone; None for nowhere.
        classes: names of the classes where neither the photos' folder nor the runs tell them.
    """

    def __init__(
        self, root: Path, *, data: Path | None = None, classes: Classes | tuple[str, ...] | None = None
    ) -> None:
        self.root, self._data, self._classes = root, data, classes
        self._folders: dict[str, Path] = {}
        self._datasets: dict[Path, Dataset] = {}
        self._resumed: dict[str, Resumed] = {}

    def runs(self) -> tuple[RunSummary, ...]:
        """All runs as they are now, see `list_runs`."""
        found = list_runs(self.root)
        self._folders = {run.name: run.folder for run in found}
        return found

    def value(self) -> dict[str, Any]:
        """The runs as the page's table takes them, and what became of those that were to go on."""
        runs = [run.to_json() for run in self.runs()]
        return {"runs": runs, "troubles": self._troubles()}

    def folder(self, name: str) -> Path:
        """The folder of a run.

        Raises:
            Unknown: no run is called so.
            Refusal: a link leads to it from elsewhere.
        """
        if name not in self._folders:
            self.runs()
        if name not in self._folders:
            raise Unknown("no_run", name=name)
        folder = self._folders[name]
        if not folder.resolve().is_relative_to(self.root.resolve()):
            raise Refusal("run_outside", name=name)
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
        """Change what is said of a run; None leaves it."""
        folder = self.folder(name)
        there = read_labels(folder).tags
        gone = () if tags is None else set(there) - set(tags)
        return change_labels(folder, add=tags or (), remove=gone, archived=archived, note=note)

    def stop(self, name: str, _lang: str) -> None:
        """Ask the training of a run to save and to stop."""
        ask_to_stop(self.folder(name))

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

    def dataset(self, folder: Path) -> Dataset:
        """The photos of a run, read once."""
        path = self.data_path(folder)
        if path not in self._datasets:
            of_run, own = folder / "classes.yaml", path / "classes.yaml"
            classes = self._classes
            if classes is None and of_run.is_file() and not own.is_file():
                classes = read_classes(of_run)
            self._datasets[path] = look_over(path, classes=classes)
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

    def _troubles(self) -> dict[str, str]:
        """By the run's name what its process said that could not go on."""
        return {name: resumed.said() for name, resumed in self._resumed.items() if resumed.failed}


def _setting(each: Any, recipes: Sequence[Recipe]) -> dict[str, Any]:
    return {
        "name": each.name,
        "help": each.help,
        "unit": each.unit,
        "apart": each.name in APART,
        "values": [recipe.model_dump(mode="json")[each.name] for recipe in recipes],
        "reasons": [recipe.reason(each.name) for recipe in recipes],
    }
