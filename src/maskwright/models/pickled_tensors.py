"""How tensors and arrays come out of a pickle: the names that a checkpoint uses, and what answers them here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from maskwright.models.inert_pickle import PLAIN_CALLS, Damaged, StandIn, Unfilled, printable

MAX_REPEATED = 1 << 24
"""Elements of a tensor that repeats a smaller storage, as expanded tensors do: what is made of it has all of them."""

MAX_DIMENSIONS = 64
"""PyTorch computes with no more."""


@dataclass
class Storages:
    """The storages of a file: one-dimensional tensors, made when they are first named and filled when they are read.

    Args:
        room: bytes that the storages together can have, being in the file.
        known: the storages by key.
        empty: the keys of those that are still to be filled.
    """

    room: int
    known: dict[str, Tensor] = field(default_factory=dict)
    empty: set[str] = field(default_factory=set)

    def view(self, persistent_id: Any) -> tuple[str, Any]:
        """The key of a storage, and the part of it that is meant.

        Args:
            persistent_id: `("storage", type, key, location, elements)`, before the zip format with a sixth:
                None, or `(key of the view, offset, elements)`.

        Raises:
            Damaged: it is anything else, or contradicts an earlier one.
        """
        if type(persistent_id) is not tuple or not persistent_id:
            raise Damaged("a persistent id that names no storage")
        what, *rest = persistent_id
        if what == "module" and len(rest) == 3:  # a pickled model: its class comes with the text of its source
            return "", rest[0]
        if what != "storage" or len(rest) not in (4, 5):
            raise Damaged("a persistent id that names no storage")
        dtype, key, _location, numel, *view = rest
        if type(dtype) is not torch.dtype or type(key) is not str or not _are_sizes([numel]):
            raise Damaged("a storage without type, key or size")
        storage = self._made(key, dtype, numel)
        if not view or view[0] is None:
            return key, storage
        if type(view[0]) is not tuple or len(view[0]) != 3:
            raise Damaged("a view without offset or size")
        _view_key, offset, length = view[0]
        if not _are_sizes([offset, length]) or offset + length > numel:
            raise Damaged("a view beyond its storage")
        return key, storage[offset : offset + length]

    def size(self, key: Any) -> tuple[int, int]:
        """The elements and bytes of a storage that is still to be filled.

        Raises:
            Damaged: there is none.
        """
        if type(key) is not str or key not in self.empty:
            raise Damaged("a storage that belongs to no tensor")
        return self.known[key].numel(), self.known[key].nbytes

    def fill(self, key: str, content: bytes, *, swapped: bool) -> None:
        """Put the bytes of the file into a storage.

        Args:
            key: of a storage that is in `empty`.
            content: its bytes in the file.
            swapped: whether the bytes of each number stand the other way round.

        Raises:
            Damaged: the numbers of bytes differ.
        """
        storage = self.known[key]
        if len(content) != storage.nbytes:
            raise Damaged(f"storage {printable(key)} has {len(content)} bytes, but its tensors need {storage.nbytes}")
        self.empty.remove(key)
        raw = storage.view(torch.uint8).numpy()
        raw[:] = np.frombuffer(content, np.uint8)
        if swapped:
            width = storage.itemsize // (2 if storage.is_complex() else 1)
            raw[:] = raw.reshape(-1, width)[:, ::-1].reshape(-1)
        if storage.dtype == torch.bool:
            np.minimum(raw, 1, out=raw)

    def _made(self, key: str, dtype: torch.dtype, numel: int) -> Tensor:
        if key not in self.known:
            length = numel * dtype.itemsize
            self.room -= length
            if self.room < 0:
                raise Damaged("the storages are larger than the file: it ends early, or it says so falsely")
            self.known[key] = torch.empty(length, dtype=torch.uint8).view(dtype)
            self.empty.add(key)
        storage = self.known[key]
        if storage.dtype != dtype or storage.numel() != numel:
            raise Damaged(f"storage {printable(key)} is of two types or sizes")
        return storage


def _are_sizes(numbers: Any) -> bool:
    """Whether this is a list of sizes that any tensor can have."""
    if type(numbers) not in (tuple, list) or len(numbers) > MAX_DIMENSIONS:
        return False
    return all(type(number) is int and 0 <= number < 1 << 62 for number in numbers)


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_autograd: Any) -> Any:
    """A tensor over a storage, once it is sure to lie within; none over what stands in for a storage."""
    if isinstance(storage, StandIn):
        return NotImplemented
    if not isinstance(storage, Tensor) or storage.ndim != 1 or not storage.is_contiguous():
        raise Damaged("a tensor without storage")
    if not (_are_sizes([offset]) and _are_sizes(size) and _are_sizes(stride)) or len(size) != len(stride):
        raise Damaged("a tensor whose size and strides are no list of numbers")
    numel = math.prod(size)
    last = offset + sum((length - 1) * step for length, step in zip(size, stride, strict=True))
    if numel and last >= storage.numel():
        raise Damaged("a tensor that reaches beyond its storage")
    if numel > max(storage.numel(), MAX_REPEATED):
        raise Damaged(f"a tensor that repeats a small storage to more than {MAX_REPEATED} elements")
    if not numel:
        return torch.empty(size, dtype=storage.dtype)
    return storage.as_strided(size, stride, storage.storage_offset() + offset)


def _tensor_v2(storage: Any, offset: Any, size: Any, stride: Any, _grad: Any, _hooks: Any, metadata: Any = None) -> Any:
    """With metadata it is a conjugated or negated view, which no weights are."""
    return NotImplemented if metadata else _tensor(storage, offset, size, stride)


def _tensor_v3(
    raw: Any, offset: Any, size: Any, stride: Any, _grad: Any, _hooks: Any, dtype: Any, metadata: Any = None
) -> Any:
    """A tensor of a type that has no storage type, over bytes."""
    if metadata or dtype not in UNTYPED or not isinstance(raw, Tensor) or raw.dtype != torch.uint8 or raw.ndim != 1:
        return NotImplemented
    return _tensor(raw[: raw.numel() // dtype.itemsize * dtype.itemsize].view(dtype), offset, size, stride)


def _parameter(tensor: Any, *_: Any) -> Any:
    return tensor if isinstance(tensor, Tensor | StandIn) else NotImplemented


def _subclassed(function: Any, _kind: Any, arguments: Any, _state: Any) -> Any:
    """The numbers of a tensor that has attributes, or whose class is not torch's own."""
    build = TENSORS.get(function.name)
    return NotImplemented if build is None else build(*arguments)


def _device(kind: Any, index: Any = 0) -> Any:
    """As text."""
    return f"{printable(kind)}:{index}" if type(kind) is str and type(index) is int else NotImplemented


TENSORS: Mapping[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor_v2,
    "torch._utils._rebuild_tensor_v3": _tensor_v3,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
}


# NumPy


def _numpy_dtype(code: Any, *_: Any) -> Any:
    if type(code) is not str or code not in NUMBERS:
        return NotImplemented
    return Unfilled("numpy.dtype", partial(_ordered, np.dtype(code)))


def _ordered(dtype: np.dtype[Any], state: Any) -> Any:
    """With the byte order that the state names."""
    return dtype.newbyteorder(state[1]) if state[1] in ("<", ">", "=", "|") else NotImplemented


def _numpy_array(kind: Any, *_: Any) -> Any:
    return Unfilled("numpy.ndarray", _with_state) if kind is VALUES["numpy.ndarray"] else NotImplemented


def _with_state(state: Any) -> Any:
    *_version, shape, dtype, by_columns, raw = state
    return _numbers(raw, dtype, shape, "F" if by_columns else "C")


def _numbers(raw: Any, dtype: Any, shape: Any, order: Any) -> Any:
    """A tensor of the numbers in a NumPy array."""
    raw = raw.encode("latin-1") if type(raw) is str else raw  # as Python 2 pickled bytes
    if not isinstance(dtype, np.dtype) or type(raw) is not bytes or order not in ("C", "F"):
        return NotImplemented
    if not _are_sizes(shape) or math.prod(shape) * dtype.itemsize != len(raw):
        raise Damaged("an array whose size and bytes differ")
    array = np.ndarray(shape, dtype, raw, order="F" if order == "F" else "C")
    if dtype.kind == "b":
        array = np.asarray(array.view(np.uint8) != 0)
    return torch.from_numpy(array.astype(dtype.newbyteorder("="), order="C"))


def _numpy_scalar(dtype: Any, raw: Any = b"") -> Any:
    number = _numbers(raw, dtype, (), "C")
    return number.item() if isinstance(number, Tensor) else NotImplemented


NUMBERS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
"""The types of NumPy's that are read."""

KINDS = {
    "Float": torch.float32,
    "Double": torch.float64,
    "Half": torch.float16,
    "BFloat16": torch.bfloat16,
    "Long": torch.int64,
    "Int": torch.int32,
    "Short": torch.int16,
    "Char": torch.int8,
    "Byte": torch.uint8,
    "Bool": torch.bool,
    "ComplexFloat": torch.complex64,
    "ComplexDouble": torch.complex128,
}
"""How types of storages are called."""

UNTYPED = (
    *(torch.uint16, torch.uint32, torch.uint64),
    *(torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz),
)
"""Types whose tensors are stored as bytes."""

VALUES: Mapping[str, Any] = {
    **{f"{module}.{kind}Storage": dtype for module in ("torch", "torch.cuda") for kind, dtype in KINDS.items()},
    **{str(dtype): dtype for dtype in (*KINDS.values(), *UNTYPED)},
    **dict.fromkeys(("torch.UntypedStorage", "torch.storage.UntypedStorage"), torch.uint8),
    **{name: StandIn(name) for name in ("torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer")},
    "numpy.ndarray": StandIn("numpy.ndarray"),
}
"""What a checkpoint may name; types of storages are the types of their elements."""

CALLS: Mapping[str, Callable[..., Any]] = {
    **PLAIN_CALLS,
    **TENSORS,
    "torch._tensor._rebuild_from_type_v2": _subclassed,
    "torch.Size": lambda sizes=(): tuple(sizes),
    "torch.device": _device,
    "numpy.dtype": _numpy_dtype,
    "numpy._core.multiarray._reconstruct": _numpy_array,
    "numpy._core.multiarray.scalar": _numpy_scalar,
    "numpy._core.numeric._frombuffer": _numbers,
}
"""What a checkpoint may call, and what is called instead."""
