"""What a model card is made from: the files of one bundle, all of which anybody may have written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from maskwright.data.classes import Classes, read_classes
from maskwright.data.statistics import SplitStatistics, Statistics
from maskwright.errors import MaskwrightError
from maskwright.inference.exports import exports_in
from maskwright.inference.opening import WEIGHTS, damaged
from maskwright.inference.postprocess.settings import FILE, PostProcess, read_postprocess
from maskwright.recipe.files import read_recipe
from maskwright.recipe.recipe import Recipe
from maskwright.shipping.facts import Facts, Score
from maskwright.storage import read_json

ORDER = ("test", "val", "train")
"""The splits, the one whose scores count most first."""


@dataclass(frozen=True)
class Card:
    """All that a card tells.

    Args:
        facts: what the bundle says of itself.
        classes: what it tells apart.
        recipe: what it was trained by.
        post: its post-processing; None where there is none.
        data: the data in numbers; None where that is not known.
        weights_bytes: the size of its weights.
        exports: the names of the exports in it.
    """

    facts: Facts
    classes: Classes
    recipe: Recipe
    post: PostProcess | None
    data: Statistics | None
    weights_bytes: int
    exports: tuple[str, ...]

    @property
    def scores(self) -> tuple[tuple[str, Score], ...]:
        """The judged splits, the one that counts most first."""
        place = {name: position for position, name in enumerate(ORDER)}
        return tuple(sorted(self.facts.scores.items(), key=lambda entry: (place.get(entry[0], len(ORDER)), entry[0])))

    @property
    def judged(self) -> tuple[str, Score] | None:
        """The split whose scores count most."""
        return self.scores[0] if self.scores else None

    def split(self, name: str) -> SplitStatistics | None:
        """The numbers of a split, where they are of the photos that were judged."""
        split, score = (self.data.splits.get(name) if self.data else None), self.facts.scores.get(name)
        return split if split and score and score.images == split.labelled else None


def card_of(folder: Path, facts: Facts) -> Card:
    """Read the files of a bundle.

    Args:
        folder: of the bundle.
        facts: what it says of itself.

    Raises:
        RunError: a file of it says what cannot be.
    """
    try:
        classes = read_classes(folder / "classes.yaml")
        post = folder / FILE
        return Card(
            facts,
            classes,
            read_recipe(folder / "recipe.yaml"),
            read_postprocess(post, classes=classes.names, predictor=None) if post.is_file() else None,
            _data(folder / "data.json", classes),
            (folder / WEIGHTS).stat().st_size,
            tuple(exports_in(folder)),
        )
    except MaskwrightError as error:
        raise damaged(folder, f"{error.where} {error.found}".strip()) from None


def _data(path: Path, classes: Classes) -> Statistics | None:
    if not path.is_file():
        return None
    try:
        data = Statistics.from_json(read_json(path, format_version=1))
        splits = data.splits.values()
        counts = [number for one in splits for number in (one.images, one.labelled, *one.class_images)]
        counts += [side for one in splits for size, count in one.sizes for side in (*size, count)]
        sound = all(type(number) is int for number in (*counts, data.left_out))
        sound &= all(len(one.class_images) == len(classes) and isinstance(one.digest, str) for one in splits)
    except (KeyError, TypeError, ValueError, AttributeError):
        sound = False
    if not sound or data.classes != classes.names:
        raise damaged(path.parent, f"{path.name} holds no numbers of these classes")
    return data
