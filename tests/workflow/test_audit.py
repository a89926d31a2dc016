"""The audit with a model: folds within a budget, a run that judges what it has not seen, and what is kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import maskwright
from drawn import CLASSES, draw_folder
from maskwright.audit.audit import Audit
from maskwright.audit.folder import beside
from maskwright.audit.probabilities import read_probs
from maskwright.cli.main import answer
from maskwright.errors import DataError, Interrupted, RunError, UsageError
from maskwright.progress import Progress
from maskwright.training.run import Run
from maskwright.workflow.label_issues import least_folds_s
from tiny import tiny_dataset

TRAINING = {"crop_hw": [64, 64], "batch_size": 4, "iterations": 80, "validation_interval": 80, "lr": 2e-3}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 photos to train on, of which one has lost its mask, and 6 to validate."""
    folder = draw_folder(tmp_path_factory.mktemp("drawn") / "data", train=24, val=6)
    assert cv2.imwrite(str(folder / "labels" / "train" / "3.png"), np.zeros((64, 64), np.uint8))
    return folder


@pytest.fixture(scope="module")
def judged(data: Path) -> Audit:
    return maskwright.audit(data, classes=CLASSES, split="train", budget_s=120, training=TRAINING, threads=2)


@pytest.mark.training
def test_every_training_photo_is_ranked_once_and_the_lost_mask_first(judged: Audit, data: Path) -> None:
    assert sorted(issue.sample for issue in judged.label_issues) == sorted(f"train/{number}" for number in range(24))
    assert judged.label_issues[0].sample == judged.suspects[0] == "train/3"
    assert judged.label_issues[0].kind == "object_unlabelled"
    folder = beside(data)
    assert Audit.load(folder).label_issues == judged.label_issues
    assert read_probs(folder.probs, "train/3") is not None and read_probs(folder.probs, "val/0") is None
    assert not (folder.path / "folds").exists()
    assert folder.report.is_file()


@pytest.mark.training
def test_what_models_said_of_these_data_is_taken_again(
    judged: Audit, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("maskwright.training.loop.fit", lambda *_args, **_others: 1 / 0)
    assert answer(["audit", str(data), "--classes", CLASSES, "--split", "train", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert [issue["sample"] for issue in value["label_issues"]] == list(judged.suspects)
    assert set(value["label_issues"][0]) == {"sample", "severity", "kind"}
    whole = maskwright.audit(data, classes=CLASSES)
    assert {issue.sample for issue in whole.label_issues} == set(judged.suspects), "of the others nothing was said"


@pytest.mark.training
def test_a_run_judges_only_what_it_has_not_seen(data: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(data, tmp_path / "data"))
    short: dict[str, Any] = {**TRAINING, "iterations": 4, "validation_interval": 4}
    run: Run = maskwright.run(data, tmp_path / "run", classes=CLASSES, settings=short, threads=2)
    for judge in (run.folder, run.folder / "bundle"):
        with pytest.raises(RunError, match="was trained on all photos that it is asked about"):
            maskwright.audit(data, classes=CLASSES, split="train", run=judge, out=tmp_path / "audit")
    made = maskwright.audit(data, classes=CLASSES, run=run.folder / "bundle", out=tmp_path / "audit")
    assert {issue.sample for issue in made.label_issues} == {f"val/{number}" for number in range(6)}
    assert [key for key, _ in made.notes][:2] == ["audit.run_trained_on", "audit.run_chosen_on"]
    assert maskwright.audit(data, classes=CLASSES, out=tmp_path / "audit").notes == made.notes, "kept with what it said"
    made = maskwright.audit(data, classes=CLASSES, split="val", run=run.folder, out=tmp_path / "audit")
    assert {issue.sample for issue in made.label_issues} == {f"val/{number}" for number in range(6)}
    with pytest.raises(UsageError, match="either a run judges"):
        maskwright.audit(data, classes=CLASSES, run=run.folder, budget_s=60)
    record = json.loads((run.folder / "audit.json").read_text())
    assert record["judged"] == 0, "no time was given for it"
    assert Path(record["report"]).is_file()
    with pytest.raises(UsageError, match="tells other classes apart"):
        maskwright.audit(data, classes="background,box,circle", split="val", run=run.folder, out=tmp_path / "audit")


def test_too_few_photos_to_train_on(tmp_path: Path) -> None:
    folder = draw_folder(tmp_path / "data", train=5, val=2)
    with pytest.raises(DataError, match="too few labelled photos"):
        maskwright.audit(folder, classes=CLASSES, budget_s=60)


def test_a_budget_that_cannot_be_kept_is_refused_with_the_least_one(tmp_path: Path) -> None:
    folder = draw_folder(tmp_path / "data", train=16, val=2)
    with pytest.raises(UsageError, match=r"(?s)--budget 5s: too short.*--budget 50s") as caught:
        maskwright.audit(folder, classes=CLASSES, budget_s=5)
    assert not beside(folder).path.exists(), "refused before anything is looked at"
    with pytest.raises(UsageError, match=r"--budget [5-9]0s"):  # looking and the page take time too
        maskwright.audit(folder, classes=CLASSES, budget_s=46)
    assert "could not be kept" in str(caught.value)
    assert [least_folds_s(count) for count in (300, 10_000)] == pytest.approx([45, 1500])


def test_weights_without_a_budget_are_wrong_use(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["audit", str(data), "--classes", CLASSES, "--weights", "none"]) == 2
    assert "--budget" in capsys.readouterr().err


def test_a_dataset_is_audited_too(tmp_path: Path) -> None:
    folder = draw_folder(tmp_path / "data", train=5, val=2)
    made = maskwright.audit(maskwright.read(folder, classes=CLASSES))
    assert made.images == 7 and beside(folder).findings.is_file()
    with pytest.raises(UsageError, match="lies in memory"):
        maskwright.audit(tiny_dataset())
    assert maskwright.audit(tiny_dataset(), out=tmp_path / "there").images == 9


def test_nothing_of_others_is_overwritten(tmp_path: Path) -> None:
    folder, place = draw_folder(tmp_path / "data", train=4, val=2), tmp_path / "project"
    (place / "splits").mkdir(parents=True)
    (place / "splits" / "fold0.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"project: something lies there already"):
        maskwright.audit(folder, classes=CLASSES, out=place)
    assert (place / "splits" / "fold0.txt").read_text() == "mine"
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file: something lies there already"):
        maskwright.audit(folder, classes=CLASSES, out=tmp_path / "file")
    for _ in range(2):  # what an audit wrote the next one may replace
        assert maskwright.audit(folder, classes=CLASSES, out=tmp_path / "new").images == 6


@pytest.mark.training
def test_a_run_that_was_stopped_while_judging_goes_on(tmp_path: Path) -> None:
    run = maskwright.train(tiny_dataset(), out=tmp_path / "run", settings={**TRAINING, "iterations": 2})
    folder = draw_folder(tmp_path / "data", train=4, val=4)
    seen: list[int] = []

    def stop(progress: Progress) -> None:
        if progress.stage == "stage.judge":
            seen.append(progress.done)
            if len(seen) == 3:
                raise KeyboardInterrupt

    classes = tiny_dataset().classes.names
    with pytest.raises(Interrupted, match="The same command goes on"):
        maskwright.audit(folder, classes=classes, run=run.folder, out=tmp_path / "audit", on_progress=stop)
    made = maskwright.audit(folder, classes=classes, run=run.folder, out=tmp_path / "audit", on_progress=stop)
    assert seen == [1, 2, 3, 4, 5, 6, 7, 8]
    assert len(made.label_issues) == 8
