"""What in a Python config would run code: found in its syntax tree before anything is evaluated."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence

from maskwright.experiments.mmsegmentation.functions import FUNCTIONS, METHODS
from maskwright.experiments.mmsegmentation.places import NotFollowed, Source, cannot_follow, executes

MOST_NODES = 100_000
"""Nodes of the syntax tree of one file. A config with all of MMSegmentation's values written out has about 15 000."""

DEEPEST_SOURCE = 100
"""Levels of a syntax tree. Configs have about fifteen."""

CLASSES_FROM = ("mmcv", "mmengine", "mmseg", "mmdet", "mmpretrain", "mmcls", "torch", "torchvision")
"""Packages whose names a config in the newer style (`type=SegformerHead`) imports; they stand for themselves."""

READ_BASE = "read_base"

CALLED_METHODS = {name for methods in METHODS.values() for name in methods}

EXECUTING = {
    ast.Lambda: "a lambda",
    ast.ClassDef: "a class, whose body would run",
    ast.Await: "asynchronous code",
    ast.Yield: "a generator",
    ast.YieldFrom: "a generator",
}


def check_source(tree: ast.Module, source: Source) -> dict[str, str]:
    """Refuse a config that would run code, naming every place.

    Functions that are only defined run nothing and are passed over; their decorators and defaults are looked at.

    Args:
        tree: the syntax tree of the file.
        source: the file.

    Returns:
        The names that its imports bind, each with the class's name where it may stand for one, else "".

    Raises:
        UsageError: it would run code, or is nested too deeply.
    """
    nodes = list(itertools.islice(ast.walk(tree), MOST_NODES + 1))
    if len(nodes) > MOST_NODES:
        raise cannot_follow(NotFollowed(source.file, 1, source.file.name), "it is too long")
    imported = imports(nodes)
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    found: list[tuple[ast.AST, str]] = []
    waiting: list[tuple[ast.AST, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST_SOURCE:
            raise cannot_follow(source.place(node), "it is nested too deeply")
        what = _executing(node, imported, defined)
        if what:
            found.append((node, what))
        else:
            waiting.extend((child, depth + 1) for child in _looked_into(node))
    if found:
        raise executes(sorted(found, key=lambda one: getattr(one[0], "lineno", 1)), source)
    return imported


def imports(nodes: Sequence[ast.AST]) -> dict[str, str]:
    """The names that imports bind, each with the class's name where it may stand for one, else ""."""
    names: dict[str, str] = {}
    of_bases = {id(inner) for node in nodes if isinstance(node, ast.With) for inner in node.body}
    for node in nodes:
        if id(node) in of_bases:
            continue  # what `with read_base():` imports are values, and no other `with` is followed
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = (alias.asname or alias.name).split(".")[0]
                names[name] = name if alias.name.split(".")[0] in CLASSES_FROM else ""
        elif isinstance(node, ast.ImportFrom):
            known = node.level > 0 or (node.module or "").split(".")[0] in CLASSES_FROM
            for alias in node.names:
                names[alias.asname or alias.name] = alias.name if known else ""
    return names


def _executing(node: ast.AST, imported: dict[str, str], defined: set[str]) -> str:
    """What a node would run, or ""."""
    if isinstance(node, ast.Call):
        return _calling(node.func, imported, defined)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list:
        return "a decorator, which would run"
    if isinstance(node, ast.Attribute):
        root = _root(node)
        if node.attr.startswith("__"):
            return "a way into Python's own workings"
        if isinstance(root, ast.Name) and imported.get(root.id) == "":
            return f"something of the imported {root.id}"
    if isinstance(node, ast.Name):
        if node.id.startswith("__"):
            return "a way into Python's own workings"
        if isinstance(node.ctx, ast.Load) and (node.id in defined or imported.get(node.id) == ""):
            return f"the {'function' if node.id in defined else 'imported'} {node.id}"
    return EXECUTING.get(type(node), "")


def _calling(function: ast.expr, imported: dict[str, str], defined: set[str]) -> str:
    if isinstance(function, ast.Name):
        known = function.id in FUNCTIONS and function.id not in imported and function.id not in defined
        return "" if known or function.id == READ_BASE else "a call of an unknown function"
    root = _root(function)
    if isinstance(root, ast.Name) and (root.id in imported or root.id in defined):
        return f"a call into the imported {root.id}"
    if isinstance(function, ast.Attribute) and function.attr in CALLED_METHODS:
        return ""
    return "a call of an unknown function"


def _root(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node


def _looked_into(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node, of a call without the name that is called, of a function without its body."""
    if isinstance(node, ast.Call):
        yield from (node.func.value,) if isinstance(node.func, ast.Attribute) else ()
        yield from (*node.args, *node.keywords)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from (node.args, *((node.returns,) if node.returns else ()))
    else:
        yield from ast.iter_child_nodes(node)
