"""What is done with what models said: each photo's opinion is its own, and a weak model is shown to nobody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import maskwright
from drawn import CLASSES, draw_folder
from maskwright.audit.audit import Audit
from maskwright.audit.folder import AuditFolder, beside
from maskwright.audit.probabilities import Source, take_over, write_probs
from maskwright.audit.settings import AuditSettings
from maskwright.data.classes import Classes
from maskwright.data.dataset import Dataset
from maskwright.data.reading import read
from maskwright.sentences import say
from maskwright.workflow.audit import audit_for_run
from maskwright.workflow.label_issues import judge_by_run, ranked
from review_page import desk

NOTE = ("audit.run_unknown", (("run", "r"), ("count", "0")))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = draw_folder(tmp_path / "data", train=6, val=3)
    (folder / "classes.yaml").write_text("names: [background, square, disc]\n")
    assert cv2.imwrite(str(folder / "labels/train/3.png"), np.zeros((64, 64), np.uint8))
    return folder


def _judge(dataset: Dataset, folder: AuditFolder, *, shift_px: int = 0) -> None:
    """Keep the opinion of a model that sees every object, but so many pixels further to the right."""
    for sample in dataset:
        mask = np.roll(sample.mask(), shift_px, axis=1)
        write_probs(folder.path / "made", sample.id, 0.9 * np.eye(3, dtype=np.float32)[mask].transpose(2, 0, 1) + 0.03)
    photos = {sample.id: sample.photo_key for sample in dataset}
    take_over(folder.path / "made", folder.probs, Source({"shift": shift_px}, dataset.classes.names, photos, (NOTE,)))


@pytest.mark.parametrize(("shift_px", "believed"), [(0, True), (30, False)])
def test_a_weak_model_is_shown_neither_on_the_page_nor_in_review(data: Path, shift_px: int, believed: bool) -> None:
    _judge(read(data), beside(data), shift_px=shift_px)
    made = maskwright.audit(data)
    assert (made.trust >= 0.5, made.trust < 0.15) == (believed, not believed)
    assert [key for key, _ in made.notes] == ["audit.run_unknown", *([] if believed else ["audit.not_believed"])]
    assert Audit.load(beside(data)).trust == made.trust
    page = beside(data).report.read_text()
    assert "mask_empty" in made.counts and ("The models are too weak to be shown" in page) is not believed
    assert (">model<" in page.lower()) is believed
    queue = desk(data).queue_value(person="ann", lang="en")
    assert ("model" in queue["proposals"]) is believed and len(queue["notices"]) == 1 - believed


def test_an_opinion_goes_with_its_photo_whatever_becomes_of_the_mask(data: Path) -> None:
    before, folder = read(data), beside(data)
    _judge(before, folder)
    assert cv2.imwrite(str(data / "labels/train/1.png"), np.zeros((64, 64), np.uint8))
    assert cv2.imwrite(str(data / "img/train/2.png"), np.zeros((64, 64, 3), np.uint8))
    now = read(data)
    heard = ranked(now, [sample.id for sample in now.split("train")], folder, AuditSettings())
    assert {issue.sample for issue in heard.issues} == {f"train/{number}" for number in (0, 1, 3, 4, 5)}
    assert max(heard.issues, key=lambda issue: issue.severity).sample == "train/1", "as the mask is now"
    renamed = replace(now, classes=replace(now.classes, names=("background", "box", "disc")))
    assert ranked(renamed, [sample.id for sample in renamed], folder, AuditSettings()).issues == ()


def test_a_run_takes_an_audit_of_the_same_data_as_it_is(data: Path, tmp_path: Path) -> None:
    own = maskwright.audit(data, settings={"speck_frac": 0.001})
    before = beside(data).findings.stat().st_mtime_ns
    options = {"folds_s": 0.0, "training": {}, "threads": None, "device": "cpu", "lang": "en"}
    made, record = audit_for_run(read(data, classes=CLASSES), tmp_path / "run", **options)
    assert made.settings == own.settings and record["findings"] == len(own.findings)
    assert beside(data).findings.stat().st_mtime_ns == before
    assert cv2.imwrite(str(data / "labels/train/1.png"), np.zeros((64, 64), np.uint8))
    made, _ = audit_for_run(read(data, classes=CLASSES), tmp_path / "run", **options)
    assert made.settings != own.settings and "train/1" in {finding.sample for finding in made.findings}


class Blind:
    """A run's network that sees nothing."""

    def __init__(self, classes: Classes, digest: str) -> None:
        self.classes, self.digest, self.asked = classes, digest, 0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.asked += 1
        return np.stack([np.ones(image.shape[:2]), *[np.zeros(image.shape[:2])] * 2]).astype(np.float32)


def test_what_folds_had_said_is_not_replaced_in_silence(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, folder = read(data), beside(data)
    targets = [sample.id for sample in dataset.split("val")]
    _judge(dataset, folder)

    def judged_by(network: Blind) -> list[str]:
        monkeypatch.setattr("maskwright.workflow.label_issues.load", lambda *_path, **_how: network)
        judge_by_run(dataset, targets, folder, Path("r"))
        return [say(key, **dict(facts)) for key, facts in ranked(dataset, targets, folder, AuditSettings()).notes]

    network = Blind(dataset.classes, "one")
    told = judged_by(network)
    assert network.asked == 3 and any("What r says of 3 photos took the place" in each for each in told)
    assert judged_by(network) == told and network.asked == 3, "it is known, and still said"
    assert not any("took the place" in each for each in judged_by(Blind(dataset.classes, "another")))
    assert len(ranked(dataset, [sample.id for sample in dataset], folder, AuditSettings()).issues) == len(dataset)
