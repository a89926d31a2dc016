"""Reading a config of MMSegmentation 1.x: its values and those of its bases, without executing any of it."""

from __future__ import annotations

import ast
import itertools
import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from maskwright.errors import UsageError, shown
from maskwright.experiments.mmsegmentation.allowed import check_source
from maskwright.experiments.mmsegmentation.evaluating import BASE, Scope, evaluate, filled_in
from maskwright.experiments.mmsegmentation.following import Followed, follow
from maskwright.experiments.mmsegmentation.inheriting import Inherited, Mismatch, inherited, merged, plain
from maskwright.experiments.mmsegmentation.limits import DEEPEST, MOST_STEPS
from maskwright.experiments.mmsegmentation.places import NotFollowed, Source, cannot_follow, shortened

LARGEST_FILE = {".py": 400_000, ".json": 400_000, ".yaml": 100_000, ".yml": 100_000}
"""Bytes of a config by its extension, few enough to be parsed in about a second. A config with all of MMSegmentation's
values written out has about 50 000."""

MOST_FILES = 50
"""Files that one config may be made of. MMSegmentation's have about six."""

FROM_THE_ENVIRONMENT = re.compile(r"\{\{\s*['\"]?\s*\$(\w+)\s*:\s*([^\s{}'\"]*)\s*['\"]?\s*\}\}")
"""mmengine's `{{$NAME:default}}`."""

WAY_OUT = (
    "Put the config where it was trained, in the configs/ folder of MMSegmentation, or give the one that "
    "MMSegmentation wrote beside the checkpoint (work_dirs/NAME/NAME.py): that one needs no other file."
)


@dataclass(frozen=True)
class Config:
    """What a config and its bases say together.

    Args:
        path: the config.
        values: its variables: nothing but dict, list, tuple, text, numbers, booleans and None.
        files: every file that was read, bases first.
        notes: what was passed over because it changes no value, or was not looked up.
        where: the file and line in which each variable was last changed.
    """

    path: Path
    values: dict[str, Any]
    files: tuple[Path, ...] = ()
    notes: tuple[NotFollowed, ...] = ()
    where: Mapping[str, tuple[Path, int]] = field(default_factory=dict)


@dataclass
class Reading:
    """What has been read so far of one config.

    Args:
        files: see `Config`.
        notes: see `Config`.
        where: see `Config`.
        steps: steps left, see `limits.MOST_STEPS`.
    """

    files: list[Path] = field(default_factory=list)
    notes: list[NotFollowed] = field(default_factory=list)
    where: dict[str, tuple[Path, int]] = field(default_factory=dict)
    steps: list[int] = field(default_factory=lambda: [MOST_STEPS])


def read_config(path: str | Path) -> Config:
    """Read a config of MMSegmentation 1.x without executing it.

    Followed are literals, `dict(...)` and the like, variables, arithmetic, texts put together, conditions, loops and
    comprehensions over what is there, changes of entries, `_base_` with `_delete_`, mmengine's `{{ ... }}` variables,
    and `with read_base():` of the newer style. JSON and YAML are read as data.

    Args:
        path: a file ending in .py, .json, .yaml or .yml.

    Raises:
        UsageError: a file is missing or cannot be read, a base refers back to itself, the config would run code, or
            holds something whose value cannot be known. The message names file and line. Nothing of it has been run.
    """
    reading = Reading()
    values = _read(Path(path), reading, ())
    return Config(Path(path), values, tuple(reading.files), tuple(reading.notes), reading.where)


def _read(path: Path, reading: Reading, askers: tuple[Path, ...]) -> dict[str, Any]:
    """The values of a file with those of its bases.

    Args:
        path: the file.
        reading: is added to.
        askers: the files whose bases led here.
    """
    if path.resolve() in [asker.resolve() for asker in askers]:
        circle = " -> ".join(shown(file) for file in (*askers, path))
        raise UsageError(f"{shown(path)}: its bases go round in a circle.", found=circle, do="Take one of them out.")
    if len(reading.files) + len(askers) >= MOST_FILES:
        raise UsageError(f"{shown(path)}: the config is made of more than {MOST_FILES} files.", do=WAY_OUT)
    text = _text(path, askers)
    own = _python if path.suffix == ".py" else _data
    values = own(path, text, reading, askers)
    reading.files.append(path)
    return {name: value for name, value in values.items() if not str(name).startswith("__")}


def _text(path: Path, askers: tuple[Path, ...]) -> str:
    asked = f" {shown(askers[-1])} names it as its base." if askers else ""
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no such file"
        raise UsageError(
            f"{shown(path)}: {found}.{asked}",
            expected="a config of MMSegmentation: .py, .json or .yaml",
            do=WAY_OUT if askers else "Check the spelling of the path.",
        )
    if path.suffix not in LARGEST_FILE:
        raise UsageError(
            f"{shown(path)}: not a config of MMSegmentation.{asked}", expected="a name ending in .py, .json or .yaml"
        )
    size = path.stat().st_size
    if size > LARGEST_FILE[path.suffix]:
        raise UsageError(
            f"{shown(path)}: too large for a config.{asked}",
            expected=f"at most {LARGEST_FILE[path.suffix]} bytes",
            found=f"{size} bytes",
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{shown(path)}: not UTF-8 text (byte {error.start}).{asked}",
            do="Save it as UTF-8, or give the right file.",
        ) from None
    except OSError as error:
        raise UsageError(f"{shown(path)}: cannot be read.{asked}", found=error.strerror or str(error)) from None
    return text


def _python(path: Path, text: str, reading: Reading, askers: tuple[Path, ...]) -> dict[str, Any]:
    text = _without_environment(path, text, reading)
    source = Source(path, tuple(text.split("\n")))
    tree = _parsed(text, source)
    imported = check_source(tree, source)
    chain = (*askers, path)
    base = _values_of_bases(_named_bases(tree, source, reading), path, reading, chain)
    scope = Scope(source, base, imported=imported, steps=reading.steps)
    followed = Followed(scope, partial(_imported_values, path, reading, chain))
    follow(tree.body, followed)
    reading.notes.extend(followed.notes)
    reading.where.update({name: (path, line) for name, line in followed.lines.items()})
    if "custom_imports" in scope.names and "custom_imports" in followed.lines:
        line = followed.lines["custom_imports"]
        reading.notes.append(NotFollowed(path, line, shortened(f"custom_imports = {scope.names['custom_imports']}")))
    return _joined(path, scope.names, scope.base)


def _parsed(text: str, source: Source) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python, about backslashes in texts
            return ast.parse(text)
    except SyntaxError as error:
        line = error.lineno or 1
        raise UsageError(
            f"{shown(source.file)}:{line}: not Python: {error.msg}.",
            found=shortened("".join(source.lines[line - 1 : line]).strip()),
            do="Is this the right file? MMSegmentation could not read it either.",
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise UsageError(
            f"{shown(source.file)}: not Python that can be read: {error or 'nested too deeply'}."
        ) from None


def _without_environment(path: Path, text: str, reading: Reading) -> str:
    """The text with the defaults of environment variables in place of them, each with a note."""

    def default(found: re.Match[str]) -> str:
        line = text.count("\n", 0, found.start()) + 1
        if not found[2]:
            raise UsageError(
                f"{shown(path)}:{line}: its value is in the environment variable {found[1]}.",
                found=shortened(found[0]),
                do="Write the value itself in its place.",
            )
        reading.notes.append(NotFollowed(path, line, shortened(found[0])))
        return found[2]

    return FROM_THE_ENVIRONMENT.sub(default, text)


def _named_bases(tree: ast.Module, source: Source, reading: Reading) -> Any:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == BASE:
            return evaluate(node.value, Scope(source, steps=reading.steps))
    return []


def _values_of_bases(named: Any, path: Path, reading: Reading, chain: tuple[Path, ...]) -> Inherited:
    names = list(named) if isinstance(named, list | tuple) else [named]
    if not all(isinstance(name, str) for name in names):
        raise UsageError(f"{shown(path)}: {BASE} is neither a path nor a list of paths.", found=shortened(repr(named)))
    values: dict[str, Any] = {}
    for name in names:
        if "::" in name:
            raise UsageError(
                f"{shown(path)}: its base {name} lies in an installed package, which is not looked into.", do=WAY_OUT
            )
        more = _read(path.parent / name, reading, chain)
        twice = sorted(values.keys() & more.keys())
        if twice:
            raise UsageError(
                f"{shown(path)}: two of its bases set {', '.join(twice)}; mmengine refuses that too.",
                do="Leave one of the two bases out.",
            )
        values.update(more)
    return Inherited(inherited(values))


def _imported_values(
    path: Path, reading: Reading, chain: tuple[Path, ...], statement: ast.ImportFrom
) -> dict[str, Any]:
    """The values of the file that `from ..folder.file import *` means."""
    dotted = (statement.module or "").split(".")
    if not statement.level:
        raise UsageError(
            f"{shown(path)}:{statement.lineno}: its base {statement.module} lies in an installed package, which is not "
            "looked into.",
            do=WAY_OUT,
        )
    folder = path.parent.joinpath(*[".."] * (statement.level - 1))
    return _read(folder.joinpath(*dotted).with_suffix(".py"), reading, chain)


def _data(path: Path, text: str, reading: Reading, askers: tuple[Path, ...]) -> dict[str, Any]:
    """The values of a JSON or YAML file."""
    if path.suffix != ".json" and re.search(r"<<\s*:", text):
        raise UsageError(f"{shown(path)}: YAML's merge keys (<<) are not followed.", do="Write the entries out.")
    if _brackets(text) > DEEPEST:
        raise UsageError(f"{shown(path)}: nested too deeply for a config.", expected=f"at most {DEEPEST} levels")
    text = filled_in(_without_environment(path, text, reading), path)
    try:
        values = plain(json.loads(text) if path.suffix == ".json" else yaml.safe_load(text))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{shown(path)}: cannot be read as {path.suffix[1:].upper()}.", found=" ".join(str(error).split())[:200]
        ) from None
    if not isinstance(values, dict):
        raise UsageError(f"{shown(path)}: not a config.", expected="names with values", found=type(values).__name__)
    named = values.pop(BASE, [])
    reading.where.update(dict.fromkeys(values, (path, 1)))
    base = _values_of_bases(named, path, reading, (*askers, path))
    return _joined(path, values, base)


def _brackets(text: str) -> int:
    """How deep brackets stand in each other: PyYAML's time grows with the square of it."""
    steps = ((character in "[{") - (character in "]}") for character in text if character in "[]{}")
    return max(itertools.accumulate(steps), default=0)


def _joined(path: Path, own: dict[str, Any], base: Inherited) -> dict[str, Any]:
    try:
        return merged(plain(own), plain(base))
    except Mismatch as error:
        raise UsageError(
            f"{shown(path)}: {error}.", do="Write _delete_=True into that dict if it is to replace what the base has."
        ) from None
    except (ValueError, RecursionError) as error:
        raise cannot_follow(NotFollowed(path, 1, path.name), str(error)) from None
