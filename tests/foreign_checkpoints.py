"""Checkpoints for the tests of reading them: as PyTorch writes them, and changed afterwards."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


class Payload:
    """What runs a function when a pickle of it is loaded."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.reduced = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.reduced

    def __call__(self) -> None:
        """Payloads may be functions of others: pickling asks for callables only."""


def saved(content: Any, path: Path, *, zipped: bool = True) -> Path:
    """A checkpoint that torch.save wrote."""
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def rezipped(path: Path, change: Callable[[str, bytes], bytes | None], **options: Any) -> Path:
    """The same archive with the content of each entry changed, or left out."""
    with zipfile.ZipFile(path) as archive:
        entries = [(name, change(name.split("/", 1)[1], archive.read(name))) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in entries:
            if content is not None:
                archive.writestr(name, content)
    return path


def legacy(content: bytes, keys: Any, storages: bytes) -> bytes:
    """A file in the format before zip, with a content pickled by hand."""
    header = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
    return header + content + pickle.dumps(keys, 2) + storages


def tensor(view: bytes = b"N", *, kind: str = "Float", size: int = 4) -> bytes:
    """The opcodes of one row over storage "k", which has four elements, or over a view of it."""
    storage = b"(S'storage'\nctorch\n%sStorage\nS'k'\nS'cpu'\nI4\n%stQ" % (kind.encode(), view)
    return b"ctorch._utils\n_rebuild_tensor\n(%sI0\n(I%d\nt(I1\nttR" % (storage, size)
