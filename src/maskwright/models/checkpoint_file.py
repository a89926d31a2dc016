"""Foreign PyTorch checkpoints (.pth, .pt, .ckpt, .bin), read without running anything that is in them."""

from __future__ import annotations

import io
import mmap
import struct
import sys
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from torch import Tensor

from maskwright.errors import WeightsError, shown
from maskwright.models.inert_pickle import Damaged, StandIn, printable, read_pickle
from maskwright.models.pickled_tensors import CALLS, MAX_REPEATED, VALUES, Storages

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
"""How the format begins that PyTorch wrote before 1.6, and still writes when it is asked to."""

STATES = ("state_dict", "model_state_dict", "model", "net", "network", "module")
AVERAGED = ("ema_state_dict", "model_ema", "ema", "teacher", "student")
"""Where training scripts put the weights, the likeliest first; averaged ones where there are no others."""

UNBUILT = ("torch._utils._rebuild_", "torch._tensor._rebuild_")
"""How the functions begin that make tensors: where one is not answered here, its stand-in was a tensor."""

PREFIXES = ("module.", "_orig_mod.")
"""What DataParallel and torch.compile put before every name."""

DAMAGE = (
    *(ValueError, LookupError, TypeError, AttributeError, OverflowError, RuntimeError, NotImplementedError, EOFError),
    *(OSError, MemoryError, struct.error, zipfile.BadZipFile, zlib.error),
)
"""What reading a file that may hold anything raises."""

OTHERS = (
    (0, b"version https://git-lfs", "a Git LFS pointer: the weights themselves were not fetched", "Run: git lfs pull"),
    (0, b"{", "a JSON file", "Where a checkpoint is in several files, use one of those, or a checkpoint in one."),
    (0, b"<", "a web page, saved under the name of the weights", "Download the file itself, not the page about it."),
    (8, b'{"', "a safetensors file", "Give it a name that ends in .safetensors."),
    (0, b"\x89HDF", "an HDF5 file, as Keras writes", "Use weights in PyTorch's or safetensors' format."),
    (0, b"\x1f\x8b", "a gzip archive", "Unpack it, and use the checkpoint inside."),
    (257, b"ustar", "a tar archive", "Use the checkpoint inside. (So did PyTorch before 0.2 write: save it anew.)"),
)
"""Offset, the bytes there, what such a file is, and the way out: what is often found under a checkpoint's name."""

PLAIN_STATE = "torch.save(model.state_dict(), 'weights.pth')"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds.

    Args:
        content: nested dict, list, tuple, set, str, bytes, number, bool, None, `Tensor`, dtype; a `StandIn` for
            everything else. Parameters and NumPy arrays are tensors too; all lie in memory, on the CPU.
        unread: dotted names of the classes and functions that were left out, sorted.
    """

    content: Any = field(repr=False)
    unread: tuple[str, ...]


def read_checkpoint(path: Path) -> Checkpoint:
    """Read what `torch.save` wrote, in its zip format or the one before, or a pickle of arrays; nothing in it is run.

    Args:
        path: the file.

    Raises:
        WeightsError: the file is missing, damaged or something else than a checkpoint.
    """
    try:
        with path.open("rb") as file:
            start = file.read(512)
            _refuse_others(path, start)
            read = _read_zip if start.startswith(b"PK\x03\x04") else _read_stream
            content, unread = read(path, file)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise WeightsError(
            f"{shown(path)}: cannot be opened.", found=str(error.strerror), do="Is the path right, and may you read it?"
        ) from None
    except DAMAGE as error:
        reason = "more than the memory of this machine holds" if isinstance(error, MemoryError) else str(error)
        raise WeightsError(
            f"{shown(path)}: cannot be read as a PyTorch checkpoint.",
            expected="a whole file that torch.save wrote",
            found=printable(reason or type(error).__name__),
            do="Copy or download the file again, whole.",
        ) from None
    return Checkpoint(content, tuple(sorted(unread)))


def find_state(content: Any, path: Path, unread: Sequence[str] = ()) -> tuple[dict[str, Tensor], str]:
    """The model's weights in what a checkpoint holds.

    Args:
        content: of a `Checkpoint`.
        path: the file, for messages.
        unread: of the same, for messages.

    Returns:
        The tensors by name, without what DataParallel and torch.compile put before every name; and in words, where
        they stood, what was taken off the names, and which values that are no tensors were left out.

    Raises:
        WeightsError: there are none, or one of them is of a class that is not built.
    """
    keys, state = _state_in(content)
    if state is None:
        raise _without_state(content, path, unread)
    objects = [f"{printable(name)} ({value.name})" for name, value in state.items() if isinstance(value, StandIn)]
    if objects:
        raise WeightsError(
            f"{shown(path)}: {_listed(objects)} is read without running it, and so cannot be had.",
            expected="plain tensors for all weights",
            do=f"Save them again where that class is installed, as plain tensors: {PLAIN_STATE}",
        )
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    others = [f"{printable(name)} ({type(state[name]).__name__})" for name in state if name not in tensors]
    _refuse_repeated(tensors, path)
    tensors, prefix = _without_prefix(tensors)
    said = [
        " > ".join(keys) or "the whole file",
        f"'{prefix}' taken off every name" if prefix else "",
        f"left out, being no tensors: {_listed(others)}" if others else "",
    ]
    return tensors, "; ".join(part for part in said if part)


def _refuse_repeated(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Weights share storages now and then; thousands that do are a bomb, since each becomes a tensor of its own."""
    places = {one.untyped_storage().data_ptr(): one for one in tensors.values()}
    stored = sum(one.untyped_storage().nbytes() // one.itemsize for one in places.values())
    elements = sum(one.numel() for one in tensors.values())
    if elements > 2 * stored + MAX_REPEATED:
        raise WeightsError(
            f"{shown(path)}: the weights repeat the same numbers over and over.",
            expected=f"about the {stored} numbers that the file holds",
            found=f"{elements} in {len(tensors)} tensors",
            do=f"Save them again, each with numbers of its own: {PLAIN_STATE}",
        )


def _refuse_others(path: Path, start: bytes) -> None:
    for offset, mark, what, way_out in OTHERS:
        if start[offset:].startswith(mark):
            raise WeightsError(
                f"{shown(path)}: is no PyTorch checkpoint.",
                expected="a file that torch.save wrote",
                found=what,
                do=way_out,
            )


# The two formats


def _read_zip(path: Path, file: IO[bytes]) -> tuple[Any, set[str]]:
    """A folder in a zip archive: data.pkl, and a file of raw numbers per storage under data/."""
    with zipfile.ZipFile(file) as archive:
        root = _root(path, archive.namelist())
        swapped = _byte_order(archive, root) != sys.byteorder
        storages = Storages(path.stat().st_size)

        def stored(persistent_id: Any) -> Any:
            key, view = storages.view(persistent_id)
            if key in storages.empty:
                storages.fill(key, _entry(archive, f"{root}data/{key}"), swapped=swapped)
            return view

        # Bytes without a type stay as they are; how wide their numbers are, only the tensors over them know.
        left_out = "torch._utils._rebuild_tensor_v3" if swapped else ""
        calls = {name: build for name, build in CALLS.items() if name != left_out}
        pickled = _entry(archive, f"{root}data.pkl")
        return read_pickle(io.BytesIO(pickled), values=VALUES, calls=calls, stored=stored, room=len(pickled))


def _root(path: Path, names: list[str]) -> str:
    """The folder, with its slash, in which `torch.save` put everything."""
    if any(name.endswith("/constants.pkl") for name in names):
        raise WeightsError(
            f"{shown(path)}: is a TorchScript program, not a checkpoint.",
            expected=f"what {PLAIN_STATE} writes",
            do="Where you trust it: torch.save(torch.jit.load('program.pt').state_dict(), 'weights.pth')",
        )
    roots = [name.removesuffix("data.pkl") for name in names if name.endswith("/data.pkl")]
    if len(roots) != 1:
        raise Damaged(f"a zip archive with {len(roots) or 'no'} data.pkl, of which torch.save writes one")
    if len(set(names)) != len(names):
        raise Damaged("a zip archive with two entries of one name")
    return roots[0]


def _byte_order(archive: zipfile.ZipFile, root: str) -> str:
    order = _entry(archive, f"{root}byteorder") if f"{root}byteorder" in archive.namelist() else b"little"
    if order not in (b"little", b"big"):
        raise Damaged("a byte order that is neither little nor big")
    return order.decode()


def _entry(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of an entry. `torch.save` neither compresses nor encrypts, so none is larger than the file."""
    try:
        entry = archive.getinfo(name)
    except KeyError:
        raise Damaged(f"no entry {printable(name)}") from None
    if entry.flag_bits & 1 or entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise Damaged(f"{printable(name)} is compressed or encrypted, which torch.save never does")
    if entry.CRC == 0:
        del entry.CRC  # torch.serialization.set_crc32_options(False) leaves zeros, and zipfile would check them
    with archive.open(entry) as file:
        return file.read()


def _read_stream(path: Path, file: IO[bytes]) -> tuple[Any, set[str]]:
    """The format before zip: magic number, protocol, facts about the machine, content, storage keys, storages.

    Without the magic number the first pickle is all there is.
    """
    size = path.stat().st_size
    storages = Storages(size)
    read = partial(read_pickle, values=VALUES, calls=CALLS, room=size)
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        first, unread = read(mapped, stored=_no_storage)
        if type(first) is not int or first != MAGIC:
            return first, unread
        protocol, _ = read(mapped, stored=_no_storage)
        if type(protocol) is not int or protocol != PROTOCOL:
            raise Damaged(f"another protocol than {PROTOCOL}")
        read(mapped, stored=_no_storage)
        content, unread = read(mapped, stored=lambda persistent_id: storages.view(persistent_id)[1])
        keys, _ = read(mapped, stored=_no_storage)
        if type(keys) is not list:
            raise Damaged("no list of storages after the content")
        for key in keys:
            numel, length = storages.size(key)
            if int.from_bytes(_exactly(mapped, 8), "little") != numel:
                raise Damaged("a storage of another size than its tensors need")
            # Always little-endian, whatever machine wrote it.
            storages.fill(key, _exactly(mapped, length), swapped=sys.byteorder == "big")
    if storages.empty:
        raise Damaged(f"{len(storages.empty)} storages are missing")
    return content, unread


def _no_storage(_persistent_id: Any) -> Any:
    raise Damaged("a pickle that refers to storages outside of it")


def _exactly(file: mmap.mmap, length: int) -> bytes:
    read = file.read(length)
    if len(read) != length:
        raise Damaged("the file ends within a storage")
    return read


# The weights among what a training keeps


def _state_in(content: Any, depth: int = 0) -> tuple[tuple[str, ...], dict[str, Any] | None]:
    """The keys that lead to the weights, and these, or None; the innermost of the known places."""
    if type(content) is not dict or depth > 4:
        return (), None
    for key in (*STATES, *AVERAGED):
        keys, state = _state_in(content.get(key), depth + 1)
        if state is not None:
            return (key, *keys), state
    tensors = sum(map(_was_tensor, content.values()))
    named = all(type(name) is str for name in content)
    return (), content if named and tensors and 2 * tensors >= len(content) else None


def _was_tensor(value: Any) -> bool:
    return isinstance(value, Tensor) or (isinstance(value, StandIn) and value.name.startswith(UNBUILT))


def _without_state(content: Any, path: Path, unread: Sequence[str]) -> WeightsError:
    inside = content if type(content) is dict else {}
    objects = [one for one in (content, *map(inside.get, (*STATES, *AVERAGED))) if isinstance(one, StandIn)]
    if objects:
        return WeightsError(
            f"{shown(path)}: holds a pickled model object ({objects[0].name}), not its weights.",
            expected=f"what {PLAIN_STATE} writes",
            do=f"Load it where its code is installed and you trust it, and save the weights alone: {PLAIN_STATE}",
        )
    names = [printable(key, 40) if type(key) is str else f"a {type(key).__name__}" for key in inside]
    return WeightsError(
        f"{shown(path)}: no weights are found in this checkpoint.",
        expected=f"tensors by name, by themselves or under {', '.join(STATES)}",
        found=(_listed(names) or f"a {type(content).__name__} without any")
        + (f"; not run: {_listed(list(unread))}" if unread else ""),
        do=f"Save them alone: {PLAIN_STATE}",
    )


def _listed(names: list[str], limit: int = 5) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _without_prefix(tensors: dict[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    taken = ""
    while prefix := next((one for one in PREFIXES if all(name.startswith(taken + one) for name in tensors)), ""):
        taken += prefix
    return {name.removeprefix(taken): tensor for name, tensor in tensors.items()}, taken
