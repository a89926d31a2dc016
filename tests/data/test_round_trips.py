"""What is written in a format is read again to the same pixels, by the names that the format itself gives."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drawn import draw_folder
from mask_datasets import dataset_of, faulty_masks, named
from maskwright.data.convert import convert
from maskwright.data.dataset import Dataset
from maskwright.data.formats import WRITERS
from maskwright.data.reading import read
from maskwright.data.sample import Mask
from maskwright.errors import DataError, UsageError
from maskwright.sentences import say
from small_folders import split_folder, tree_digest

NAMELESS = ("folders",)
"""Formats that have no place for names but our classes.yaml."""


def _again(dataset: Dataset, to: str, out: Path) -> Dataset:
    """Written, and read without the classes.yaml that stands beside every format's own files."""
    written = convert(dataset, to=to, out=out)
    assert (written.changed_px, written.folder) == (0, out)
    if to not in NAMELESS:
        (out / "classes.yaml").unlink()
    return read(out, cache=False, allow_leak=True)


def _same(dataset: Dataset, again: Dataset) -> None:
    assert len(again) == len(dataset)
    found = {(sample.split, sample.id.rpartition("/")[2]): sample for sample in again}
    for sample in dataset:
        other = found[sample.split, sample.id.rpartition("/")[2]]
        assert np.array_equal(other.image(), sample.image())
        assert np.array_equal(named(other.mask(), again.classes), named(sample.mask(), dataset.classes))


@pytest.mark.parametrize("to", WRITERS)
def test_holes_thin_lines_and_touching_objects_come_back(to: str, tmp_path: Path) -> None:
    dataset = dataset_of(faulty_masks())
    again = _again(dataset, to, tmp_path / "out")
    _same(dataset, again)
    assert [finding for finding in again.findings if finding.check not in ("duplicate", "mask_all_ignored")] == []


@st.composite
def _masks(draw: st.DrawFn) -> Mask:
    height, width = draw(st.integers(3, 14)), draw(st.integers(3, 14))
    coarse = draw(arrays(np.uint8, (height, width), elements=st.sampled_from([0, 1, 2, 3, 255])))
    return coarse.repeat(draw(st.integers(1, 3)), axis=0).repeat(draw(st.integers(1, 3)), axis=1)


@pytest.mark.parametrize("to", WRITERS)
@given(mask=_masks())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_mask_comes_back(mask: Mask, to: str, tmp_path: Path) -> None:
    other = np.zeros((6, 7), np.uint8)  # one photo at least that is judged
    other[2:4, 2:5] = 1
    out = tmp_path / "out"
    shutil.rmtree(out, ignore_errors=True)
    dataset = dataset_of([mask, other])
    _same(dataset, _again(dataset, to, out))


@pytest.mark.parametrize("to", WRITERS)
def test_classes_keep_their_order_and_colours(to: str, tmp_path: Path) -> None:
    dataset = dataset_of(faulty_masks(), names=("tree", "background", "dog", "cat & <mouse>"))
    convert(dataset, to=to, out=tmp_path / "out")
    again = read(tmp_path / "out", cache=False, allow_leak=True)
    assert again.classes == dataset.classes
    _same(dataset, again)


@pytest.mark.parametrize("to", WRITERS)
def test_a_dataset_without_background_is_drawn_whole(to: str, tmp_path: Path) -> None:
    masks = [np.array([[0, 0, 1], [0, 1, 1]], np.uint8).repeat(4, axis=0).repeat(4, axis=1)]
    dataset = dataset_of(masks, names=("road", "grass"))
    _same(dataset, _again(dataset, to, tmp_path / "out"))


@pytest.mark.parametrize("to", WRITERS)
def test_photos_are_copied_byte_by_byte_and_nothing_else_is_touched(to: str, tmp_path: Path) -> None:
    root = draw_folder(tmp_path / "data")
    before = tree_digest(root)
    written = convert(root, to=to, out=tmp_path / "out", classes=["background", "square", "disc"])
    assert tree_digest(root) == before
    assert written.samples == {"train": 8, "val": 4}
    originals = sorted(file.read_bytes() for file in (root / "img").rglob("*.png"))
    masks = ("masks", "SegmentationClass")
    copies = [file for file in (tmp_path / "out").rglob("*.png") if not {*masks} & {*file.parts}]
    assert sorted(file.read_bytes() for file in copies) == originals
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["data", "out"]


@pytest.mark.parametrize("to", WRITERS)
def test_a_split_without_masks_is_never_taken_for_empty_photos(to: str, tmp_path: Path) -> None:
    labelled = dataset_of(faulty_masks())
    bare = dataset_of([None, None], split="test")
    both = Dataset(labelled.classes, (*labelled.samples, *bare.samples))
    convert(both, to=to, out=tmp_path / "out")
    again = read(tmp_path / "out", cache=False, allow_leak=True)
    assert len(again.labelled) == len(labelled)
    assert "test" not in again.splits or not any(sample.labelled for sample in again.split("test"))


def test_links_are_the_photos_themselves(tmp_path: Path) -> None:
    root = draw_folder(tmp_path / "data")
    convert(root, to="coco", out=tmp_path / "out", link=True)
    photo, linked = root / "img/val/0.png", tmp_path / "out/images/val/0.png"
    assert photo.samefile(linked)
    assert not linked.is_symlink()


def test_links_across_drives_are_refused_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", refused)
    with pytest.raises(DataError, match=r"cannot be linked(.|\n)*cross-device(.|\n)*Leave out --link"):
        convert(draw_folder(tmp_path / "data"), to="yolo", out=tmp_path / "out", link=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("place", ["data/out", "data", ".", "full"])
def test_no_place_in_use_is_written_to(place: str, tmp_path: Path) -> None:
    root = draw_folder(tmp_path / "data")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("kept")
    before = tree_digest(tmp_path)
    with pytest.raises(UsageError, match=r"lies (inside the data|there already)"):
        convert(root, to="coco", out=tmp_path / place)
    assert tree_digest(tmp_path) == before


def test_an_empty_folder_may_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    convert(dataset_of(faulty_masks()), to="voc", out=tmp_path / "out")
    assert (tmp_path / "out" / "ImageSets" / "Segmentation" / "train.txt").is_file()


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--to cocoo: no such format(.|\n)*coco"):
        convert(dataset_of(faulty_masks()), to="cocoo", out=tmp_path / "out")


@pytest.mark.parametrize("to", WRITERS)
def test_the_cache_and_other_processes_give_the_same(to: str, tmp_path: Path) -> None:
    import pickle

    dataset = dataset_of(faulty_masks())
    convert(dataset, to=to, out=tmp_path / "out")
    plain, first, second = (read(tmp_path / "out", cache=cache, allow_leak=True) for cache in (False, True, True))
    assert [sample.digest for sample in plain] == [sample.digest for sample in first] == [one.digest for one in second]
    sent = pickle.loads(pickle.dumps(plain))
    for here, there, kept in zip(plain, sent, second, strict=True):
        assert np.array_equal(here.mask(), there.mask())
        assert np.array_equal(here.mask(), kept.mask())
        assert np.array_equal(kept.pixels.files.mask(), kept.mask())


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    root = split_folder(tmp_path / "data")
    (root / "images/train/003.png").write_bytes(b"")
    written = convert(root, to="yolo", out=tmp_path / "out")
    assert (written.samples, written.left_out) == ({"train": 19, "val": 12}, 1)
    assert "maskwright audit pets" in say("convert.left_out", left_out=1, data="pets")
