"""Probabilities of photos that the model which gave them had not seen, on disk: one file per sample."""

from __future__ import annotations

import contextlib
import hashlib
import io
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.data.dataset import Dataset
from maskwright.data.listing import Note
from maskwright.errors import RunError, UsageError, shown
from maskwright.storage import read_json, write_bytes, write_json

INDEX = "index.json"
"""Says what the probabilities beside it were made from."""


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


def has_probs(folder: Path, sample: str) -> bool:
    """Whether there are probabilities of a sample in a folder; see `read_probs`."""
    return _path(folder, sample).is_file()


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


@dataclass(frozen=True)
class Source:
    """Models that judged some photos, and what is known of them.

    Args:
        about: what the probabilities were made from.
        classes: the names of the classes, by id.
        photos: id -> `Sample.photo_key` of each photo: what was said holds as long as the photo is the same.
        notes: what a reader has to be told, as (sentence key, facts).
    """

    about: Mapping[str, Any]
    classes: tuple[str, ...]
    photos: Mapping[str, str]
    notes: tuple[Note, ...] = ()

    def of(self, dataset: Dataset) -> Dataset:
        """The samples of a dataset that it judged and whose photos and classes are still the same."""
        known = self.photos if self.classes == dataset.classes.names else {}
        return dataset.filter(lambda sample: known.get(sample.id) == sample.photo_key)


def sources(folder: Path) -> tuple[Source, ...]:
    """Where the probabilities in a folder come from, the latest last; nothing where that is not known."""
    try:
        return tuple(_source(each) for each in read_json(folder / INDEX, format_version=2)["sources"])
    except (RunError, KeyError, TypeError, ValueError):
        return ()


def begin(folder: Path, source: Source) -> None:
    """Say of a new folder what the probabilities that will be written there come from.

    Args:
        folder: where they will be written.
        source: where they come from.
    """
    write_json(folder / INDEX, {"format": 2, "sources": [asdict(source)]})


def take_over(made: Path, folder: Path, source: Source) -> None:
    """Put whole new probabilities in the place of old ones of the same samples; those of other samples stay.

    Args:
        made: where they were written so far; it is gone afterwards.
        folder: `probs/` of an audit.
        source: where they come from.
    """
    kept = []
    for old in sources(folder):
        others = {name: key for name, key in old.photos.items() if name not in source.photos}
        for name in others:
            _path(made, name).parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(_path(folder, name), _path(made, name))
        kept += [replace(old, photos=others)] if others else []
    write_json(made / INDEX, {"format": 2, "sources": [asdict(each) for each in (*kept, source)]})
    shutil.rmtree(folder, ignore_errors=True)
    made.rename(folder)


def data_digest(dataset: Dataset, targets: Sequence[str]) -> str:
    """Hex digest of photos, masks and classes, and of which of them are to be judged.

    Args:
        dataset: everything that is learned from or judged.
        targets: ids of the samples to be judged.
    """
    hasher = hashlib.blake2b(repr(dataset.classes.names).encode(), digest_size=16)
    wanted = set(targets)
    for sample in sorted(dataset, key=lambda sample: sample.id):
        hasher.update(f"{sample.id}\0{sample.digest}\0{sample.group}\0{sample.id in wanted}\0".encode())
    return hasher.hexdigest()


def _source(value: Mapping[str, Any]) -> Source:
    notes = tuple((str(key), tuple((str(name), str(fact)) for name, fact in facts)) for key, facts in value["notes"])
    return Source(dict(value["about"]), tuple(value["classes"]), dict(value["photos"]), notes)


def _path(folder: Path, sample: str) -> Path:
    parts = PurePosixPath(sample).parts
    if not parts or ".." in parts or PurePosixPath(sample).is_absolute():
        raise UsageError(f"{sample!r}: this cannot be the id of a sample.", do="Give an id such as train/000123.")
    return folder.joinpath(*parts[:-1], parts[-1] + ".npz")
