"""Photos that are there twice are found however they were changed; different photos are not taken for the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from audit_scenes import Picture, mask_of, sample, scenes, with_samples
from maskwright.audit.audit import Audit
from maskwright.audit.survey import survey
from maskwright.data.dataset import Dataset
from maskwright.data.reading import look_over
from maskwright.data.sample import Sample
from shared_data import shared

Change = Callable[[Picture], Picture]


def _jpeg(image: Picture) -> Picture:
    _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 35])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


CHANGES: dict[str, Change] = {
    "the same": lambda image: image.copy(),
    "mirrored": lambda image: np.ascontiguousarray(image[:, ::-1]),
    "turned": lambda image: np.ascontiguousarray(np.rot90(image)),
    "turned and mirrored": lambda image: np.ascontiguousarray(np.rot90(image, 3)[:, ::-1]),
    "cropped to 90 %": lambda image: np.ascontiguousarray(image[10:154, 4:148]),
    "cropped to 80 %": lambda image: np.ascontiguousarray(image[32:, :128]),
    "mirrored and cropped": lambda image: np.ascontiguousarray(image[20:156, 12:148][:, ::-1]),
    "recompressed": _jpeg,
    "brighter": lambda image: cv2.convertScaleAbs(image, alpha=1.2, beta=15).astype(np.uint8),
    "smaller": lambda image: cv2.resize(image, (90, 90), interpolation=cv2.INTER_AREA).astype(np.uint8),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_copy_is_found_and_nothing_else(name: str) -> None:
    change = CHANGES[name]
    data = scenes(20, 10)
    copies = [_copy(data.samples[place], change, "train") for place in (0, 7, 13)]
    audit = survey(with_samples(data, copies))
    assert {group.samples for group in audit.duplicates} == {
        tuple(sorted((copy.id, copy.id.removesuffix("-copy")))) for copy in copies
    }
    twins = audit.duplicates[0].twins[0]
    assert twins.sameness == ("exact" if name == "the same" else "near")
    assert ("cropped" in twins.change) == ("cropped" in name)
    assert ("mirrored" in twins.change) == ("mirrored" in name)
    assert ("turned" in twins.change) == ("turned" in name)
    assert twins.mask_agreement > 0.9


def test_a_photo_in_two_splits_comes_first_and_another_split_is_offered() -> None:
    data = scenes(20, 10)
    leaking = [_copy(data.samples[place], CHANGES["cropped to 90 %"], "val") for place in (3, 4, 11)]
    within = _copy(data.samples[8], CHANGES["mirrored"], "train")
    audit = survey(with_samples(data, [*leaking, within]))
    assert [group.leaks for group in audit.duplicates] == [True, True, True, False]
    leaks = [finding for finding in audit.findings if finding.check == "near_leak"]
    assert {finding.sample for finding in leaks} == {one.id for one in leaking}
    assert audit.findings[: len(leaks)] == tuple(leaks)
    assert "(val): the same photo as img/train/0" in leaks[0].sentence()
    _offers_a_split_without_leaks(audit, with_samples(data, [*leaking, within]))


def _offers_a_split_without_leaks(audit: Audit, data: Dataset) -> None:
    splits = {one.id: audit.resplit.get(one.id, one.split) for one in data}
    assert all(len({splits[name] for name in group.samples}) == 1 for group in audit.duplicates)
    together = {name for group in audit.duplicates if group.leaks for name in group.samples}
    assert set(audit.resplit) <= together
    sizes = [sum(split == "val" for split in splits.values()), sum(one.split == "val" for one in data)]
    assert abs(sizes[0] - sizes[1]) <= 2


def test_masks_of_one_photo_that_do_not_agree_are_found_across_a_crop() -> None:
    data = scenes(20, 10)
    good = _copy(data.samples[2], CHANGES["cropped to 90 %"], "train")
    bad = _copy(data.samples[5], CHANGES["cropped to 90 %"], "train")
    spoilt = mask_of(bad).copy()
    spoilt[:, : spoilt.shape[1] // 2] = 0
    bad = sample(bad.id, "train", bad.image(), spoilt)
    audit = survey(with_samples(data, [good, bad]))
    differing = [finding for finding in audit.findings if finding.check == "twin_masks_differ"]
    assert [finding.sample for finding in differing] == [bad.id]
    assert "at least one of them is wrong" in differing[0].sentence().lower()


def test_many_copies_are_one_group() -> None:
    data = scenes(12, 6)
    copies = [
        replace(_copy(data.samples[1], change, "train"), id=f"train/copy{number}")
        for number, change in enumerate((CHANGES["mirrored"], CHANGES["turned"], CHANGES["recompressed"]))
    ]
    (group,) = survey(with_samples(data, copies)).duplicates
    assert group.samples == ("train/001", "train/copy0", "train/copy1", "train/copy2")
    assert len(group.twins) == 3


def test_photos_of_one_colour_are_the_same_only_when_they_are_equal() -> None:
    mask = np.zeros((40, 40), np.uint8)
    flat = [
        sample(f"train/{value}-{turn}", "train", np.full((40, 40, 3), value, np.uint8), mask)
        for value, turn in ((90, 0), (90, 1), (200, 0))
    ]
    groups = survey(with_samples(scenes(10, 4), flat)).duplicates
    assert [group.samples for group in groups] == [("train/90-0", "train/90-1")]


def test_the_pair_of_the_reference_case_is_found() -> None:
    folder = shared("data", "cats_dogs_256")
    data = look_over(folder, classes=("background", "cat", "dog"), cache=False).split("train")
    wanted = {"train/000000481212_908", "train/000000481212_908_1"}
    audit = survey(data)
    assert wanted in [set(group.samples) for group in audit.duplicates]
    assert len(audit.duplicates) <= 2


def _copy(one: Sample, change: Change, split: str) -> Sample:
    """A changed copy with its mask; masks are changed as photos are, but for their values."""
    mask = np.repeat(mask_of(one)[..., None], 3, axis=2)
    size = change(one.image()).shape
    moved = mask if size == mask.shape and change in _ONLY_COLOURS else _geometry(change, mask)
    return sample(f"{one.id}-copy", split, change(one.image()), np.ascontiguousarray(moved[..., 0]))


_ONLY_COLOURS = (CHANGES["recompressed"], CHANGES["brighter"])


def _geometry(change: Change, mask: Picture) -> Picture:
    if change is CHANGES["smaller"]:
        return np.asarray(cv2.resize(mask, (90, 90), interpolation=cv2.INTER_NEAREST), np.uint8)
    return change(mask)
