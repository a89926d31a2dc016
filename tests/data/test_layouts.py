"""Every layout, and how the splits are drawn where there are none."""

from __future__ import annotations

import shutil
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from maskwright.data.dataset import Dataset
from maskwright.data.reading import read
from maskwright.data.split import Drawable, draw_splits
from maskwright.errors import DataError
from maskwright.sentences import say
from small_folders import mask, photo, save, split_folder

NAMES = "background,cat,dog"


def _pairs(root: Path, image: str, label: str, count: int = 6) -> Path:
    """Pairs under names such as "images/{:03d}.png"; every third has both animals."""
    for number in range(count):
        save(root / image.format(number), photo(number))
        save(root / label.format(number), mask(*((1,), (2,), (1, 2))[number % 3]))
    return root


def _notes(dataset: Dataset, lang: str = "en") -> list[str]:
    return [say(key, lang, **dict(facts)) for key, facts in dataset.notes]


@pytest.mark.parametrize("images", ["img", "images", "Images"])
@pytest.mark.parametrize("labels", ["labels", "masks", "annotations"])
@pytest.mark.parametrize(("train", "val", "test"), [("train", "val", "test"), ("Training", "valid", "testing")])
def test_split_folders(images: str, labels: str, train: str, val: str, test: str, tmp_path: Path) -> None:
    for start, split in enumerate((train, val, test)):
        for number in range(2):
            save(tmp_path / images / split / f"{number}.png", photo(10 * start + number))
            save(tmp_path / labels / split / f"{number}.png", mask(1))
    dataset = read(tmp_path, classes=["background", "cat"], cache=False)
    assert [sample.id for sample in dataset] == ["train/0", "train/1", "val/0", "val/1", "test/0", "test/1"]
    assert (dataset.layout, dataset.splits, dataset.findings) == ("split folders", ("train", "val", "test"), ())
    assert dataset[0].image_file == f"{images}/{train}/0.png"
    assert dataset[0].mask_file == f"{labels}/{train}/0.png"


def test_splits_first(tmp_path: Path) -> None:
    for split, start in (("train", 0), ("val", 5)):
        for number in range(2):
            save(tmp_path / split / "images" / f"{number}.png", photo(start + number))
            save(tmp_path / split / "masks" / f"{number}.png", mask(1))
    dataset = read(tmp_path, classes=NAMES, cache=False)
    assert (dataset.layout, [sample.id for sample in dataset][::2]) == ("split folders", ["train/0", "val/0"])


def test_a_test_split_may_have_no_masks(tmp_path: Path) -> None:
    root = split_folder(tmp_path, train=4, val=2)
    for number in range(3):
        save(root / "images" / "test" / f"{number}.png", photo(77 + number))
    dataset = read(root)
    assert [sample.labelled for sample in dataset.split("test")] == [False] * 3
    assert dataset.split("test")[0].mask() is None
    assert (len(dataset.labelled), dataset.findings) == (6, ())
    assert "The split test has no masks: its 3 photos are predicted but not measured." in _notes(dataset)


def test_folders_of_another_name_are_splits_of_that_name(tmp_path: Path) -> None:
    root = split_folder(tmp_path, train=4, val=2)
    save(root / "images" / "night" / "a.png", photo(99))
    save(root / "masks" / "night" / "a.png", mask(1))
    assert read(root, cache=False).splits == ("train", "val", "night")


def test_no_validation_split_is_said(tmp_path: Path) -> None:
    dataset = read(split_folder(tmp_path, train=4, val=0), cache=False)
    assert _notes(dataset) == ["There is no validation split."]


def test_flat(tmp_path: Path) -> None:
    dataset = read(_pairs(tmp_path, "images/{:03d}.png", "masks/{:03d}.png", 40), classes=NAMES)
    assert (dataset.layout, dataset.findings) == ("flat", ())
    assert Counter(sample.split for sample in dataset) == {"train": 28, "val": 6, "test": 6}
    assert dataset[0].id in {f"{number:03d}" for number in range(40)}
    assert "they were drawn (seed 0): 28 train, 6 val, 6 test" in _notes(dataset)[0]
    again = read(tmp_path, classes=NAMES, cache=False)
    assert [(sample.id, sample.split) for sample in again] == [(sample.id, sample.split) for sample in dataset]
    other = read(tmp_path, classes=NAMES, seed=1)
    assert [sample.id for sample in other.split("val")] != [sample.id for sample in dataset.split("val")]


def test_suffixes(tmp_path: Path) -> None:
    dataset = read(_pairs(tmp_path, "a{}.jpg", "a{}_mask.png"), classes=NAMES, cache=False)
    assert (dataset.layout, len(dataset), dataset.findings) == ("suffixes", 6, ())
    assert dataset.filter(lambda sample: sample.id == "a0")[0].mask_file == "a0_mask.png"
    assert "Files whose name ends in _mask were taken for masks." in _notes(dataset)


def test_suffixes_with_splits(tmp_path: Path) -> None:
    _pairs(tmp_path, "train/{}.jpg", "train/{}-mask.png", 3)
    save(tmp_path / "val" / "9.jpg", photo(9))
    save(tmp_path / "val" / "9-mask.png", mask(1))
    dataset = read(tmp_path, classes=NAMES, cache=False)
    assert [sample.id for sample in dataset] == ["train/0", "train/1", "train/2", "val/9"]


def test_suffixes_say_which_photo_has_no_mask(tmp_path: Path) -> None:
    _pairs(tmp_path, "a{:02d}.jpg", "a{:02d}_mask.png", 20)
    (tmp_path / "a03_mask.png").unlink()
    (finding,) = read(tmp_path, classes=NAMES, cache=False).findings
    assert finding.sentence() == "a03.jpg: no mask for this photo. Put it at a03_mask.png, or remove the photo."


def test_masks_in_their_folder_may_have_a_suffix(tmp_path: Path) -> None:
    dataset = read(_pairs(tmp_path, "images/{}.jpg", "masks/{}_mask.png"), classes=NAMES, cache=False)
    assert (dataset.layout, len(dataset), dataset.findings) == ("flat", 6, ())


@pytest.mark.parametrize("line", ["{}", "{}.png", "images/{}.png", "./images/{}.png masks/{}.png", "images\\{}.png\r"])
@pytest.mark.parametrize("folder", ["", "splits"])
def test_lists(line: str, folder: str, tmp_path: Path) -> None:
    _pairs(tmp_path, "images/{:03d}.png", "masks/{:03d}.png")
    (tmp_path / folder).mkdir(exist_ok=True)
    for split, numbers in (("train", (0, 1, 2)), ("val", (4,))):
        names = "\n".join(line.format(f"{number:03d}", f"{number:03d}") for number in numbers)
        (tmp_path / folder / f"{split}.txt").write_bytes(b"\xef\xbb\xbf" + names.encode() + b"\n\n")
    dataset = read(tmp_path, classes=NAMES, cache=False)
    assert [sample.id for sample in dataset] == ["train/000", "train/001", "train/002", "val/004"]
    assert (dataset.layout, dataset.findings) == ("split lists", ())
    assert _notes(dataset) == ["2 photos stand in no list of a split and were not read."]


def test_names_with_spaces_in_lists(tmp_path: Path) -> None:
    _pairs(tmp_path, "images/my cat {}.png", "masks/my cat {}.png", 2)
    (tmp_path / "train.txt").write_text("my cat 0\n")
    (tmp_path / "val.txt").write_text("my cat 1\n")
    assert [sample.id for sample in read(tmp_path, classes=NAMES, cache=False)] == ["train/my cat 0", "val/my cat 1"]


def test_voc(tmp_path: Path) -> None:
    _pairs(tmp_path, "JPEGImages/2007_{:06d}.jpg", "SegmentationClass/2007_{:06d}.png")
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2007_000000\n2007_000001\n")
    (lists / "val.txt").write_text("2007_000002\n")
    (lists / "trainval.txt").write_text("2007_000000\n2007_000001\n2007_000002\n")
    (tmp_path / "ImageSets" / "Main").mkdir()
    dataset = read(tmp_path, classes=NAMES, cache=False)
    assert [sample.id for sample in dataset] == ["train/2007_000000", "train/2007_000001", "val/2007_000002"]


def test_lists_that_are_the_same_split(tmp_path: Path) -> None:
    _pairs(tmp_path, "images/{}.png", "masks/{}.png")
    for name in ("val.txt", "valid.txt"):
        (tmp_path / name).write_text("0\n")
    with pytest.raises(DataError, match=r"val\.txt and valid\.txt are both the list of val"):
        read(tmp_path)


def test_an_unlabelled_list(tmp_path: Path) -> None:
    _pairs(tmp_path, "images/{}.png", "masks/{}.png")
    (tmp_path / "masks" / "5.png").unlink()
    (tmp_path / "train.txt").write_text("0\n1\n2\n")
    (tmp_path / "test.txt").write_text("5\n")
    dataset = read(tmp_path, classes=NAMES, cache=False)
    assert [sample.labelled for sample in dataset] == [True, True, True, False]


def test_sub_folders_cyrillic_and_mixed_formats(tmp_path: Path) -> None:
    formats = ["jpg", "JPEG", "png", "WebP", "BMP", "tif", "TIFF"]
    for number, ending in enumerate(formats):
        save(tmp_path / "images" / "train" / "ёжик" / f"кот и пёс {number}.{ending}", photo(number))
        name = unicodedata.normalize("NFD", f"кот и пёс {number}")
        save(tmp_path / "masks" / "train" / "ёжик" / f"{name}.{'PNG' if number % 2 else 'bmp'}", mask(1, 2))
    dataset = read(tmp_path, classes=NAMES)
    assert dataset.findings == ()
    assert [sample.id for sample in dataset] == [f"train/ёжик/кот и пёс {number}" for number in range(7)]
    assert all(np.array_equal(sample.mask(), mask(1, 2)) for sample in dataset)
    assert np.array_equal(dataset[2].image(), photo(2))
    assert read(tmp_path, classes=NAMES) == dataset


def test_drawing_is_stratified() -> None:
    rng = np.random.default_rng(0)
    samples = [
        Drawable(str(n), str(n), tuple([0] + [c for c, share in ((1, 0.5), (2, 0.1)) if rng.random() < share]))
        for n in range(400)
    ]
    splits = draw_splits(samples, seed=3)
    assert Counter(splits.values()) == {"train": 280, "val": 60, "test": 60}
    for class_id in (1, 2):
        having = [sample.id for sample in samples if class_id in sample.class_ids]
        counts = Counter(splits[name] for name in having)
        assert abs(counts["val"] - 0.15 * len(having)) <= 1
        assert abs(counts["test"] - 0.15 * len(having)) <= 1


def test_equal_photos_are_drawn_as_one() -> None:
    samples = [Drawable(str(n), str(n // 4), (0, 1 + n % 2)) for n in range(200)]
    splits = draw_splits(samples)
    assert all(len({splits[str(4 * group + each)] for each in range(4)}) == 1 for group in range(50))
    counts = Counter(splits.values())
    assert abs(counts["val"] - 30) <= 4
    assert abs(counts["test"] - 30) <= 4


def test_drawing_does_not_depend_on_the_order() -> None:
    samples = [Drawable(str(n), str(n), (0, n % 3)) for n in range(50)]
    assert draw_splits(samples, seed=1) == draw_splits(samples[::-1], seed=1)
    assert draw_splits(samples, seed=1) != draw_splits(samples, seed=2)


@pytest.mark.parametrize(("count", "expected"), [(1, "train"), (2, "train val"), (3, "test train val")])
def test_the_smallest_draws(count: int, expected: str) -> None:
    splits = draw_splits([Drawable(str(n), str(n), (0,)) for n in range(count)])
    assert " ".join(sorted(splits.values())) == expected


def test_duplicates_of_a_flat_folder_stay_together(tmp_path: Path) -> None:
    _pairs(tmp_path, "images/{:03d}.png", "masks/{:03d}.png", 30)
    for number in range(10):
        shutil.copy(tmp_path / f"images/{number:03d}.png", tmp_path / f"images/again{number}.png")
        shutil.copy(tmp_path / f"masks/{number:03d}.png", tmp_path / f"masks/again{number}.png")
    dataset = read(tmp_path, classes=NAMES, cache=False)
    split = {sample.id: sample.split for sample in dataset}
    assert all(split[f"{number:03d}"] == split[f"again{number}"] for number in range(10))
    assert [finding.check for finding in dataset.findings] == ["duplicate"] * 10
    assert sum(sample.group != "" for sample in dataset) == 20
