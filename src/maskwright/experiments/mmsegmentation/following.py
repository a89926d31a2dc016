"""The statements of a Python config, followed one by one on its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from maskwright.errors import UsageError
from maskwright.experiments.mmsegmentation.allowed import READ_BASE
from maskwright.experiments.mmsegmentation.evaluating import (
    BASE,
    Scope,
    bind,
    combined,
    copy_of,
    entry_of,
    evaluate,
    key_of,
    listed,
)
from maskwright.experiments.mmsegmentation.inheriting import Inherited
from maskwright.experiments.mmsegmentation.limits import LONGEST_LIST, TooMuch
from maskwright.experiments.mmsegmentation.places import NotFollowed, cannot_follow

MOST_NOTES = 100
"""Notes of one file; more say nothing new."""


@dataclass
class Followed:
    """What following one file has found.

    Args:
        scope: what names mean, at the end the values of the file.
        bases: gives the values of a file that `with read_base():` imports from, by its dots and dotted name.
        notes: what was passed over.
        lines: the line in which each variable was last changed.
    """

    scope: Scope
    bases: Callable[[ast.ImportFrom], Mapping[str, Any]]
    notes: list[NotFollowed] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)


def follow(statements: list[ast.stmt], followed: Followed) -> None:
    """Follow statements in order.

    Args:
        statements: of a file that `check_source` has accepted.
        followed: is changed.

    Raises:
        UsageError: a statement cannot be followed, or takes too much work.
    """
    for statement in statements:
        try:
            followed.scope.spend(1)
            if type(statement) not in STATEMENTS:
                raise ValueError("not one of the statements that are read")
            STATEMENTS[type(statement)](statement, followed)
        except UsageError:
            raise
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            why = f"{error} is not known" if isinstance(error, KeyError) else " ".join(str(error).split())[:200]
            raise cannot_follow(followed.scope.source.place(statement), why) from None


def _assign(node: ast.Assign, followed: Followed) -> None:
    value = evaluate(node.value, followed.scope)
    for target in node.targets:
        if not (isinstance(target, ast.Name) and target.id == BASE):
            _put(target, value, followed)


def _annotated(node: ast.AnnAssign, followed: Followed) -> None:
    if node.value is not None:
        _put(node.target, evaluate(node.value, followed.scope), followed)


def _augmented(node: ast.AugAssign, followed: Followed) -> None:
    scope = followed.scope
    target = node.target
    old = evaluate(ast.copy_location(_loaded(target), target), scope)
    value = evaluate(node.value, scope)
    if isinstance(old, list) and isinstance(node.op, ast.Add):
        more = listed(value)
        if len(old) + len(more) > LONGEST_LIST:
            raise TooMuch("the list would be too long")
        old.extend(more)  # in place, as Python does it: another name of the list sees it too
        value = old
    else:
        value = combined(node.op, old, value)
        scope.spend(len(value) // 100 if isinstance(value, str) else 1)
    _put(target, value, followed)


def _loaded(target: ast.expr) -> ast.expr:
    if isinstance(target, ast.Name):
        return ast.Name(target.id, ast.Load())
    if isinstance(target, ast.Attribute):
        return ast.Attribute(target.value, target.attr, ast.Load())
    assert isinstance(target, ast.Subscript)
    return ast.Subscript(target.value, target.slice, ast.Load())


def _put(target: ast.expr, value: Any, followed: Followed) -> None:
    """Give a variable, or an entry of one, a value."""
    scope = followed.scope
    _note_line(target, followed)
    if isinstance(target, ast.Attribute | ast.Subscript):
        container = evaluate(target.value, scope)
        key = target.attr if isinstance(target, ast.Attribute) else evaluate(target.slice, scope)
        if isinstance(container, dict):
            container[key_of(key)] = copy_of(value, scope) if isinstance(container, Inherited) else value
        elif isinstance(container, list) and isinstance(key, int):
            container[key] = value
        else:
            raise TypeError(f"setting an entry of a value of type {type(container).__name__}")
    else:
        bind(target, value, scope.names)


def _note_line(target: ast.expr, followed: Followed) -> None:
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
    for part in parts:
        while isinstance(part, ast.Attribute | ast.Subscript):
            if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == BASE:
                followed.lines[part.attr] = target.lineno
            part = part.value
        if isinstance(part, ast.Name):
            followed.lines[part.id] = target.lineno


def _delete(node: ast.Delete, followed: Followed) -> None:
    for target in node.targets:
        _note_line(target, followed)
        if isinstance(target, ast.Name):
            del followed.scope.names[target.id]
            continue
        if not isinstance(target, ast.Attribute | ast.Subscript):
            raise ValueError("not one of the statements that are read")
        container = evaluate(target.value, followed.scope)
        key = target.attr if isinstance(target, ast.Attribute) else evaluate(target.slice, followed.scope)
        entry_of(container, key)
        del container[key]


def _if(node: ast.If, followed: Followed) -> None:
    follow(node.body if evaluate(node.test, followed.scope) else node.orelse, followed)


def _for(node: ast.For, followed: Followed) -> None:
    for value in listed(evaluate(node.iter, followed.scope)):
        bind(node.target, value, followed.scope.names)
        follow(node.body, followed)
    follow(node.orelse, followed)


def _expression(node: ast.Expr, followed: Followed) -> None:
    if isinstance(node.value, ast.Constant):
        return  # a docstring
    evaluate(node.value, followed.scope)
    if isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        _note_line(node.value.func, followed)


def _passed_over(node: ast.stmt, followed: Followed) -> None:
    if len(followed.notes) < MOST_NOTES:
        followed.notes.append(followed.scope.source.place(node))


def _import(node: ast.Import | ast.ImportFrom, followed: Followed) -> None:
    imported = followed.scope.imported
    for alias in node.names:
        name = (alias.asname or alias.name).split(".")[0]
        if name != READ_BASE and not imported.get(name):
            _passed_over(node, followed)
            return


def _with(node: ast.With, followed: Followed) -> None:
    call = node.items[0].context_expr
    reads = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == READ_BASE
    if not reads or len(node.items) > 1:
        raise ValueError("a with statement other than `with read_base():`")
    scope = followed.scope
    for statement in node.body:
        if not isinstance(statement, ast.ImportFrom) or not statement.module:
            raise ValueError("only `from .file import ...` may stand in `with read_base():`")
        values = followed.bases(statement)
        for alias in statement.names:
            if alias.name == "*":
                scope.names.update({name: copy_of(value, scope) for name, value in values.items()})
            else:
                scope.names[alias.asname or alias.name] = copy_of(values[alias.name], scope)


STATEMENTS: Mapping[type[ast.stmt], Callable[[Any, Followed], None]] = {
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Delete: _delete,
    ast.If: _if,
    ast.For: _for,
    ast.Expr: _expression,
    ast.Pass: lambda node, followed: None,  # noqa: ARG005
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.FunctionDef: _passed_over,
    ast.AsyncFunctionDef: _passed_over,
    ast.Assert: _passed_over,
    ast.With: _with,
}
