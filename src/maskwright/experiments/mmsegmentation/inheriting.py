"""How a config and its bases become one: mmengine's rules, on plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from maskwright.experiments.mmsegmentation.limits import DEEPEST, LARGEST_TREE, within

DELETE = "_delete_"
"""A dict that holds it as true takes nothing from the bases."""

Scalar = (str, int, float, bool, type(None))


class Inherited(dict[str, Any]):
    """A dict that comes from a base: its `update` merges nested dicts, as mmengine's does."""

    def update(self, *others: Any, **values: Any) -> None:
        for key, value in {**(others[0] if others else {}), **values}.items():
            old = self.get(key)
            if isinstance(old, Inherited) and isinstance(value, dict):
                old.update(value)
            else:
                self[key] = value


class Mismatch(ValueError):
    """A dict that meets something else in the bases."""


def merged(own: Mapping[Any, Any], base: Mapping[Any, Any], *, path: str = "") -> dict[Any, Any]:
    """A config laid over its bases.

    Dicts are merged key by key, everything else is replaced; `_delete_=True` replaces a dict too. Whole numbers as keys
    of a dict that meets a list replace or merge its elements.

    Args:
        own: what the config says.
        base: what its bases say.
        path: where in the config that is, for the error.

    Raises:
        Mismatch: a dict meets something that is no dict.
    """
    result = dict(base)
    for key, value in own.items():
        here = f"{path}.{key}" if path else str(key)
        if not isinstance(value, dict) or key not in base or value.get(DELETE):
            result[key] = without_delete(value)
        elif isinstance(base[key], dict):
            result[key] = merged({k: v for k, v in value.items() if k != DELETE}, base[key], path=here)
        elif isinstance(base[key], list | tuple) and value and all(_is_index(entry) for entry in value):
            result[key] = _merged_list(value, base[key], here)
        else:
            raise Mismatch(f"{here} is a dict here and {type(base[key]).__name__} in its base")
    return result


def without_delete(value: Any) -> Any:
    """A value in which no dict holds `_delete_` any more."""
    if isinstance(value, dict):
        return {key: without_delete(entry) for key, entry in value.items() if key != DELETE}
    if isinstance(value, list | tuple):
        return type(value)(without_delete(entry) for entry in value)
    return value


def inherited(value: Any) -> Any:
    """A copy of a base's value, its dicts `Inherited`."""
    if isinstance(value, dict):
        return Inherited({key: inherited(entry) for key, entry in value.items()})
    if isinstance(value, list | tuple):
        return type(value)(inherited(entry) for entry in value)
    return value


def plain(value: Any) -> Any:
    """A copy that is nothing but dict, list, tuple, text, numbers, booleans and None.

    Raises:
        ValueError: it holds something else, is too large, too deep, or contains itself.
    """
    left = [LARGEST_TREE]

    def copied(value: Any, depth: int) -> Any:
        left[0] -= 1
        if left[0] < 0 or depth > DEEPEST:
            raise ValueError("too much: too many values, or too deeply nested")
        if isinstance(value, dict):
            return {_plain_key(key): copied(entry, depth + 1) for key, entry in value.items()}
        if isinstance(value, list | tuple | set):
            entries = sorted(value, key=repr) if isinstance(value, set) else value
            return (tuple if isinstance(value, tuple) else list)(copied(entry, depth + 1) for entry in entries)
        if not isinstance(value, Scalar):
            raise ValueError(f"a value of type {type(value).__name__}")
        return within(value)

    return copied(value, 0)


def _merged_list(own: Mapping[Any, Any], base: list[Any] | tuple[Any, ...], path: str) -> list[Any] | tuple[Any, ...]:
    entries = list(base)
    for key, value in own.items():
        if int(key) >= len(entries):
            raise Mismatch(f"{path}.{key} stands beyond the end of a list of {len(entries)} in its base")
        over = isinstance(value, dict) and isinstance(entries[int(key)], dict) and not value.get(DELETE)
        entries[int(key)] = merged(value, entries[int(key)], path=f"{path}.{key}") if over else without_delete(value)
    return type(base)(entries)


def _is_index(key: Any) -> bool:
    return (isinstance(key, int) and not isinstance(key, bool) and key >= 0) or (isinstance(key, str) and key.isdigit())


def _plain_key(key: Any) -> Any:
    if not isinstance(key, Scalar):
        raise ValueError(f"a key of type {type(key).__name__}")
    return key
