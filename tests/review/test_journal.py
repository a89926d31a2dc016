"""Decisions: on disk before they are called saved, never lost, never overwritten."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from maskwright import Decision
from maskwright.data.classes import make_classes
from maskwright.data.dataset import Dataset
from maskwright.errors import DataError, RunError, UsageError
from maskwright.review.journal import Journal, Stale, read_journal
from tiny import tiny_dataset

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = "train/0"


def _journal(tmp_path: Path, dataset: Dataset | None = None) -> Journal:
    return Journal(tmp_path / "journal.jsonl", dataset or tiny_dataset())


def _keep(journal: Journal, sample: str = SAMPLE, why: str = "") -> Decision:
    return journal.decide(sample, "keep", seen=journal.version(sample), who="ann", why=why)


def _painted(value: int = 2) -> np.ndarray:
    mask = np.zeros((64, 64), np.uint8)
    mask[10:20, 30:50] = value
    return mask


def test_a_decision_is_read_back_as_it_was_made(tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    made = [
        _keep(journal, why="good | enough\nреально"),
        journal.decide(SAMPLE, "exclude", seen=journal.version(SAMPLE), who="bob", why=""),
        journal.decide("val/1", "relabel", seen=journal.version("val/1"), who="ann", mask=_painted()),
    ]
    again = _journal(tmp_path)
    assert list(again.decisions) == made
    assert again.history(SAMPLE) == (made[0], made[1])
    assert again.last(SAMPLE) == made[1]
    assert again.version(SAMPLE) == made[1].version
    assert [decision.sequence for decision in made] == [1, 2, 3]
    assert Decision.from_record(json.loads(json.dumps(made[2].record()))) == made[2]


def test_a_painted_mask_is_a_new_file_and_stands_until_something_else_is_decided(tmp_path: Path) -> None:
    journal, original = _journal(tmp_path), tiny_dataset()[0].mask()
    files = []
    for value in (1, 2, 255):
        decision = journal.decide(SAMPLE, "relabel", seen=journal.version(SAMPLE), who="ann", mask=_painted(value))
        files.append(decision.mask_file)
        assert np.array_equal(journal.mask(SAMPLE), _painted(value))
    assert len(set(files)) == 3
    assert all((tmp_path / file).is_file() for file in files)
    assert np.array_equal(_journal(tmp_path).mask(SAMPLE), _painted(255))
    _keep(journal)
    assert np.array_equal(journal.mask(SAMPLE), original)


def test_undo_has_no_end(tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    for _ in range(60):
        journal.decide(SAMPLE, "exclude", seen=journal.version(SAMPLE), who="ann")
        journal.decide(SAMPLE, "clear", seen=journal.version(SAMPLE), who="ann")
        assert journal.last(SAMPLE) is None
    history = _journal(tmp_path).history(SAMPLE)
    assert [decision.action for decision in history] == ["exclude", "clear"] * 60
    assert len({decision.version for decision in history}) == 120


def test_a_stale_decision_is_refused_and_told_what_stands(tmp_path: Path) -> None:
    first_tab, second_tab = _journal(tmp_path), _journal(tmp_path)
    seen = second_tab.version(SAMPLE)
    kept = _keep(first_tab)
    with pytest.raises(Stale, match="decided on since it was shown") as stale:
        second_tab.decide(SAMPLE, "exclude", seen=seen, who="bob")
    assert (stale.value.current, stale.value.version) == (kept, kept.version)
    assert second_tab.last(SAMPLE) == kept
    second_tab.decide(SAMPLE, "exclude", seen=kept.version, who="bob")
    first_tab.refresh()
    assert [decision.who for decision in first_tab.history(SAMPLE)] == ["ann", "bob"]


def test_a_stale_mask_leaves_no_file(tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    _keep(journal)
    with pytest.raises(Stale):
        journal.decide(SAMPLE, "relabel", seen="long ago", who="ann", mask=_painted())
    assert not (tmp_path / "masks").exists()


def test_threads_do_not_interleave(tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    threads = [
        threading.Thread(target=lambda name=name: [_keep(journal, name) for _ in range(10)])
        for name in ("train/0", "train/1", "train/2", "val/0")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(_journal(tmp_path).decisions) == 40


PROCESS = """
import sys
from pathlib import Path
from maskwright.review.journal import Journal
from tiny import tiny_dataset
journal = Journal(Path(sys.argv[1]), tiny_dataset())
for turn in range(25):
    journal.decide(sys.argv[2], "keep", seen=journal.version(sys.argv[2]), who=sys.argv[2], why=str(turn))
"""


def test_processes_do_not_interleave(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])}
    command = [sys.executable, "-c", PROCESS, str(path)]
    running = [subprocess.Popen([*command, name], env=environment) for name in ("train/0", "train/1", "val/0")]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    journal = _journal(tmp_path)
    assert [decision.sequence for decision in journal.decisions] == list(range(1, 76))
    for name in ("train/0", "train/1", "val/0"):
        assert [decision.why for decision in journal.history(name)] == [str(turn) for turn in range(25)]
    assert len(path.read_text().splitlines()) == 76


@pytest.mark.parametrize("cut", [1, 7, 40, 200])
def test_what_a_killed_process_left_of_a_line_is_put_aside(tmp_path: Path, cut: int) -> None:
    journal = _journal(tmp_path)
    first = _keep(journal)
    _keep(journal, "train/1")
    content = journal.path.read_bytes()
    journal.path.write_bytes(content[:-cut])
    assert [decision.sequence for decision in read_journal(journal.path)[1]] == [1]
    assert journal.path.read_bytes() == content[:-cut]
    again = _journal(tmp_path)
    assert again.decisions == (first,)
    torn = content[:-cut].rpartition(b"\n")[2]
    assert journal.path.with_name("journal.jsonl.torn").read_bytes() == torn + b"\n"
    second = _keep(again, "train/2")
    assert _journal(tmp_path).decisions == (first, second)


@pytest.mark.parametrize("left", [b"\0" * 300, b"\0" * 300 + b"\n", b'{"format": 1, "ki'])
def test_what_a_power_cut_left_is_put_aside_while_others_write(tmp_path: Path, left: bytes) -> None:
    journal = _journal(tmp_path)
    first = _keep(journal)
    with journal.path.open("ab") as file:
        file.write(left)
    second = _keep(journal, "train/1")
    assert _journal(tmp_path).decisions == (first, second)
    assert left.strip(b"\n") in journal.path.with_name("journal.jsonl.torn").read_bytes()


def test_a_full_disk_is_told_and_leaves_the_journal_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = _journal(tmp_path)
    first = _keep(journal)
    with monkeypatch.context() as patch:
        patch.setattr("maskwright.review.journal.os.fsync", _full)
        with pytest.raises(OSError, match="No space left"):
            _keep(journal, "train/1")
    assert journal.decisions == _journal(tmp_path).decisions == (first,)
    assert _keep(journal, "train/1").sequence == 2


def _full(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_damage_in_the_middle_is_refused_and_named(tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    for name in ("train/0", "train/1", "train/2"):
        _keep(journal, name)
    lines = journal.path.read_text().splitlines(keepends=True)
    journal.path.write_text("".join([*lines[:2], "scribble\n", *lines[3:]]))
    with pytest.raises(RunError, match=r"(?s)journal\.jsonl.*makes no sense.*scribble.*Restore"):
        _journal(tmp_path)
    journal.path.write_text("".join([*lines[:2], *lines[3:]]))
    with pytest.raises(RunError, match=r"(?s)a decision is missing.*number 2.*number 3"):
        _journal(tmp_path)
    journal.path.write_text("".join(lines).replace('"format": 1', '"format": 9'))
    with pytest.raises(RunError, match="format 9"):
        _journal(tmp_path)


@pytest.mark.parametrize("content", ["no journal\n", "no journal", '{"format": 1, "kind": "decision"}\n'])
def test_another_file_is_refused_and_stays_as_it_is(tmp_path: Path, content: str) -> None:
    (tmp_path / "journal.jsonl").write_text(content)
    with pytest.raises(RunError, match="makes no sense"):
        _journal(tmp_path)
    assert (tmp_path / "journal.jsonl").read_text() == content


def test_a_journal_of_other_data_is_refused(tmp_path: Path) -> None:
    _keep(_journal(tmp_path))
    data = tiny_dataset()
    without = Dataset(data.classes, data.samples[1:])
    with pytest.raises(DataError, match=r"(?s)made for other data.*decided on and not there: train/0"):
        _journal(tmp_path, without)
    other = Dataset(make_classes(["background", "cat", "dog"]), data.samples)
    with pytest.raises(DataError, match="classes background, square, disc there, background, cat, dog here"):
        _journal(tmp_path, other)


def test_new_photos_are_taken_in_with_the_next_decision(tmp_path: Path) -> None:
    data = tiny_dataset()
    _keep(_journal(tmp_path, Dataset(data.classes, data.samples[:4])))
    journal = _journal(tmp_path, data)
    _keep(journal, "val/2")
    bindings, decisions = read_journal(journal.path)
    assert [binding.samples for binding in bindings] == [4, 9]
    assert [decision.sample for decision in decisions] == ["train/0", "val/2"]


WRONG = [
    ({"sample": "train/99", "action": "keep"}, "there is no such sample"),
    ({"sample": SAMPLE, "action": "relabel"}, "relabel needs a mask"),
    ({"sample": SAMPLE, "action": "keep", "mask": np.zeros((64, 64), np.uint8)}, "keep takes no mask"),
    ({"sample": SAMPLE, "action": "relabel", "mask": np.zeros((64, 32), np.uint8)}, "32 x 64"),
    ({"sample": SAMPLE, "action": "relabel", "mask": np.full((64, 64), 3, np.uint8)}, "class id 3 cannot be written"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, wrong: dict[str, object], message: str) -> None:
    journal = _journal(tmp_path)
    seen = journal.version(SAMPLE)
    with pytest.raises((UsageError, DataError), match=message):
        journal.decide(seen=seen, who="ann", **wrong)  # type: ignore[arg-type]
    assert not journal.path.exists()


def test_a_mask_that_somebody_changed_is_not_taken(tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    decision = journal.decide(SAMPLE, "relabel", seen=journal.version(SAMPLE), who="ann", mask=_painted())
    file = tmp_path / decision.mask_file
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(RunError, match="another file than the one that was decided on"):
        journal.mask(SAMPLE)
    file.unlink()
    with pytest.raises(RunError, match="no such file"):
        journal.mask(SAMPLE)
    text = journal.path.read_text().replace(decision.mask_file, "../secret.png")
    journal.path.write_text(text)
    with pytest.raises(RunError, match="outside of masks/"):
        _journal(tmp_path).mask(SAMPLE)


def test_a_journal_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"(?s)no such journal.*maskwright review"):
        read_journal(tmp_path / "journal.jsonl")


def test_two_journals_in_one_folder_keep_their_own_masks(tmp_path: Path) -> None:
    ann, bob = (Journal(tmp_path / f"{name}.jsonl", tiny_dataset()) for name in ("ann", "bob"))
    for journal, value in ((ann, 1), (bob, 2)):
        journal.decide(SAMPLE, "relabel", seen=journal.version(SAMPLE), who="x", mask=_painted(value))
    for journal, value in ((ann, 1), (bob, 2)):
        assert np.array_equal(journal.mask(SAMPLE), _painted(value))


@pytest.mark.parametrize("how", ["removed", "cut"])
def test_a_journal_that_is_taken_away_is_not_begun_in_the_middle(how: str, tmp_path: Path) -> None:
    journal = _journal(tmp_path)
    _keep(journal)
    if how == "removed":
        journal.path.rename(tmp_path / "elsewhere.jsonl")
    else:
        os.truncate(journal.path, 20)
    with pytest.raises(RunError, match="moved, removed or cut off"):
        _keep(journal, "val/1")
    assert not (how == "removed" and journal.path.exists())
