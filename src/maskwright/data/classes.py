"""What the pixel values of a mask mean."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from maskwright.errors import DataError, shown

IGNORE = 255
"""The class id, in memory, of pixels that are not judged."""

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Classes:
    """The classes of a dataset: the id of a class is its position, dense from 0.

    Args:
        names: one name per class, unique.
        colours: one RGB colour per class, each channel in 0..255; also what RGB masks are read by.
        values: the value that each class has in index masks on disk, in 0..65535.
        ignore: the value on disk of pixels that are not judged, or None. In memory it is always 255.
        ignore_colour: the colour, in RGB masks, of pixels that are not judged, or None.
    """

    names: tuple[str, ...]
    colours: tuple[Colour, ...]
    values: tuple[int, ...]
    ignore: int | None = IGNORE
    ignore_colour: Colour | None = None

    def __post_init__(self) -> None:
        problems = _problems(self)
        if problems:
            raise DataError(
                "These classes cannot be used: " + "; ".join(problems) + ".",
                found=", ".join(self.names),
                do="Give each class one name, one colour and one pixel value.",
            )

    def __len__(self) -> int:
        return len(self.names)

    @property
    def palette(self) -> NDArray[np.uint8]:
        """The colours as `(256, 3) uint8`, black beyond the classes, white for ignore: a PNG palette."""
        palette = np.zeros((256, 3), np.uint8)
        palette[: len(self)] = self.colours
        palette[IGNORE] = 255
        return palette


def make_classes(
    names: Sequence[str],
    *,
    colours: Sequence[Colour] = (),
    values: Sequence[int] = (),
    ignore: int | None = IGNORE,
    ignore_colour: Colour | None = None,
) -> Classes:
    """Classes from their names; what is not given takes the usual values.

    Args:
        names: one name per class.
        colours: one RGB colour per class; when empty, black for class 0 and well-spread hues after it.
        values: pixel values on disk; when empty, 0, 1, 2, ...
        ignore: see `Classes`. It is dropped when a class uses the same value.
        ignore_colour: see `Classes`.

    Raises:
        DataError: a name, colour or value is used twice, or the numbers of them differ.
    """
    values = tuple(values) or tuple(range(len(names)))
    return Classes(
        names=tuple(names),
        colours=tuple(colours) or spread_colours(len(names)),
        values=values,
        ignore=None if ignore in values else ignore,
        ignore_colour=ignore_colour,
    )


def spread_colours(count: int) -> tuple[Colour, ...]:
    """Colours that stay apart from each other: black, then hues a golden ratio of the circle apart."""
    hues = [(0.58 + 0.61803398875 * position) % 1.0 for position in range(count - 1)]
    bright = [colorsys.hsv_to_rgb(hue, 0.72, 0.96 if place % 2 == 0 else 0.8) for place, hue in enumerate(hues)]
    return ((0, 0, 0), *[(round(255 * r), round(255 * g), round(255 * b)) for r, g, b in bright])[:count]


def classes_known(
    given: Classes | tuple[str, ...] | None, data: Path, made: Path | None
) -> Classes | tuple[str, ...] | None:
    """Classes of a folder: as given, else as the folder says, for which this is None, else as what was made of it says.

    Args:
        given: classes, their names, or None.
        data: the folder.
        made: a run, a bundle or the folder of an audit, or any other folder; None for none.
    """
    file = made / "classes.yaml" if made else None
    if given or file is None or not file.is_file() or (data / "classes.yaml").is_file():
        return given
    return read_classes(file)


def read_classes(path: Path) -> Classes:
    """Read `classes.yaml`.

    Two forms: a list of names under `names`, or a mapping `classes: {name: value}`; beside either,
    `colours: [[r, g, b], ...]`, `ignore: 255` and `ignore_colour: [r, g, b]` may stand.

    Args:
        path: the file.

    Raises:
        DataError: the file is not such YAML, or what it says contradicts itself.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return _parse(content)
    except DataError as error:
        raise DataError(f"{shown(path)}: {error.where}", found=error.found, do=error.do) from None
    except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(
            f"{shown(path)}: cannot be read as a list of classes.",
            expected="names: [background, cat, dog]",
            found=" ".join(str(error).split())[:200],
            do="Write one name per class, in the order of their pixel values.",
        ) from None


def classes_yaml(classes: Classes) -> str:
    """The text of a `classes.yaml` that reads back as `classes`."""
    content: dict[str, Any] = {
        "classes": dict(zip(classes.names, classes.values, strict=True)),
        "colours": [list(colour) for colour in classes.colours],
        "ignore": classes.ignore,
    }
    if classes.ignore_colour is not None:
        content["ignore_colour"] = list(classes.ignore_colour)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None)


def _parse(content: Any) -> Classes:
    unknown = set(content) - {"names", "classes", "colours", "ignore", "ignore_colour"}
    if unknown:
        raise ValueError(f"unknown key {', '.join(sorted(map(str, unknown)))}")
    by_value = content.get("classes")
    names = list(by_value) if by_value is not None else content["names"]
    values = [int(value) for value in by_value.values()] if by_value is not None else ()
    colour = content.get("ignore_colour")
    return make_classes(
        [str(name) for name in names],
        colours=[_colour(entry) for entry in content.get("colours", ())],
        values=values,
        ignore=content.get("ignore", IGNORE),
        ignore_colour=None if colour is None else _colour(colour),
    )


def _colour(entry: Sequence[int]) -> Colour:
    red, green, blue = (int(channel) for channel in entry)
    return red, green, blue


def _problems(classes: Classes) -> list[str]:
    problems = []
    count = len(classes.names)
    if not 1 <= count <= 254:
        problems.append(f"{count} classes, but 1 to 254 can be told apart")
    for what, entries in (("name", classes.names), ("colour", classes.colours), ("pixel value", classes.values)):
        if len(entries) != count:
            problems.append(f"{count} names but {len(entries)} {what}s")
        repeated = sorted({str(entry) for entry in entries if entries.count(entry) > 1})
        if repeated:
            problems.append(f"{what} {', '.join(repeated)} is used twice")
    if any(not 0 <= value <= 65535 for value in classes.values):
        problems.append("a pixel value lies outside 0..65535")
    if any(not 0 <= channel <= 255 for colour in classes.colours for channel in colour):
        problems.append("a colour lies outside 0..255")
    if classes.ignore in classes.values:
        problems.append(f"ignore has the value of a class ({classes.ignore})")
    return problems
