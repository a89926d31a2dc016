"""maskwright runs: the list, one run, two of them, and what a person says of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from listed_runs import STARTED, ended_run, new_run, stopped_run
from maskwright.cli.main import answer
from maskwright.cli.runs_texts import WIDTH


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs; to be copied by whoever changes it."""
    folder = tmp_path_factory.mktemp("made")
    ended_run(folder / "pets" / "first", best=0.71)
    ended_run(folder / "pets" / "second", best=0.83, started=STARTED + 60, settings={"seed": 5, "lr": 0.002})
    ended_run(folder / "mended", best=0.91, started=STARTED + 120, digest="d2", train={"digest": "t2"})
    stopped_run(folder / "stopped")
    new_run(folder / "new")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the runs, where the commands are given."""
    shutil.copytree(made, tmp_path / "runs")
    monkeypatch.chdir(tmp_path / "runs")
    return tmp_path / "runs"


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What `maskwright runs` prints: on standard output, or on standard error where it refuses."""
    assert answer(["runs", *arguments]) == code
    printed = capsys.readouterr()
    return printed.err if code else printed.out


def names(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """The runs that are listed, in their order."""
    rows: list[dict[str, Any]] = json.loads(said(capsys, *arguments, "--json"))
    return [row["name"] for row in rows]


def test_the_list_fits_a_terminal_and_marks_the_best(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = said(capsys)
    assert max(map(len, printed.splitlines())) <= WIDTH
    rows = {line.split()[0]: line for line in printed.splitlines()}
    assert "83.00 *" in rows["pets/second"] and "71.00  " in rows["pets/first"]
    assert "91.00  " in rows["mended"], "it was judged on other photos"
    assert ("pets d2" in rows["mended"], "pets d1" in rows["pets/first"]) == (True, True)
    assert "200/300" in rows["stopped"] and "stopped" in rows["stopped"]
    assert said(capsys, "list", str(folder)).splitlines()[:7] == printed.splitlines()[:7]
    assert "завершён" in said(capsys, "--lang", "ru")


def test_long_names_are_shortened(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "new").rename(folder / ("very_" * 20 + "long"))
    said(capsys, "tag", "first", *(f"tag-{number}" for number in range(9)))
    lines = said(capsys).splitlines()
    assert max(map(len, lines[:7])) == WIDTH
    assert any(line.startswith("…") and "_long" in line for line in lines)


@pytest.mark.usefixtures("folder")
def test_the_list_is_chosen_from_and_sorted(capsys: pytest.CaptureFixture[str]) -> None:
    assert names(capsys) == ["mended", "pets/second", "pets/first", "stopped", "new"]
    assert names(capsys, "--sort", "-score", "--limit", "2") == ["mended", "pets/second"]
    assert names(capsys, "pets", "--sort=name") == ["first", "second"]
    assert names(capsys, "--min-score", "83", "--model", "segformer*") == ["mended", "pets/second"]
    assert names(capsys, "--status", "stopped", "--data", "pets") == ["stopped"]
    assert "None of the runs" in said(capsys, "--tag", "good")
    assert "Did you mean score" in said(capsys, "--sort", "scores", code=2)
    assert "Did you mean ended" in said(capsys, "--status", "end", code=2)


def test_an_empty_folder_says_how_to_get_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "maskwright train DATA -o" in said(capsys)
    assert names(capsys) == []
    assert "no such folder" in said(capsys, "nowhere", code=2)


def test_a_mistyped_command_is_no_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Did you mean 'archive'" in said(capsys, "archiv", code=2)
    (folder / "archiv").mkdir()
    assert names(capsys, "archiv") == []
    helped = said(capsys, "--help")
    assert "Commands:" in helped and "maskwright runs list --help" in " ".join(helped.split())


def test_tags_notes_and_the_archive(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "tag", "first", "good", "baseline") == "first: tags baseline, good\n"
    assert said(capsys, "tag", "first", "--remove", "good") == "first: tags baseline\n"
    assert "note: the first one" in said(capsys, "note", "pets/first", "the first one")
    assert names(capsys, "--tag", "baseline") == ["pets/first"]
    said(capsys, "archive", "first", "stopped")
    assert names(capsys) == ["mended", "pets/second", "new"]
    assert "Archived and hidden: 2" in said(capsys)
    assert "в архиве; метки baseline; заметка: the first one" in said(
        capsys, "note", "first", "the first one", "--lang=ru"
    )
    assert len(names(capsys, "--archived")) == 5
    said(capsys, "archive", "--undo", "stopped", "first")
    assert len(names(capsys)) == 5
    assert json.loads((folder / "pets" / "first" / "labels.json").read_text())["archived"] is False


@pytest.mark.usefixtures("folder")
def test_nothing_is_archived_where_a_name_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Did you mean first" in said(capsys, "archive", "second", "firts", code=2)
    assert len(names(capsys)) == 5


def test_damage_is_told_below_the_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mended" / "data.json").write_text("{")
    (folder / "pets" / "first" / "labels.json").write_text("[]")
    printed = said(capsys)
    assert "damaged" in next(line for line in printed.splitlines() if line.startswith("mended "))
    assert "mended: mended/data.json: cannot be read as JSON." in printed
    assert "pets/first: pets/first/labels.json: this format version is not known here." in printed


def test_labels_that_cannot_be_read_are_not_called_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "labels: no tags, no note" in said(capsys, "show", "first")
    (folder / "pets" / "first" / "labels.json").write_text('{"format": 1, "tags": ["a b"]}')
    printed = said(capsys, "show", "first")
    assert "labels.json: not what labels look like" in printed and "no tags" not in printed
    assert "ended: 300 of 300" in printed, "the rest of the run is sound"


@pytest.mark.usefixtures("folder")
def test_a_note_of_several_lines_stands_apart(capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "note", "first", "lr too high\nbest: 3")
    assert "note: lr too high\n  best: 3\n" in said(capsys, "show", "first")


def test_a_run_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = said(capsys, "show", "second")
    for part in ("ended: 300 of 300 iterations in 2:30", "83.00 % at iteration 200", "seed 5", "not here", "83.00 *"):
        assert part in printed.replace(" %,", " %"), part
    assert "weights/" in printed and "1.1 kB" in printed
    assert "val, photos: 60" in printed and "background" in printed
    value = json.loads(said(capsys, "show", "second", "--json"))
    assert (value["settings"]["lr"]["value"], len(value["validations"])) == (0.002, 3)
    assert "новый" in said(capsys, "show", "new", "--lang", "ru")
    (folder / "new" / "format").write_text("maskwright run 9")
    assert "pip install -U maskwright" in said(capsys, "show", "new")


@pytest.mark.usefixtures("folder")
def test_two_runs_are_held_against_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    printed = said(capsys, "diff", "first", "second")
    assert "\nlr\n  first   0.0006  fixed: for newly drawn weights\n  second  0.002" in printed
    assert "The same data" in printed and "One recipe" not in printed
    printed = said(capsys, "diff", "first", "mended")
    assert "One recipe" in printed and "train: other photos, masks or classes" in printed
    value = json.loads(said(capsys, "diff", "first", "second", "--json"))
    assert [each["name"] for each in value["settings"]] == ["lr", "seed"]
    assert [run["best_mdice"] for run in value["runs"]] == [0.71, 0.83]


def test_listing_loads_nothing_heavy(folder: Path) -> None:
    code = (
        "import sys; from maskwright.cli.main import answer; answer(sys.argv[1:]);"
        "heavy = {'torch', 'numpy', 'scipy', 'cv2', 'plotly', 'PIL', 'rich'} & set(sys.modules);"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, "runs", str(folder)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_a_run_tells_what_a_tracker_did_not_take(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trackers = folder / "mended" / "trackers"
    trackers.mkdir()
    (trackers / "mlflow.json").write_text('{"format": 1, "trouble": "OSError: refused"}', encoding="utf-8")
    (trackers / "tensorboard.json").write_text('{"format": 1, "trouble": ""}', encoding="utf-8")
    (trackers / "clearml.json").write_text('{"form', encoding="utf-8")
    told = said(capsys, "show", "mended")
    assert "tracker mlflow: not everything was sent: OSError: refused; maskwright runs push mended --to mlflow" in told
    assert "tracker tensorboard" not in told
    assert "tracker clearml" in told
    assert set(json.loads(said(capsys, "show", "mended", "--json"))["unsent"]) == {"clearml", "mlflow"}
