"""Masks ranked by what a model says of them: each kind of fault is named, and an unsure model accuses nobody."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from maskwright.audit.judging import JudgedMask, Regret, object_map
from maskwright.audit.label_issue import LabelIssue
from maskwright.audit.label_issues import label_issues, trust_in, with_evidence
from maskwright.audit.seen import named
from maskwright.audit.settings import AuditSettings, make_settings
from maskwright.audit.trust import ClassVote
from maskwright.data.classes import IGNORE, make_classes
from maskwright.data.finding import Finding
from maskwright.data.sample import ArrayPixels, Mask, Sample
from maskwright.errors import DataError, RecipeError

SETTINGS = AuditSettings()
CLASSES = make_classes(["background", "cat", "dog"])
SIZE = (96, 96)


def box(top: int, left: int, height: int, width: int, class_id: int = 1) -> Mask:
    mask = np.zeros(SIZE, np.uint8)
    mask[top : top + height, left : left + width] = class_id
    return mask


def sure_of(mask: Mask, confidence: float = 0.96) -> np.ndarray:
    """Probabilities of a model that sees this mask."""
    probs = np.full((len(CLASSES), *mask.shape), (1 - confidence) / (len(CLASSES) - 1), np.float32)
    np.put_along_axis(probs, mask[None].astype(np.intp), np.float32(confidence), axis=0)
    return probs


def sample_with(mask: Mask, name: str = "train/a") -> Sample:
    return Sample(name, "train", ArrayPixels(np.zeros((*mask.shape, 3), np.uint8), mask), SIZE, digest=name)


def judged_alone(labelled: Mask, probs: np.ndarray) -> LabelIssue:
    """What is said of one mask by a model that agrees with twenty others."""
    others = [sample_with(TRUTH, f"train/{number}") for number in range(20)]
    samples = [sample_with(labelled), *others]
    issues = label_issues(samples, lambda each: probs if each.id == "train/a" else sure_of(TRUTH), CLASSES)
    return next(issue for issue in issues if issue.sample == "train/a")


def voting(margin: float, *, disputed: bool) -> JudgedMask:
    """A mask with one object, on whose class the model votes."""
    return JudgedMask("a", Regret(0.0, 0.0), (), votes=(ClassVote(margin, disputed),))


def kind_of(labelled: Mask, seen: Mask) -> str:
    return judged_alone(labelled, sure_of(seen)).kind


TRUTH = box(20, 20, 50, 40)


@pytest.mark.parametrize(
    ("labelled", "kind"),
    [
        (TRUTH, "none"),
        (np.zeros(SIZE, np.uint8), "object_unlabelled"),
        (box(20, 20, 25, 40), "part_missing"),
        (box(30, 30, 50, 40), "contour_off"),
        (box(12, 12, 66, 56), "contour_off"),
        (box(20, 20, 50, 40, class_id=2), "wrong_class"),
        (box(20, 20, 3, 3), "object_unlabelled"),
    ],
)
def test_each_fault_has_its_kind(labelled: Mask, kind: str) -> None:
    assert kind_of(labelled, TRUTH) == kind


def test_a_mask_where_nothing_is_seen() -> None:
    assert kind_of(TRUTH, np.zeros(SIZE, np.uint8)) == "label_without_object"


def test_every_object_is_judged_by_itself() -> None:
    seen = box(5, 5, 30, 30) | box(60, 60, 30, 30)
    issue = judged_alone(box(5, 5, 30, 30), sure_of(seen))
    assert [each.kind for each in issue.objects] == ["object_unlabelled"]
    assert issue.objects[0].region_xywh == (60, 60, 30, 30)
    (finding,) = issue.findings()
    assert finding.check == "label_object_unlabelled"
    assert "train/a" in finding.sentence() and "cat" in finding.sentence()
    assert "cat" in finding.sentence("ru")


def test_an_unsure_model_accuses_nobody() -> None:
    unsure = np.stack([np.where(TRUTH == 1, 0.47, 0.53), np.where(TRUTH == 1, 0.52, 0.46), np.full(SIZE, 0.01)])
    empty = np.zeros(SIZE, np.uint8)
    assert judged_alone(empty, unsure.astype(np.float32)).severity < 0.35
    assert judged_alone(empty, sure_of(TRUTH, 0.99)).severity > 0.9


def test_ignored_pixels_are_not_judged() -> None:
    mask = np.where(TRUTH == 1, np.uint8(IGNORE), np.uint8(0))
    assert kind_of(mask, TRUTH) == "none"


def test_worst_first_and_each_sample_once() -> None:
    masks = {"a": TRUTH, "b": np.zeros(SIZE, np.uint8), "c": box(20, 20, 25, 40), "d": box(22, 22, 50, 40)}
    samples = [sample_with(mask, name) for name, mask in masks.items()]
    issues = label_issues(samples, lambda _: sure_of(TRUTH), CLASSES)
    assert [issue.sample for issue in issues] == ["b", "c", "d", "a"]
    assert all(0 <= issue.severity <= 1 for issue in issues)


def test_samples_without_probabilities_are_passed_over() -> None:
    assert label_issues([sample_with(TRUTH)], lambda _: None, CLASSES) == ()


def test_probabilities_of_another_photo_are_refused() -> None:
    with pytest.raises(DataError, match="another photo or other classes"):
        label_issues([sample_with(TRUTH)], lambda _: np.zeros((3, 4, 4), np.float32), CLASSES)


def test_a_model_that_disputes_often_is_believed_less() -> None:
    agrees = voting(0.9, disputed=False)
    renames = voting(0.5, disputed=True)
    misses = JudgedMask("a", Regret(0.0, 0.0, 0.9), (), unseen=1)
    sound = trust_in([agrees] * 100, SETTINGS)
    assert (sound.in_class(0.9), sound.absence, sound.objects) == (1.0, 1.0, 1.0)
    assert trust_in([agrees] * 9 + [renames], SETTINGS).in_class(0.5) == 1.0
    assert trust_in([agrees] * 80 + [renames] * 20, SETTINGS).in_class(0.5) == pytest.approx(0.17)
    assert Regret(0.0, 0.8).severity(0.17) == pytest.approx(0.136)
    assert trust_in([agrees] * 90 + [misses] * 10, SETTINGS).absence == pytest.approx(0.1)
    assert misses.regret.severity(1.0, 0.1) == pytest.approx(0.09)


def test_a_model_that_disputes_often_is_believed_where_it_is_surest() -> None:
    unsure = [voting(0.5, disputed=True)] * 20
    trust = trust_in([voting(0.9, disputed=False)] * 50 + unsure + [voting(0.95, disputed=True)], SETTINGS)
    assert trust.in_class(0.95) == 1.0
    assert trust.in_class(0.5) == pytest.approx(0.034 * 71 / 21)
    # Where it is as sure of what it disputes as of the rest, being sure says nothing.
    blind = trust_in([voting(0.9, disputed=number % 2 == 0) for number in range(100)], SETTINGS)
    assert blind.in_class(0.9) == pytest.approx(0.034 * 100 / 50)


def test_what_a_dispute_of_classes_would_weigh_is_told_beside_how_far_it_is_believed() -> None:
    """A quarter of the animals is renamed: one in five of these disputes can be an error, and a bad one."""
    renamed = np.where(TRUTH == 1, 2, 0).astype(np.uint8)
    samples = [sample_with(TRUTH, f"train/{number}") for number in range(20)]
    said = {sample.id: sure_of(renamed if place < 5 else TRUTH) for place, sample in enumerate(samples)}
    disputed, agreed = (label_issues(samples, lambda each: said[each.id], CLASSES)[place] for place in (0, -1))
    assert disputed.class_belief == pytest.approx(1 / 5)
    assert disputed.severity < 0.25 < 0.8 < disputed.worst
    assert agreed.worst == agreed.severity == 0.0


def test_the_thresholds_are_settings() -> None:
    samples = [sample_with(box(30, 30, 50, 40)), *(sample_with(TRUTH, f"train/{number}") for number in range(20))]

    def worst(**values: float) -> LabelIssue:
        return label_issues(samples, lambda _: sure_of(TRUTH), CLASSES, AuditSettings(**values))[0]

    assert worst().objects and not worst(issue_severity=0.9).objects
    assert worst(weak_dice=0.98, strong_dice=0.99).severity < worst().severity
    empty = Finding("train/a", "mask_empty", 0.5)
    heard = [with_evidence([worst()], [empty], AuditSettings(evidence_weight=weight))[0] for weight in (0.0, 1.0)]
    assert heard[0].severity == pytest.approx(worst().severity)
    assert heard[1].severity == pytest.approx(1 - (1 - worst().severity) * 0.5)
    assert heard[1].worst == pytest.approx(1 - (1 - worst().worst) * 0.5)


def test_a_weak_model_is_weaker_than_a_strong_one() -> None:
    with pytest.raises(RecipeError, match=r"weak_dice \(0.8\) has to be below strong_dice \(0.75\)"):
        make_settings({"weak_dice": 0.8})


def test_a_weak_model_ranks_and_accuses_nobody() -> None:
    seen = np.roll(TRUTH, 38, axis=1)
    weak = label_issues([sample_with(TRUTH, "a"), sample_with(TRUTH, "b")], lambda _: sure_of(seen), CLASSES)
    assert all(0.1 < issue.severity < 0.3 and issue.objects == () and issue.kind == "none" for issue in weak)
    strong = [sample_with(seen, f"right {number}") for number in range(20)]
    (wrong, *_) = label_issues([sample_with(TRUTH, "a"), *strong], lambda _: sure_of(seen), CLASSES)
    assert wrong.sample == "a" and wrong.objects


def test_a_scrap_of_overlap_joins_no_objects() -> None:
    labelled, predicted = box(10, 10, 30, 30) != 0, box(39, 10, 40, 30) != 0
    numbers = object_map(labelled, predicted, 0.05)
    assert numbers[20, 20] != numbers[60, 20]
    joined = object_map(labelled, box(30, 10, 40, 30) != 0, 0.05)
    assert joined[20, 20] == joined[60, 20] == 1


def test_objects_fill_the_photo() -> None:
    everything = np.ones(SIZE, bool)
    assert object_map(everything, everything, 0.05).min() == 1
    assert object_map(~everything, ~everything, 0.05).max() == 0


def test_a_finding_names_the_photo_where_many_share_a_file_of_labels() -> None:
    shared = replace(sample_with(TRUTH), image_file="images/a.jpg", mask_file="instances.json")
    assert named(shared) == "images/a.jpg"
    assert named(replace(shared, mask_file="masks/a.png")) == "masks/a.png"
    assert named(replace(shared, image_file="", mask_file="")) == "train/a"
