"""The space of a sweep: which settings are tried, and with which values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from maskwright.declared import as_number, whats_wrong
from maskwright.errors import RecipeError, nearest, shown
from maskwright.recipe.fingerprint import APART
from maskwright.recipe.recipe import Recipe, settings

NOT_SEARCHED = (*APART, "length_changes", "weights_digest")
"""No choice of a recipe: the luck of the draw, the machine, and what follows from other settings."""
RANGE_KEYS = ("low", "high", "log", "step")
MOST_POINTS = 100_000
"""More points of a grid are trained by nobody."""


@dataclass(frozen=True)
class Range:
    """Numbers between two ends, both included.

    Args:
        low: the lower end.
        high: the upper end.
        log: whether steps are even on a logarithmic scale.
        step: from one value to the next, from `low` on; None takes any value, and of whole numbers each.
        whole: whether only whole numbers are meant.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    whole: bool = False

    def values(self) -> tuple[Any, ...] | None:
        """All values where there are finitely many that are meant, else None."""
        if self.log or (self.step is None and not self.whole):
            return None
        step = self.step or 1
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        each = [round(self.low + step * place, 12) for place in range(count)]
        return tuple(map(int, each) if self.whole else each)


@dataclass(frozen=True)
class Choice:
    """Values without an order between them.

    Args:
        options: the values.
    """

    options: tuple[Any, ...]

    def values(self) -> tuple[Any, ...]:
        """All values."""
        return self.options


@dataclass(frozen=True)
class Space:
    """What a sweep tries.

    Args:
        searched: the settings that are varied, by name.
        fixed: settings that are the same in all trials.
    """

    searched: Mapping[str, Range | Choice]
    fixed: Mapping[str, Any]


def read_space(path: Path) -> Space:
    """Read a space file: settings by name, each with a list of values, a range, or one value for all trials.

    `lr: {low: 1e-4, high: 1e-2, log: true}`, `model: [segformer-b0, mlp-mobilenetv2]`, `crop_hw: {values: [[192, 192],
    [256, 256]]}`, `iterations: 2000`.

    Raises:
        RecipeError: the file cannot be read, or anything in it is wrong; all problems at once, each with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
        raw, places = yaml.safe_load(text), _places(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RecipeError(
            f"{shown(path)}: cannot be read as a space.",
            expected="lines like  lr: {low: 1e-4, high: 1e-2, log: true}",
            found=" ".join(str(error).split())[:200],
            do="docs/sweep.md shows one.",
        ) from None
    if not isinstance(raw, dict) or not raw:
        raise RecipeError(
            f"{shown(path)}: no space.",
            expected="settings by name, such as  lr: {low: 1e-4, high: 1e-2, log: true}",
            found="nothing" if raw is None else type(raw).__name__,
            do="docs/sweep.md shows one.",
        )
    raw = {str(name): value for name, value in raw.items()}
    wrong = {name: list(_wrong(name, value)) for name, value in raw.items()}
    if not any(isinstance(value, list | dict) for value in raw.values()):
        wrong[next(iter(raw))].append("nothing is varied: every setting has one value. Give a list or a range.")
    lines = {name: each[0] for name, each in places.items()}
    for name, (_, *others) in places.items():
        if others:
            wrong[name].append(f"stands here and again in line {', '.join(map(str, others))}. Leave one of them.")
    told = [f"{shown(path)}:{lines.get(name, 1)}: {name}: {what}" for name, found in wrong.items() for what in found]
    if told:
        raise RecipeError("\n  ".join(told), do="All settings: docs/recipe.md; spaces: docs/sweep.md")
    varied = {name: value for name, value in raw.items() if isinstance(value, list | dict)}
    return Space(
        {name: _meant(name, value) for name, value in varied.items()},
        {name: as_number(value) for name, value in raw.items() if name not in varied},
    )


def grid_points(space: Space, path: Path) -> list[dict[str, Any]]:
    """Every combination of the values of a space.

    Args:
        space: the space.
        path: its file, for the message.

    Raises:
        RecipeError: a range has no step, or there are too many combinations.
    """
    values = {name: each.values() for name, each in space.searched.items()}
    endless = [name for name, each in values.items() if each is None]
    if endless:
        raise RecipeError(
            f"{shown(path)}: a grid needs values, and a range has no end of them: {', '.join(endless)}.",
            expected="a list of values, or a range with a step",
            do=f"Write  {endless[0]}: [...], or say --sampler random or --sampler tpe.",
        )
    lists = [each for each in values.values() if each is not None]
    count = math.prod(map(len, lists))
    if count > MOST_POINTS:
        raise RecipeError(
            f"{shown(path)}: {count:,} combinations are more than a grid can try.",
            expected=f"at most {MOST_POINTS:,}",
            do="Give fewer values, or say --sampler tpe.",
        )
    return [dict(zip(values, point, strict=True)) for point in itertools.product(*lists)]


def _places(text: str) -> dict[str, list[int]]:
    """In which lines each setting stands, from 1."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    places: dict[str, list[int]] = {}
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else []:
        places.setdefault(str(key.value), []).append(key.start_mark.line + 1)
    return places


def _wrong(name: str, value: Any) -> Iterator[str]:
    """What is wrong with one setting of a space, a sentence each."""
    known = [entry.name for entry in settings()]
    if name not in known:
        yield f"there is no such setting. {nearest(name, known)}"
    elif name in NOT_SEARCHED:
        yield "is no choice of a recipe. Seeds, threads and the device are options of the command."
    elif isinstance(value, dict) and "values" not in value:
        yield from _wrong_range(name, value)
    else:
        yield from _wrong_values(name, value)


def _wrong_values(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict) and set(value) != {"values"}:
        yield f"{', '.join(map(str, set(value) - {'values'}))}: does not go together with values."
    options = value["values"] if isinstance(value, dict) else value
    if not isinstance(value, list | dict):
        options = [value]
    elif not isinstance(options, list) or len(options) < 2:
        yield f"expected a list of two values or more, found {options!r}."
        return
    if isinstance(value, list) and not whats_wrong(Recipe, name, value):
        yield f"{value} is one value. In all trials: --set {name}='{value}'; beside others:  {{values: [{value}, ...]}}"
        return
    if len({_compared(option) for option in options}) < len(options):
        yield "a value stands twice."
    yield from filter(None, (whats_wrong(Recipe, name, as_number(option)) for option in options))


def _compared(option: Any) -> str:
    """A value as text that is the same for all ways to write it: 1e-4 and 0.0001, 2 and 2.0."""
    option = as_number(option)
    if isinstance(option, list):
        return f"[{', '.join(map(_compared, option))}]"
    return repr(float(option) if isinstance(option, int) and not isinstance(option, bool) else option)


def _wrong_range(name: str, value: Mapping[str, Any]) -> Iterator[str]:
    ends = {key: as_number(value.get(key)) for key in ("low", "high")}
    unknown = sorted(str(key) for key in value if key not in RANGE_KEYS)
    if unknown:
        yield f"{', '.join(unknown)}: not known of a range. {nearest(unknown[0], (*RANGE_KEYS, 'values'))}"
        return
    if not all(map(_is_number, ends.values())):
        yield f"a range needs two numbers, low and high; found {dict(value)!r}."
        return
    wrong = [what for end in ends.values() if (what := whats_wrong(Recipe, name, end))]
    yield from wrong
    if not wrong and not ends["low"] < ends["high"]:
        yield f"low {ends['low']:g} is not below high {ends['high']:g}."
    if value.get("log", False) not in (True, False):
        yield f"log is true or false, found {value['log']!r}."
    elif value.get("log") and (ends["low"] <= 0 or "step" in value):
        yield "a logarithmic range begins above 0 and has no step."
    step = as_number(value.get("step", 1))
    if not _is_number(step) or not step > 0:
        yield f"step is a number above 0, found {value['step']!r}."
    elif _whole(name) and step != int(step):
        yield f"is a whole number, and so is its step; found {step:g}."
    elif "step" in value and not value.get("log") and ends["low"] < ends["high"]:
        yield from _wrong_step(ends["low"], ends["high"], step)


def _wrong_step(low: float, high: float, step: float) -> Iterator[str]:
    first, span, each = (Decimal(str(number)) for number in (low, high, step))
    span -= first
    if each > span:
        yield f"step {step:g} is larger than the range from {low:g} to {high:g}: only {low:g} would be tried."
    elif span % each:
        last = first + span // each * each
        yield f"steps of {step:g} from {low:g} do not meet high {high:g}. Write  high: {last:g}  or  {last + each:g}."


def _meant(name: str, value: Any) -> Range | Choice:
    if isinstance(value, list):
        return Choice(tuple(map(as_number, value)))
    if "values" in value:
        return Choice(tuple(map(as_number, value["values"])))
    step = as_number(value.get("step"))
    low, high = as_number(value["low"]), as_number(value["high"])
    return Range(low, high, bool(value.get("log", False)), step, _whole(name))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(name: str) -> bool:
    return Recipe.model_fields[name].annotation is int
