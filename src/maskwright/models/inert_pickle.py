"""Pickles read as data: the opcodes are interpreted here, and nothing that a file names is imported, called or run.

`pickle.Unpickler` with a guarded `find_class` is not enough for a foreign file: it takes extension codes from the
process's own registry, sets attributes on whatever lies on its stack, calls `__setstate__` of what it was allowed to
build, and crashes the interpreter on a dictionary key of deeply nested tuples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from mmap import mmap
from pickletools import genops
from typing import IO, Any, cast

MAX_STEPS = 20_000_000
"""Opcodes in one pickle, some 20 seconds. A training of 160,000 steps that kept ten logged values of each writes about
2 million, a thousand parameters with an optimiser's state 100,000."""

COPIES, FREE = 4, 10_000_000
"""How many bytes calls may copy for each one of the file, and how many any file may have copied. An honest array is
copied twice: from text to bytes, and from these to numbers."""

MEMBER_BYTES = 16
"""What a member of a container counts as."""

MAX_KEY_PARTS = 64
"""Keys of dictionaries and members of sets may be tuples, with so many values in all of their depth: hashing a deeper
one would overflow the stack or never end."""

MODULES = {
    "__builtin__": "builtins",
    "copy_reg": "copyreg",
    "numpy.core.multiarray": "numpy._core.multiarray",
    "numpy.core.numeric": "numpy._core.numeric",
}
"""Modules that were called otherwise when older files were written."""


class Damaged(ValueError):
    """Bytes that no pickler writes; the message is a clause without a full stop."""


@dataclass(frozen=True, eq=False)
class StandIn:
    """What stands in for an object that is not built: nothing of it is kept but the name of its class.

    Args:
        name: the dotted name that the pickle gives, with anything unprintable escaped.
    """

    name: str


@dataclass(frozen=True, eq=False)
class Unfilled:
    """An object that is whole only after its state.

    Args:
        name: the class to show for it when no state comes.
        fill: its state -> the whole object, or NotImplemented.
    """

    name: str
    fill: Callable[[Any], Any]


@dataclass
class _Machine:
    """What the opcodes work on.

    Args:
        values: see `read_pickle`.
        calls: see `read_pickle`.
        stored: see `read_pickle`.
        room: see `read_pickle`; it shrinks.
        stack: the values above the last mark.
        below: the stacks below each mark.
        memo: the values that may be fetched again.
        unread: names that were met and not built.
        unfilled: what waits for its state: how it is filled, and where in the memo it stands.
    """

    values: Mapping[str, Any]
    calls: Mapping[str, Callable[..., Any]]
    stored: Callable[[Any], Any]
    room: int
    stack: list[Any] = field(default_factory=list)
    below: list[list[Any]] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)
    unfilled: dict[StandIn, tuple[Callable[[Any], Any], list[int]]] = field(default_factory=dict)


def read_pickle(
    file: IO[bytes] | mmap,
    *,
    values: Mapping[str, Any],
    calls: Mapping[str, Callable[..., Any]],
    stored: Callable[[Any], Any],
    room: int,
) -> tuple[Any, set[str]]:
    """The content of one pickle, with a `StandIn` for every object whose name is in neither table.

    Args:
        file: read up to the end of the pickle and no further.
        values: dotted names that are values of their own, and these values.
        calls: dotted names that a pickle calls, and the functions of ours that answer. A function may return an
            `Unfilled`, or NotImplemented for what is to be a stand-in after all.
        stored: a persistent id -> what it stands for.
        room: bytes of the file. Calls may copy `COPIES` times as many and `FREE` more, all together.

    Returns:
        The content, and the names that stand-ins were made for.

    Raises:
        Damaged: these bytes are no pickle, or none that a pickler writes.
    """
    machine = _Machine(values, calls, stored, COPIES * room + FREE)
    try:
        for step, (opcode, argument, _) in enumerate(genops(cast(IO[bytes], file))):
            if step == MAX_STEPS:
                raise Damaged(f"a pickle of more than {MAX_STEPS} steps")
            ACTS[opcode.name](machine, argument)
        content = machine.stack.pop()
    except Damaged:
        raise
    except (IndexError, KeyError, ValueError) as error:
        reason = "a value is missing" if isinstance(error, LookupError) else printable(str(error))
        raise Damaged(f"the pickle is not whole: {reason}") from None
    return content, machine.unread | {stand_in.name for stand_in in machine.unfilled}


def printable(text: str, limit: int = 160) -> str:
    """Foreign text as a message may show it: escaped where it cannot be printed, and cut."""
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _named(machine: _Machine, module: Any, name: Any) -> Any:
    """What stands for a global: its own value, or a stand-in that may be called."""
    if type(module) is not str or type(name) is not str:
        raise Damaged("a class whose name is not text")
    dotted = printable(f"{MODULES.get(module, module)}.{name}")
    if dotted in machine.values:
        return machine.values[dotted]
    if dotted not in machine.calls:
        machine.unread.add(dotted)
    return StandIn(dotted)


def _called(machine: _Machine, callee: Any, arguments: Any) -> Any:
    """What a call gives: what our own function of that name returns, else a stand-in."""
    if type(callee) is not StandIn or type(arguments) is not tuple:
        raise Damaged("a call of something that is not a class")
    build = machine.calls.get(callee.name)
    _weigh(machine, arguments)
    complaint = f"{callee.name} with arguments that it does not take"
    result = NotImplemented if build is None else _answer(build, arguments, complaint)
    if result is NotImplemented:
        machine.unread.add(callee.name)
        return StandIn(callee.name)
    if isinstance(result, Unfilled):
        stand_in = StandIn(result.name)
        machine.unfilled[stand_in] = (result.fill, [])
        return stand_in
    return result


def _answer(function: Callable[..., Any], arguments: tuple[Any, ...], complaint: str) -> Any:
    """What one of our functions says to arguments that may be anything."""
    try:
        return function(*arguments)
    except Damaged:
        raise
    except (TypeError, ValueError, OverflowError, RuntimeError, AttributeError, LookupError):
        raise Damaged(complaint) from None


def _weigh(machine: _Machine, arguments: Any) -> None:
    """Count what a call copies: the same large value given to a million calls is a bomb."""
    texts = [one for one in arguments if type(one) in (str, bytes)]
    containers = [one for one in arguments if type(one) in (tuple, list, dict, set, frozenset)]
    machine.room -= sum(map(len, texts)) + MEMBER_BYTES * sum(map(len, containers))
    if machine.room < 0:
        raise Damaged("calls that copy more than the file holds")


def _build(machine: _Machine, _: Any) -> None:
    """The state of an object: fills what waits for it, and is dropped for stand-ins and subclassed containers."""
    state, target = machine.stack.pop(), machine.stack[-1]
    if type(target) is not StandIn:
        if type(target) not in (dict, set):
            raise Damaged(f"a state for a {type(target).__name__}")
        return
    fill, memoised = machine.unfilled.pop(target, (None, []))
    if fill is None:
        return
    _weigh(machine, state if type(state) is tuple else ())
    whole = _answer(fill, (state,), f"a {target.name} whose state does not fit it")
    if whole is NotImplemented:
        machine.unread.add(target.name)
        return
    machine.stack[-1] = whole
    for place in memoised:
        if machine.memo[place] is target:
            machine.memo[place] = whole


def _global(machine: _Machine, argument: Any) -> None:
    machine.stack.append(_named(machine, *argument.split(" ", 1)))


def _stack_global(machine: _Machine, _: Any) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(_named(machine, module, name))


def _inst(machine: _Machine, argument: Any) -> None:
    arguments = tuple(_marked(machine))
    machine.stack.append(_called(machine, _named(machine, *argument.split(" ", 1)), arguments))


def _obj(machine: _Machine, _: Any) -> None:
    callee, *arguments = _marked(machine)
    machine.stack.append(_called(machine, callee, tuple(arguments)))


def _reduce(machine: _Machine, _: Any) -> None:
    arguments, callee = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(_called(machine, callee, arguments))


def _newobj_ex(machine: _Machine, _: Any) -> None:
    named, arguments, callee = machine.stack.pop(), machine.stack.pop(), machine.stack.pop()
    if named and type(callee) is StandIn:
        machine.unread.add(callee.name)
        machine.stack.append(StandIn(callee.name))
    else:
        machine.stack.append(_called(machine, callee, arguments))


def _extension(machine: _Machine, code: Any) -> None:
    stand_in = StandIn(f"copyreg.extension_{code}")
    machine.unread.add(stand_in.name)
    machine.stack.append(stand_in)


def _persistent(machine: _Machine, _: Any) -> None:
    machine.stack.append(machine.stored(machine.stack.pop()))


def _append(machine: _Machine, _: Any) -> None:
    item = machine.stack.pop()
    _extend(machine.stack[-1], [item])


def _appends(machine: _Machine, _: Any) -> None:
    items = _marked(machine)
    _extend(machine.stack[-1], items)


def _extend(target: Any, items: list[Any]) -> None:
    if type(target) is list:
        target.extend(items)
    elif type(target) is not StandIn:
        raise Damaged(f"items for a {type(target).__name__}")


def _setitem(machine: _Machine, _: Any) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    _fill(machine.stack[-1], [key, value])


def _setitems(machine: _Machine, _: Any) -> None:
    items = _marked(machine)
    _fill(machine.stack[-1], items)


def _fill(target: Any, items: list[Any]) -> None:
    if type(target) is dict:
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[hashable(key)] = value
    elif type(target) is not StandIn:
        raise Damaged(f"keys for a {type(target).__name__}")


def _additems(machine: _Machine, _: Any) -> None:
    items = _marked(machine)
    target = machine.stack[-1]
    if type(target) is set:
        target.update(map(hashable, items))
    elif type(target) is not StandIn:
        raise Damaged(f"members for a {type(target).__name__}")


def hashable(key: Any) -> Any:
    """A key as it may be hashed in little time: itself, or a stand-in for keys that compare by identity.

    Raises:
        Damaged: it is a container that nobody can hash, or a tuple too large to be a key.
    """
    waiting, parts = [key], 0
    while waiting:
        part = waiting.pop()
        parts += 1
        if type(part) in (tuple, frozenset):
            parts += len(part)
            if parts <= MAX_KEY_PARTS:
                waiting.extend(part)
        elif type(part) in (list, dict, set):
            raise Damaged(f"a key that is a {type(part).__name__}")
        elif type(part) not in (str, int, float, bool, bytes, complex, type(None), StandIn):
            return StandIn(type(part).__name__)
        if parts > MAX_KEY_PARTS:
            raise Damaged(f"a key of more than {MAX_KEY_PARTS} parts")
    return key


def _gathers(make: Callable[[list[Any]], Any]) -> Callable[[_Machine, Any], None]:
    def act(machine: _Machine, _: Any) -> None:
        items = _marked(machine)  # first: it changes which stack the result goes onto
        machine.stack.append(make(items))

    return act


def _dict_of(items: list[Any]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    _fill(made, items)
    return made


def _tuple_of(count: int) -> Callable[[_Machine, Any], None]:
    def act(machine: _Machine, _: Any) -> None:
        if len(machine.stack) < count:
            raise Damaged("a tuple of values that are not there")
        machine.stack[-count:] = [tuple(machine.stack[-count:])]

    return act


def _mark(machine: _Machine, _: Any) -> None:
    machine.below.append(machine.stack)
    machine.stack = []


def _marked(machine: _Machine) -> list[Any]:
    """The values above the last mark, taken off together with it."""
    items, machine.stack = machine.stack, machine.below.pop()
    return items


def _pop(machine: _Machine, _: Any) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        _marked(machine)


def _pop_mark(machine: _Machine, _: Any) -> None:
    _marked(machine)


def _put(machine: _Machine, place: Any) -> None:
    top = machine.stack[-1]
    machine.memo[place] = top
    if type(top) is StandIn and top in machine.unfilled:
        machine.unfilled[top][1].append(place)


def _push(machine: _Machine, argument: Any) -> None:
    machine.stack.append(bytes(argument) if type(argument) is bytearray else argument)


def _refuse(_machine: _Machine, _: Any) -> None:
    raise Damaged("a pickle that needs buffers from outside of the file")


def _pushes(make: Callable[[], Any]) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.stack.append(make())


def _mapping(*arguments: Any) -> Any:
    """What OrderedDict and Counter take: nothing, pairs, or a dictionary."""
    pairs = [pair for content in arguments for pair in (content.items() if type(content) is dict else content)]
    return _dict_of([part for key, value in pairs for part in (key, value)])


def _bytes(*arguments: Any) -> Any:
    """What `bytes`, `bytearray` and `_codecs.encode` are called with: Latin-1 text is how protocol 2 writes bytes."""
    if not arguments or type(arguments[0]) is bytes:
        return b"".join(arguments)
    text, encoding = arguments
    return text.encode("latin-1") if type(text) is str and encoding in ("latin1", "latin-1") else NotImplemented


def _complex(real: Any, imaginary: Any) -> Any:
    return complex(real, imaginary) if {type(real), type(imaginary)} <= {int, float} else NotImplemented


PLAIN_CALLS: Mapping[str, Callable[..., Any]] = {
    "collections.OrderedDict": _mapping,
    "collections.Counter": _mapping,
    "collections.defaultdict": lambda _factory=None, *rest: _mapping(*rest),
    "builtins.set": lambda items=(): set(map(hashable, items)),
    "builtins.frozenset": lambda items=(): frozenset(map(hashable, items)),
    "builtins.bytes": _bytes,
    "builtins.bytearray": _bytes,
    "builtins.complex": _complex,
    "_codecs.encode": _bytes,
}
"""The plain values of Python that have no opcode of their own in every protocol."""

ACTS: Mapping[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"), _push),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE"), _push),
    **dict.fromkeys(("BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"), _push),
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda _machine, _: None),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda machine, place: machine.stack.append(machine.memo[place])),
    **dict.fromkeys(("EXT1", "EXT2", "EXT4"), _extension),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _reduce),
    **dict.fromkeys(("NEXT_BUFFER", "READONLY_BUFFER"), _refuse),
    "MEMOIZE": lambda machine, _: _put(machine, len(machine.memo)),
    "NONE": _pushes(lambda: None),
    "NEWTRUE": _pushes(lambda: True),
    "NEWFALSE": _pushes(lambda: False),
    "EMPTY_TUPLE": _pushes(tuple),
    "EMPTY_LIST": _pushes(list),
    "EMPTY_DICT": _pushes(dict),
    "EMPTY_SET": _pushes(set),
    "MARK": _mark,
    "POP": _pop,
    "POP_MARK": _pop_mark,
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    "TUPLE": _gathers(tuple),
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "LIST": _gathers(list),
    "DICT": _gathers(_dict_of),
    "FROZENSET": _gathers(lambda items: frozenset(map(hashable, items))),
    "APPEND": _append,
    "APPENDS": _appends,
    "SETITEM": _setitem,
    "SETITEMS": _setitems,
    "ADDITEMS": _additems,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "INST": _inst,
    "OBJ": _obj,
    "NEWOBJ_EX": _newobj_ex,
    "BUILD": _build,
    "PERSID": lambda machine, argument: machine.stack.append(machine.stored(argument)),
    "BINPERSID": _persistent,
}
"""One act per opcode of every protocol."""
