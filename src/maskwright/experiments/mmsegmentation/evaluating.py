"""Values of expressions, computed on their syntax tree: nothing is compiled, imported or called.

Every step counts towards a limit, so that an expression that would take long or fill the memory is refused at once.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from maskwright.errors import UsageError
from maskwright.experiments.mmsegmentation.functions import (
    FUNCTIONS,
    LOOKING_INSIDE,
    METHODS,
    formatted,
    interpolated,
    weight,
)
from maskwright.experiments.mmsegmentation.inheriting import Inherited, Scalar, inherited
from maskwright.experiments.mmsegmentation.limits import (
    LARGEST_TEXT,
    LARGEST_TREE,
    LONGEST_LIST,
    MOST_BITS,
    MOST_STEPS,
    TooMuch,
    within,
)
from maskwright.experiments.mmsegmentation.places import Source, cannot_follow

BASE = "_base_"

TEMPLATE = re.compile(r"\{\{\s*(fileDirname|fileBasename|fileBasenameNoExtension|fileExtname)\s*\}\}")
TEMPLATE_IN_F_STRING = re.compile(TEMPLATE.pattern.replace(r"\{\{", r"\{").replace(r"\}\}", r"\}"))
"""In an f-string two braces stand for one."""


@dataclass
class Scope:
    """What names mean in one file while it is followed.

    Args:
        source: the file.
        base: what its bases say together.
        names: its own variables so far.
        imported: names that its imports bind, each with the class's name where it may stand for one, else "".
        steps: steps left; shared by all files of one config.
    """

    source: Source
    base: Inherited = field(default_factory=Inherited)
    names: dict[str, Any] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)
    steps: list[int] = field(default_factory=lambda: [MOST_STEPS])

    def spend(self, steps: int) -> None:
        self.steps[0] -= steps
        if self.steps[0] < 0:
            raise TooMuch("it takes too many steps")


def evaluate(node: ast.expr, scope: Scope) -> Any:
    """The value of an expression.

    Args:
        node: its syntax tree.
        scope: what names mean.

    Raises:
        UsageError: it is not one of the simple expressions, has no value, or takes too much work.
    """
    try:
        scope.spend(1)
        if type(node) not in EXPRESSIONS:
            raise ValueError("not one of the expressions that are read")
        value = EXPRESSIONS[type(node)](node, scope)
        scope.spend(size(value))
        return within(value)
    except UsageError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        why = f"{error} is not known" if isinstance(error, KeyError) else " ".join(str(error).split())[:200]
        raise cannot_follow(scope.source.place(node), why) from None


def size(value: Any) -> int:
    """About how much work making a value was."""
    if isinstance(value, str):
        return len(value) // 100
    return len(value) if isinstance(value, list | tuple | dict | set) else 0


def filled_in(text: str, file: Path, pattern: re.Pattern[str] = TEMPLATE) -> str:
    """A text with mmengine's variables of the file's name (`{{ fileBasename }}`) replaced."""
    path = file.resolve()
    known = {
        "fileDirname": str(path.parent).replace("\\", "/"),
        "fileBasename": path.name,
        "fileBasenameNoExtension": path.stem,
        "fileExtname": path.suffix,
    }
    return pattern.sub(lambda found: known[found[1]], text)


def key_of(value: Any) -> Any:
    """A value as a key; keys that take time to compare are refused."""
    if not isinstance(value, Scalar):
        raise TypeError(f"a key of type {type(value).__name__}")
    return value


def entry_of(container: Any, key: Any) -> Any:
    """`container[key]` of plain values."""
    if isinstance(container, dict):
        return container[key_of(key)]
    if isinstance(container, list | tuple | str) and isinstance(key, int | slice):
        return container[key]
    raise TypeError(f"no entry {key!r} in a value of type {type(container).__name__}")


def copy_of(value: Any, scope: Scope) -> Any:
    """A copy of a base's value; it may be shared, large, or contain itself."""
    scope.spend(weight(value, most=LARGEST_TREE))
    return inherited(value)


def _constant(node: ast.Constant, scope: Scope) -> Any:
    if isinstance(node.value, str):
        return filled_in(node.value, scope.source.file)
    if not isinstance(node.value, Scalar):
        raise TypeError(f"a value of type {type(node.value).__name__}")
    return node.value


def _name(node: ast.Name, scope: Scope) -> Any:
    if node.id in scope.names:
        return scope.names[node.id]
    if node.id == BASE:
        return scope.base
    if scope.imported.get(node.id):
        return scope.imported[node.id]
    if node.id in scope.base:
        # mmengine wants _base_.name here; what is meant is clear. The copy is the config's own from now on.
        scope.names[node.id] = copy_of(scope.base[node.id], scope)
        return scope.names[node.id]
    raise KeyError(node.id)


def _attribute(node: ast.Attribute, scope: Scope) -> Any:
    value = evaluate(node.value, scope)
    if isinstance(node.value, ast.Name | ast.Attribute) and isinstance(value, str) and _is_imported(node, scope):
        return node.attr
    if isinstance(value, dict):
        return value[node.attr]
    raise TypeError(f"a value of type {type(value).__name__} has no .{node.attr}")


def _is_imported(node: ast.expr, scope: Scope) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in scope.imported and node.id not in scope.names


def _subscript(node: ast.Subscript, scope: Scope) -> Any:
    return entry_of(evaluate(node.value, scope), evaluate(node.slice, scope))


def _slice(node: ast.Slice, scope: Scope) -> slice:
    return slice(*(evaluate(part, scope) if part else None for part in (node.lower, node.upper, node.step)))


def _elements(nodes: list[ast.expr], scope: Scope) -> list[Any]:
    found: list[Any] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            found.extend(listed(evaluate(node.value, scope)))
            scope.spend(len(found))
        else:
            found.append(evaluate(node, scope))
    return found


def listed(value: Any) -> list[Any]:
    """What a `for` over a value goes through."""
    if isinstance(value, list | tuple | set | dict | str):
        return list(value)
    raise TypeError(f"a value of type {type(value).__name__} is not a list")


def _set(node: ast.Set, scope: Scope) -> Any:
    if len(node.elts) == 1 and isinstance(inner := node.elts[0], ast.Set) and len(inner.elts) == 1:
        return copy_of(evaluate(inner.elts[0], scope), scope)  # {{ _base_.name }}
    return {key_of(entry) for entry in _elements(node.elts, scope)}


def _dict(node: ast.Dict, scope: Scope) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            made.update(_mapping(evaluate(value, scope)))
            scope.spend(len(made))
        else:
            made[key_of(evaluate(key, scope))] = evaluate(value, scope)
    return made


def _mapping(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"** of a value of type {type(value).__name__}")
    return value


def _binary(node: ast.BinOp, scope: Scope) -> Any:
    return combined(node.op, evaluate(node.left, scope), evaluate(node.right, scope))


def combined(operation: ast.operator, left: Any, right: Any) -> Any:
    """Two values added, multiplied, ..., unless the result would be huge."""
    if isinstance(operation, ast.Mod) and isinstance(left, str):
        return interpolated(left, right)
    if isinstance(operation, ast.BitOr) and isinstance(left, dict) and isinstance(right, dict):
        return {**left, **right}
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if numbers and isinstance(operation, ast.Pow) and isinstance(left, int) and isinstance(right, int):
        within_bits = abs(left) <= 1 or abs(right) * left.bit_length() <= MOST_BITS
        if not within_bits:
            raise TooMuch("the number would be too large")
    if numbers and isinstance(operation, ast.LShift) and right > MOST_BITS:
        raise TooMuch("the number would be too large")
    if not numbers:
        _check_sequences(operation, left, right)
    if type(operation) not in ARITHMETIC:
        raise ValueError("not one of the operations that are read")
    return ARITHMETIC[type(operation)](left, right)


def _check_sequences(operation: ast.operator, left: Any, right: Any) -> None:
    """Refuse what is neither joining nor repeating texts or lists, and what would be huge."""
    sequence = (str, list, tuple)
    if isinstance(operation, ast.Add) and isinstance(left, sequence) and isinstance(right, sequence):
        length = len(left) + len(right)
    elif isinstance(operation, ast.Mult) and isinstance(left, sequence) and isinstance(right, int):
        length = len(left) * right
    elif isinstance(operation, ast.Mult) and isinstance(left, int) and isinstance(right, sequence):
        length = left * len(right)
    else:
        raise TypeError(f"this operation on {type(left).__name__} and {type(right).__name__}")
    if length > (LARGEST_TEXT if isinstance(left, str) or isinstance(right, str) else LONGEST_LIST):
        raise TooMuch("the text or list would be too long")


def _unary(node: ast.UnaryOp, scope: Scope) -> Any:
    value = evaluate(node.operand, scope)
    if isinstance(node.op, ast.Not):
        return not value
    if not isinstance(value, int | float):
        raise TypeError(f"a sign before a value of type {type(value).__name__}")
    return SIGNS[type(node.op)](value)


def _boolean(node: ast.BoolOp, scope: Scope) -> Any:
    value: Any = None
    for part in node.values:
        value = evaluate(part, scope)
        if bool(value) is isinstance(node.op, ast.Or):
            break
    return value


def _compare(node: ast.Compare, scope: Scope) -> bool:
    left = evaluate(node.left, scope)
    for operation, part in zip(node.ops, node.comparators, strict=True):
        right = evaluate(part, scope)
        scope.spend(weight(left) + weight(right))
        if not COMPARISONS[type(operation)](left, right):
            return False
        left = right
    return True


def _conditional(node: ast.IfExp, scope: Scope) -> Any:
    return evaluate(node.body if evaluate(node.test, scope) else node.orelse, scope)


def _f_string(node: ast.JoinedStr, scope: Scope) -> str:
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(filled_in(str(part.value), scope.source.file, TEMPLATE_IN_F_STRING))
        else:
            assert isinstance(part, ast.FormattedValue)
            spec = evaluate(part.format_spec, scope) if part.format_spec else ""
            value = evaluate(part.value, scope)
            scope.spend(weight(value))
            parts.append(formatted(value, spec, quoted=part.conversion == ord("r")))
    if sum(map(len, parts)) > LARGEST_TEXT:
        raise TooMuch("the text would be too long")
    return "".join(parts)


def _list_comprehension(node: ast.ListComp | ast.GeneratorExp, scope: Scope) -> list[Any]:
    made: list[Any] = []
    _rounds(node.generators, _inner(scope), lambda inner: made.append(evaluate(node.elt, inner)))
    return made


def _set_comprehension(node: ast.SetComp, scope: Scope) -> set[Any]:
    return {key_of(entry) for entry in _list_comprehension(ast.ListComp(node.elt, node.generators), scope)}


def _dict_comprehension(node: ast.DictComp, scope: Scope) -> dict[Any, Any]:
    made: dict[Any, Any] = {}

    def add(inner: Scope) -> None:
        made[key_of(evaluate(node.key, inner))] = evaluate(node.value, inner)

    _rounds(node.generators, _inner(scope), add)
    return made


def _inner(scope: Scope) -> Scope:
    """The scope of a comprehension: what it binds is gone after it."""
    scope.spend(len(scope.names))
    return replace(scope, names=dict(scope.names))


def _rounds(generators: list[ast.comprehension], scope: Scope, each: Callable[[Scope], None]) -> None:
    if not generators:
        each(scope)
        return
    first, *rest = generators
    for value in listed(evaluate(first.iter, scope)):
        scope.spend(1)
        bind(first.target, value, scope.names)
        if all(evaluate(condition, scope) for condition in first.ifs):
            _rounds(rest, scope, each)


def bind(target: ast.expr, value: Any, names: dict[str, Any]) -> None:
    """Give a name, or names in a tuple, a value."""
    if isinstance(target, ast.Name):
        names[target.id] = value
    elif isinstance(target, ast.Tuple | ast.List):
        values = listed(value)
        if len(values) != len(target.elts):
            raise ValueError(f"{len(values)} values for {len(target.elts)} names")
        for part, entry in zip(target.elts, values, strict=True):
            bind(part, entry, names)
    else:
        raise ValueError("neither a name nor a tuple of names")


def _call(node: ast.Call, scope: Scope) -> Any:
    arguments = _elements(node.args, scope)
    keywords: dict[str, Any] = {}
    for keyword in node.keywords:
        value = evaluate(keyword.value, scope)
        keywords.update({keyword.arg: value} if keyword.arg is not None else _mapping(value))
    scope.spend(sum(map(size, (*arguments, *keywords.values()))))
    if isinstance(node.func, ast.Name):
        if node.func.id in LOOKING_INSIDE:
            scope.spend(weight(arguments))
        return FUNCTIONS[node.func.id](*arguments, **keywords)
    assert isinstance(node.func, ast.Attribute), "other calls are refused before anything is evaluated"
    subject = evaluate(node.func.value, scope)
    for kind, methods in METHODS.items():
        if isinstance(subject, kind) and node.func.attr in methods:
            inside = isinstance(subject, Inherited) or node.func.attr in LOOKING_INSIDE
            values = [subject, *arguments, *keywords.values()]
            scope.spend(weight(values, most=LARGEST_TREE) if inside else size(subject))
            return methods[node.func.attr](subject, *arguments, **keywords)
    raise TypeError(f"a value of type {type(subject).__name__} has no .{node.func.attr}()")


ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}

SIGNS: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
}

COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda part, whole: part in whole,
    ast.NotIn: lambda part, whole: part not in whole,
}

EXPRESSIONS: Mapping[type[ast.expr], Callable[[Any, Scope], Any]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.List: lambda node, scope: _elements(node.elts, scope),
    ast.Tuple: lambda node, scope: tuple(_elements(node.elts, scope)),
    ast.Set: _set,
    ast.Dict: _dict,
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.BoolOp: _boolean,
    ast.Compare: _compare,
    ast.IfExp: _conditional,
    ast.JoinedStr: _f_string,
    ast.ListComp: _list_comprehension,
    ast.GeneratorExp: _list_comprehension,
    ast.SetComp: _set_comprehension,
    ast.DictComp: _dict_comprehension,
    ast.Call: _call,
}
