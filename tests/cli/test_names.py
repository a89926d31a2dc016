"""Names that the user gives, and names that are chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskwright.cli.names import classes_for, free_folder, names, run_folder
from maskwright.data.classes import Classes
from maskwright.errors import UsageError


def test_class_names_are_parted_at_commas() -> None:
    assert names("background, cat,dog") == ("background", "cat", "dog")
    assert names("фон,кот") == ("фон", "кот")
    assert names(None) is None


@pytest.mark.parametrize(
    ("text", "message"), [("a,,b", "a name is empty"), ("", "a name is empty"), ("a,b,a", "a name stands twice")]
)
def test_wrong_class_names_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        names(text)


def test_classes_are_those_given_else_the_datas_else_the_runs(tmp_path: Path) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    for folder in (data, run):
        folder.mkdir()
    assert classes_for(None, data, run) is None and classes_for(None, data, None) is None
    (run / "classes.yaml").write_text("classes: {a: 1, b: 2}\nignore: 0\n")
    found = classes_for(None, data, run)
    assert isinstance(found, Classes) and (found.names, found.values, found.ignore) == (("a", "b"), (1, 2), 0)
    assert classes_for("x,y", data, run) == ("x", "y")
    (data / "classes.yaml").write_text("names: [c, d]\n")
    assert classes_for(None, data, run) is None  # the data say it themselves


def test_a_taken_folder_is_left_alone(tmp_path: Path) -> None:
    wanted = tmp_path / "demo"
    assert free_folder(wanted) == wanted
    wanted.mkdir()
    (tmp_path / "demo-2").mkdir()
    assert free_folder(wanted) == tmp_path / "demo-3"


def test_a_run_is_named_after_its_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_folder(Path("somewhere/pets")) == Path("runs/pets")
    assert run_folder(Path()) == Path("runs") / tmp_path.name
