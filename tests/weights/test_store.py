"""The cache of weights: whole or not there, and never another file than it says."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from maskwright.errors import WeightsError
from maskwright.storage import file_digest
from maskwright.weights import store
from maskwright.weights.metadata import KEY, as_metadata, metadata
from maskwright.weights.store import (
    add,
    cached,
    check,
    described,
    home,
    open_verified,
    pin,
    stored,
    take,
    write_pin,
)
from maskwright.weights.table import HALF, IMAGENET_MEAN, IMAGENET_STD, find
from shared_data import shared

APACHE = {
    "licence": "Apache-2.0",
    "input": "RGB, x/127.5-1, NCHW",
    "padding": "TensorFlow SAME (asymmetric) on stride-2 convolutions",
    "bn_eps": "1e-3",
}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKWRIGHT_CACHE", str(tmp_path / "cache"))


def file_of(path: Path, *, value: float = 1.0, said: dict[str, str] | None = None) -> Path:
    """A small safetensors file."""
    save_file({"a": np.full(100, value, np.float32)}, path, said)
    return path


def test_what_is_added_is_found_again(tmp_path: Path) -> None:
    path = file_of(tmp_path / "My Encoder (2).safetensors")
    item = add(path, fits=("mlp-r18",), part="encoder")
    assert item.name == "my-encoder-2"
    assert item.path.read_bytes() == path.read_bytes()
    assert item.path == home() / "my-encoder-2" / "weights.safetensors"
    assert item.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (item.licence, item.commercial, item.verified) == ("not stated", "not stated", False)
    assert (item.fits, item.mean_rgb) == (("mlp-r18",), IMAGENET_MEAN)
    assert cached(item.name) == item
    assert stored() == check() == (item,)
    assert open_verified(item) == item.path
    assert cached("other") is None


def test_a_file_is_believed_what_it_says_of_itself(tmp_path: Path) -> None:
    item = add(file_of(tmp_path / "a.safetensors", said=APACHE))
    assert (item.licence, item.commercial) == ("Apache-2.0", "yes")
    assert (item.mean_rgb, item.std_rgb) == (HALF, HALF)
    assert cached("a") == item
    other = add(file_of(tmp_path / "b.safetensors", value=2, said={"license": "CC-BY-NC-4.0"}))
    assert (other.licence, other.commercial) == ("CC-BY-NC-4.0", "no")


def test_a_file_of_ours_is_believed_what_it_says_of_itself(tmp_path: Path) -> None:
    about = {"licence": "of NVIDIA", "commercial": "no", "mean_rgb": [1, 2, 3], "std_rgb": [4, 5]}
    item = add(file_of(tmp_path / "a.safetensors", said=as_metadata(about)))
    assert (item.licence, item.commercial, item.mean_rgb, item.std_rgb) == ("of NVIDIA", "no", (1, 2, 3), IMAGENET_STD)
    about = {"licence": "Apache-2.0", "commercial": "no"}  # the stricter one of the two
    assert add(file_of(tmp_path / "b.safetensors", value=2, said=as_metadata(about))).commercial == "no"
    assert add(file_of(tmp_path / "c.safetensors", value=3, said={KEY: "{"})).licence == "not stated"


def test_a_name_of_the_table_wants_a_file_that_fits(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"cannot be resnet50\.tv_in1k") as caught:
        add(file_of(tmp_path / "a.safetensors"), name="resnet50.tv_in1k", fits=("segformer-b0",))
    assert "found: weights for segformer-b0" in str(caught.value)


def test_a_known_file_cannot_take_the_name_of_another_one(tmp_path: Path) -> None:
    write_pin("mit-b1", commit="c", file="f", sha256=file_digest(file_of(tmp_path / "a.safetensors")))
    with pytest.raises(WeightsError, match="which is mit-b1"):
        add(tmp_path / "a.safetensors", name="mit-b0")
    assert add(tmp_path / "a.safetensors", name="mine").commercial == "no"


def test_what_a_file_says_of_itself_has_to_make_sense(tmp_path: Path) -> None:
    about = {"licence": 5, "commercial": "maybe", "mean_rgb": [float("inf"), 0, 0], "std_rgb": [0, 0, 0]}
    said = {KEY: json.dumps(about)}
    item = add(file_of(tmp_path / "a.safetensors", said=said))
    assert (item.licence, item.commercial) == ("5", "not stated")
    assert (item.mean_rgb, item.std_rgb) == (IMAGENET_MEAN, IMAGENET_STD)


def test_pins_of_two_downloads_do_not_meet() -> None:
    write_pin("mit-b0", commit="c", file="f", sha256="0" * 64)
    write_pin("mit-b1", commit="d", file="f", sha256="1" * 64)
    assert (pin("mit-b0")["commit"], pin("mit-b1")["commit"], pin("mit-b2")) == ("c", "d", {})
    assert stored() == ()


def test_a_file_without_metadata_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.PTH"
    path.write_bytes(b"anything")
    item = add(path)
    assert item.path.name == "weights.pth"
    assert metadata(path) == {}


def test_the_held_file_takes_name_licence_and_form_of_the_table() -> None:
    item = add(shared("pretrained", "mobilenetv2_1.0_imagenet.safetensors"), fits=("unet",))
    entry = find("mobilenetv2-imagenet")
    assert (item.name, item.licence, item.commercial) == (entry.name, "Apache-2.0", "yes")
    assert (item.mean_rgb, item.std_rgb, item.fits) == (HALF, HALF, entry.fits)
    assert item.verified


def test_a_file_given_a_name_of_the_table_takes_its_licence(tmp_path: Path) -> None:
    for path, name in (("model.safetensors", "mit-b0"), ("mit-b1.safetensors", None)):
        item = add(file_of(tmp_path / path, value=len(path), said=APACHE), name=name)
        entry = find(item.name)
        assert (item.licence, item.commercial) == (entry.licence, "no")
        assert not item.verified


def test_a_file_known_from_a_download_keeps_its_licence_under_any_name(tmp_path: Path) -> None:
    path = file_of(tmp_path / "mine.safetensors")
    write_pin("mit-b0", commit="c", file="model.safetensors", sha256=file_digest(path))
    assert add(path, name="mine").commercial == "no"
    assert add(path).name == "mit-b0"


@pytest.mark.parametrize("name", ["mobilenetv2-imagenet", "mit-b0"])
def test_another_file_cannot_take_the_name_of_a_known_one(tmp_path: Path, name: str) -> None:
    write_pin("mit-b0", commit="c", file="model.safetensors", sha256="0" * 64)
    with pytest.raises(WeightsError) as caught:
        add(file_of(tmp_path / "a.safetensors"), name=name)
    assert f"this is not the file that is known as {name}" in str(caught.value)
    assert "expected: SHA-256 0" in str(caught.value)
    assert "--name" in str(caught.value)
    assert stored() == ()


def test_adding_twice_is_adding_once_and_another_file_needs_another_name(tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.safetensors")
    assert add(path) == add(path)
    file_of(path, value=2)
    with pytest.raises(WeightsError) as caught:
        add(path)
    assert "a: other weights of this name lie in the cache already." in str(caught.value)
    assert "Choose another name with --name, or remove" in str(caught.value)
    assert add(path, name="a2").name == "a2"
    assert [item.name for item in stored()] == ["a", "a2"]


@pytest.mark.parametrize("name", ["../a", "A b", "auto", "none", "", ".hidden", "smp:unet"])
def test_a_name_that_cannot_be_used_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WeightsError) as caught:
        add(file_of(tmp_path / "a.safetensors"), name=name)
    assert f"--name {name}: weights cannot be called so." in str(caught.value)
    assert "For instance: --name " in str(caught.value)
    assert cached(name) is None


def test_a_file_called_auto_gets_another_name(tmp_path: Path) -> None:
    assert add(file_of(tmp_path / "auto.safetensors")).name == "auto-weights"
    assert add(file_of(tmp_path / "веса.safetensors", value=2)).name == "weights"


@pytest.mark.parametrize(
    ("make", "found"), [("nothing", "no such file"), ("folder", "a folder"), ("empty", "an empty")]
)
def test_what_is_no_file_is_refused(tmp_path: Path, make: str, found: str) -> None:
    path = tmp_path / "a.pth"
    if make == "folder":
        path.mkdir()
    elif make == "empty":
        path.touch()
    with pytest.raises(WeightsError) as caught:
        add(path)
    assert "a.pth: there are no weights here." in str(caught.value)
    assert f"found: {found}" in str(caught.value)


def test_a_damaged_safetensors_file_is_refused(tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.safetensors")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(WeightsError, match=r"a\.safetensors: cannot be read as safetensors\.[\s\S]*again, whole"):
        add(path)
    assert not list(home().glob("*")) if home().exists() else True


def test_a_changed_file_is_removed_and_said(tmp_path: Path) -> None:
    item = add(file_of(tmp_path / "a.safetensors"))
    content = bytearray(item.path.read_bytes())
    content[-1] ^= 1
    item.path.write_bytes(content)
    os.utime(item.path, ns=(1, 1))
    with pytest.raises(WeightsError) as caught:
        open_verified(item)
    text = str(caught.value)
    assert "a: these weights were damaged in the cache, and are removed from it." in text
    assert f"expected: SHA-256 {item.sha256}  found: SHA-256 " in text
    assert "maskwright weights add FILE --name a" in text
    assert cached("a") is None


def test_damage_that_size_and_time_do_not_tell_is_found_by_a_full_check(tmp_path: Path) -> None:
    items = [add(file_of(tmp_path / f"{name}.safetensors", value=ord(name))) for name in "abc"]
    for item in items[:2]:
        content = bytearray(item.path.read_bytes())
        content[-1] ^= 1
        item.path.write_bytes(content)
        os.utime(item.path, ns=(item.mtime_ns, item.mtime_ns))
        assert open_verified(item) == item.path
    with pytest.raises(WeightsError) as caught:
        check()
    assert "a: these weights were damaged" in str(caught.value)
    assert "b: these weights were damaged" in str(caught.value)
    assert check() == (items[2],)


def test_another_time_of_the_same_content_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item = add(file_of(tmp_path / "a.safetensors"))
    os.utime(item.path, ns=(10**18, 10**18))
    assert open_verified(item) == item.path
    again = cached("a")
    assert again is not None
    assert again.mtime_ns == item.path.stat().st_mtime_ns
    monkeypatch.setattr(store, "file_digest", lambda _: pytest.fail("computed again"))
    assert open_verified(again) == item.path


@pytest.mark.parametrize("damage", ["shorter", "gone", "about gone", "about cut", "about empty", "about odd"])
def test_a_damaged_item_is_removed_when_it_is_asked_for(tmp_path: Path, damage: str) -> None:
    item = add(file_of(tmp_path / "mit-b0.safetensors"))
    about = item.path.with_name("about.json")
    if damage == "shorter":
        item.path.write_bytes(item.path.read_bytes()[:-1])
    elif damage == "gone":
        item.path.unlink()
    elif damage == "about gone":
        about.unlink()
    elif damage == "about cut":
        about.write_text(about.read_text()[:20])
    elif damage == "about empty":
        about.write_text("[]")
    else:
        about.write_text(json.dumps({**json.loads(about.read_text()), "unheard": 1}))
    assert stored() == ()
    with pytest.raises(WeightsError) as caught:
        cached("mit-b0")
    assert "mit-b0: these weights were damaged in the cache" in str(caught.value)
    assert "maskwright weights get mit-b0" in str(caught.value)
    assert cached("mit-b0") is None


def test_an_item_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    item = add(file_of(tmp_path / "a.safetensors"))
    about = item.path.with_name("about.json")
    about.write_text(json.dumps({**json.loads(about.read_text()), "format": 2}))
    for act in (lambda: cached("a"), check, lambda: add(tmp_path / "a.safetensors")):
        with pytest.raises(WeightsError, match=r"expected: format 1  found: format 2"):
            act()
    assert item.path.exists()
    assert stored() == ()


def test_a_damaged_item_makes_room_for_a_new_one(tmp_path: Path) -> None:
    item = add(file_of(tmp_path / "a.safetensors"))
    item.path.unlink()
    assert add(tmp_path / "a.safetensors").path.exists()


def test_nothing_half_stays_and_old_leftovers_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file_of(tmp_path / "a.safetensors")
    old, fresh = home() / ".old.tmp", home() / ".fresh.tmp"
    for folder in (old, fresh):
        folder.mkdir(parents=True)
    os.utime(old, (time.time() - 2 * 24 * 3600,) * 2)
    monkeypatch.setattr(store, "_settle", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        add(path)
    assert list(home().iterdir()) == [fresh]


def test_many_at_once_make_one_item(tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.safetensors")
    with ThreadPoolExecutor(8) as pool:
        items = list(pool.map(lambda _: add(path).sha256, range(16)))
    assert len(set(items)) == 1
    assert [folder.name for folder in home().iterdir()] == ["a"]


def test_a_download_is_moved_not_copied() -> None:
    home().mkdir(parents=True)
    file = file_of(home() / ".mit-b0.partial", said=APACHE)
    source = "https://huggingface.co/nvidia/mit-b0/resolve/c/model.safetensors"
    item = take(file, find("mit-b0"), sha256=file_digest(file), commit="c", source=source)
    assert not file.exists()
    assert (item.path.name, item.commit, item.source) == ("weights.safetensors", "c", source)
    assert item.commercial == "no"
    assert cached("mit-b0") == item


def test_a_file_outside_of_the_cache_is_described_the_same(tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.safetensors", said=APACHE)
    item = described(path)
    assert not home().exists()
    assert item.name == str(path)
    inside = add(path)
    for name in ("sha256", "licence", "commercial", "mean_rgb", "std_rgb", "size_bytes"):
        assert getattr(item, name) == getattr(inside, name)
    held = described(shared("pretrained", "mobilenetv2_1.0_imagenet.safetensors"))
    assert (held.verified, held.licence) == (True, "Apache-2.0")
    with pytest.raises(WeightsError, match="there are no weights here"):
        described(tmp_path / "gone.pth")


def test_a_copied_cache_is_still_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    item = add(file_of(tmp_path / "a.safetensors"))
    shutil.copytree(tmp_path / "cache", tmp_path / "copy")
    shutil.rmtree(tmp_path / "cache")
    monkeypatch.setenv("MASKWRIGHT_CACHE", str(tmp_path / "copy"))
    again = cached("a")
    assert again is not None
    assert open_verified(again).read_bytes() == (tmp_path / "a.safetensors").read_bytes()
    assert again.sha256 == item.sha256
