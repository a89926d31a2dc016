"""The decoded cache: read once, never half, never wrong."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from maskwright.data import cache, inspection, pixels
from maskwright.data.pixels import CachedPixels, FilePixels
from maskwright.data.reading import read
from maskwright.progress import Progress
from maskwright.sentences import say
from small_folders import mask, photo, save, split_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return split_folder(tmp_path / "data", train=6, val=3)


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MASKWRIGHT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "decoded"


@pytest.fixture
def no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("decoded again")

    for name in ("read_photo", "read_raw_mask"):
        monkeypatch.setattr(inspection, name, fail)
    for name in ("read_image", "read_raw_mask"):
        monkeypatch.setattr(pixels, name, fail)


def _forbid(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("no_decoder")


def test_the_second_read_decodes_nothing(folder: Path, request: pytest.FixtureRequest) -> None:
    first = read(folder)
    _forbid(request)
    again = read(folder)
    assert again == first
    assert again.digest("train") == first.digest("train")
    for number, sample in enumerate(again.split("train")):
        assert np.array_equal(sample.image(), photo(number))
        assert np.array_equal(sample.mask(), mask(1 + number % 2))
        assert not sample.image().flags.writeable


def test_pixels_are_views_of_the_map(folder: Path) -> None:
    image = read(folder)[0].image()
    assert not image.flags.owndata
    assert isinstance(read(folder)[0].pixels, CachedPixels)


def test_without_the_cache_the_pixels_are_the_same(folder: Path, store: Path) -> None:
    plain = read(folder, cache=False)
    assert not store.exists()
    assert isinstance(plain[0].pixels, FilePixels)
    cached = read(folder)
    for one, other in zip(plain, cached, strict=True):
        assert one.digest == other.digest
        assert np.array_equal(one.image(), other.image())
        assert np.array_equal(one.mask(), other.mask())


@pytest.mark.parametrize("change", ["photo", "mask", "classes", "touched", "removed", "added"])
def test_a_change_is_seen(change: str, folder: Path) -> None:
    before = read(folder)
    if change == "photo":
        save(folder / "images" / "train" / "000.png", photo(500))
    elif change == "mask":
        save(folder / "masks" / "train" / "000.png", mask(2, 1))
    elif change == "classes":
        (folder / "classes.yaml").write_text("names: [ground, cat, dog]\n")
    elif change == "touched":
        os.utime(folder / "images" / "train" / "000.png", ns=(1, 1))
    elif change == "removed":
        for kind in ("images", "masks"):
            (folder / kind / "train" / "000.png").unlink()
    else:
        shutil.copy(folder / "masks" / "train" / "000.png", folder / "masks" / "train" / "x.png")
        save(folder / "images" / "train" / "x.png", photo(600))
    after = read(folder)
    assert (after.digest("train") == before.digest("train")) is (change == "touched")
    assert after.digest("train") == read(folder, cache=False).digest("train")


def _entry(store: Path) -> Path:
    (entry,) = [path for path in store.iterdir() if not path.name.startswith(".")]
    return entry


@pytest.mark.parametrize(
    "damage", ["cut blob", "longer blob", "no blob", "no index", "bad JSON", "empty", "other keys"]
)
def test_a_damaged_cache_is_made_again(damage: str, folder: Path, store: Path) -> None:
    expected = [sample.image().tolist() for sample in read(folder)]
    entry = _entry(store)
    blob, index = entry / "pixels.bin", entry / "index.json"
    pixels._mapped.cache_clear()
    if damage == "cut blob":
        os.truncate(blob, 100)
    elif damage == "longer blob":
        blob.write_bytes(blob.read_bytes() + b"x")
    elif damage in ("no blob", "no index"):
        (blob if damage == "no blob" else index).unlink()
    elif damage == "other keys":
        index.write_text(json.dumps({"format": 1, "blob_bytes": blob.stat().st_size}))
    else:
        index.write_text("{" if damage == "bad JSON" else "")
    assert [sample.image().tolist() for sample in read(folder)] == expected
    assert _entry(store) != entry


def test_a_cache_that_vanishes_is_no_loss(folder: Path, store: Path) -> None:
    dataset = read(folder)
    shutil.rmtree(store)
    assert np.array_equal(dataset[0].image(), photo(0))
    assert np.array_equal(dataset[0].mask(), mask(1))


def test_an_interrupted_build_leaves_nothing(folder: Path, store: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(folder, on_progress=stop)
    assert list(store.iterdir()) == []
    assert len(read(folder)) == 9


def test_a_killed_build_is_passed_over_and_swept_later(folder: Path, store: Path) -> None:
    left = store / ".0123.tmp"
    left.mkdir(parents=True)
    (left / "pixels.bin").write_bytes(b"half")
    read(folder)
    assert left.exists()
    os.utime(left / "pixels.bin", (1, 1))
    save(folder / "images" / "val" / "000.png", photo(501))
    read(folder)
    assert not left.exists()


def test_beyond_the_limit_the_files_are_decoded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_CACHE_GIB", str(3.5 * 12 * 16 * 4 / 2**30))
    dataset = read(folder)
    kinds = [type(sample.pixels) for sample in dataset]
    assert kinds == [CachedPixels] * 3 + [FilePixels] * 6
    assert np.array_equal(dataset[8].mask(), mask(1))
    assert read(folder) == dataset


def test_what_was_used_longest_ago_goes_first(folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_CACHE_GIB", str(16 * 12 * 16 * 4 / 2**30))
    read(folder)
    old = _entry(store)
    save(folder / "images" / "val" / "000.png", photo(501))
    read(folder)
    assert old.exists()
    for file in old.iterdir():
        os.utime(file, (time.time() - 2 * cache.KEPT_S,) * 2)
    save(folder / "images" / "val" / "000.png", photo(502))
    read(folder)
    assert not old.exists()
    assert len(list(store.iterdir())) == 2


def test_a_cache_that_cannot_be_written_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MASKWRIGHT_CACHE", str(tmp_path / "file"))
    dataset = read(folder)
    assert np.array_equal(dataset[0].image(), photo(0))
    ((key, facts),) = dataset.notes
    assert say(key, **dict(facts)).startswith("The decoded cache could not be written ([Errno")


def test_a_full_disk_is_said(folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    write = cache._write

    def full(*arguments: object) -> None:
        written.append(1)
        if len(written) > 4:
            raise OSError(28, "No space left on device")
        write(*arguments)

    monkeypatch.setattr(cache, "_write", full)
    dataset = read(folder)
    assert "No space left on device" in dict(dataset.notes[0][1])["why"]
    assert [type(sample.pixels) for sample in dataset] == [FilePixels] * 9
    assert np.array_equal(dataset[0].mask(), mask(1))
    assert list(store.iterdir()) == []


def test_two_at_once_do_not_disturb_each_other(folder: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        datasets = list(pool.map(lambda _: read(folder), range(4)))
    assert all(np.array_equal(dataset[4].image(), photo(4)) for dataset in datasets)


def test_samples_travel_to_other_processes(folder: Path, tmp_path: Path) -> None:
    dataset = read(folder)
    (tmp_path / "dataset").write_bytes(pickle.dumps(dataset))
    code = f"import pickle; d = pickle.load(open({str(tmp_path / 'dataset')!r}, 'rb')); print(int(d[1].image().sum()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == int(photo(1).sum())


def test_a_changed_file_is_refused_on_demand(folder: Path) -> None:
    dataset = read(folder, cache=False)
    save(folder / "masks" / "train" / "000.png", mask(9))
    with pytest.raises(Exception, match=r"000\.png: changed since the dataset was read.*\n.*Read the dataset again"):
        dataset[0].mask()


def test_memory_does_not_grow_with_the_dataset(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from maskwright.data.reading import read\n"
        "read(sys.argv[1], cache=False); before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "dataset = read(sys.argv[2]); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    small = split_folder(tmp_path / "small", train=2, val=1)
    for number in range(60):
        save(tmp_path / "large" / "images" / f"{number}.bmp", photo(number, (400, 500)))
        save(tmp_path / "large" / "masks" / f"{number}.png", mask(1, size_hw=(400, 500)))
    arguments = [sys.executable, "-c", code, str(small), str(tmp_path / "large")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20_000


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [("linux", "XDG_CACHE_HOME", "maskwright"), ("win32", "LOCALAPPDATA", "maskwright/cache")],
)
def test_the_place_of_the_cache(
    platform: str, variable: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MASKWRIGHT_CACHE")
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, str(tmp_path))
    assert cache.cache_folder() == tmp_path / expected
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache.cache_folder().parts[-3:] == ("Library", "Caches", "maskwright")


def test_pixels_are_the_same_after_their_memory_was_given_back(tmp_path: Path) -> None:
    dataset = read(split_folder(tmp_path / "data"))
    image = dataset[0].image()
    before = image.copy()
    pixels.let_go()
    assert np.array_equal(image, before)
    assert np.array_equal(dataset[0].image(), before)
