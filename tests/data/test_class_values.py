"""What mask values mean: declared, named, or inferred and said so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from maskwright.data.classes import classes_yaml, make_classes, read_classes
from maskwright.data.reading import read
from maskwright.errors import DataError
from maskwright.sentences import say, table
from small_folders import mask, photo, save


def _folder(root: Path, *masks: np.ndarray, classes: str = "") -> Path:
    for number, pixels in enumerate(masks):
        save(root / "images" / "train" / f"{number}.png", photo(number))
        save(root / "masks" / "train" / f"{number}.png", pixels)
    if classes:
        (root / "classes.yaml").write_text(classes, encoding="utf-8")
    return root


def _notes(root: Path, lang: str = "en", **options: object) -> list[str]:
    return [say(key, lang, **dict(facts)) for key, facts in read(root, cache=False, **options).notes]


def test_inferred_classes_are_said_and_offered(tmp_path: Path) -> None:
    root = _folder(tmp_path, mask(1), mask(2))
    dataset = read(root, cache=False)
    assert dataset.classes.names == ("background", "class 1", "class 2")
    note = _notes(root)[0]
    assert note.startswith("Nobody named the classes, so they were taken from the values in the masks: 0 background, ")
    assert "save this as classes.yaml in the folder" in note
    (root / "classes.yaml").write_text(note.split("folder:\n")[1])
    assert read(root, cache=False).classes == dataset.classes
    assert not any("Nobody named" in sentence for sentence in _notes(root))


@pytest.mark.parametrize(
    ("values", "names", "ignore"),
    [
        ((0, 1), "background, class 1", 255),
        ((0, 255), "background, foreground", None),
        ((0, 1, 2, 255), "background, class 1, class 2", 255),
        ((1, 2, 255), "class 1, class 2", 255),
        ((0, 3), "background, class 3", 255),
        ((0, 50, 100), "background, class 50, class 100", 255),
        ((0, 128, 255), "background, class 128, class 255", None),
        ((0,), "background", 255),
    ],
)
def test_inference(values: tuple[int, ...], names: str, ignore: int | None, tmp_path: Path) -> None:
    pixels = np.array(values, np.uint8)[np.arange(192).reshape(12, 16) % len(values)]
    dataset = read(_folder(tmp_path, pixels), cache=False)
    assert ", ".join(dataset.classes.names) == names
    assert dataset.classes.ignore == ignore
    expected = [255 if value == ignore else dataset.classes.values.index(value) for value in values]
    assert np.array_equal(dataset[0].mask(), np.array(expected, np.uint8)[np.arange(192).reshape(12, 16) % len(values)])


def test_an_inferred_ignore_value_is_said(tmp_path: Path) -> None:
    root = _folder(tmp_path, mask(1, 255))
    assert 'Mask value 255 was taken for "do not judge".' in _notes(root)[1]


def test_two_names_for_black_and_white(tmp_path: Path) -> None:
    root = _folder(tmp_path, mask(255))
    dataset = read(root, classes=["ground", "pet"], cache=False)
    assert dataset.classes.values == (0, 255)
    assert np.array_equal(dataset[0].mask(), mask(1))
    notes = _notes(root, classes=["ground", "pet"])
    assert "The masks hold only 0 and 255: 0 was taken for ground, 255 for pet." in notes


def test_names_with_other_values_get_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(_folder(tmp_path, mask(50, 100)), classes="background,cat,dog", cache=False)
    assert "write  classes: {background: 0, cat: 50, dog: 100}  in classes.yaml" in str(caught.value)


def test_declared_values_ignore_and_palette(tmp_path: Path) -> None:
    root = _folder(tmp_path, mask(7, 9), classes="classes: {ground: 0, pet: 7}\nignore: 9\n")
    assert np.array_equal(read(root, cache=False)[0].mask(), mask(1, 255))


def test_sixteen_bit_values(tmp_path: Path) -> None:
    root = _folder(tmp_path, mask(1).astype(np.uint16) * 3000, classes="classes: {ground: 0, pet: 3000}\n")
    assert np.array_equal(read(root)[0].mask(), mask(1))


COLOURS = np.array([[0, 0, 0], [200, 0, 0], [0, 0, 200], [255, 255, 255]], np.uint8)
COLOURED = "names: [ground, cat, dog]\ncolours: [[0, 0, 0], [200, 0, 0], [0, 0, 200]]\nignore_colour: [255, 255, 255]\n"


def test_rgb_by_declared_colours(tmp_path: Path) -> None:
    dataset = read(_folder(tmp_path, COLOURS[mask(1, 2, 3)], classes=COLOURED))
    assert np.array_equal(dataset[0].mask(), mask(1, 2, 255))
    assert np.array_equal(dataset[0].pixels.files.mask(), mask(1, 2, 255))


def test_palette_masks_whose_indices_mean_nothing_are_read_by_their_colours(tmp_path: Path) -> None:
    root = _folder(tmp_path, mask(), classes=COLOURED)
    picture = Image.new("P", (16, 12))
    picture.putdata((mask(1, 2) + 10).ravel().tolist())
    picture.putpalette([0] * 30 + COLOURS[:3].ravel().tolist())
    picture.save(root / "masks" / "train" / "0.png")
    assert np.array_equal(read(root, cache=False)[0].mask(), mask(1, 2))


def test_rgb_without_colours_is_refused_with_a_classes_file(tmp_path: Path) -> None:
    root = _folder(tmp_path, COLOURS[mask(1)], COLOURS[mask(2)])
    with pytest.raises(DataError, match=r"masks/train/0\.png: an RGB mask, .*the same in 1 more masks") as caught:
        read(root, cache=False)
    assert "#0000c8, #c80000" in str(caught.value)
    offered = yaml.safe_load(str(caught.value).split("into the folder:\n")[1])
    assert offered["colours"] == [[0, 0, 0], [0, 0, 200], [200, 0, 0]]


def test_too_many_values_to_infer(tmp_path: Path) -> None:
    halves = [np.arange(192, dtype=np.uint8).reshape(12, 16) % 50 + start for start in (0, 50)]
    with pytest.raises(DataError, match="100 different values, too many to take each for a class") as caught:
        read(_folder(tmp_path, *(half.astype(np.uint8) for half in halves)), cache=False)
    assert "--classes background,cat,dog" in str(caught.value)


def test_given_classes_win_and_that_is_said(tmp_path: Path) -> None:
    root = _folder(tmp_path, mask(1), classes="names: [a, b]\n")
    assert read(root, classes=["x", "y"], cache=False).classes.names == ("x", "y")
    assert "The given classes (x, y) were taken, not those in classes.yaml (a, b)." in _notes(root, classes=["x", "y"])


def test_equal_names_take_the_file_with_its_values(tmp_path: Path) -> None:
    root = _folder(tmp_path, mask(7), classes="classes: {a: 0, b: 7}\n")
    assert read(root, classes="a, b", cache=False).classes.values == (0, 7)


def test_classes_survive_their_yaml(tmp_path: Path) -> None:
    classes = make_classes(["фон", "cat"], values=(0, 300), ignore=9, ignore_colour=(1, 2, 3))
    (tmp_path / "classes.yaml").write_text(classes_yaml(classes), encoding="utf-8")
    assert read_classes(tmp_path / "classes.yaml") == classes


def test_names_used_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="name cat is used twice"):
        read(_folder(tmp_path, mask(1)), classes=["cat", "cat"])


def test_the_notes_speak_russian() -> None:
    assert {key for key in table("en") if key.startswith("data.")} == {
        key for key in table("ru") if key.startswith("data.")
    }
    assert "маски" in say("data.mask_suffix", "ru", suffix="_mask")
