"""The demo: drawn data through everything, saying what it drew, planted and found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import maskwright.workflow.demo as module
from maskwright.data.finding import read_findings
from maskwright.data.pets.faults import FAULTS
from maskwright.errors import UsageError
from maskwright.training.run import Run
from maskwright.workflow.demo import Demo, demo, demo_lines, run_folder

SMALL = {"crop_hw": [32, 32], "batch_size": 2, "iterations": 2, "validation_interval": 2}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    out = tmp_path_factory.mktemp("out") / "demo"
    return demo(out, images=40, size_px=32, faults=0.3, budget_s=60, settings=SMALL, threads=2)


@pytest.mark.training
def test_a_demo_makes_the_data_the_run_and_the_report(made: Demo) -> None:
    assert (made.folder / "data" / "planted.json").is_file()
    assert made.run.folder == made.folder / "run"
    assert (made.run.folder / "report.html").stat().st_size > 10_000
    assert (made.run.folder / "bundle").is_dir()
    kinds = [fault.kind for fault in made.planted]
    assert sum(kind in FAULTS for kind in kinds) == round(0.3 * 26)
    assert sorted(kind for kind in kinds if kind not in FAULTS) == ["cut_file", "wrong_size"]


@pytest.mark.training
def test_it_says_what_was_planted_what_was_found_and_where_the_report_lies(made: Demo) -> None:
    text = "\n".join(demo_lines(made))
    assert "40 scenes with cats and dogs, 32 x 32 px" in text
    assert "label faults in 8 of the 26 training masks" in text
    assert "a cat is called a dog" in text
    assert re.search(r"Findings of the audit: \d+; photos left out: 2", text)
    for fault in made.planted:
        if fault.kind not in FAULTS:
            assert text.count(fault.detail["file"]) >= 2, "named as broken and as found"
    assert re.search(r"Of the \d+ planted label faults \d+ stand among the first \d+ photos of the audit's list", text)
    assert "No model judged the masks" in text
    assert "val, photos: 9: mDice" in text
    assert "report.html" in text.splitlines()[-1]


@pytest.mark.training
def test_it_says_the_same_in_russian(made: Demo) -> None:
    russian = demo_lines(made, "ru")
    assert len(russian) == len(demo_lines(made))
    assert "Нарисовано сцен с кошками и собаками: 40" in russian[0]
    assert any("внесённых нарочно" in line for line in russian)


@pytest.mark.training
def test_what_the_run_was_trained_on_left_out_the_broken_files_only(made: Demo) -> None:
    broken = {fault.sample for fault in made.planted if fault.kind not in FAULTS}
    findings = read_findings(made.run.folder / "findings.jsonl")
    assert {finding.sample for finding in findings if finding.left_out} == broken
    assert len(broken) == 2


def test_a_demo_stays_out_of_other_peoples_folders(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"other files lie there.*\n.*found: thesis\.txt\n  Name another folder"):
        demo(tmp_path)
    (tmp_path / "thesis.txt").unlink()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "photo.jpg").write_bytes(b"mine")
    with pytest.raises(UsageError, match="found: data"):
        demo(tmp_path)
    assert (tmp_path / "data" / "photo.jpg").read_bytes() == b"mine"
    with pytest.raises(UsageError, match="a file, where a folder is needed"):
        demo(tmp_path / "data" / "photo.jpg")


def test_a_second_demo_keeps_the_first_run_and_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets = []

    def fake_run(data: Path, out: Path, *, budget_s: float, **_others: object) -> Run:
        budgets.append(budget_s)
        out.mkdir(parents=True)
        (out / "format").write_text("maskwright run 1\n", encoding="utf-8")
        assert data == tmp_path / "data"
        return Run(out)

    monkeypatch.setattr(module, "run", fake_run)
    first = demo(tmp_path, images=12, size_px=32, budget_s=100)
    drawn_at = (tmp_path / "data" / "planted.json").stat().st_mtime_ns
    second = demo(tmp_path, images=12, size_px=32, budget_s=100)
    assert (first.run.folder.name, second.run.folder.name) == ("run", "run-2")
    assert run_folder(tmp_path).name == "run-3"
    assert second.drawn == first.drawn
    assert (tmp_path / "data" / "planted.json").stat().st_mtime_ns == drawn_at
    assert all(budget < 100 for budget in budgets), "the time of the drawing counts"


def test_a_demo_without_faults_says_nothing_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "run", lambda _data, out, **_others: Run(out))
    made = demo(tmp_path / "demo", images=10, size_px=32, faults=0.0, budget_s=100)
    text = "\n".join(demo_lines(made))
    assert "Planted" not in text
    assert "planted" not in text
    assert "Broken on purpose, files: 2" in text
