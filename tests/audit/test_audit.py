"""The audit as a value: kept whole, read back the same, with what a model says of the masks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audit_scenes import Picture, changed, mask_of, sample, scenes, with_samples
from maskwright.audit.audit import Audit, with_label_issues
from maskwright.audit.folder import AuditFolder
from maskwright.audit.label_issue import LabelIssue, ObjectIssue
from maskwright.audit.survey import survey
from maskwright.data.class_weights import derived_class_weights
from maskwright.data.dataset import Dataset
from maskwright.data.statistics import describe
from maskwright.errors import DataError, RunError

FACTS = {"file": "labels/train/001.png", "given": "ball", "percent": "40"}
WORST = LabelIssue("train/001", 0.95, "part_missing", (ObjectIssue("part_missing", 0.95, (3, 4, 5, 6), FACTS),))
LESS = LabelIssue("val/030", 0.2, "none", worst=0.8, class_belief=0.3)


@pytest.fixture(scope="module")
def audit() -> Audit:
    def emptied(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        return image, np.zeros_like(mask)

    data = changed(scenes(24, 12), emptied, 3)
    twin = data.samples[5]
    return survey(with_samples(data, [sample("val/twin", "val", twin.image(), mask_of(twin))]))


def test_what_is_saved_is_read_back(audit: Audit, tmp_path: Path) -> None:
    folder = AuditFolder(tmp_path / "data.maskwright")
    whole = with_label_issues(audit, [LESS, WORST])
    whole.save(folder)
    again = Audit.load(folder)
    again.save(AuditFolder(tmp_path / "again"))
    assert again.findings == whole.findings
    assert again.label_issues == (WORST, LESS)
    assert (again.duplicates, again.resplit) == (whole.duplicates, whole.resplit)
    assert (again.classes, again.splits, again.images, again.settings) == (
        whole.classes,
        whole.splits,
        whole.images,
        whole.settings,
    )
    for name in ("findings.jsonl", "statistics.json", "duplicates.json", "label_issues.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder.path / name).read_bytes()


def test_an_audit_from_before_beliefs_is_read(audit: Audit, tmp_path: Path) -> None:
    folder = AuditFolder(tmp_path)
    with_label_issues(audit, [LESS]).save(folder)
    kept = json.loads(folder.label_issues.read_text())
    for each in kept["label_issues"]:
        del each["worst"], each["class_belief"]
    folder.label_issues.write_text(json.dumps(kept))
    assert Audit.load(folder).label_issues == (replace(LESS, worst=0.0, class_belief=0.0),)


def test_a_damaged_audit_is_refused(audit: Audit, tmp_path: Path) -> None:
    folder = AuditFolder(tmp_path)
    audit.save(folder)
    folder.duplicates.write_text('{"format": 1}')
    with pytest.raises(RunError, match="not a whole one") as caught:
        Audit.load(folder)
    assert "maskwright audit DATA" in str(caught.value)
    folder.statistics.write_text('{"format": 2}')
    with pytest.raises(RunError, match="format 2"):
        Audit.load(folder)


def test_label_issues_bring_their_findings_and_replace_earlier_ones(audit: Audit) -> None:
    once = with_label_issues(audit, [LESS, WORST])
    assert once.findings[0].check == "label_part_missing"
    assert len(once.findings) == len(audit.findings) + 1
    assert with_label_issues(once, [LESS, WORST]) == once
    assert with_label_issues(once, []).findings == audit.findings


def test_findings_stand_worst_first(audit: Audit) -> None:
    severities = [finding.severity for finding in audit.findings]
    assert severities == sorted(severities, reverse=True)


def test_the_statistics_agree_with_a_plain_count() -> None:
    data = scenes(24, 12)
    made = survey(data).statistics
    plain = describe(data)
    for name, split in plain.splits.items():
        mine = made.data.splits[name]
        assert (mine.images, mine.labelled, mine.digest, mine.sizes) == (
            split.images,
            split.labelled,
            split.digest,
            split.sizes,
        )
        assert (mine.class_px, mine.class_images, mine.objects) == (split.class_px, split.class_images, split.objects)
    ball = made.splits["train"].classes[1]
    assert sum(ball.area_counts) == plain.splits["train"].objects[1]
    assert ball.position[8][8] > ball.position[0][0] == 0
    share = np.mean([np.mean(mask_of(one) == 1) for one in data.split("train")])
    assert np.mean(ball.position) == pytest.approx(share, abs=0.01)
    assert ball.mean_rgb[0] > ball.mean_rgb[2]
    assert made.class_weights["enet"] == derived_class_weights("enet", plain.splits["train"].class_px)


def test_one_split_can_be_looked_at_alone() -> None:
    data = scenes(24, 12)
    audit = survey(data, split="val")
    assert (audit.splits, audit.images) == (("val",), 12)
    assert list(audit.statistics.splits) == ["val"]
    with pytest.raises(DataError, match="has no split 'vall'"):
        survey(data, split="vall")


def test_no_sample_at_all_is_no_accident() -> None:
    data = Dataset(scenes(1, 0).classes, ())
    audit = survey(data)
    assert (audit.images, audit.findings, audit.duplicates, audit.statistics.class_weights) == (0, (), (), {})


def test_photos_without_masks_are_looked_at_too() -> None:
    from dataclasses import replace

    from maskwright.data.sample import ArrayPixels

    data = scenes(24, 0)
    bare = [replace(one, pixels=ArrayPixels(one.image()), labelled=False) for one in data]
    audit = survey(replace(data, samples=tuple(bare)))
    assert audit.images == 24
    assert audit.findings == ()
    assert audit.statistics.class_weights == {}
