"""Everything that is wrong with a folder is found or refused by name, with the way out, and nothing is changed."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
import yaml

from malformed_folders import FOUND, KEPT, LOOKED_OVER, PHOTO, REFUSED
from maskwright.data.dataset import Dataset
from maskwright.data.decode import read_image
from maskwright.data.reading import look_over, read
from maskwright.errors import DataError
from small_folders import split_folder, tree_digest

ANNOTATED_KEPT = ("annotations_several", "entries_broken", "shape_not_drawn")
ANNOTATED = (
    "annotation_broken",
    "annotations_unread",
    "annotated_twice",
    "listed_photo_missing",
    "path_outside",
    *ANNOTATED_KEPT,
)
"""Checks of annotation files; `test_broken_annotations.py` reads their sentences."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return split_folder(tmp_path_factory.mktemp("sound") / "data")


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "data"))


def test_there_are_at_least_fifty() -> None:
    assert len(FOUND) + len(REFUSED) >= 50


def test_the_sound_folder_has_nothing_wrong(folder: Path) -> None:
    dataset = read(folder)
    assert (len(dataset), dataset.findings) == (32, ())


@pytest.mark.parametrize("name", FOUND)
def test_it_is_found(name: str, folder: Path) -> None:
    build, check, file, fragments = FOUND[name]
    build(folder)
    before = tree_digest(folder)
    dataset = read(folder)
    finding = next(finding for finding in dataset.findings if finding.check == check)
    sentence = finding.sentence()
    assert sentence.startswith(file)
    assert all(fragment in sentence for fragment in fragments), sentence
    assert finding.sentence("ru").startswith(file)
    assert finding.left_out is (check not in KEPT)
    assert finding.severity == 1.0 if finding.left_out else finding.severity < 1
    assert all(sample.image().ndim == 3 for sample in dataset)
    assert read(folder).findings == dataset.findings
    assert tree_digest(folder) == before


@pytest.mark.parametrize("name", [name for name, case in FOUND.items() if case[1] not in KEPT])
def test_strict_refuses_it(name: str, folder: Path) -> None:
    build, _, file, fragments = FOUND[name]
    build(folder)
    with pytest.raises(DataError) as caught:
        read(folder, strict=True, cache=False)
    assert all(fragment in str(caught.value) for fragment in (file, "--strict", *fragments)), caught.value


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(name: str, folder: Path) -> None:
    build, fragments = REFUSED[name]
    build(folder)
    before = tree_digest(folder)
    with pytest.raises(DataError) as caught:
        read(folder)
    assert all(fragment in str(caught.value) for fragment in fragments), caught.value
    assert tree_digest(folder) == before


def test_every_sentence_about_a_file_is_read_here() -> None:
    elsewhere = {"leak", "unreadable", "file_gone", *ANNOTATED}
    assert {check for _, check, _, _ in FOUND.values()} | elsewhere | LOOKED_OVER.keys() == set(_checks())


@pytest.mark.parametrize("check", LOOKED_OVER)
def test_looking_over_refuses_nothing_and_says_it(check: str, folder: Path) -> None:
    build, file, fragments = LOOKED_OVER[check]
    build(folder)
    with pytest.raises(DataError):
        read(folder, cache=False)
    dataset = look_over(folder, cache=False)
    found = {finding.sample: finding for finding in dataset.findings if finding.check == check}
    assert file in found
    assert all(finding.left_out and finding.severity == 1 for finding in found.values())
    assert all(fragment in found[file].sentence() for fragment in fragments), found[file].sentence()
    assert {sample.id for sample in dataset}.isdisjoint(found)


def test_looking_over_takes_leaks_and_many_losses(folder: Path) -> None:
    REFUSED["leak"][0](folder)
    for number in range(10, 16):
        (folder / "masks" / "train" / f"{number:03d}.png").unlink()
    with pytest.raises(DataError):
        read(folder, cache=False)
    checks = Counter(finding.check for finding in look_over(folder, cache=False).findings)
    assert checks == {"leak": 1, "mask_missing": 6}


def test_what_was_looked_over_is_still_refused(folder: Path) -> None:
    LOOKED_OVER["mask_value_unknown"][0](folder)
    assert len(look_over(folder)) == 31
    with pytest.raises(DataError, match="belongs to no class"):
        read(folder)
    assert len(look_over(folder)) == 31


def _checks() -> list[str]:
    """The checks of the loader: those of the audit have a file of their own."""
    text = (resources.files("maskwright.sentences") / "en" / "finding.yaml").read_text(encoding="utf-8")
    return list(yaml.safe_load(text))


def test_the_docs_give_every_case_its_answer() -> None:
    rows = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8").splitlines()
    for check in _checks():
        (row,) = [row for row in rows if f"| `{check}` |" in row]
        refused, kept = ("leak", *LOOKED_OVER), (*KEPT, *ANNOTATED_KEPT)
        answer = "refused" if check in refused else "kept" if check in kept else "left out"
        assert row.split("|")[3].strip().startswith(answer)


def test_a_path_that_is_not_there(folder: Path) -> None:
    with pytest.raises(DataError, match=r"daat: no such folder.*\n.*beside it: data") as caught:
        read(folder.with_name("daat"))
    assert "spelling" in str(caught.value)


def test_a_path_whose_parent_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="its parent folder is not there either"):
        read(tmp_path / "a" / "b")


def test_a_file_for_a_folder(folder: Path) -> None:
    with pytest.raises(DataError, match=r"003.png: a file, not a folder.*\n.*\n.*Give the folder that holds"):
        read(folder / PHOTO)


def test_an_archive_for_a_folder(folder: Path) -> None:
    (folder / "data.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match="Unpack it and give the folder"):
        read(folder / "data.zip")


def test_a_leak_can_be_allowed(folder: Path) -> None:
    REFUSED["leak"][0](folder)
    dataset = read(folder, allow_leak=True)
    (finding,) = dataset.findings
    assert (finding.check, finding.left_out, len(dataset)) == ("leak", False, 33)
    assert "Remove one, or its score is too good." in finding.sentence()
    assert {sample.group for sample in dataset if sample.id in ("train/003", "val/x")} == {"train/003"}


def test_a_photo_that_may_not_be_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", closed)
    with pytest.raises(DataError, match=r"cannot be opened \(Permission denied\). Check its permissions"):
        read_image(folder / PHOTO)


def test_a_photo_that_is_gone(folder: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.png: no such file. It was removed or renamed meanwhile"):
        read_image(folder / "gone.png")


def test_a_link_to_its_own_folder_is_followed_once(folder: Path) -> None:
    (folder / "images" / "train" / "again").symlink_to(folder / "images" / "train")
    assert len(read(folder)) == 32


def test_hidden_files_are_no_photos(folder: Path) -> None:
    (folder / "images" / "train" / "._003.png").write_bytes(b"Mac OS X")
    (folder / "images" / "train" / "Thumbs.db").write_bytes(b"")
    assert read(folder).findings == ()


def test_links_within_the_dataset_are_followed_and_its_folder_may_be_one(folder: Path, tmp_path: Path) -> None:
    sound_digest = read(folder, cache=False).digest("train")
    (folder / "images").rename(folder / "photos-2024")
    (folder / "images").symlink_to("photos-2024")
    (tmp_path / "linked").symlink_to(folder)
    dataset = read(tmp_path / "linked", cache=False)
    assert (dataset.digest("train"), dataset.findings) == (sound_digest, ())


@pytest.mark.parametrize("look", [read, look_over])
def test_a_folder_of_photos_that_lies_elsewhere_is_not_followed(
    look: Callable[..., Dataset], folder: Path, tmp_path: Path
) -> None:
    (folder / "images").rename(tmp_path / "elsewhere")
    (folder / "images").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"no layout fits without(.|\n)*images: a link that leads out(.|\n)*Copy the"):
        look(folder, cache=False)


def test_what_is_no_photo_and_lies_elsewhere_is_passed_over_with_a_finding(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "classes.yaml").write_text("names: [background, rabbit, fox]")
    (folder / "classes.yaml").unlink(missing_ok=True)
    (folder / "classes.yaml").symlink_to(tmp_path / "classes.yaml")
    (folder / "images/train/all").symlink_to("/")
    dataset = read(folder, classes=["background", "cat", "dog"], cache=False)
    found = [(one.sample, one.check, one.left_out) for one in dataset.findings]
    assert found == [("classes.yaml", "link_outside", False), ("images/train/all", "link_outside", False)]
    assert len(dataset) == 32
