"""Which photos a run may judge: known photo by photo, of older runs split by split, of strangers not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from maskwright.data.dataset import Dataset
from maskwright.data.statistics import describe
from maskwright.errors import RunError
from maskwright.sentences import say
from maskwright.storage import write_json
from maskwright.workflow.unseen import unseen_by
from tiny import tiny_dataset

TRAIN, VAL = [f"train/{number}" for number in range(6)], [f"val/{number}" for number in range(3)]


def _run(folder: Path, dataset: Dataset) -> Path:
    write_json(folder / "data.json", describe(dataset).to_json())
    return folder


def _older(run: Path) -> Path:
    """The same run as it was written before photos were kept one by one."""
    value = json.loads((run / "data.json").read_text())
    for split in value["splits"].values():
        del split["photos"]
    write_json(run / "data.json", value)
    return run


def _all(dataset: Dataset) -> list[str]:
    return [sample.id for sample in dataset]


def _said(notes: Any) -> dict[str, int]:
    for key, facts in notes:
        assert all(str(dict(facts)["run"]) in say(key, lang, **dict(facts)) for lang in ("en", "ru"))
    return {key: int(dict(facts)["count"]) for key, facts in notes}


def test_what_it_was_trained_on_is_left_out_and_what_chose_its_weights_is_told(tmp_path: Path) -> None:
    dataset = tiny_dataset()
    unseen, notes = unseen_by(_run(tmp_path, dataset), dataset, _all(dataset))
    assert unseen == VAL
    assert _said(notes) == {"audit.run_trained_on": 6, "audit.run_chosen_on": 3}
    with pytest.raises(RunError, match=r"(?s)trained on all photos.*6 labelled photos.*--split val.*--budget 15m"):
        unseen_by(tmp_path, dataset, TRAIN)


def test_a_photo_that_was_left_out_or_repainted_since_makes_nothing_unseen(tmp_path: Path) -> None:
    dataset = tiny_dataset()
    run = _run(tmp_path, replace(dataset, samples=tuple(replace(each, photo_digest=each.id) for each in dataset)))
    repainted = tuple(replace(each, photo_digest=each.id, digest=f"{each.id} repainted") for each in dataset)
    mended = replace(dataset, samples=repainted[1:])
    with pytest.raises(RunError, match="trained on all"):
        unseen_by(run, mended, TRAIN[1:])


@pytest.mark.parametrize(
    "change", [{"split": "val"}, {"id": "val/new", "split": "val", "photo_digest": "a mirror image"}]
)
def test_moved_photos_and_copies_are_known_again(tmp_path: Path, change: dict[str, str]) -> None:
    dataset = tiny_dataset()
    run = _run(tmp_path, dataset)
    first = replace(dataset[0], group="twins")
    copy = replace(first, **change)
    samples = [first, copy, *dataset.samples[1:]] if "id" in change else [copy, *dataset.samples[1:]]
    moved = replace(dataset, samples=tuple(samples))
    unseen, notes = unseen_by(run, moved, [sample.id for sample in moved.split("val")])
    assert unseen == VAL
    assert _said(notes) == {"audit.run_trained_on": 1, "audit.run_chosen_on": 3}


def test_new_photos_are_judged_without_a_word(tmp_path: Path) -> None:
    dataset, others = tiny_dataset(), tiny_dataset(seed=1)
    new = tuple(replace(each, id=f"new/{each.id}", digest=f"new {each.id}") for each in others)
    both = replace(dataset, samples=(*dataset.samples, *new))
    unseen, notes = unseen_by(_run(tmp_path, dataset), both, [sample.id for sample in new])
    assert unseen == [sample.id for sample in new] and notes == ()


@pytest.mark.parametrize("form", [_older, lambda run: _bundled(_older(run))])
def test_older_runs_are_compared_split_by_split_and_say_so(tmp_path: Path, form: Callable[[Path], Path]) -> None:
    dataset = tiny_dataset()
    unseen, notes = unseen_by(form(_run(tmp_path, dataset)), dataset, _all(dataset))
    assert unseen == VAL
    assert _said(notes) == {"audit.run_whole_splits": 0, "audit.run_trained_on": 6, "audit.run_chosen_on": 3}
    fewer = dataset[1:]
    unseen, notes = unseen_by(tmp_path, fewer, TRAIN[1:])
    assert unseen == TRAIN[1:] and "audit.run_whole_splits" in _said(notes)


def test_a_stranger_is_heard_and_that_is_said(tmp_path: Path) -> None:
    dataset = tiny_dataset()
    unseen, notes = unseen_by(tmp_path, dataset, TRAIN)
    assert unseen == TRAIN and _said(notes) == {"audit.run_unknown": 0}


def _bundled(run: Path) -> Path:
    """As a bundle of that time says it."""
    splits = json.loads((run / "data.json").read_text())["splits"]
    data = {name: split["digest"] for name, split in splits.items()}
    write_json(run / "bundle.json", {"format": 1, "files": {}, "data": data})
    return run
