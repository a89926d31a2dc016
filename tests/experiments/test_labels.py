"""Tags, notes and the archive: they lie in the run, and what a person wrote by hand is never written over."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from listed_runs import contents, ended_run
from maskwright.errors import RunError, UsageError
from maskwright.experiments.labels import Labels, change_labels, read_labels


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, to be copied."""
    return ended_run(tmp_path_factory.mktemp("runs") / "whole")


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    """A run."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


def test_what_is_changed_stays_and_goes_with_the_run(run: Path, tmp_path: Path) -> None:
    assert read_labels(run) == Labels()
    assert change_labels(run, add=["хорошо", "baseline", "baseline"]).tags == ("baseline", "хорошо")
    assert change_labels(run, note=" first of three ").note == "first of three"
    assert change_labels(run, archived=True, remove=["baseline", "never there"]) == Labels(
        ("хорошо",), True, "first of three"
    )
    shutil.copytree(run, tmp_path / "copy")
    assert read_labels(tmp_path / "copy") == Labels(("хорошо",), True, "first of three")
    assert change_labels(run, note="", archived=False, remove=["хорошо"]) == Labels()


def test_nothing_is_written_where_nothing_changes(run: Path) -> None:
    before = contents(run)
    change_labels(run, remove=["none"], archived=False, note="")
    assert contents(run) == before


@pytest.mark.parametrize("tag", ["", "two words", "a,b", "a\n"])
def test_a_tag_is_a_word(run: Path, tag: str) -> None:
    with pytest.raises(UsageError, match="cannot be a tag"):
        change_labels(run, add=["good", tag])
    assert read_labels(run) == Labels()


@pytest.mark.parametrize(
    "text",
    ['{"format": 1, "tags": "good"}', '{"format": 1, "tags": ["a b"]}', '{"format": 1, "archived": "no"}', '{"form'],
)
def test_what_was_edited_wrongly_is_not_written_over(run: Path, text: str) -> None:
    (run / "labels.json").write_text(text)
    with pytest.raises(RunError, match=r"labels\.json"):
        change_labels(run, add=["good"])
    assert (run / "labels.json").read_text() == text


def test_what_is_left_out_is_as_if_it_were_not_said(run: Path) -> None:
    (run / "labels.json").write_text('{"format": 1, "tags": ["b", "a", "b"]}')
    assert read_labels(run) == Labels(("a", "b"))


def test_only_runs_are_labelled(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        change_labels(tmp_path, add=["good"])
    assert list(tmp_path.iterdir()) == []
