"""Probabilities of photos that the model which gave them had not seen, on disk: one file per sample."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from maskwright.errors import RunError, UsageError, shown
from maskwright.storage import write_bytes


def write_probs(folder: Path, sample: str, probs: NDArray[np.float32]) -> None:
    """Keep the probabilities of one sample, whole or not at all.

    Args:
        folder: `probs/` of an audit.
        sample: the sample's id.
        probs: `(C, H, W) float32`; kept in steps of 1/255.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, format=np.asarray(1), probs=np.rint(255 * probs).astype(np.uint8))
    write_bytes(_path(folder, sample), buffer.getvalue())


def read_probs(folder: Path, sample: str) -> NDArray[np.float32] | None:
    """The probabilities of one sample, `(C, H, W) float32`, or None where none were kept.

    Raises:
        RunError: the file is damaged or of another format version.
    """
    path = _path(folder, sample)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if int(arrays["format"]) != 1:
                raise ValueError(f"format {arrays['format']}")
            return np.asarray(arrays["probs"].astype(np.float32) / 255)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise RunError(
            f"{shown(path)}: these are no probabilities.",
            expected="an .npz file, format 1",
            found=" ".join(str(error).split())[:120],
            do="Make them again: maskwright audit DATA --budget 15m",
        ) from None


def _path(folder: Path, sample: str) -> Path:
    parts = PurePosixPath(sample).parts
    if not parts or ".." in parts or PurePosixPath(sample).is_absolute():
        raise UsageError(f"{sample!r}: this cannot be the id of a sample.", do="Give an id such as train/000123.")
    return folder.joinpath(*parts[:-1], parts[-1] + ".npz")
