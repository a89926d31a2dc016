"""What a tracker is told of a run: plain values, each with a key that never changes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.storage import file_digest, json_text


@dataclass(frozen=True)
class Scalar:
    """A point of a curve.

    Args:
        metric: what is measured: "loss", "lr", "mDice", "dice", ...; curves of one metric belong into one chart.
        series: whose it is: "train", "val", or the name of a class.
        iteration: when, in iterations of the training.
        value: finite.
        at: unix time, in seconds: when training began plus the seconds trained, the same each time it is told.
    """

    metric: str
    series: str
    iteration: int
    value: float
    at: float

    @property
    def curve(self) -> str:
        """The key of the curve that it is a point of."""
        return f"{self.metric}/{self.series}"

    @property
    def key(self) -> str:
        return f"scalar/{self.curve}/{self.iteration}"


@dataclass(frozen=True)
class Parameters:
    """What the run was made with.

    Args:
        group: "recipe", "data" or "environment".
        values: by name; numbers, strings, lists or None.
    """

    group: str
    values: Mapping[str, Any]

    @property
    def key(self) -> str:
        return f"parameters/{self.group}"


@dataclass(frozen=True)
class Summary:
    """Numbers that stand for the run as a whole, such as the scores of the weights that were kept.

    Args:
        title: the split that was judged.
        iteration: of the weights that were judged.
        values: by name, "mDice" or "dice/cat"; fractions in [0, 1], finite.
        at: unix time in seconds at which it was judged; judging again tells something else only where values differ.
    """

    title: str
    iteration: int
    values: Mapping[str, float]
    at: float

    @property
    def key(self) -> str:
        return f"summary/{self.title}"


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix.

    Args:
        title: what was judged.
        iteration: of the weights that were judged.
        labels: the names of the classes, by id.
        counts: `(C, C) int64`, pixels by [label, predicted].
    """

    title: str
    iteration: int
    labels: tuple[str, ...]
    counts: NDArray[np.int64]

    @property
    def key(self) -> str:
        return f"matrix/{self.title}"


@dataclass(frozen=True)
class Table:
    """A table.

    Args:
        title: what it tells.
        head: the names of the columns.
        rows: as many cells each; None is an empty one.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str | int | float | None, ...], ...]

    @property
    def key(self) -> str:
        return f"table/{self.title}"


@dataclass(frozen=True)
class Picture:
    """A picture that a person looks at.

    Args:
        title: what pictures of this kind show: "worst val", "best val", "samples".
        series: which of them, "01", "02", ...
        iteration: of the weights that are shown; 0 where none are.
        caption: the photo, and its score.
        file: a JPEG.
    """

    title: str
    series: str
    iteration: int
    caption: str
    file: Path

    @property
    def key(self) -> str:
        return f"picture/{self.title}/{self.series}"


@dataclass(frozen=True)
class Document:
    """A file that is kept as it is.

    Args:
        file: its name tells what it is: `recipe.yaml`, `report.html`.
    """

    file: Path

    @property
    def key(self) -> str:
        return f"document/{self.file.name}"


@dataclass(frozen=True)
class Checkpoint:
    """The weights with the best score on validation.

    Args:
        file: safetensors.
        iteration: after which they were saved.
    """

    file: Path
    iteration: int

    @property
    def key(self) -> str:
        return "checkpoint/best"


Fact = Scalar | Parameters | Summary | Matrix | Table | Picture | Document | Checkpoint


def digest_of(fact: Fact) -> str:
    """Hex digest of what a fact tells; another one under the same key means that it was made anew."""
    if isinstance(fact, Picture | Document | Checkpoint):
        return file_digest(fact.file)
    told = {name: value for name, value in asdict(fact).items() if name != "at"}
    return hashlib.sha256(json_text(told).encode()).hexdigest()
