"""A dataset in numbers, in pictures and in files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskwright.data.classes import make_classes
from maskwright.data.encode import mask_values, write_findings, write_mask_png
from maskwright.data.pictures import choose, fitted, overlay, write_sample_pictures
from maskwright.data.reading import read
from maskwright.data.statistics import Statistics, describe, region_areas_frac
from maskwright.errors import DataError
from maskwright.storage import read_json, write_json
from shared_data import shared
from small_folders import mask, photo, save, split_folder

CLASSES = make_classes(["background", "cat", "dog"])


def test_counts(tmp_path: Path) -> None:
    root = split_folder(tmp_path, train=5, val=2)
    save(root / "masks" / "train" / "000.png", mask(1, 255))
    statistics = describe(read(root, cache=False))
    train = statistics.splits["train"]
    assert (statistics.classes, statistics.layout, statistics.path) == (CLASSES.names, "split folders", str(root))
    assert (train.images, train.labelled, train.ignored_px) == (5, 5, 20)
    assert train.class_px == (5 * 192 - 6 * 20, 60, 40)
    assert train.class_images == (5, 3, 2)
    assert train.sizes == (((12, 16), 5),)
    assert train.objects == (5, 3, 2)
    assert train.object_area_frac[1:] == pytest.approx((20 / 192, 20 / 192))
    assert sum(train.class_frac) == pytest.approx(1)
    assert list(statistics.splits) == ["train", "val"]


def test_statistics_survive_json(tmp_path: Path) -> None:
    root = split_folder(tmp_path / "data", train=20, val=2)
    (root / "images" / "train" / "000.png").write_bytes(b"")
    (root / "classes.yaml").write_text("names: [background, cat, dog, bird]\n")
    statistics = describe(read(root, cache=False))
    assert (statistics.left_out, statistics.findings) == (1, 1)
    write_json(tmp_path / "data.json", statistics.to_json())
    again = Statistics.from_json(read_json(tmp_path / "data.json", format_version=1))
    assert repr(again) == repr(statistics)
    assert np.isnan(again.splits["train"].object_area_frac[3])


def test_regions_are_counted_by_eight_neighbours() -> None:
    pixels = np.zeros((10, 10), np.uint8)
    pixels[0, 0] = pixels[1, 1] = pixels[5, 5] = 1
    assert sorted(region_areas_frac(pixels, 1).tolist()) == [0.01, 0.02]


def test_large_masks_are_thinned() -> None:
    pixels = np.zeros((2000, 1000), np.uint8)
    pixels[:1000] = 1
    assert region_areas_frac(pixels, 1).tolist() == [0.5]


def test_overlay_colours_what_is_labelled() -> None:
    image, pixels = np.full((40, 40, 3), 100, np.uint8), np.zeros((40, 40), np.uint8)
    pixels[10:30, 10:30] = 1
    drawn = overlay(image, pixels, CLASSES)
    colour = np.array(CLASSES.colours[1])
    assert drawn[2, 2].tolist() == [100, 100, 100]
    assert drawn[10, 15].tolist() == colour.tolist()
    assert np.abs(drawn[20, 20] - (0.55 * 100 + 0.45 * colour)).max() <= 1
    assert image[20, 20].tolist() == [100, 100, 100]
    assert (overlay(image, np.full((40, 40), 255, np.uint8), CLASSES) == 224).any()


def test_pictures_are_made_to_fit() -> None:
    assert fitted(photo(1, (100, 400)), 320).shape == (80, 320, 3)
    assert fitted(photo(1), 320).shape == (12, 16, 3)


def test_sample_pictures_show_every_split_and_class(tmp_path: Path) -> None:
    dataset = read(split_folder(tmp_path / "data", train=20, val=10), cache=False)
    chosen = choose(dataset, 8)
    assert [sample.split for sample in chosen] == ["train", "val"] * 4
    for split in dataset.splits:
        assert {int(sample.mask().max()) for sample in chosen if sample.split == split} == {1, 2}
    entries = write_sample_pictures(dataset, tmp_path / "pictures", k=8)
    assert entries == write_sample_pictures(dataset, tmp_path / "again", k=8)
    assert read_json(tmp_path / "pictures" / "samples.json")["samples"] == entries
    assert all((tmp_path / "pictures" / entry["file"]).stat().st_size > 300 for entry in entries)
    assert len(write_sample_pictures(dataset.split("val"), tmp_path / "few", k=40)) == 10


def test_masks_are_written_with_values_and_palette(tmp_path: Path) -> None:
    classes = make_classes(["a", "b"], values=(3, 9), ignore=200)
    pixels = mask(1, 255)
    write_mask_png(tmp_path / "m.png", pixels, classes)
    with Image.open(tmp_path / "m.png") as picture:
        assert picture.mode == "P"
        assert picture.getpalette()[27:30] == list(classes.colours[1])
        assert set(np.unique(picture)) == {3, 9, 200}


def test_large_values_are_written_in_sixteen_bits(tmp_path: Path) -> None:
    classes = make_classes(["a", "b"], values=(0, 3000))
    write_mask_png(tmp_path / "m.png", mask(1), classes)
    with Image.open(tmp_path / "m.png") as picture:
        assert np.array_equal(np.asarray(picture), mask(1).astype(np.uint16) * 3000)


def test_masks_that_cannot_be_written_are_refused() -> None:
    with pytest.raises(DataError, match="class id 7 cannot be written") as caught:
        mask_values(mask(7), CLASSES)
    assert "ids 0..2 or 255 for ignore" in str(caught.value)
    black_and_white = make_classes(["a", "b"], values=(0, 255))
    with pytest.raises(DataError, match=r"Declare an ignore value in classes\.yaml"):
        mask_values(mask(255), black_and_white)


def test_findings_are_written_one_per_line(tmp_path: Path) -> None:
    root = split_folder(tmp_path / "data", train=20, val=12)
    (root / "masks" / "train" / "003.png").unlink()
    write_findings(read(root, cache=False).findings, tmp_path / "findings.jsonl")
    (line,) = (tmp_path / "findings.jsonl").read_text(encoding="utf-8").splitlines()
    record = json.loads(line)
    assert (record["format"], record["sample"], record["left_out"]) == (1, "train/003", True)
    assert record["sentence"].endswith("Put it at masks/train/003.png, or remove the photo.")


def test_digests_follow_content_only(tmp_path: Path) -> None:
    one = read(split_folder(tmp_path / "one", train=4, val=2), cache=False)
    other = read(split_folder(tmp_path / "other", train=4, val=3), cache=False)
    assert one.digest("train") == other.digest("train")
    assert one.digest("val") != other.digest("val")
    named = replace(one, classes=make_classes(["background", "cat", "wolf"]))
    assert named.digest("train") != one.digest("train")
    with pytest.raises(DataError, match=r"no split 'tset'.*\n.*train, val"):
        one.split("tset")


def test_datasets_are_sliced_and_filtered(tmp_path: Path) -> None:
    dataset = read(split_folder(tmp_path, train=4, val=2), cache=False)
    assert [sample.id for sample in dataset[1:3]] == ["train/001", "train/002"]
    assert dataset.filter(lambda sample: sample.split == "val").splits == ("val",)


def test_the_reference_data() -> None:
    folder = shared("data", "cats_dogs_256")
    inferred = read(folder)
    declared = read(folder, classes="background,cat,dog")
    assert [len(declared.split(split)) for split in declared.splits] == [198, 120]
    assert inferred.classes.names == ("background", "class 1", "class 2")
    assert declared.classes.names == ("background", "cat", "dog")
    assert [finding.check for finding in declared.findings] == ["duplicate_differs"]
    assert declared.findings[0].facts["other"] == "img/train/000000481212_908.jpg"
    statistics = describe(declared)
    assert statistics.splits["val"].images == 120
    assert statistics.splits["train"].class_frac[0] == pytest.approx(0.9079, abs=1e-3)
    assert inferred.digest("val") != declared.digest("val")
