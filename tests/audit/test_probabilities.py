"""Probabilities on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskwright.audit.probabilities import Source, data_digest, read_probs, sources, take_over, write_probs
from maskwright.errors import RunError, UsageError
from tiny import tiny_dataset


def test_read_back_to_half_a_step(tmp_path: Path) -> None:
    probs = np.random.default_rng(0).dirichlet([1, 1, 1], (7, 5)).transpose(2, 0, 1).astype(np.float32)
    write_probs(tmp_path, "train/a", probs)
    read = read_probs(tmp_path, "train/a")
    assert read is not None and np.abs(read - probs).max() <= 0.5 / 255 + 1e-6
    assert read_probs(tmp_path, "train/b") is None


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", ""])
def test_no_way_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the id"):
        write_probs(tmp_path / "probs", name, np.zeros((2, 2, 2), np.float32))


def test_damaged_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(RunError, match=r"a\.npz: these are no probabilities"):
        read_probs(tmp_path, "a")


def test_new_ones_take_the_place_of_old_ones_as_a_whole(tmp_path: Path) -> None:
    probs = np.zeros((2, 2, 2), np.float32)
    write_probs(tmp_path / "probs", "lost", probs)
    write_probs(tmp_path / "made", "new", probs)
    new = Source({"data": "x"}, ("a", "b"), {"new": "0"}, (("audit.run_unknown", (("run", "r"),)),))
    take_over(tmp_path / "made", tmp_path / "probs", new)
    assert sources(tmp_path / "probs") == (new,)
    assert read_probs(tmp_path / "probs", "lost") is None and read_probs(tmp_path / "probs", "new") is not None
    assert not (tmp_path / "made").exists()
    assert sources(tmp_path / "nothing") == ()


def test_what_was_said_of_other_photos_stays(tmp_path: Path) -> None:
    probs = np.zeros((2, 2, 2), np.float32)
    for number, names in enumerate((("train/a", "val/b"), ("val/b", "val/c"))):
        for name in names:
            write_probs(tmp_path / "made", name, probs + number)
        photos = dict.fromkeys(names, str(number))
        take_over(tmp_path / "made", tmp_path / "probs", Source({"number": number}, ("a", "b"), photos))
    first, second = sources(tmp_path / "probs")
    assert (set(first.photos), set(second.photos)) == ({"train/a"}, {"val/b", "val/c"})
    kept, replaced = (read_probs(tmp_path / "probs", name) for name in ("train/a", "val/b"))
    assert kept is not None and kept.max() == 0 and replaced is not None and replaced.min() == 1


def test_an_opinion_holds_while_photo_and_classes_are_the_same() -> None:
    dataset = tiny_dataset()
    photos = {sample.id: sample.photo_key for sample in dataset[:2]}
    source = Source({}, dataset.classes.names, photos)
    assert [sample.id for sample in source.of(dataset)] == list(photos)
    changed = replace(dataset, samples=(replace(dataset[0], photo_digest="another"), *dataset.samples[1:]))
    assert [sample.id for sample in source.of(changed)] == [dataset[1].id]
    assert not len(replace(source, classes=("other",)).of(dataset))


def test_the_digest_is_of_photos_masks_and_targets() -> None:
    dataset = tiny_dataset()
    ids = [sample.id for sample in dataset]
    assert data_digest(dataset, ids) == data_digest(dataset[::-1], ids)
    assert data_digest(dataset, ids) != data_digest(dataset, ids[1:])
    assert data_digest(dataset, ids) != data_digest(dataset[1:], ids)
