"""A new dataset from a journal: the same bytes each time, and nothing of the old one touched."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from maskwright import convert, mend, read
from maskwright.data.dataset import Dataset
from maskwright.data.reading import look_over
from maskwright.data.sample import Sample
from maskwright.errors import DataError, RunError, UsageError
from maskwright.review.journal import Journal
from small_folders import mask, photo, save, split_folder, tree_digest


def _decided(data: Path, **choices: str | np.ndarray) -> Path:
    """A journal beside the data: sample "train/000" is given as train_000; an array is a new mask."""
    journal = Journal(data.with_name("decided") / "journal.jsonl", read(data, allow_leak=True))
    for name, choice in choices.items():
        sample = name.replace("_", "/", 1)
        action, painted = ("relabel", choice) if isinstance(choice, np.ndarray) else (choice, None)
        seen = journal.version(sample)
        journal.decide(sample, action, seen=seen, who="ann", why=f"{action} <it> | now", mask=painted)  # type: ignore[arg-type]
    return journal.path


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_decisions_become_a_dataset(tmp_path: Path) -> None:
    data, out = split_folder(tmp_path / "data"), tmp_path / "new"
    new_mask = mask(2, 1)
    journal = _decided(data, train_000="exclude", train_001=new_mask, val_002="keep", val_003="exclude")
    before = tree_digest(data)
    mended = mend(read(data), journal, out)
    assert tree_digest(data) == before
    old, new = _files(data), _files(out)
    gone = {f"{kind}/{name}.png" for kind in ("images", "masks") for name in ("train/000", "val/003")}
    assert set(old) - set(new) == gone
    assert set(new) - set(old) == {"changes.jsonl", "changes.md"}
    changed = {name for name in {*old} & {*new} if old[name] != new[name]} - {"classes.yaml"}
    assert changed == {"masks/train/001.png"}
    again = read(out)
    assert again.classes == read(data).classes
    assert np.array_equal(_sample(again, "train/001").mask(), new_mask)
    assert (mended.samples, mended.count("exclude"), mended.count("relabel")) == (30, 2, 1)
    assert not mended.moved


def test_the_same_decisions_give_the_same_bytes(tmp_path: Path) -> None:
    data = split_folder(tmp_path / "data")
    journal = _decided(data, train_000="exclude", train_001=mask(2, 1), train_002=mask(255))
    for name, given in (("one", read(data)), ("two", data)):
        mend(given, journal, tmp_path / name)
    assert _files(tmp_path / "one") == _files(tmp_path / "two")


def test_the_record_says_what_changed_and_who_said_why(tmp_path: Path) -> None:
    data, out = split_folder(tmp_path / "data"), tmp_path / "new"
    journal = _decided(data, train_000="exclude", train_001=mask(2, 1))
    mend(read(data), journal, out)
    lines = [json.loads(line) for line in (out / "changes.jsonl").read_text().splitlines()]
    assert [(line["sample"], line["action"], line["who"]) for line in lines] == [
        ("train/000", "exclude", "ann"),
        ("train/001", "relabel", "ann"),
    ]
    assert lines[1]["changed_px"] == int(np.count_nonzero(mask(2) != mask(2, 1)))
    assert lines[1]["before_px"] == {"background": 172, "cat": 0, "dog": 20}
    assert lines[1]["after_px"] == {"background": 152, "cat": 20, "dog": 20}
    page = (out / "changes.md").read_text()
    assert "data: 32 samples before, 31 after. Left out: 1. With a new mask: 1." in page
    assert "| train/000 | left out | exclude &lt;it> \\| now | ann | 20" in page
    mend(read(data), journal, tmp_path / "ru", lang="ru")
    assert "Исключено: 1. С новой маской: 1." in (tmp_path / "ru" / "changes.md").read_text()


def test_the_last_decision_counts(tmp_path: Path) -> None:
    data = split_folder(tmp_path / "data")
    _decided(data, train_000="exclude", train_001=mask(2, 1), train_002="exclude")
    journal = _decided(data, train_000="clear", train_001="keep", train_002=mask(1, 2))
    assert mend(read(data), journal, tmp_path / "new").samples == 32
    assert _files(tmp_path / "new")["masks/train/001.png"] == _files(data)["masks/train/001.png"]
    assert np.array_equal(_sample(read(tmp_path / "new"), "train/002").mask(), mask(1, 2))


def test_links_are_for_photos_only(tmp_path: Path) -> None:
    data, out = split_folder(tmp_path / "data"), tmp_path / "new"
    mended = mend(read(data), _decided(data, train_001=mask(2, 1)), out, link=True)
    assert mended.linked == 32
    assert (out / "images/train/000.png").samefile(data / "images/train/000.png")
    assert not (out / "images/train/000.png").is_symlink()
    assert not (out / "masks/train/000.png").samefile(data / "masks/train/000.png")


def test_where_links_cannot_be_had_photos_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, out = split_folder(tmp_path / "data"), tmp_path / "new"
    journal = _decided(data, train_000="exclude")

    def refuse(*_: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert mend(read(data), journal, out, link=True).linked == 0
    assert (out / "images/train/001.png").read_bytes() == (data / "images/train/001.png").read_bytes()


def test_splits_that_are_lists_become_folders(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "new"
    for number in range(30):
        save(data / "images" / f"{number:02d}.png", photo(number))
        save(data / "masks" / f"{number:02d}.png", mask(1 + number % 2))
    (data / "classes.yaml").write_text("names: [background, cat, dog]\n")
    (data / "train.txt").write_text("".join(f"{number:02d}\n" for number in range(20)))
    (data / "val.txt").write_text("".join(f"{number:02d}\n" for number in range(20, 29)))
    mended = mend(read(data), _decided(data, train_03="exclude", val_21=mask(2, 1)), out)
    assert mended.moved
    again = read(out)
    assert {sample.id for sample in again} == {sample.id for sample in read(data)} - {"train/03"}
    assert np.array_equal(_sample(again, "val/21").mask(), mask(2, 1))


def test_drawn_splits_stay_as_they_were_drawn(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "new"
    for number in range(40):
        save(data / f"{number:02d}.png", photo(number))
        save(data / f"{number:02d}_mask.png", mask(1 + number % 2))
    (data / "classes.yaml").write_text("names: [background, cat, dog]\n")
    dataset = read(data)
    excluded = dataset.split("val")[0].id
    journal = Journal(tmp_path / "j" / "journal.jsonl", dataset)
    journal.decide(excluded, "exclude", seen=journal.version(excluded), who="ann")
    assert mend(dataset, journal.path, out).moved
    old = {sample.id: sample.split for sample in dataset if sample.id != excluded}
    assert {sample.id.split("/")[-1]: sample.split for sample in read(out)} == old


def test_a_mask_of_colours_is_replaced_by_one_that_reads_the_same(tmp_path: Path) -> None:
    data, out = split_folder(tmp_path / "data"), tmp_path / "new"
    (data / "classes.yaml").write_text(
        "names: [background, cat, dog]\ncolours: [[0, 0, 0], [250, 0, 0], [0, 250, 0]]\nignore: null\n"
    )
    for file in (data / "masks").rglob("*.png"):
        save(file, np.array([[0, 0, 0], [250, 0, 0], [0, 250, 0]], np.uint8)[mask(1 + int(file.stem) % 2)])
    mend(read(data), _decided(data, train_001=mask(1, 2, 255)), out)
    again = read(out)
    assert np.array_equal(_sample(again, "train/001").mask(), mask(1, 2, 255))
    assert np.array_equal(_sample(again, "train/000").mask(), _sample(read(data), "train/000").mask())


def test_a_journal_of_other_data_is_refused_and_nothing_written(tmp_path: Path) -> None:
    data, out = split_folder(tmp_path / "data"), tmp_path / "new"
    journal = _decided(data, train_000="exclude", train_001=mask(2, 1))
    save(data / "masks/train/001.png", mask(2, 2))
    with pytest.raises(DataError, match=r"(?s)made for other data.*changed since: train/001; split train"):
        mend(read(data), journal, out)
    save(data / "masks/train/001.png", mask(2))
    save(data / "masks/train/009.png", mask(1, 1))
    with pytest.raises(DataError, match=r"(?s)found: split train\n.*the next decision in maskwright review"):
        mend(read(data), journal, out)
    assert not out.exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_folders_that_hold_something_are_refused(tmp_path: Path) -> None:
    data = split_folder(tmp_path / "data")
    journal = _decided(data, train_000="exclude")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"(?s)something lies there already.*Name another folder"):
        mend(read(data), journal, tmp_path / "full")
    with pytest.raises(UsageError, match="lies inside the data"):
        mend(read(data), journal, data / "new")
    (tmp_path / "empty").mkdir()
    assert mend(read(data), journal, tmp_path / "empty").samples == 31


def test_a_missing_mask_stops_it_without_leftovers(tmp_path: Path) -> None:
    data, out = split_folder(tmp_path / "data"), tmp_path / "new"
    journal = _decided(data, train_001=mask(2, 1))
    for file in (journal.parent / "masks").rglob("*.png"):
        file.unlink()
    with pytest.raises(RunError, match=r"(?s)cannot be used.*no such file.*Copy the journal together with masks"):
        mend(read(data), journal, out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "decided"]


def test_what_cannot_be_read_is_left_out_and_told(tmp_path: Path) -> None:
    data, out = split_folder(tmp_path / "data"), tmp_path / "new"
    (data / "masks/train/005.png").write_bytes(b"")
    mended = mend(read(data), _decided(data, train_000="exclude"), out)
    assert mended.samples == 30
    assert "| train/005 | left out, unusable | masks/train/005.png" in (out / "changes.md").read_text()
    assert not (out / "images/train/005.png").exists()


def test_a_dataset_in_memory_is_refused(tmp_path: Path) -> None:
    data = split_folder(tmp_path / "data")
    journal, dataset = _decided(data, train_000="exclude"), read(data)
    with pytest.raises(UsageError, match="lies in memory"):
        mend(Dataset(dataset.classes, dataset.samples), journal, tmp_path / "new")


def _sample(dataset: Dataset, name: str) -> Sample:
    return next(sample for sample in dataset if sample.id == name)


@pytest.mark.parametrize("format_name", ["coco", "yolo", "labelme", "cvat", "label-studio"])
def test_masks_from_annotation_files_become_pictures(format_name: str, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "new"
    convert(split_folder(tmp_path / "folders"), to=format_name, out=data)
    dataset = look_over(data)
    first, second, third = list(dataset)[:3]
    journal = Journal(tmp_path / "decided" / "journal.jsonl", dataset)
    new_mask = np.roll(np.array(first.mask()), 3, axis=0)
    journal.decide(first.id, "relabel", seen=journal.version(first.id), who="ann", mask=new_mask)
    journal.decide(second.id, "exclude", seen=journal.version(second.id), who="ann")
    mended = mend(dataset, journal.path, out)
    assert mended.moved
    again = {sample.id: sample for sample in read(out)}
    assert again.keys() == {sample.id for sample in dataset} - {second.id}
    assert np.array_equal(again[first.id].mask(), new_mask)
    assert np.array_equal(again[third.id].mask(), third.mask())
    assert np.array_equal(again[third.id].image(), third.image())
