"""The list of runs: what is found, what is told of each, and that nothing that lies in a folder breaks it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from listed_runs import STARTED, contents, ended_run, imported_run, new_run, stopped_run
from maskwright.errors import RunError, UsageError
from maskwright.experiments.log_ends import read_log_ends
from maskwright.experiments.run_list import runs
from maskwright.experiments.runs import choose_runs, list_runs, sort_runs
from maskwright.experiments.search import DEEPEST, find_run, find_runs
from maskwright.recipe.files import read_recipe, write_recipe
from maskwright.recipe.recipe import with_settings
from maskwright.storage import json_text, write_json
from maskwright.training.presence import training_in
from maskwright.training.run import append_log
from maskwright.training.training_log import read_training_log


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was trained to its end; to be copied."""
    return ended_run(tmp_path_factory.mktemp("runs") / "whole")


def named(folder: Path) -> dict[str, str]:
    """The state of every run by its name."""
    return {run.name: run.status for run in list_runs(folder)}


def test_what_is_told_of_a_run_is_what_its_files_say(tmp_path: Path) -> None:
    run = ended_run(tmp_path / "sweep" / "trials" / "7", best=0.81, settings={"seed": 4, "model": "mlp-r18"})
    (told,) = list_runs(tmp_path)
    assert (told.name, told.folder, told.status, told.trouble) == ("sweep/trials/7", run, "ended", "")
    assert (told.model, told.seed, told.iterations) == ("mlp-r18", 4, read_recipe(run / "recipe.yaml").iterations)
    assert (told.data, told.data_path, told.data_here) == ("pets", "/somewhere/else/pets", False)
    assert (told.train_digest, told.val_digest) == ("t1", "d1")
    assert (told.iteration, told.seconds, told.started) == (300, 150.0, STARTED)
    assert (told.best_mdice, told.best_iteration, told.weights_bytes) == (0.81, 200, 1000)
    assert json.loads(json.dumps(told.to_json()))["folder"] == str(run)


def test_each_state_is_told(tmp_path: Path) -> None:
    ended_run(tmp_path / "ended")
    new_run(tmp_path / "new")
    imported_run(tmp_path / "imported")
    stopped = stopped_run(tmp_path / "stopped")
    with training_in(stopped_run(tmp_path / "training")):
        states = named(tmp_path)
    assert states == {name: name for name in ("ended", "new", "imported", "stopped", "training")}
    (told,) = list_runs(stopped)
    assert (told.name, told.iteration, told.iterations, told.seconds) == ("stopped", 200, 300, 100.0)
    assert named(tmp_path)["training"] == "stopped", "a lock that nobody holds says nothing"
    write_json(stopped / "weights" / "last.json", {"format": 1, "iteration": 213})
    assert list_runs(stopped)[0].iteration == 213, "it was stopped between two lines of its log"


def test_whether_a_run_can_go_on_is_told(tmp_path: Path) -> None:
    for make in (ended_run, new_run, imported_run, stopped_run):
        make(tmp_path / make.__name__.removesuffix("_run"))
    lost = stopped_run(tmp_path / "lost")
    shutil.rmtree(lost / "state")
    killed = new_run(tmp_path / "killed")
    append_log(killed / "log.jsonl", {"event": "start", "iteration": 0, "iterations": 300})
    write_json(killed / "weights" / "last.json", {"format": 1, "iteration": 0})
    (killed / "weights" / "last.safetensors").touch()
    told = {run.name: run.to_json()["resumable"] for run in list_runs(tmp_path)}
    assert told == {
        "ended": False, "new": True, "imported": True, "stopped": True, "lost": False, "killed": True,
    }  # fmt: skip
    assert named(tmp_path)["lost"] == "stopped"
    (lost / "log.jsonl").unlink()
    assert named(tmp_path)["lost"] == "damaged", "its weights were trained"


def test_a_training_that_was_lengthened_tells_its_last_length(tmp_path: Path) -> None:
    run = stopped_run(tmp_path / "run")
    recipe = read_recipe(run / "recipe.yaml")
    changed = with_settings(recipe, {"length_changes": ((100, 900), (200, 450))}, source="test", reason="measured: x")
    write_recipe(changed, run / "recipe.yaml")
    assert list_runs(run)[0].iterations == 450


def test_the_ends_of_a_log_tell_what_the_whole_log_tells_wherever_it_was_cut(whole: Path, tmp_path: Path) -> None:
    content = (whole / "log.jsonl").read_bytes().replace(b'"train"', '"train", "имя": "кошка"'.encode())
    path = tmp_path / "log.jsonl"
    for cut in (*range(0, len(content), 3), len(content)):
        path.write_bytes(content[:cut])
        log, ends = read_training_log(path), read_log_ends(path)
        if ends is None:
            assert log.iterations is None
            continue
        last = log.last or {"seconds": 0.0, "iteration": 0}
        assert (ends.seconds, ends.iteration) == (last["seconds"], last["iteration"])
        assert ends.ended == (log.end is not None)
        assert ends.started == log.started
    assert ends is not None and (ends.best_mdice, ends.best_iteration) == (0.7, 200)


def test_of_a_long_log_only_the_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with path.open("wb") as file:
        file.write(b'{"event": "start", "iteration": 0, "iterations": 9, "time": 5.0}\n')
        file.seek(1 << 34)  # a hole that no memory holds
        file.write(b'\n{"event": "validation", "iteration": 8, "seconds": 7.5, "metrics": {"mDice": 0.5}}\n')
    ends = read_log_ends(path)
    assert ends is not None and (ends.started, ends.iteration, ends.seconds, ends.ended) == (5.0, 8, 7.5, False)


@pytest.mark.parametrize("classes", [3, 150, 2000])
def test_the_line_of_a_validation_may_be_long(tmp_path: Path, classes: int) -> None:
    rows = [{"name": f"class {number}", "dice": 0.123456789, "iou": 0.123456789} for number in range(classes)]
    entry = {"event": "validation", "iteration": 8, "per_class": rows, "seconds": 7.5, "best": True}
    end = {"event": "end", "iteration": 8, "best_iteration": 8, "best_mDice": -1}
    step = {"event": "train", "iteration": 4, "seconds": 1.0}
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in (*[step] * 400, entry, end)))
    ends = read_log_ends(path)
    assert ends is not None and (ends.seconds, ends.ended, ends.best_mdice) == (7.5, True, None)


FOREIGN = {
    "nothing": b"",
    "not UTF-8": b"\xff\xfe\x00",
    "a number": b"5",
    "a list": b"[]\n",
    "null": b"null\n",
    "another version": b'{"format": 99}\n',
    "another shape": b'{"format": 1, "splits": 3, "val_mDice": "x", "event": "train", "iteration": "x", "tags": [5]}\n',
    "no time": b'{"event": "start", "iteration": 0, "time": 1e300}\n',
    "a time before all": b'{"event": "start", "iteration": 0, "time": -99999999999}\n',
    "too deep": b"[" * 100_000,
    "a text": "модель: 5 # нет\nmodel: [a\n".encode(),
}
FILES = ("format", "recipe.yaml", "data.json", "log.jsonl", "weights/best.json", "labels.json")


@pytest.mark.parametrize("what", FOREIGN)
@pytest.mark.parametrize("file", FILES)
def test_a_foreign_file_makes_one_run_damaged_and_no_more(whole: Path, tmp_path: Path, file: str, what: str) -> None:
    for name in ("good", "spoilt"):
        shutil.copytree(whole, tmp_path / name)
    (tmp_path / "spoilt" / file).write_bytes(FOREIGN[what])
    told = {each.name: each for each in list_runs(tmp_path)}
    assert told["good"].status == "ended"
    if file == "format":
        assert "spoilt" not in told, "without its mark it is no run"
        return
    if file == "log.jsonl" and b"\n" not in FOREIGN[what]:
        assert (told["spoilt"].status, told["spoilt"].resumable) == ("damaged", False)
        assert "weights/best.safetensors" in told["spoilt"].trouble
        shutil.rmtree(tmp_path / "spoilt" / "weights")
        assert named(tmp_path)["spoilt"] == "new", "a first line that is being written"
        return
    assert told["spoilt"].status == ("ended" if file == "labels.json" else "damaged")
    assert file in told["spoilt"].trouble


def test_a_run_of_another_version_is_told_with_the_way_out(tmp_path: Path) -> None:
    run = ended_run(tmp_path / "later")
    (run / "format").write_text("maskwright run 2\n")
    (told,) = list_runs(tmp_path)
    assert (told.status, told.model) == ("damaged", "")
    assert "maskwright run 2" in told.trouble and "pip install -U maskwright" in told.trouble


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    run = ended_run(tmp_path / "run")
    shutil.rmtree(run / "weights")
    (told,) = list_runs(tmp_path)
    assert (told.status, told.best_mdice, told.best_iteration, told.weights_bytes) == ("ended", 0.7, 200, None)
    (run / "recipe.yaml").unlink()
    (told,) = list_runs(tmp_path)
    assert told.status == "damaged" and "recipe.yaml" in told.trouble


def test_looking_changes_nothing(tmp_path: Path) -> None:
    ended_run(tmp_path / "a")
    stopped_run(tmp_path / "b")
    before = contents(tmp_path)
    list_runs(tmp_path)
    assert contents(tmp_path) == before


def test_runs_may_be_moved(tmp_path: Path) -> None:
    ended_run(tmp_path / "here" / "pets")
    before = list_runs(tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "там")
    after = list_runs(tmp_path / "там")
    assert after == tuple(replace(run, folder=tmp_path / "там" / "pets") for run in before)


def test_runs_are_looked_for_where_they_may_lie_and_nowhere_else(whole: Path, tmp_path: Path) -> None:
    inner = shutil.copytree(whole, tmp_path / "кошки и собаки" / "run")
    shutil.copytree(whole, inner / "bundle" / "run")
    shutil.copytree(whole, tmp_path / ".trash" / "run")
    shutil.copytree(whole, tmp_path / "pets.maskwright" / "folds" / "0")
    shutil.copytree(whole, tmp_path / "pets" / "img" / "run")
    shutil.copytree(whole, tmp_path.joinpath(*"abcdefgh"[: DEEPEST - 1]) / "deep")
    shutil.copytree(whole, tmp_path.joinpath(*"abcdefgh"[:DEEPEST]) / "too deep")
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "bundle.json").write_text("{}")
    shutil.copytree(whole, tmp_path / "bundle" / "run")
    (tmp_path / "format").write_text("a text of mine")
    assert set(named(tmp_path)) == {"кошки и собаки/run", "a/b/c/d/e/deep"}
    assert list_runs(tmp_path / "pets") == ()
    with pytest.raises(UsageError, match="no such folder"):
        list_runs(tmp_path / "nowhere")


@pytest.mark.skipif(sys.platform == "win32", reason="links want rights there")
def test_links_are_followed_once(tmp_path: Path) -> None:
    ended_run(tmp_path / "disk" / "a")
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "there").symlink_to(tmp_path / "disk")
    (folder / "again").symlink_to(tmp_path / "disk")
    (folder / "loop").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    os.mkfifo(folder / "format")
    assert len(find_runs(folder)) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="names are letters elsewhere")
def test_a_name_that_is_no_text_can_be_said(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, os.fsdecode(os.fsencode(tmp_path) + b"/no \xff text"))
    (told,) = list_runs(tmp_path)
    assert told.name == "no \\xff text"
    assert find_run(told.name, tmp_path) == told.folder
    text = json_text(told.to_json())
    assert text.encode() and json.loads(text)["folder"] == str(told.folder)


def test_a_name_means_the_run_that_ends_so(whole: Path, tmp_path: Path) -> None:
    for name in ("one/pets", "two/pets", "two/cats", "cats"):
        shutil.copytree(whole, tmp_path / name)
    assert find_run(str(tmp_path / "one" / "pets"), tmp_path) == tmp_path / "one" / "pets"
    assert find_run("one/pets", tmp_path) == tmp_path / "one" / "pets"
    assert find_run("cats", tmp_path) == tmp_path / "cats", "the whole name goes before the end of another"
    with pytest.raises(RunError, match="several runs") as several:
        find_run("pets", tmp_path)
    assert "one/pets, two/pets" in str(several.value)
    with pytest.raises(RunError, match="Did you mean pets"):
        find_run("pet", tmp_path)
    with pytest.raises(RunError, match="no run is called so"):
        find_run("ets", tmp_path)


def test_choosing_and_sorting(tmp_path: Path) -> None:
    ended_run(tmp_path / "a", best=0.6, started=STARTED, settings={"model": "mlp-r18"})
    ended_run(tmp_path / "b", best=0.9, started=STARTED + 50, data="C:\\\\photos\\\\cats")
    ended_run(tmp_path / "c", best=0.8, started=STARTED + 10)
    new_run(tmp_path / "d")
    every = list_runs(tmp_path)

    def names(**asked: object) -> str:
        return "".join(run.name for run in choose_runs(every, **asked))  # type: ignore[arg-type]

    assert names() == "abcd"
    assert names(model="mlp-*") == "a"
    assert names(data="cats") == "b"
    assert names(min_mdice=0.8) == "bc"
    assert names(status="new") == "d"
    assert names(tags=["good"]) == ""
    order = {by: "".join(run.name for run in sort_runs(every, by)) for by in ("score", "-score", "age", "-age", "data")}
    assert order == {"score": "acbd", "-score": "bcad", "age": "bcad", "-age": "acbd", "data": "bacd"}
    trials = [replace(every[0], name=f"trials/{number}") for number in (10, 9, 100)]
    assert [run.name for run in sort_runs(trials, "name")] == ["trials/9", "trials/10", "trials/100"]
    with pytest.raises(UsageError, match="Did you mean score"):
        sort_runs(every, "scor")


def test_a_notebook_shows_a_table(tmp_path: Path) -> None:
    assert "No runs lie there" in runs(tmp_path)._repr_html_()
    ended_run(tmp_path / "<b>")
    ended_run(tmp_path / "c", best=0.9, started=STARTED + 1)
    shown = runs(tmp_path)
    assert [run.name for run in shown] == ["c", "<b>"]
    page = shown._repr_html_()
    assert page.count("<tr>") == 3
    assert "<b>" not in page and "90.00 *" in page
    ended_run(tmp_path / "d", best=0.9, started=STARTED + 2)
    assert runs(tmp_path)._repr_html_().count("90.00 *") == 2, "equals are both the best"
