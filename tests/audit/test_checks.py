"""What each check says, and when it says nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from audit_scenes import Picture, changed, sample, scenes, with_samples
from maskwright.audit.settings import make_settings
from maskwright.audit.survey import survey
from maskwright.data.finding import Finding
from maskwright.errors import RecipeError

Change = Callable[[Picture, Picture], tuple[Picture, Picture]]


def test_an_empty_mask_is_worse_the_fewer_there_are() -> None:
    def emptied(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        return image, np.zeros_like(mask)

    (one,) = _found(emptied, "mask_empty", 3)
    many = _found(emptied, "mask_empty", *range(0, 36, 2))
    assert one.severity > 0.6
    assert len(many) == 18
    assert all(finding.severity < 0.2 for finding in many)
    assert "everything in this mask is background" in one.sentence()


def test_a_scrap_of_an_object_is_found() -> None:
    def torn(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        rows, columns = np.nonzero(mask)
        kept = np.zeros_like(mask)
        kept[rows[:40], columns[:40]] = mask[rows[:40], columns[:40]]
        return image, kept

    (scrap,) = _found(torn, "mask_tiny", 5)
    assert scrap.severity > 0.35
    assert "Look whether most of the object has no mask" in scrap.sentence()


def test_specks_and_holes_are_found_where_they_are() -> None:
    def speckled(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        mask[4:6, 7:9] = mask.max()
        mask[150:152, 20] = mask.max()
        return image, mask

    def pierced(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        y, x = (int(each.mean()) for each in np.nonzero(mask))
        mask[y : y + 2, x : x + 3] = 0
        return image, mask

    (specks,) = _found(speckled, "mask_specks", 5)
    assert specks.facts["count"] == 2
    assert specks.region_xywh is not None
    assert specks.region_xywh[:2] == (0, 0)
    (hole,) = _found(pierced, "mask_holes", 6)
    assert hole.facts["class_name"] == "ball"
    assert hole.severity < 0.3


def test_a_class_of_which_there_are_only_specks_is_worse() -> None:
    def stray(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        other = 3 - int(mask.max())
        mask[20:22, 30:32] = other
        return image, mask

    (finding,) = _found(stray, "mask_speck_only", 8)
    assert finding.severity > 0.5
    assert "leaf" in finding.sentence()


def test_what_the_border_cuts_off_is_no_speck() -> None:
    def at_border(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        mask[0:2, 40:43] = mask.max()
        return image, mask

    assert _found(at_border, "mask_specks", 5) == []


PHOTOS: dict[str, Change] = {
    "photo_size": lambda image, mask: (cv2.resize(image, (80, 80)).astype(np.uint8), mask[::2, ::2].copy()),
    "photo_grey": lambda image, mask: (np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8), mask),
    "photo_blurred": lambda image, mask: (cv2.GaussianBlur(image, (0, 0), 4).astype(np.uint8), mask),
    "photo_dark": lambda image, mask: ((image * 0.06).astype(np.uint8), mask),
    "photo_bright": lambda image, mask: (np.clip(image * 0.2 + 230.0, 0, 255).astype(np.uint8), mask),
    "photo_cast": lambda image, mask: ((image * [0.02, 0.6, 1.0]).astype(np.uint8), mask),
}


@pytest.mark.parametrize("check", PHOTOS)
def test_a_photo_that_differs_is_named(check: str) -> None:
    assert _found(lambda image, mask: (image, mask), check, 0) == []
    assert [finding.sample for finding in _found(PHOTOS[check], check, 4)] == ["train/004"]


def test_missing_and_rare_classes_are_named() -> None:
    def only_balls(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        return image, np.minimum(mask, 1)

    data = scenes(24, 12)
    val = [place for place, one in enumerate(data) if one.split == "val"]
    (absent,) = _of(survey(changed(data, only_balls, *val)).findings, "class_absent_in_split")
    assert (absent.sample, absent.facts["class_name"]) == ("val", "leaf")
    (nowhere,) = _of(survey(changed(data, only_balls)).findings, "class_absent")
    assert nowhere.facts["class_name"] == "leaf"
    nearly = [place for place, one in enumerate(data) if one.split == "train" and place > 2]
    (rare,) = _of(survey(changed(data, only_balls, *nearly)).findings, "class_rare")
    assert (rare.sample, rare.facts["count"], rare.facts["masks"]) == ("train", 1, 24)


def test_renumbered_values_of_a_split_are_suspected() -> None:
    def renumbered(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        return image, np.array([1, 0, 2], np.uint8)[np.minimum(mask, 1)]

    data = scenes(80, 30)
    val = [place for place, one in enumerate(data) if one.split == "val"]
    assert _of(survey(data).findings, "class_mixed_up") == []
    found = _of(survey(changed(data, renumbered, *val)).findings, "class_mixed_up")
    assert {finding.sample for finding in found} == {"val"}
    assert [(one.facts["class_name"], one.facts["other_class"]) for one in found] == [("ball", "background")]
    assert found[0].severity > 0.8


def test_classes_that_look_alike_are_not_called_mixed_up() -> None:
    def swapped(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        return image, np.array([0, 2, 1], np.uint8)[mask]

    data = scenes(80, 30)
    val = [place for place, one in enumerate(data) if one.split == "val"]
    assert _of(survey(changed(data, swapped, *val)).findings, "class_mixed_up") == []


def test_splits_that_differ_are_named_with_what_differs() -> None:
    def brighter(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        return np.clip(image * 0.8 + 50.0, 0, 255).astype(np.uint8), mask

    data = scenes(40, 20)
    val = [place for place, one in enumerate(data) if one.split == "val"]
    audit = survey(changed(data, brighter, *val))
    (finding,) = _of(audit.findings, "splits_differ_brightness")
    assert finding.sample == "val"
    difference = next(each for each in audit.statistics.differences if each.what == "brightness")
    assert difference.differs
    assert difference.second_value > difference.first_value
    assert difference.effect < -0.5
    assert difference.p <= difference.p_holm < 0.01
    same = survey(data)
    assert not any(each.differs for each in same.statistics.differences)


def test_thresholds_are_settings() -> None:
    def emptied(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        mask[80:82, 4:6] = mask.max()
        return image, mask

    data = changed(scenes(), emptied, 2)
    assert survey(data).counts == {"mask_specks": 1}
    assert survey(data, settings=make_settings({"speck_frac": 0.0001})).counts == {}
    with pytest.raises(RecipeError, match="speck_frac: expected number >= 0, < 1 of the photo, found 7"):
        make_settings({"speck_frac": 7})
    with pytest.raises(RecipeError, match="Did you mean speck_frac"):
        make_settings({"spek_frac": 0.1})


def test_every_finding_is_a_sentence_in_both_languages() -> None:
    def wrong(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        mask[80:82, 4:6] = mask.max()
        mask[int(np.nonzero(mask)[0].mean()) :] = 0
        return image, mask

    data = changed(scenes(), wrong, 2, 3)
    blank = sample("train/blank", "train", np.zeros((160, 160, 3), np.uint8), np.zeros((160, 160), np.uint8))
    for finding in survey(with_samples(data, [blank, replace(blank, id="val/blank", split="val")])).findings:
        assert finding.sentence().endswith((".", ")", "?"))
        assert finding.sentence("ru") != finding.sentence()
        assert 0 <= finding.severity <= 1
        assert Finding.from_record(finding.record()) == finding


def _found(change: Change, check: str, *places: int) -> list[Finding]:
    return _of(survey(changed(scenes(), change, *places)).findings, check)


def _of(findings: tuple[Finding, ...], check: str) -> list[Finding]:
    return [finding for finding in findings if finding.check == check]
