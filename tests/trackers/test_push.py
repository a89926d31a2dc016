"""What a run folder tells, and what of it is sent when: with a tracker that writes lines into a file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import filelock
import pytest

from compared_runs import counts_of, judged_run
from maskwright.errors import MaskwrightError, RunError, TrackerError, UsageError
from maskwright.storage import file_digest
from maskwright.trackers import facts, table
from maskwright.trackers.address import absolute
from maskwright.trackers.clearml import clearml_api, clearml_session_folder
from maskwright.trackers.destination import project_of, refuse_network
from maskwright.trackers.facts import Fact, Matrix, Parameters, Picture, Scalar, Summary, Table
from maskwright.trackers.mlflow import mlflow_address
from maskwright.trackers.push import push
from maskwright.trackers.sent import read_sent, sent_path
from maskwright.trackers.story import about, standing, story
from maskwright.trackers.tensorboard import tensorboard_folder
from maskwright.trackers.tracker import About, Status, Tracker
from maskwright.training.run import append_log, cut_log, open_run
from synthetic_run import synthetic_run
from tiny import tiny_dataset


class Lines:
    """A tracker's run: a file with one line per key; breaks off after some facts where it is told to."""

    breaks_after: int | None = None
    refusal = "http://me:secret@127.0.0.1/api refused"

    def __init__(self, path: Path) -> None:
        self.path, self.place = path, str(path)
        self.remote = {"path": str(path)}

    def send(self, facts: Sequence[Fact]) -> None:
        for count, fact in enumerate(facts):
            if count == self.breaks_after:
                raise OSError(self.refusal)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{fact.key}\n")

    def close(self, status: Status, at: float) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{status} {at:.0f}\n")

    def lines(self) -> list[str]:
        return self.path.read_text(encoding="utf-8").splitlines()


projects: list[str] = []
"""What runs were told to belong into, in order."""


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The tracker "lines" instead of all others; gives what it has."""
    path = tmp_path / "lines.txt"
    monkeypatch.delenv("LINES_PROJECT", raising=False)
    projects.clear()

    def opened(about: About, destination: str, remote: Mapping[str, Any]) -> Lines:
        assert about.folder.is_dir()
        assert remote in ({}, {"path": str(path)})
        projects.append(about.project)
        assert destination
        return Lines(path)

    tracker = Tracker(
        "json", lambda folder, uri: absolute(uri or f"sqlite:///{folder}"), opened, "LINES_PROJECT", "of {}"
    )
    monkeypatch.setattr(table, "TRACKERS", {"lines": tracker, "absent": Tracker("no_such_package", str, opened)})
    monkeypatch.setattr(Lines, "breaks_after", None)
    return lambda: path.read_text(encoding="utf-8").splitlines()


def test_the_story_is_the_same_each_time(tmp_path: Path) -> None:
    run = open_run(synthetic_run(tmp_path / "run", tiny_dataset(), iterations=400))
    facts = list(story(run))
    assert [fact.key for fact in facts] == [fact.key for fact in story(run)]
    assert len({fact.key for fact in facts}) == len(facts)

    points = [fact for fact in facts if isinstance(fact, Scalar)]
    validations = [entry for entry in run.log() if entry["event"] == "validation"]
    of_disc = [(point.iteration, point.value) for point in points if point.curve == "dice/disc"]
    assert of_disc == [(entry["iteration"], entry["per_class"][2]["dice"]) for entry in validations]
    assert len([point for point in points if point.curve == "loss/train"]) == 20
    assert {point.at - 0.41 * point.iteration for point in points} == {1_780_000_000.0}
    assert {point.metric for point in points if point.series == "val"} == set(validations[0]["metrics"])

    recipe = next(fact for fact in facts if isinstance(fact, Parameters))
    assert recipe.values["lr"] == 0.0008
    assert "length_changes" not in recipe.values and recipe.values["set_aside"] == 0
    saved = json.loads((run.folder / "evaluation" / "val" / "metrics.json").read_text(encoding="utf-8"))
    summary = next(fact for fact in facts if isinstance(fact, Summary))
    assert summary.values["mDice"] == saved["metrics"]["mDice"]
    matrix = next(fact for fact in facts if isinstance(fact, Matrix))
    assert matrix.counts.sum() == 3 * 64 * 64
    kinds = {fact.title for fact in facts if isinstance(fact, Picture)}
    assert kinds == {"samples", "worst val", "best val"}


def test_a_comparison_is_told_when_runs_are_named(tmp_path: Path) -> None:
    one, other = (judged_run(tmp_path / name, counts_of(0.7, seed)) for name, seed in (("one", 1), ("other", 2)))
    tables = {fact.title: fact for fact in story(open_run(one), compared=[other]) if isinstance(fact, Table)}
    assert [row[0] for row in tables["comparison"].rows] == ["one", "other"]
    assert tables["comparison pairs"].rows[0][0] == "one − other"
    assert not any(fact.title.startswith("comparison") for fact in story(open_run(one)) if isinstance(fact, Table))


def test_what_is_there_is_not_sent_again(tmp_path: Path, lines: Callable[[], list[str]]) -> None:
    folder = synthetic_run(tmp_path / "run", tiny_dataset(), iterations=400)
    keys = [fact.key for fact in story(open_run(folder))]
    assert push(folder, "lines").sent == len(keys)
    assert lines() == [*keys, "ended 1780000164"]
    assert push(folder, "lines").sent == 0

    shutil.copyfile(folder / "evaluation/val/gallery/best_00.jpg", folder / "evaluation/val/gallery/worst_00.jpg")
    assert push(folder, "lines").sent == 1
    assert lines()[-2:] == ["picture/worst val/01", "ended 1780000164"]


def test_a_run_that_grows_and_is_cut_after_a_kill(tmp_path: Path, lines: Callable[[], list[str]]) -> None:
    folder = synthetic_run(tmp_path / "run", tiny_dataset(), iterations=400, ended=False)
    first = push(folder, "lines")
    assert first.sent == len(lines()) - 1
    assert lines()[-1].startswith("stopped")
    log = folder / "log.jsonl"
    steps = [entry for entry in open_run(folder).log() if entry["event"] == "train"]
    cut_log(log, after=100)
    for entry in steps:
        if entry["iteration"] > 100:
            append_log(log, {**entry, "iteration_s": 0.5})
    append_log(log, {**steps[-1], "iteration": 200})
    assert push(folder, "lines").sent == 4
    assert [line for line in lines() if line.endswith("/200")] == [
        f"scalar/{name}/train/200" for name in ("loss", "lr", "iteration_s", "data_wait_frac")
    ]


@pytest.mark.usefixtures("lines")
def test_what_was_taken_before_a_failure_is_noted_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = synthetic_run(tmp_path / "run", tiny_dataset(), iterations=4000)
    monkeypatch.setattr(Lines, "breaks_after", 499)
    with pytest.raises(TrackerError, match="not everything was sent") as refused:
        push(folder, "lines", uri="http://me:secret@127.0.0.1/api")
    assert "secret" not in str(refused.value)
    sent = read_sent(sent_path(folder, "lines"))
    assert (sent.curves, sent.digests, sent.destination) == ({}, {}, "http://127.0.0.1/api")
    assert "refused" in sent.trouble
    assert "secret" not in sent_path(folder, "lines").read_text(encoding="utf-8")
    monkeypatch.setattr(Lines, "breaks_after", None)
    assert push(folder, "lines").sent == len(list(story(open_run(folder))))
    assert read_sent(sent_path(folder, "lines")).trouble == ""


@pytest.mark.usefixtures("lines")
def test_another_destination_is_sent_all(tmp_path: Path) -> None:
    folder = judged_run(tmp_path / "run", counts_of(0.7, 1))
    there = push(folder, "lines").sent
    assert push(folder, "lines", uri="sqlite:///else").sent == there
    assert push(folder, "lines").destination == f"sqlite:///{Path.cwd()}/else"


def test_large_weights_are_left_out(tmp_path: Path, lines: Callable[[], list[str]]) -> None:
    folder = judged_run(tmp_path / "run", counts_of(0.7, 1))
    (folder / "weights").mkdir()
    (folder / "weights" / "best.safetensors").write_bytes(bytes(1_500_000))
    pushed = push(folder, "lines", max_checkpoint_mb=1.0)
    assert pushed.left_out == (("best.safetensors", 1.5),)
    assert "checkpoint/best" not in lines()
    assert push(folder, "lines").sent == 1
    assert lines()[-2] == "checkpoint/best"


@pytest.mark.usefixtures("lines")
def test_two_processes_do_not_send_one_run(tmp_path: Path) -> None:
    folder = judged_run(tmp_path / "run", counts_of(0.7, 1))
    push(folder, "lines")
    lock = filelock.FileLock(sent_path(folder, "lines").with_suffix(".lock"))
    with lock, pytest.raises(RunError, match="another process is sending this run to lines"):
        push(folder, "lines")


def test_identity_stays_when_a_run_is_copied(tmp_path: Path) -> None:
    folder = synthetic_run(tmp_path / "run", tiny_dataset(), iterations=400)
    shutil.copytree(folder, tmp_path / "copy")
    original, copy = about(open_run(folder)), about(open_run(tmp_path / "copy"))
    assert original.identity == copy.identity
    assert (original.name, copy.name) == ("run", "copy")
    assert standing(open_run(folder)) == ("ended", 1_780_000_000.0 + 0.41 * 400)


@pytest.mark.usefixtures("lines")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("line", r"(?s)line: not a tracker.*Did you mean lines\?"),
        ("absent", r"(?s)no_such_package is not installed.*pip install 'maskwright\[no_such_package\]'"),
    ],
)
def test_refused(name: str, message: str, tmp_path: Path) -> None:
    folder = judged_run(tmp_path / "run", counts_of(0.7, 1))
    with pytest.raises(MaskwrightError, match=message):
        push(folder, name)
    assert not (folder / "trackers").exists()


def test_offline_forbids_the_network_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLEARML_API_HOST", raising=False)
    monkeypatch.setenv("MASKWRIGHT_OFFLINE", "1")
    for address in (
        *("http://here:5000", "https://me:secret@here", "postgresql+psycopg2://me@here/db", "databricks"),
        *("file://server/share", "postgresql://localhost/db?host=far", clearml_api(Path(), "")),
    ):
        with pytest.raises(UsageError, match="forbidden") as refused:
            refuse_network("mlflow", address)
        assert "secret" not in str(refused.value)
    assert "found: the server of clearml.conf" in str(refused.value)
    for address in (
        *("sqlite:////here/mlflow.db", "file:///here", "/here", "http://localhost:5000"),
        *("http://127.0.0.2:5000", "http://[::1]:5000", "postgresql://localhost/db"),
    ):
        refuse_network("mlflow", address)


@pytest.mark.usefixtures("lines")
def test_a_damaged_note_is_refused_with_the_way_out(tmp_path: Path) -> None:
    folder = judged_run(tmp_path / "run", counts_of(0.7, 1))
    push(folder, "lines")
    sent_path(folder, "lines").write_text('{"format": 1}', encoding="utf-8")
    with pytest.raises(RunError, match="Delete the file"):
        push(folder, "lines")


@pytest.mark.usefixtures("lines")
@pytest.mark.parametrize("password", ["p@ss", "pw", "p%40ss"])
def test_no_password_is_noted_down(password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = judged_run(tmp_path / "run", counts_of(0.7, 1))
    uri = f"http://me:{password}@127.0.0.1/api?token=abc"
    message = f"GET {uri} and /api?token=abc refused"
    monkeypatch.setattr(Lines, "breaks_after", 0)
    monkeypatch.setattr(Lines, "refusal", message)
    with pytest.raises(TrackerError, match="not everything was sent") as refused:
        push(folder, "lines", uri=uri)
    noted = sent_path(folder, "lines").read_text(encoding="utf-8")
    assert read_sent(sent_path(folder, "lines")).destination == "http://127.0.0.1/api"
    for secret in (password, "p@ss", "me:", "token", "abc"):
        assert secret not in noted
        assert secret not in str(refused.value).replace("some", "")


@pytest.mark.usefixtures("lines")
@pytest.mark.parametrize("uri", ["http://me:p/ss@far", "http://me:1/ss@far", "http://me:p@ss/word@far", "http://[far"])
def test_an_address_that_cannot_be_read_is_refused_unseen(uri: str, tmp_path: Path) -> None:
    folder = judged_run(tmp_path / "run", counts_of(0.7, 1))
    with pytest.raises(UsageError, match="cannot be read") as refused:
        push(folder, "lines", uri=uri)
    assert "ss" not in str(refused.value).replace("address", "").replace("password", "")
    assert not sent_path(folder, "lines").exists()


@pytest.mark.usefixtures("lines")
def test_a_folder_is_the_same_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = judged_run(tmp_path / "run", counts_of(0.7, 1))
    monkeypatch.chdir(tmp_path)
    push(folder, "lines", uri="there")
    assert read_sent(sent_path(folder, "lines")).asked == str(tmp_path / "there")
    push(folder, "lines", uri="sqlite:///db/x.db")
    assert read_sent(sent_path(folder, "lines")).asked == f"sqlite:///{tmp_path}/db/x.db"


def test_where_trackers_take_no_address(tmp_path: Path) -> None:
    for where in (tensorboard_folder, clearml_session_folder):
        with pytest.raises(UsageError, match="a folder is meant"):
            where(tmp_path, "s3://bucket/runs")
    for uri in ("here", "s3://bucket"):
        with pytest.raises(UsageError, match="API is meant"):
            clearml_api(tmp_path, uri)
    with pytest.raises(UsageError, match="htp://"):
        mlflow_address(tmp_path, "htp://here:5000")
    for uri in ("http://here:5000", "databricks", "postgresql+psycopg2://here/db", "file:///here"):
        assert mlflow_address(tmp_path, uri) == uri
    assert mlflow_address(tmp_path, "runs") == str(Path("runs").resolve())


@pytest.mark.usefixtures("lines")
def test_a_run_goes_into_the_project_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, other = (judged_run(tmp_path / name, counts_of(0.7, 1)) for name in ("run", "other"))
    all_of_it = push(folder, "lines").sent
    monkeypatch.setenv("LINES_PROJECT", "of the lab")
    assert push(folder, "lines").sent == 0
    assert push(folder, "lines", project="mine/cats").sent == all_of_it
    assert push(folder, "lines").sent == 0
    push(other, "lines")
    assert projects == ["of maskwright", "of maskwright", "mine/cats", "mine/cats", "of the lab"]
    note = sent_path(folder, "lines")
    assert read_sent(note).project == "mine/cats"
    earlier = json.loads(note.read_text(encoding="utf-8"))
    del earlier["project"]
    note.write_text(json.dumps(earlier), encoding="utf-8")
    assert push(folder, "lines", project="another").sent == all_of_it
    with pytest.raises(UsageError, match="not a name for a project"):
        push(folder, "lines", project="../elsewhere")


def test_a_project_where_there_are_none_is_refused() -> None:
    assert project_of("tensorboard", "cats", "", "") == ""
    with pytest.raises(UsageError, match="knows no projects"):
        project_of("tensorboard", "cats", "mine", "")


@pytest.mark.usefixtures("lines")
def test_weights_are_read_once_and_not_at_all_when_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = judged_run(tmp_path / "run", counts_of(0.7, 1))
    (folder / "weights").mkdir()
    (folder / "weights" / "best.safetensors").write_bytes(bytes(1_500_000))
    read: list[str] = []

    def digest(path: Path) -> str:
        read.append(path.name)
        return file_digest(path)

    monkeypatch.setattr(facts, "file_digest", digest)
    push(folder, "lines", max_checkpoint_mb=1.0)
    assert "best.safetensors" not in read
    push(folder, "lines")
    assert read.count("best.safetensors") == 1
