"""Key maps: what a tensor is called elsewhere, what it is called here, and what has to be done to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import torch
from torch import Tensor

Change = Callable[[Tensor], Sequence[Tensor]]
"""One of their tensors to one for each of our names."""


def unchanged(tensor: Tensor) -> Sequence[Tensor]:
    """The tensor itself."""
    return (tensor,)


def as_linear(tensor: Tensor) -> Sequence[Tensor]:
    """The weight `(O, I, 1, 1)` of a 1x1 convolution as that `(O, I)` of a linear layer; a bias as it is."""
    return (tensor.flatten(1) if tensor.ndim == 4 else tensor,)


def reversed_blocks(tensor: Tensor) -> Sequence[Tensor]:
    """A fusing matrix `(O, 4 W)` or `(O, 4 W, 1, 1)` whose inputs lie the coarsest first, with the finest first."""
    return (torch.cat(tensor.flatten(1).chunk(4, dim=1)[::-1], dim=1),)


@dataclass(frozen=True)
class Rule:
    """One line of a key map.

    Args:
        theirs: their name; `{s}`, `{b}` and the like stand for numbers, a last `{leaf}` for "weight", "running_mean",
            ...
        ours: our names, with the same letters; none for a tensor that is left out.
        change: what is done to the tensor.
        place: where it stands, when several of theirs, one below the other, make one of ours.
        why: for a tensor that is left out.
    """

    theirs: str
    ours: tuple[str, ...] = ()
    change: Change = unchanged
    place: int = 0
    why: str = ""


def rule(theirs: str, *ours: str, change: Change = unchanged, place: int = 0) -> Rule:
    """A tensor and what becomes of it."""
    return Rule(theirs, ours, change, place)


def left_out(theirs: str, why: str) -> Rule:
    """A tensor that is not needed here."""
    return Rule(theirs, why=why)


@dataclass(frozen=True)
class Origin:
    """Where weights come from.

    Args:
        name: for people.
        told_by: names of tensors, as in `Rule.theirs`, that all have to be there.
        rules: the first that fits a name counts.
        forms: values of the setting `form` that these weights fit; the first that an architecture knows is taken.
        family: how the names of the architectures begin whose head lies in the file.
        encoder_prefix: what stands before the names of the encoder in a whole model, and may be missing where there
            is nothing but the encoder.
    """

    name: str
    told_by: tuple[str, ...]
    rules: tuple[Rule, ...]
    forms: tuple[str, ...] = ("own",)
    family: str = ""
    encoder_prefix: str = ""


@dataclass(frozen=True)
class Mapped:
    """Their tensors under our names.

    Args:
        tensors: by our name.
        left_out: their names that are not needed, each with why.
        unknown: their names that no rule knows.
    """

    tensors: Mapping[str, Tensor]
    left_out: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


def tells(origin: Origin, names: Iterable[str]) -> bool:
    """Whether tensors of these names come from there."""
    known = _prefixed(origin, list(names))
    return all(any(_pattern(mark).fullmatch(name) for name in known) for mark in origin.told_by)


def mapped(origin: Origin, tensors: Mapping[str, Tensor]) -> Mapped:
    """Tensors under our names.

    Args:
        origin: where they come from.
        tensors: by their name there.
    """
    parts: dict[str, dict[int, Tensor]] = {}
    out: dict[str, str] = {}
    unknown = []
    for name, known in zip(tensors, _prefixed(origin, list(tensors)), strict=True):
        fitting = ((one, _pattern(one.theirs).fullmatch(known)) for one in origin.rules)
        found = next(((one, match.groupdict()) for one, match in fitting if match), None)
        if found is None:
            unknown.append(name)
            continue
        line, letters = found
        if not line.ours:
            out[name] = line.why
            continue
        for ours, part in zip(line.ours, line.change(tensors[name]), strict=True):
            parts.setdefault(ours.format(**letters), {})[line.place] = part
    whole = {
        ours: torch.cat([pieces[at] for at in sorted(pieces)]) if len(pieces) > 1 else pieces[min(pieces)]
        for ours, pieces in parts.items()
    }
    return Mapped(whole, out, tuple(unknown))


def _prefixed(origin: Origin, names: Sequence[str]) -> list[str]:
    prefix = origin.encoder_prefix
    bare = bool(prefix) and not any(name.startswith(prefix) for name in names)
    return [prefix + name for name in names] if bare else list(names)


@cache
def _pattern(theirs: str) -> re.Pattern[str]:
    """`a.{s}.{leaf}` as a pattern."""
    parts = re.split(r"\{(\w+)\}", theirs)
    text = "".join(
        re.escape(part) if place % 2 == 0 else f"(?P<{part}>{r'[a-z_]+' if part == 'leaf' else r'[0-9]+'})"
        for place, part in enumerate(parts)
    )
    return re.compile(text)
