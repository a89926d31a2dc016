"""An audit of one split takes nothing away that an earlier one found in the others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from audit_scenes import scenes
from maskwright.audit.audit import Audit, with_label_issues
from maskwright.audit.folder import AuditFolder
from maskwright.audit.label_issue import LabelIssue
from maskwright.audit.survey import survey
from maskwright.audit.widening import earlier_audit, widened
from maskwright.data.dataset import Dataset
from maskwright.data.finding import Finding

TWO_PLACES = tuple(Finding("train/002", "own", 0.1, {"sentence": "c"}, (x, 0, 9, 9)) for x in (0, 50))
SPECK, COARSE = Finding("train/000", "own", 0.3, {"sentence": "a"}), Finding("train/001", "own", 0.4, {"sentence": "b"})
DIFFERS = Finding("train", "own", 0.2, {"sentence": "of the whole split"})


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return scenes(6, 4)


@pytest.fixture(scope="module")
def earlier(dataset: Dataset) -> Audit:
    """Of both splits, with findings of the training split and a ranking of it."""
    issues = [LabelIssue("train/000", 0.5, "none"), LabelIssue("val/006", 0.1, "none")]
    made = with_label_issues(survey(dataset), issues)
    return replace(
        made, findings=(*made.findings, COARSE, SPECK, DIFFERS, *TWO_PLACES), notes=(("audit.run_unknown", ()),)
    )


def _repainted(dataset: Dataset, sample: str) -> Dataset:
    samples = (replace(each, digest="another") if each.id == sample else each for each in dataset)
    return replace(dataset, samples=tuple(samples))


def test_what_was_found_in_the_other_splits_stays(dataset: Dataset, earlier: Audit) -> None:
    made = survey(dataset, split="val")
    whole = widened(made, earlier, dataset)
    assert {SPECK.sample, COARSE.sample, DIFFERS.sample} <= {finding.sample for finding in whole.findings}
    assert [issue.sample for issue in whole.label_issues] == ["train/000"], (
        "val was looked at, and nobody judged it now"
    )
    assert whole.holds(dataset) and (whole.images, whole.splits) == (10, ("train", "val"))
    assert (whole.statistics, whole.duplicates) == (earlier.statistics, earlier.duplicates)
    assert whole.notes == (*earlier.notes, ("audit.widened", (("splits", "train"), ("count", "6"), ("lost", "0"))))
    assert widened(made, whole, dataset) == whole, "and a third time"


def test_what_has_changed_is_left_out_and_counted(dataset: Dataset, earlier: Audit) -> None:
    now = _repainted(dataset, "train/000")
    made = survey(now, split="val")
    whole = widened(made, earlier, now)
    of_train = [finding for finding in whole.findings if finding.sample.startswith("train")]
    assert of_train == [COARSE, *TWO_PLACES], "neither what was about that mask nor what was about the whole split"
    assert whole.label_issues == () and "train/000" not in whole.digests
    assert dict(whole.notes[-1][1]) == {"splits": "train", "count": "5", "lost": "1"}
    assert whole.statistics == made.statistics


def test_a_change_of_the_split_at_hand_makes_only_numbers_of_all_splits_stale(dataset: Dataset, earlier: Audit) -> None:
    now = _repainted(dataset, "val/006")
    made = survey(now, split="val")
    whole = widened(made, earlier, now)
    assert {SPECK.sample, COARSE.sample, DIFFERS.sample} <= {finding.sample for finding in whole.findings}
    assert whole.statistics == made.statistics and whole.holds(now)


def test_what_reading_finds_now_is_said_of_all_splits(dataset: Dataset, earlier: Audit) -> None:
    lost = Finding("train/lost", "empty_file", 1.0, {"file": "train/lost.png"}, left_out=True)
    now = replace(dataset, findings=(lost,))
    made = survey(now, split="val")
    assert lost not in made.findings
    assert widened(made, earlier, now).findings.count(lost) == 1


@pytest.mark.parametrize("case", ["none", "all looked at", "everything changed", "older form"])
def test_otherwise_nothing_is_added(dataset: Dataset, earlier: Audit, case: str) -> None:
    made = survey(dataset, split=None if case == "all looked at" else "val")
    other = {
        "none": None,
        "all looked at": earlier,
        "everything changed": replace(earlier, digests=dict.fromkeys(earlier.digests, "another")),
        "older form": replace(earlier, digests={}),
    }[case]
    assert widened(made, other, dataset) == made


def test_a_damaged_audit_is_none(tmp_path: Path, earlier: Audit, dataset: Dataset) -> None:
    folder = AuditFolder(tmp_path)
    assert earlier_audit(folder) is None
    earlier.save(folder)
    again = earlier_audit(folder)
    assert again is not None and again.holds(dataset) and again.digests == earlier.digests
    folder.samples.write_text("{")
    assert earlier_audit(folder) is None
