"""Pickles as data: what picklers write is read as they meant it, and no opcode makes anything run."""

from __future__ import annotations

import collections
import copyreg
import io
import pickle
import pickletools
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskwright.models import inert_pickle
from maskwright.models.inert_pickle import ACTS, PLAIN_CALLS, Damaged, StandIn, printable, read_pickle

ORDERED = b"ccollections\nOrderedDict\n"


def read(pickled: bytes, **values: Any) -> tuple[Any, set[str]]:
    """What a pickle holds; a persistent id stands for itself in a list."""
    return read_pickle(
        io.BytesIO(pickled), values=values, calls=PLAIN_CALLS, stored=lambda one: [one], room=len(pickled)
    )


def text(word: str) -> bytes:
    """The opcode that pushes a word."""
    return b"\x8c" + bytes([len(word)]) + word.encode()


PLAIN = [
    None,
    [True, False, 0, -1, 255, 65_536, -(2**31), 2**40, 10**50, -(10**600), 0.1, float("inf"), "é", "\udc80", b"\xff"],
    {"a": (), "b": (1,), "c": (1, 2), "d": (1, 2, 3), "e": (1, 2, 3, 4), 5: [[]], (6, "x"): {}, None: "n" * 300},
    [{1, 2}, frozenset({3, (4, 5)}), set(), bytearray(b"abc"), b"", 2 - 3j, b"x" * 70_000],
    [collections.OrderedDict(a=1), collections.Counter("aab"), collections.defaultdict(list, x=[1])],
]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("value", PLAIN, ids=lambda value: type(value).__name__)
def test_plain_values_are_read_from_every_protocol(value: Any, protocol: int) -> None:
    content, unread = read(pickle.dumps(value, protocol))
    assert content == value
    assert unread - {"builtins.list"} == set()


def test_shared_and_cyclic_values_stay_shared() -> None:
    inner: list[Any] = [1]
    inner.append(inner)
    content, _ = read(pickle.dumps({"a": inner, "b": inner}))
    assert content["a"] is content["b"] is content["a"][1]


def test_every_opcode_has_an_act() -> None:
    assert set(ACTS) == {opcode.name for opcode in pickletools.opcodes}


def test_no_more_is_read_than_one_pickle() -> None:
    file = io.BytesIO(pickle.dumps("one") + pickle.dumps("two"))
    content = [read_pickle(file, values={}, calls={}, stored=str, room=99)[0] for _ in range(2)]
    assert content == ["one", "two"]


STAND_INS = [
    (b"(S'true'\nios\nsystem\n.", "os.system"),
    (b"(cos\nsystem\nS'true'\no.", "os.system"),
    (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
    (b"\x80\x02cos\nsystem\nU\x04true\x85\x81.", "os.system"),
    (b"\x80\x04" + text("os") + text("path.join") + b"\x93" + text("a") + b"\x85R.", "os.path.join"),
    (b"\x80\x04" + text("maskwright.errors") + text("DataError") + b"\x93)\x81.", "maskwright.errors.DataError"),
    (b"\x80\x04" + text("builtins") + text("dict.update") + b"\x93)R.", "builtins.dict.update"),
    (b"\x80\x04" + text("a") + text("B") + b"\x93)}" + text("k") + b"K\x01s\x92.", "a.B"),
    (b"\x80\x04" + text("collections") + text("OrderedDict") + b"\x93)}" + text("k") + b"K\x01s\x92.", "collections."),
    (b"ca\nB\n)R}S'__class__'\nI1\nsb.", "a.B"),
    (b"ca\nB\n)RN}S'name'\nS'changed'\ns\x86b.", "a.B"),
    (b"ca\nB\n)R(I1\nI2\ne.", "a.B"),
    (b"ca\nB\n)RI1\na.", "a.B"),
    (b"ca\nB\n)RI1\nI2\ns.", "a.B"),
    (b"ca\nB\n)R(I1\nI2\nu.", "a.B"),
    (b"\x80\x04ca\nB\n)R(K\x01\x90.", "a.B"),
    (b"\x82\x07.", "copyreg.extension_7"),
    (b"\x83\x07\x01.", "copyreg.extension_263"),
    (b"c__builtin__\neval\n(S'1/0'\ntR.", "builtins.eval"),
    (b"ccopy_reg\n_reconstructor\n(ca\nB\nc__builtin__\nobject\nNtR.", "copyreg._reconstructor"),
    (b"c_codecs\nencode\n(S'cafe'\nS'hex'\ntR.", "_codecs.encode"),
    (b"c__builtin__\ncomplex\n(S'1'\nS'2'\ntR.", "builtins.complex"),
]


@pytest.mark.parametrize(("pickled", "name"), STAND_INS, ids=lambda value: value if isinstance(value, str) else "")
def test_objects_and_calls_become_stand_ins(pickled: bytes, name: str) -> None:
    content, unread = read(pickled)
    assert type(content) is StandIn
    assert content.name.startswith(name)
    assert content.name in unread


def test_no_name_is_ever_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    content, _ = read(b"ctrap\nThing\n)R}b.")
    assert content.name == "trap.Thing"
    assert "trap" not in sys.modules


def test_the_registry_of_extensions_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(copyreg._extension_cache, 7, print)  # type: ignore[attr-defined]
    assert type(read(b"\x82\x07)R.")[0]) is StandIn


CONTAINERS = [
    (ORDERED + b")R}S'_metadata'\n}sb.", {}),
    (ORDERED + b")R(N}S'keys'\nI1\nstb.", {}),
    (ORDERED + b")\x81I1\nI2\ns.", {1: 2}),
    (ORDERED + b"((lp0\n(lp1\nI1\naI2\naatR.", {1: 2}),
    (b"ccollections\ndefaultdict\n(cos\nsystem\ntRI1\nI2\ns.", {1: 2}),
    (b"(I1\nI2\nd.", {1: 2}),
    (b"(I1\nI2\nl.", [1, 2]),
    (b"I1\n(I2\n1.", 1),
    (b"I1\n(0.", 1),
    (b"I1\n2\x86.", (1, 1)),
    (b"\x80\x05\x96\x02\0\0\0\0\0\0\0ab.", b"ab"),
    (b"S'key'\nQ.", ["key"]),
    (b"Pkey\n.", ["key"]),
]


@pytest.mark.parametrize(("pickled", "content"), CONTAINERS)
def test_containers_take_items_and_drop_states(pickled: bytes, content: Any) -> None:
    found, _ = read(pickled)
    assert found == content
    assert type(found) is type(content)


def test_keys_that_compare_by_identity_become_stand_ins() -> None:
    thing = object()
    content, _ = read(b"}ca\nthing\nI1\ns.", **{"a.thing": thing})
    ((key, value),) = content.items()
    assert (key.name, value) == ("object", 1)


NESTED_KEY = b"}(" + b")" + b"\x85" * 200_000 + b"K\x01u."
LAUGHS = b"}()" + b"2\x86" * 64 + b"K\x01u."
COPIED = b"\x80\x04(" + b"K\x01" * 1000 + b"lq\0c__builtin__\nset\nq\1" + b"h\1h\0\x85R" * 1000 + b"."

DAMAGED = [
    (b"", "the pickle is not whole"),
    (b"]", "the pickle is not whole: pickle exhausted before seeing STOP"),
    (b"\xff.", "the pickle is not whole: at position 0, opcode b'\\xff' unknown"),
    (b".", "the pickle is not whole: a value is missing"),
    (b"h\x05.", "a value is missing"),
    (b"K\x01\x86.", "a tuple of values that are not there"),
    (b"I1\n)R.", "a call of something that is not a class"),
    (b"ca\nB\nI1\nR.", "a call of something that is not a class"),
    (b"I1\nI2\n\x93.", "a class whose name is not text"),
    (b"I1\nI2\na.", "items for a int"),
    (b"]I1\nI2\ns.", "keys for a list"),
    (b"}(I1\nu.", "the pickle is not whole"),
    (b"](I1\n\x90.", "members for a list"),
    (b"]}b.", "a state for a list"),
    (b"}]I1\ns.", "a key that is a list"),
    (b"}}I1\ns.", "a key that is a dict"),
    (b"\x97.", "needs buffers from outside of the file"),
    (ORDERED + b"(I1\ntR.", "collections.OrderedDict with arguments that it does not take"),
    (b"c_codecs\nencode\n(V\\u20ac\nS'latin1'\ntR.", "_codecs.encode with arguments that it does not take"),
    (b"c__builtin__\nbytes\nI9000000000000\n\x85R.", "builtins.bytes with arguments that it does not take"),
    (NESTED_KEY, "a key of more than 64 parts"),
    (LAUGHS, "a key of more than 64 parts"),
    (COPIED, "calls that copy more than the file holds"),
]


@pytest.mark.parametrize(("pickled", "message"), DAMAGED, ids=[message for _, message in DAMAGED])
def test_what_no_pickler_writes_is_refused_by_what_is_wrong(pickled: bytes, message: str) -> None:
    with pytest.raises(Damaged) as caught:
        read(pickled)
    assert message in str(caught.value)


def test_an_endless_pickle_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inert_pickle, "MAX_STEPS", 50)
    with pytest.raises(Damaged, match="a pickle of more than 50 steps"):
        read(b"N0" * 30 + b"N.")


def test_announced_sizes_cost_nothing() -> None:
    started = time.perf_counter()
    assert read(b"\x80\x02]r\xff\xff\xff\x7f.")[0] == []
    for opcode in (b"\x8d", b"\x8e", b"\x96"):
        with pytest.raises(Damaged):
            read(opcode + b"\xff\xff\xff\xff\xff\xff\xff\x7f.")
    assert time.perf_counter() - started < 1


def test_nesting_has_no_limit() -> None:
    content, _ = read(b"]" * 100_000 + b"a" * 99_999 + b".")
    depth = 1
    while content:
        (content,) = content
        depth += 1
    assert depth == 100_000


def test_names_are_made_printable() -> None:
    assert read(b"ca\x1b[31m\nB\n)R.")[0].name == "a\\x1b[31m.B"
    assert printable("x" * 999, 10) == "x" * 9 + "…"


SNIPPETS = [
    *(opcode.code.encode("latin-1") for opcode in pickletools.opcodes if opcode.arg is None and opcode.name != "STOP"),
    *(ORDERED, b"c__builtin__\nset\n", b"c_codecs\nencode\n", b"cos\nsystem\n", b"ios\nsystem\n", b"K\x01", b"U\x01a"),
    *(b"X\x02\0\0\0os", b"q\0", b"h\0", b"\x82\x01", b"G?\xf0\0\0\0\0\0\0", b"L1L\n", b"C\x01b"),
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(SNIPPETS), max_size=40))
def test_any_opcodes_give_a_value_or_a_refusal(snippets: list[bytes]) -> None:
    try:
        content, _ = read(b"".join(snippets) + b".")
    except Damaged:
        return
    assert not callable(content)
    assert not isinstance(content, (type, SimpleNamespace))
