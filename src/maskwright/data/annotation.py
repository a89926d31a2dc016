"""Masks that are drawn from shapes in an annotation file: polygons, runs of pixels, small pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.data.classes import Classes
from maskwright.data.decode import MaskValues, RawMask, Undecodable
from maskwright.data.finding import Finding
from maskwright.data.tree import File

BACKGROUND_NAMES = ("background", "_background_", "__background__")
"""How tools call the class of pixels under no shape, in lower case."""

IGNORE_NAMES = ("__ignore__", "ignore", "void")
"""Labels of pixels that are not judged, where no class is declared by that name. The first is LabelMe's, and ours."""

MOST_LABELS = 250
"""Different labels in one mask, so that their places fit a byte."""

Canvas = NDArray[np.uint8]


@dataclass(frozen=True)
class Shape:
    """One shape of an annotation.

    Args:
        label: the name of its class.
        paint: sets its pixels on a canvas `(H, W) uint8` to a value.
    """

    label: str
    paint: Callable[[Canvas, int], object]


@dataclass(frozen=True)
class Drawing:
    """What an annotation says about one photo.

    Args:
        shapes: from the lowest to the topmost: where they overlap, the later one is seen.
        size_hw: height and width for which it was drawn; None where it fits any size.
        problems: shapes that are not drawn, as (check, facts).
    """

    shapes: tuple[Shape, ...]
    size_hw: tuple[int, int] | None = None
    problems: tuple[tuple[str, Mapping[str, Any]], ...] = ()

    def findings(self, sample: str) -> list[Finding]:
        """The problems as findings of a sample."""
        return [Finding(sample, check, 0.4, facts) for check, facts in self.problems]


@dataclass(frozen=True)
class Annotation(File):
    """The part of an annotation file that says what the mask of one photo is.

    It is small and can be sent to other processes: the file is opened when the mask is wanted.

    Args:
        entry: what stands for the photo in the file, "" where the whole file does.
        read: gives the drawing; takes the file, the entry, and how messages call them.
    """

    entry: str = ""
    read: Callable[[Path, str, str], Drawing] | None = field(default=None, repr=False)

    @property
    def where(self) -> str:
        return f"{self.path} ({self.entry})" if self.entry else self.path

    def drawing(self, file: Path) -> Drawing:
        """The drawing.

        Args:
            file: the annotation file.

        Raises:
            Undecodable: the file cannot be understood; the message names the line or the key.
        """
        assert self.read is not None
        return self.read(file, self.entry, self.where)


@dataclass(frozen=True)
class Embedded(File):
    """A photo inside of an annotation file.

    Args:
        extract: gives the bytes of the photo; takes the file and how messages call it.
    """

    extract: Callable[[Path, str], bytes] | None = field(default=None, repr=False)


def rasterise(drawing: Drawing, size_hw: tuple[int, int], *, name: str) -> RawMask:
    """Draw a mask; its values are the labels, "" under no shape.

    Args:
        drawing: the shapes.
        size_hw: height and width of the mask.
        name: how messages call it.

    Raises:
        Undecodable: there are more than 250 labels.
    """
    labels = ["", *dict.fromkeys(shape.label for shape in drawing.shapes)]
    if len(labels) > MOST_LABELS:
        raise broken(name, "shapes", f"{len(labels) - 1} different labels, at most {MOST_LABELS - 1} can be told apart")
    canvas = np.zeros(size_hw, np.uint8)
    for shape in drawing.shapes:
        shape.paint(canvas, labels.index(shape.label))
    counts = np.bincount(canvas.ravel(), minlength=len(labels))
    seen = np.flatnonzero(counts)
    table = np.zeros(256, np.uint8)
    table[seen] = np.arange(len(seen))
    found = MaskValues(tuple(counts[seen].tolist()), (), labels=tuple(labels[place] for place in seen))
    return RawMask(table[canvas], found, "")


def broken(name: str, key: str, error: object) -> Undecodable:
    """An annotation that cannot be understood.

    Args:
        name: the file and what stands for the photo in it.
        key: the key or line that is wrong, "" where it is the whole file.
        error: what is wrong with it.
    """
    what = " ".join(str(error).split())[:160]
    return Undecodable("annotation_broken", file=name, place=f"{key}: " if key else "", error=what)


def not_drawn(kinds: Sequence[str], name: str) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """The problems of a drawing in which shapes of some kinds are passed over, one per kind."""
    counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    return tuple(("shape_not_drawn", {"file": name, "kind": kind, "count": n}) for kind, n in counts.items())


def with_background(names: Sequence[str]) -> tuple[str, ...]:
    """The names of classes with the background first, and without those that mean "do not judge"."""
    kept = [name for name in dict.fromkeys(names) if name.lower() not in IGNORE_NAMES]
    ground = [name for name in kept if name.lower() in BACKGROUND_NAMES][:1] or ["background"]
    return (*ground, *[name for name in kept if name not in ground])


def annotation_of(file: File, entry: str, read: Callable[[Path, str, str], Drawing]) -> Annotation:
    """The part of a listed file that belongs to one photo; see `Annotation`."""
    return Annotation(file.path, file.kind, file.size, file.mtime_ns, entry, read)


def background_of(classes: Classes) -> int | None:
    """The id of the class that polygon formats leave undrawn: the one called background, or None."""
    return next((place for place, name in enumerate(classes.names) if name.lower() in BACKGROUND_NAMES), None)
