"""In what two runs differ: their recipes, their data, and what they were made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from maskwright.recipe.files import read_recipe
from maskwright.recipe.fingerprint import APART, differing
from maskwright.shipping.bundle import data_of, photos_of
from maskwright.storage import read_if_there

Pair = tuple[Any, Any]


@dataclass(frozen=True)
class SettingDifference:
    """A setting that two recipes do not share.

    Args:
        name: of the setting.
        values: the first run's and the second's.
        reasons: why they have these.
    """

    name: str
    values: Pair
    reasons: tuple[str, str]


@dataclass(frozen=True)
class SplitDifference:
    """A split that two runs do not share.

    Args:
        split: its name.
        digests: the first run's and the second's; None where a run has no such split, or does not tell.
        only: how many labelled photos the other one lacks, in each; None where either keeps no list of its photos.
            (0, 0) are the same photos with other masks or classes.
    """

    split: str
    digests: tuple[str | None, str | None]
    only: tuple[int, int] | None


@dataclass(frozen=True)
class RunDifference:
    """In what two runs differ.

    Args:
        settings: of their recipes, in the order in which they are declared; seed, threads and device last.
        data: splits that are not the same.
        environment: what they were made with, by its name in `environment.json`: the version of Maskwright, of torch
            and of Python, and the computer.
    """

    settings: tuple[SettingDifference, ...]
    data: tuple[SplitDifference, ...]
    environment: Mapping[str, Pair]

    @property
    def same_recipe(self) -> bool:
        """Whether they are two runs of one recipe, which differ in luck and machine alone."""
        return all(each.name in APART for each in self.settings)

    def to_json(self) -> dict[str, Any]:
        """All of it, as plain values."""
        return {**asdict(self), "same_recipe": self.same_recipe}


def diff_runs(one: Path, other: Path) -> RunDifference:
    """Tell in what two runs differ.

    Args:
        one: a run.
        other: another one.

    Raises:
        RunError: a file in them is damaged.
        RecipeError: the recipe of one of them is missing, or holds wrong settings.
    """
    return RunDifference(_settings(one, other), _data(one, other), _environment(one, other))


def _settings(one: Path, other: Path) -> tuple[SettingDifference, ...]:
    recipes = read_recipe(one / "recipe.yaml"), read_recipe(other / "recipe.yaml")
    values: dict[str, Pair] = {name: (first, second) for name, (first, second) in differing(recipes).items()}
    values |= {name: (getattr(recipes[0], name), getattr(recipes[1], name)) for name in APART}
    return tuple(
        SettingDifference(name, pair, (recipes[0].reason(name), recipes[1].reason(name)))
        for name, pair in values.items()
        if pair[0] != pair[1]
    )


def _data(one: Path, other: Path) -> tuple[SplitDifference, ...]:
    digests, photos = (data_of(one), data_of(other)), (photos_of(one), photos_of(other))
    found = []
    for split in dict.fromkeys((*digests[0], *digests[1])):
        pair = digests[0].get(split), digests[1].get(split)
        here, there = photos[0].get(split), photos[1].get(split)
        only = None if here is None or there is None else (len(here - there), len(there - here))
        if pair[0] != pair[1]:
            found.append(SplitDifference(split, pair, only))
    return tuple(found)


def _environment(one: Path, other: Path) -> dict[str, Pair]:
    first, second = (read_if_there(run / "environment.json") for run in (one, other))
    names = [name for name in dict.fromkeys((*first, *second)) if name not in APART]  # these are settings too
    return {name: (first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)}
