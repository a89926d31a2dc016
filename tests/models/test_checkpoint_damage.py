"""Files that are no checkpoint, or no whole one: each is refused in words that say what is wrong."""

from __future__ import annotations

import collections
import os
import pickle
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from foreign_checkpoints import Payload, legacy, rezipped, saved, tensor
from maskwright.errors import WeightsError
from maskwright.models.checkpoint_file import find_state, read_checkpoint

FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


def with_pickle(path: Path, change: Callable[[bytes], bytes]) -> Path:
    """The same checkpoint with another data.pkl."""
    return rezipped(path, lambda name, content: change(content) if name == "data.pkl" else content)


REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "cannot mmap an empty file"),
    "text": (b"hello", "the pickle is not whole"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer.*\n.*Run: git lfs pull"),
    "page": (b"<!DOCTYPE html><html>", "a web page.*\n.*Download the file itself"),
    "json": (b'{"weight_map": {}}', "a JSON file.*\n.*use one of those"),
    "safetensors": (b'\x20\0\0\0\0\0\0\0{"a": 1}', "a safetensors file.*\n.*ends in .safetensors"),
    "hdf5": (b"\x89HDF\r\n", "an HDF5 file.*\n.*Use weights"),
    "gzip": (b"\x1f\x8b\x08", "a gzip archive.*\n.*Unpack it"),
    "tar": (b"\0" * 257 + b"ustar", "a tar archive.*\n.*Use the checkpoint inside"),
    "protocol": (pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1002, 2), "another protocol than 1001"),
    "outside": (b"\x80\x02)Q.", "refers to storages outside of it"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_other_files_are_refused_by_what_they_are(tmp_path: Path, kind: str) -> None:
    content, message = REFUSED[kind]
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    with pytest.raises(
        WeightsError, match=rf"(?s)a\.pth: .*expected: .* file that torch\.save wrote.*found: .*{message}"
    ):
        read_checkpoint(path)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"b\.pth: cannot be opened\.\n.*No such file.*\n.*Is the path right"):
        read_checkpoint(tmp_path / "b.pth")
    with pytest.raises(WeightsError, match=r"cannot be opened|cannot be read"):
        read_checkpoint(tmp_path)


def test_a_torchscript_program_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = saved({"w": torch.ones(1)}, tmp_path / "a.pt")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a/constants.pkl", b"\x80\x02).")
    with pytest.raises(WeightsError, match="is a TorchScript program, not a checkpoint") as caught:
        read_checkpoint(path)
    assert "torch.save(torch.jit.load('program.pt').state_dict(), 'weights.pth')" in str(caught.value)


def _longer(name: str, content: bytes) -> bytes:
    return content + b"\0" if name == "data/0" else content


CHANGED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "compressed": (lambda path: rezipped(path, lambda _, entry: entry, compression=zipfile.ZIP_DEFLATED), "compressed"),
    "no storage": (lambda path: rezipped(path, lambda name, entry: None if name == "data/0" else entry), "no entry"),
    "no pickle": (
        lambda path: rezipped(path, lambda name, entry: None if name == "data.pkl" else entry),
        "no data.pkl",
    ),
    "long storage": (lambda path: rezipped(path, _longer), "storage 0 has 49 bytes, but its tensors need 48"),
    "byte order": (
        lambda path: rezipped(path, lambda name, one: b"up" if name == "byteorder" else one),
        "a byte order",
    ),
    "twice": (lambda path: _added(path, "a/data/0", b""), "two entries of one name"),
    "two pickles": (lambda path: _added(path, "b/data.pkl", b""), "2 data.pkl"),
    "beyond": (lambda path: with_pickle(path, lambda one: one.replace(b"K\x03K\x04\x86", b"K\x05K\x04\x86")), "beyond"),
    "offset": (lambda path: with_pickle(path, lambda one: one.replace(b"QK\0", b"QK\1")), "beyond its storage"),
    "negative": (lambda path: with_pickle(path, lambda one: one.replace(b"QK\0", b"QI-1\n")), "no list of numbers"),
    "fewer": (lambda path: with_pickle(path, lambda one: one.replace(b"K\x0ct", b"K\x0bt")), "its tensors need 44"),
    "huge": (
        lambda path: with_pickle(path, lambda one: one.replace(b"K\x0ct", b"J\0\0\0\x7ft")),
        "larger than the file",
    ),
    "vast": (
        lambda path: with_pickle(path, lambda one: one.replace(b"K\x0ct", b"\x8a\x09" + b"\xff" * 8 + b"\0t")),
        "a storage without type, key or size",
    ),
    "ids": (lambda path: with_pickle(path, lambda one: one.replace(b"storage", b"borage!")), "names no storage"),
    "repeated": (
        lambda path: with_pickle(
            path,
            lambda one: one.replace(b"K\x03K\x04\x86", b"J\0\0\0\x40J\0\0\0\x40\x86").replace(b"K\x04K\x01", b"K\0K\0"),
        ),
        "repeats a small storage to more than 16777216 elements",
    ),
}


def _added(path: Path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(path, "a") as archive, pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)
        archive.writestr(name, content)


@pytest.mark.parametrize("change", CHANGED)
def test_changed_archives_are_refused_by_what_was_changed(tmp_path: Path, change: str) -> None:
    act, message = CHANGED[change]
    path = saved({"w": torch.ones(3, 4)}, tmp_path / "a.pth")
    act(path)
    with pytest.raises(WeightsError, match=rf"a\.pth: cannot be read as a PyTorch checkpoint.*\n.*{message}"):
        read_checkpoint(path)


@pytest.mark.parametrize("where", ["count", "end", "key"])
def test_changed_legacy_storages_are_refused(tmp_path: Path, where: str) -> None:
    path = saved({"w": torch.ones(3, 4)}, tmp_path / "a.pth", zipped=False)
    whole = path.read_bytes()
    if where == "count":
        whole, message = whole[:-56] + b"\x0d" + whole[-55:], "a storage of another size than its tensors need"
    elif where == "end":
        whole, message = whole[:-1], "the file ends within a storage"
    else:
        (key,) = pickle.loads(whole[whole.rindex(b"\x80\x02]") :])
        at = whole.rindex(key.encode())
        whole, message = whole[:at] + b"x" + whole[at + 1 :], "a storage that belongs to no tensor"
    path.write_bytes(whole)
    with pytest.raises(WeightsError, match=message):
        read_checkpoint(path)


ROW, FOUR = tensor() + b".", (4).to_bytes(8, "little") + bytes(16)
ARRAY = (
    b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\x01btR(I1\n%scnumpy\ndtype\n(S'f4'\nI0\nI1\ntR"
    b"(I3\nS'<'\ntbI00\nC\x08abcdefghtb."
)
BY_HAND: dict[str, tuple[bytes, str]] = {
    "missing": (legacy(ROW, [], b""), "1 storages are missing"),
    "unknown": (legacy(ROW, ["k", "l"], FOUR + FOUR), "a storage that belongs to no tensor"),
    "twice": (legacy(ROW, ["k", "k"], FOUR + FOUR), "a storage that belongs to no tensor"),
    "list": (legacy(ROW, 1, FOUR), "no list of storages after the content"),
    "keys": (legacy(ROW, [["k"]], FOUR), "a storage that belongs to no tensor"),
    "part": (legacy(tensor(b"I1\n") + b".", ["k"], FOUR), "a view without offset or size"),
    "types": (legacy(tensor() + tensor(kind="Int") + b".", ["k"], FOUR), "storage k is of two types or sizes"),
    "view": (legacy(tensor(b"(S'v'\nI3\nI2\nt") + b".", ["k"], FOUR), "a view beyond its storage"),
    "size": (legacy(tensor(size=5) + b".", ["k"], FOUR), "a tensor that reaches beyond its storage"),
    "number": (b"ctorch._utils\n_rebuild_tensor\n(I1\nI0\n(I1\nt(I1\nttR.", "a tensor without storage"),
    "array": (ARRAY % b"(I3\nt", "an array whose size and bytes differ"),
    "negative array": (ARRAY % b"(I-2\nt", "an array whose size and bytes differ"),
    "flat array": (ARRAY % b"I2\n", "an array whose size and bytes differ"),
    "state": (ARRAY.replace(b"(I3\nS'<'\nt", b"I3\n") % b"(I2\nt", "a numpy.dtype whose state does not fit it"),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_contradictions_are_refused_by_what_they_are(tmp_path: Path, case: str) -> None:
    content, message = BY_HAND[case]
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=rf"a\.pth: cannot be read as a PyTorch checkpoint.*\n.*{message}"):
        read_checkpoint(path)


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = saved({"w": torch.ones(1)}, tmp_path / "a.pth")
    whole = bytearray(path.read_bytes())
    at = whole.index(b"PK\x01\x02")
    while at >= 0:
        whole[at + 8] |= 1
        at = whole.find(b"PK\x01\x02", at + 1)
    path.write_bytes(whole)
    with pytest.raises(WeightsError, match=r"is compressed or encrypted, which torch\.save never does"):
        read_checkpoint(path)


def test_too_little_memory_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise MemoryError

    path = saved({"w": torch.ones(1)}, tmp_path / "a.pth")
    monkeypatch.setattr(torch, "empty", full)
    with pytest.raises(WeightsError, match="found: more than the memory of this machine holds"):
        read_checkpoint(path)


def small(path: Path, *, zipped: bool) -> bytes:
    """The bytes of a checkpoint with something of everything."""
    half = torch.arange(6).half().reshape(2, 3)
    content = {
        "state_dict": collections.OrderedDict(a=half, b=half.T, c=nn.Parameter(torch.ones(2) > 0, requires_grad=False)),
        "scores": [np.float64(0.5), np.arange(3), np.array(["x"])],
        "optimizer": Payload(os.getcwd),
        "meta": {"epoch": 1, (1, 2): {3}, "device": torch.device("cpu")},
    }
    return saved(content, path, zipped=zipped).read_bytes()


def damaged(whole: bytes) -> Iterator[bytes]:
    """The bytes cut off at 20 places, and 200 times with one to five of them changed."""
    chance = random.Random(11)
    for _ in range(20):
        yield whole[: chance.randrange(len(whole))]
    for _ in range(200):
        changed = bytearray(whole)
        for _ in range(chance.randint(1, 5)):
            changed[chance.randrange(len(whole))] = chance.randrange(256)
        yield bytes(changed)


@FORMATS
def test_any_damage_gives_a_checkpoint_or_a_readable_refusal(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / "a.pth"
    whole = small(path, zipped=zipped)
    outcomes = {True: 0, False: 0}
    for content in damaged(whole):
        path.write_bytes(content)
        outcomes[_readable(path)] += 1
    assert outcomes[True] > 5
    assert outcomes[False] > 50


def test_any_damage_to_the_pickle_behind_good_checksums(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    small(path, zipped=True)
    with zipfile.ZipFile(path) as archive:
        pickled = archive.read("a/data.pkl")
    outcomes = [_readable(with_pickle(path, lambda _, one=one: one)) for one in damaged(pickled)]
    assert 5 < sum(outcomes) < len(outcomes) - 50


def _readable(path: Path) -> bool:
    try:
        checkpoint = read_checkpoint(path)
        find_state(checkpoint.content, path)
    except WeightsError as error:
        assert str(error).isprintable() or "\n" in str(error)
        return False
    return True
