"""Which training photos a run leaves out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import maskwright
from maskwright.audit.audit import Audit
from maskwright.audit.label_issue import LabelIssue
from maskwright.audit.survey import survey
from maskwright.data.classes import make_classes
from maskwright.data.dataset import Dataset
from maskwright.data.sample import ArrayPixels
from maskwright.data.statistics import describe
from maskwright.errors import DataError, RecipeError
from maskwright.recipe.recipe import Recipe, make_recipe
from maskwright.review.journal import Journal
from maskwright.training.batches import training_photos
from maskwright.workflow.doubted import with_doubted_set_aside
from tiny import tiny_dataset


def suspecting(dataset: Dataset, severities: dict[str, float]) -> Audit:
    issues = tuple(LabelIssue(each, severity, "wrong_class") for each, severity in severities.items())
    return replace(survey(dataset), label_issues=issues)


def aside(dataset: Dataset, severities: dict[str, float], journal: Path = Path("none.jsonl")) -> tuple[str, ...]:
    audit = suspecting(dataset, severities)
    return with_doubted_set_aside(Recipe(), audit, journal, dataset, describe(dataset)).photos_aside


def ids(dataset: Dataset) -> list[str]:
    return [sample.id for sample in dataset.split("train")]


def test_what_the_audit_calls_wrong_is_set_aside_worst_first() -> None:
    dataset = tiny_dataset(train=12, val=2)
    a, b, c, *_ = ids(dataset)
    assert aside(dataset, {a: 0.49, b: 0.6, c: 0.9}) == (c, b)
    assert aside(dataset, {a: 0.1}) == ()


def test_where_the_class_is_disputed_less_belief_is_enough(tmp_path: Path) -> None:
    """A wrong name costs more than a sound photo that is not learned from."""
    dataset = tiny_dataset(train=12, val=2)
    a, b, c, d, *_ = ids(dataset)
    issues = (
        LabelIssue(a, 0.2, "wrong_class", worst=0.7, class_belief=0.2),
        LabelIssue(b, 0.1, "none", worst=0.7, class_belief=0.1),  # a model that renames every third object
        LabelIssue(c, 0.2, "wrong_class", worst=0.4, class_belief=0.9),  # a small object of many
        LabelIssue(d, 0.3, "wrong_class", worst=0.9, class_belief=0.3),
    )
    audit = replace(survey(dataset), label_issues=issues)
    none = tmp_path / "none.jsonl"
    assert with_doubted_set_aside(Recipe(), audit, none, dataset, describe(dataset)).photos_aside == (d, a)
    journal = Journal(tmp_path / "journal.jsonl", dataset)
    journal.decide(d, "keep", seen=journal.version(d), who="me")
    assert with_doubted_set_aside(Recipe(), audit, journal.path, dataset, describe(dataset)).photos_aside == (a,)


def test_validation_photos_are_never_set_aside() -> None:
    dataset = tiny_dataset(train=12, val=2)
    judged = dataset.split("val")[0].id
    assert aside(dataset, {judged: 1.0}) == ()


def test_where_most_is_suspected_three_quarters_stay() -> None:
    dataset = tiny_dataset(train=12, val=2)
    left_out = aside(dataset, {each: 0.5 + place / 100 for place, each in enumerate(ids(dataset))})
    assert len(left_out) == 3 and left_out[0] == ids(dataset)[-1]


def test_a_rare_class_keeps_its_photos() -> None:
    dataset = tiny_dataset(train=12, val=2)
    rare = dataset.split("train")[0]
    mask = np.array(rare.mask())
    mask[:8, :8] = 3
    painted = replace(rare, pixels=ArrayPixels(np.array(rare.image()), mask))
    samples = tuple(painted if each.id == rare.id else each for each in dataset)
    names = ("background", "square", "disc", "rare")
    dataset = replace(dataset, samples=samples, classes=make_classes(names))
    assert aside(dataset, {rare.id: 0.9, ids(dataset)[1]: 0.8}) == (ids(dataset)[1],)


def test_persons_count_before_the_audit(tmp_path: Path) -> None:
    dataset = tiny_dataset(train=12, val=2)
    kept, excluded, cleared, *_ = ids(dataset)
    journal = Journal(tmp_path / "journal.jsonl", dataset)
    for name, action in ((kept, "keep"), (excluded, "exclude"), (cleared, "exclude"), (cleared, "clear")):
        journal.decide(name, action, seen=journal.version(name), who="me")
    severities = {kept: 0.9, cleared: 0.7}
    assert aside(dataset, severities, journal.path) == (excluded, cleared)


def test_what_is_set_aside_is_not_learned_from() -> None:
    dataset = tiny_dataset(train=6, val=2)
    first, *others = ids(dataset)
    recipe = make_recipe({"set_aside": [first]}, source="test")
    assert [sample.id for sample in training_photos(dataset, recipe)] == others


def test_what_is_doubted_is_known_to_an_audit_alone(tmp_path: Path) -> None:
    settings = {"set_aside": "doubted", "crop_hw": [64, 64], "iterations": 2}
    with pytest.raises(RecipeError, match="set_aside: doubted wants an audit"):
        maskwright.train(tiny_dataset(), out=tmp_path / "run", settings=settings)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("wrong", ["unknown", "all"])
def test_set_aside_names_some_of_the_training_photos(wrong: str) -> None:
    dataset = tiny_dataset(train=3, val=2)
    named = ids(dataset) if wrong == "all" else ["train/nowhere"]
    with pytest.raises(DataError, match="set_aside"):
        maskwright.plan(dataset, settings={"set_aside": named, "crop_hw": [64, 64]})


@pytest.mark.training
def test_a_run_learns_without_what_its_audit_calls_wrong(tmp_path: Path) -> None:
    dataset = tiny_dataset(train=12, val=3)
    wrong = dataset.split("train")[0]
    empty = replace(wrong, pixels=ArrayPixels(np.array(wrong.image()), np.zeros_like(wrong.mask())))
    dataset = replace(dataset, samples=tuple(empty if each.id == wrong.id else each for each in dataset))
    small = {"crop_hw": [64, 64], "batch_size": 4, "iterations": 2, "validation_interval": 2, "set_aside": "doubted"}
    made = maskwright.run(dataset, tmp_path / "run", settings=small, threads=2)
    assert made.recipe.set_aside == (wrong.id,)
    assert made.recipe.reason("set_aside") == "measured: the audit doubts the masks of 1 of 12 photos"
