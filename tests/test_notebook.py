"""What a notebook shows of values."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from markupsafe import escape

from audit_case import surveyed
from drawn import CLASSES, draw_folder
from maskwright.audit.label_issue import LabelIssue, ObjectIssue
from maskwright.data.classes import make_classes
from maskwright.data.dataset import Dataset
from maskwright.data.finding import Finding
from maskwright.data.reading import read
from maskwright.data.statistics import describe
from maskwright.evaluation.evaluate import Evaluation
from maskwright.recipe.recipe import make_recipe
from maskwright.review.changes import Change
from maskwright.review.mend import Mended
from maskwright.training.run import append_log, make_run
from tiny import tiny_dataset

NASTY = "<img src=x>"


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return read(draw_folder(tmp_path / "shapes"), classes=CLASSES.split(","), cache=False)


def test_a_dataset_shows_its_splits_and_classes(dataset: Dataset) -> None:
    shown = dataset._repr_html_()
    assert "<b>shapes</b> 12 photos, 0 findings" in shown
    assert ">train</td>" in shown and ">8</td>" in shown and ">64 x 64</td>" in shown
    assert "disc" in shown


def test_statistics_show_the_share_of_each_class(dataset: Dataset) -> None:
    numbers = describe(dataset)
    shown = numbers._repr_html_()
    assert f"{numbers.splits['val'].class_frac[2]:.2%}" in shown
    assert "Masks with it, train" in shown


def test_an_audit_shows_the_worst_with_thumbnails(dataset: Dataset) -> None:
    findings = tuple(
        Finding(sample.id, "photo_dark", 0.9 - 0.01 * number, {"file": sample.image_file})
        for number, sample in enumerate(dataset)
    )
    shown = replace(surveyed(dataset), findings=findings)._repr_html_()
    assert shown.count("<img ") == 10
    assert "12 photos, 12 findings" in shown
    assert "Dark</td>" in shown
    assert "a far darker photo" in shown


def test_thumbnails_are_of_files_in_the_dataset_only(dataset: Dataset) -> None:
    root = dataset.root
    assert root is not None
    outside = f"../{root.name}/../{root.name}2.png"
    (root.parent / f"{root.name}2.png").write_bytes((root / dataset[0].image_file).read_bytes())
    finding = Finding(dataset[0].id, "photo_dark", 0.9, {"file": outside})
    assert "<img " not in replace(surveyed(dataset), findings=(finding,))._repr_html_()


def test_arrays_and_no_findings_are_shown_too() -> None:
    audit = replace(surveyed(tiny_dataset()), findings=())
    assert "Nothing was found." in audit._repr_html_()


def test_a_finding_and_a_label_issue_say_what_is_wrong() -> None:
    facts = {"file": "train/0.png", "class_name": "disc", "percent": "40", "given": "disc"}
    issue = LabelIssue("train/0", 0.8, "part_missing", (ObjectIssue("part_missing", 0.9, (1, 2, 3, 4), facts),))
    (finding,) = issue.findings()
    for value in (finding, issue):
        assert "0.80 train/0" in value._repr_html_() and escape(finding.sentence()) in value._repr_html_()
    assert "<table>" not in replace(issue, objects=())._repr_html_()


def test_what_mending_made_is_shown_with_its_first_changes(tmp_path: Path) -> None:
    changes = [Change(place, f"train/{place}", "exclude", "ann", "", NASTY) for place in range(1, 13)]
    shown = Mended(tmp_path / "new", 4, tuple(changes), 0, moved=False)._repr_html_()
    assert "Samples: 4; left out: 12" in shown and ">train/10</td>" in shown and "train/11" not in shown
    assert "... and 2 more" in shown and NASTY not in shown


def test_names_of_the_user_are_escaped() -> None:
    dataset = replace(tiny_dataset(), classes=make_classes(["background", NASTY, "disc"]))
    for value in (dataset, describe(dataset)):
        assert NASTY not in value._repr_html_()
    own = replace(surveyed(dataset), findings=(Finding(NASTY, "own", 0.5, {"sentence": NASTY}),), root=f"/{NASTY}")
    assert NASTY not in own._repr_html_()


def test_an_evaluation_shows_its_scores_in_percent() -> None:
    counts = np.array([[[90, 10], [0, 100]], [[100, 0], [0, 0]]])
    shown = Evaluation("val", "", ("background", "<cat>"), ("a", "b"), counts)._repr_html_()
    assert "<b>val</b> 2 photos, percent" in shown
    assert "&lt;cat&gt;" in shown and "95.24" in shown  # 2 x 100 / (110 + 100)


def test_a_recipe_shows_why_each_setting_has_its_value() -> None:
    shown = make_recipe({"lr": 0.5}, source="test", reasons={"lr": "tried <it>"})._repr_html_()
    assert "<td" in shown and ">lr</td>" in shown and "tried &lt;it&gt;" in shown


def test_a_run_shows_the_score_of_what_it_kept(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    assert "Nothing was validated yet" in run._repr_html_()
    for iteration, mdice, kept in ((10, 0.76, True), (20, 0.75, True), (30, 0.7, False)):
        scored = {"iteration": iteration, "metrics": {"mDice": mdice}, "best": kept}
        append_log(run.folder / "log.jsonl", {"event": "validation", **scored})
    assert "75.00 %, after 20 iterations" in run._repr_html_()
