"""The functions and methods that a config may call: those that only put values together, each with its limit."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping
from typing import Any

from maskwright.experiments.mmsegmentation.inheriting import DELETE, Inherited, Scalar, inherited, merged
from maskwright.experiments.mmsegmentation.limits import LARGEST_TEXT, LARGEST_TREE, LONGEST_LIST, TooMuch

FORMAT = re.compile(r"(.?[<>=^])?[-+ ]?#?0?\d{0,3}[,_]?(\.\d{0,2})?[bcdeEfFgGosxX%]?")
"""A format specification after the colon."""
PERCENT = re.compile(r"%(?:\((?P<name>\w+)\))?[-+ #0]{0,3}\d{0,3}(?:\.\d{0,2})?[diuxXeEfFgGrs%]")
"""A format specification of the % operator."""

WIDEST = 1000
"""Characters that one format specification may make of a number."""


def weight(value: Any, *, most: int = LONGEST_LIST) -> int:
    """How many values and hundreds of characters a value holds, counting what it holds twice twice.

    Args:
        value: any value; it may contain itself.
        most: how many it may hold.

    Raises:
        TooMuch: it holds more.
    """
    total, waiting = 0, [value]
    while waiting:
        value = waiting.pop()
        total += 1 + (len(value) // 100 if isinstance(value, str) else 0)
        if total > most:
            raise TooMuch("the value is too large for that")
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple | set):
            waiting.extend(value)
    return total


def formatted(value: Any, spec: str = "", *, quoted: bool = False) -> str:
    """A value as an f-string shows it.

    Raises:
        ValueError: the specification is none of the simple ones, or the value is too large.
    """
    weight(value)
    if quoted:
        value = repr(value)
    if not spec:
        return str(value)
    if not isinstance(value, Scalar) or not FORMAT.fullmatch(spec):
        raise ValueError(f"the format {spec!r}")
    return format(value, spec)


def interpolated(template: str, values: Any) -> str:
    """`template % values`."""
    if "%" in PERCENT.sub("", template):
        raise ValueError(f"the format {template[:50]!r}")
    entries = values if isinstance(values, tuple) else tuple(values.values()) if isinstance(values, dict) else (values,)
    if not all(isinstance(entry, Scalar) for entry in entries):
        raise TypeError("% of a list or a dict")
    _check_length(template, entries)
    return str(template % values)


def _format(template: str, *values: Any, **named: Any) -> str:
    """`template.format(...)`, its fields plain names and places: `{0.x}` would reach into Python."""
    entries: list[Any] = list(values)
    unnamed = iter(range(len(entries)))
    parts = []
    _check_length(template, [*entries, *named.values()])
    for text, field, spec, conversion in string.Formatter().parse(template):
        parts.append(text)
        if field is None:
            continue
        if not re.fullmatch(r"\w*", field):
            raise ValueError(f"the field {{{field}}}")
        value = (
            named[field]
            if field and not field.isdigit()
            else entries[int(field) if field else next(unnamed, len(entries))]
        )
        parts.append(formatted(value, spec or "", quoted=conversion == "r"))
    return _joined("", parts)


def _check_length(template: str, values: Any) -> None:
    longest = max((len(value) for value in values if isinstance(value, str)), default=0)
    fields = template.count("%") + template.count("{")
    if len(template) + fields * (WIDEST + longest) > LARGEST_TEXT:
        raise TooMuch("the text would be too long")


def _joined(separator: str, parts: Any) -> str:
    if not all(isinstance(part, str) for part in parts):
        raise TypeError("joining what is not text")
    if sum(map(len, parts)) + len(separator) * len(parts) > LARGEST_TEXT:
        raise TooMuch("the text would be too long")
    return separator.join(parts)


def _replaced(text: str, old: str, new: str) -> str:
    if len(text) + text.count(old) * len(new) > LARGEST_TEXT:
        raise TooMuch("the text would be too long")
    return text.replace(old, new)


def _dict(*arguments: Any, **entries: Any) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    if len(arguments) > 1:
        raise TypeError("dict() of more than one value")
    for argument in arguments:
        pairs = argument.items() if isinstance(argument, dict) else argument
        made.update({_key(key): value for key, value in pairs})
    return {**made, **entries}


def _key(key: Any) -> Any:
    if not isinstance(key, Scalar):
        raise TypeError(f"a key of type {type(key).__name__}")
    return key


def _range(*ends: int) -> list[int]:
    numbers = range(*ends)
    if numbers and (abs(numbers[0]) > 10**9 or abs(numbers[-1]) > 10**9 or len(numbers) > LONGEST_LIST):
        raise TooMuch("the range is too long")
    return list(numbers)


def _round(number: float, digits: int | None = None) -> float:
    if digits is not None and abs(digits) > 20:
        raise TooMuch("so many digits")
    return round(number, digits)


def _number(kind: type[int] | type[float]) -> Callable[[Any], Any]:
    def made(value: Any = 0) -> Any:
        if not isinstance(value, str | int | float) or (isinstance(value, str) and len(value) > 100):
            raise TypeError(f"{kind.__name__}() of a value of type {type(value).__name__}")
        return kind(value)

    return made


def _numbers(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """A function of numbers, given as a list or one by one."""

    def of(*values: Any) -> Any:
        entries = values[0] if len(values) == 1 and isinstance(values[0], list | tuple | set) else values
        if not all(isinstance(entry, int | float) for entry in entries):
            raise TypeError("of something that is no number")
        return function(entries)

    return of


def _collected(kind: Callable[[Any], Any]) -> Callable[..., Any]:
    """A function that makes a list of one or several."""

    def of(*values: Any) -> Any:
        if not all(isinstance(value, list | tuple | set | dict | str) for value in values):
            raise TypeError("of something that is no list")
        if kind is set or kind is sorted:
            weight(list(values))
        if kind is set and not all(isinstance(entry, Scalar) for value in values for entry in value):
            raise TypeError("a set of lists or dicts")
        made = kind(*values)
        return made if isinstance(made, tuple | set) else list(made)

    return of


def _updated(own: dict[Any, Any], *others: Any, **values: Any) -> None:
    entries = _dict(*others, **values)
    if isinstance(own, Inherited):
        weight(entries, most=LARGEST_TREE)
    own.update(entries)


def _merge(own: Inherited, other: Mapping[str, Any]) -> None:
    weight([own, other], most=LARGEST_TREE)
    result = inherited(dict(other) if other.get(DELETE) else merged(other, own))
    own.clear()
    dict.update(own, {key: value for key, value in result.items() if key != DELETE})


def _extended(own: list[Any], more: Any) -> None:
    if len(own) + len(more) > LONGEST_LIST:
        raise TooMuch("the list would be too long")
    own.extend(list(more))


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "dict": _dict,
    "list": lambda *values: _collected(list)(*values) if values else [],
    "tuple": lambda *values: _collected(tuple)(*values) if values else (),
    "set": lambda *values: _collected(set)(*values) if values else set(),
    "sorted": _collected(sorted),
    "reversed": _collected(reversed),
    "enumerate": _collected(enumerate),
    "zip": _collected(zip),
    "range": _range,
    "len": len,
    "min": _numbers(min),
    "max": _numbers(max),
    "sum": _numbers(sum),
    "abs": abs,
    "round": _round,
    "int": _number(int),
    "float": _number(float),
    "str": lambda value="": formatted(value),
    "bool": lambda value=False: bool(value),
}
"""What may be called by name."""

LOOKING_INSIDE = ("str", "sorted", "set", "format")
"""Functions and methods whose work grows with all that a value holds, not with its length alone."""

METHODS: Mapping[type, Mapping[str, Callable[..., Any]]] = {
    Inherited: {"merge": _merge},
    dict: {
        "update": _updated,
        "copy": lambda own: type(own)(own),
        "get": lambda own, key, default=None: own.get(_key(key), default),
        "pop": lambda own, key, *default: own.pop(_key(key), *default),
        "setdefault": lambda own, key, default=None: own.setdefault(_key(key), default),
        "keys": lambda own: list(own),
        "values": lambda own: list(own.values()),
        "items": lambda own: list(own.items()),
    },
    list: {
        "append": lambda own, value: own.append(value),
        "extend": _extended,
        "insert": lambda own, place, value: own.insert(place, value),
        "pop": lambda own, place=-1: own.pop(place),
        "copy": lambda own: list(own),
    },
    str: {
        "format": _format,
        "join": _joined,
        "replace": _replaced,
        "split": lambda own, *separator: own.split(*separator),
        "strip": lambda own, *characters: own.strip(*characters),
        "lower": str.lower,
        "upper": str.upper,
        "startswith": lambda own, start: own.startswith(start),
        "endswith": lambda own, end: own.endswith(end),
    },
}
"""What may be called on a value of a type."""
