"""The evidence of a finding: what its panels show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskwright.data.classes import IGNORE, make_classes
from maskwright.data.finding import Finding
from maskwright.data.sample import ArrayPixels, Sample
from maskwright.reports.audit_pictures import (
    around,
    evidence,
    file_evidence,
    outlined,
    part_evidence,
    side_by_side,
)

CLASSES = make_classes(["background", "cat", "dog"], colours=[(0, 0, 0), (255, 0, 0), (0, 0, 255)])
GREY = np.full((100, 200, 3), 128, np.uint8)
WHOLE = Finding("train/a", "mask_cut", 0.5)
SMALL = replace(WHOLE, region_xywh=(90, 40, 10, 8))


def test_a_photo_stands_beside_its_label() -> None:
    drawn = evidence(WHOLE, _sample(), CLASSES)
    assert drawn.names == ("photo", "label")
    assert drawn.class_ids == (1, 2)
    photo, label = drawn.panels
    assert np.unique(photo).tolist() == [128]
    assert _has(label, (255, 0, 0)) and _has(label, (0, 0, 255))


def test_a_small_region_is_enlarged() -> None:
    drawn = evidence(SMALL, _sample(), CLASSES)
    assert drawn.names == ("label", "part")
    assert drawn.panels[0].shape == (152, 304, 3)
    assert drawn.panels[1].shape == (304, 304, 3)
    assert all(_has(panel, (255, 255, 255)) for panel in drawn.panels)


def test_a_large_region_is_framed_in_the_whole_photo() -> None:
    drawn = evidence(replace(WHOLE, region_xywh=(20, 10, 90, 60)), _sample(), CLASSES)
    assert drawn.names == ("photo", "label")
    assert _has(drawn.panels[1], (255, 255, 255))


def test_a_model_stands_beside_the_label_that_it_disputes() -> None:
    sample = _sample()
    probs = np.zeros((3, 50, 100), np.float32)
    probs[2] = 1
    drawn = evidence(WHOLE, sample, CLASSES, probs=probs)
    assert drawn.names == ("label", "model")
    assert _has(drawn.panels[0], (255, 0, 0))
    assert not _has(drawn.panels[1], (255, 0, 0))


def test_two_samples_stand_side_by_side() -> None:
    drawn = evidence(WHOLE, _sample(), CLASSES, other=_sample(size_hw=(80, 40)))
    assert drawn.names == ("this", "other")
    assert drawn.panels[1].shape == (304, 152, 3)


def test_a_photo_without_a_mask_stands_alone() -> None:
    assert evidence(WHOLE, _sample(labelled=False), CLASSES).names == ("photo",)
    assert evidence(SMALL, _sample(labelled=False), CLASSES).names == ("photo", "part")


@pytest.mark.parametrize("region", [(190, 90, 60, 60), (-30, -30, 40, 40), (500, 500, 9, 9)])
def test_a_region_that_leaves_the_photo_is_shown_as_far_as_it_goes(region: tuple[int, int, int, int]) -> None:
    assert len(evidence(replace(WHOLE, region_xywh=region), _sample(), CLASSES).panels) == 2


def test_an_outline_is_as_wide_in_small_photos_as_in_large_ones() -> None:
    widths = []
    for side in (40, 304, 2000):
        mask = np.zeros((side, side), np.uint8)
        mask[:, side // 2 :] = 1
        row = outlined(np.full((side, side, 3), 128, np.uint8), mask, classes=CLASSES)[150]
        widths.append(int((row == (255, 0, 0)).all(axis=1).sum()))
    assert widths == [2, 2, 2]


def test_pixels_that_are_not_judged_are_hatched() -> None:
    drawn = outlined(GREY, np.full((100, 200), IGNORE, np.uint8), classes=CLASSES)
    assert 0.1 < (drawn == 235).mean() < 0.4


def test_drawing_changes_neither_photo_nor_mask() -> None:
    sample = _sample()
    mask = sample.mask()
    assert mask is not None
    before = sample.image().copy(), mask.copy()
    evidence(SMALL, sample, CLASSES)
    assert np.array_equal(sample.image(), before[0]) and np.array_equal(mask, before[1])


def test_what_lies_around_a_region_stays_in_the_photo() -> None:
    assert around((90, 40, 30, 20), GREY) == (60, 5, 90, 90)
    assert around((0, 0, 4, 4), GREY) == (0, 0, 64, 64)
    assert around((196, 96, 4, 4), GREY) == (136, 36, 64, 64)


def test_panels_of_different_sizes_are_centred_on_nothing() -> None:
    picture = side_by_side((np.full((10, 20, 3), 9, np.uint8), np.full((30, 12, 3), 9, np.uint8)))
    assert picture.shape == (30, 48, 4)
    assert picture[0, 0, 3] == 0 and picture[15, 10, 3] == 255 and picture[0, 38, 3] == 255


def test_a_part_of_the_data_shows_two_samples_with_the_class() -> None:
    without = _sample()
    without = replace(without, pixels=ArrayPixels(GREY, np.zeros((100, 200), np.uint8)))
    shown = part_evidence([without, _sample(), _sample(), _sample()], 2, CLASSES, 100)
    assert shown is not None and len(shown.panels) == 2
    assert part_evidence([without], 2, CLASSES, 100) is None


def test_a_file_that_is_left_out_is_shown_where_it_can_be_decoded(tmp_path: Path) -> None:
    ids = np.zeros((40, 60), np.uint8)
    ids[10:30, 10:30] = 2
    cv2.imwrite(str(tmp_path / "mask.png"), ids)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    shown = file_evidence(replace(WHOLE, facts={"file": "mask.png"}), tmp_path)
    assert shown is not None and shown.panels[0].max() == 255
    for name in ("broken.png", "gone.png", ""):
        assert file_evidence(replace(WHOLE, facts={"file": name}), tmp_path) is None
    (tmp_path / "inside").mkdir()
    assert file_evidence(replace(WHOLE, facts={"file": "../mask.png"}), tmp_path / "inside") is None


def _sample(*, size_hw: tuple[int, int] = (100, 200), labelled: bool = True) -> Sample:
    height, width = size_hw
    mask = np.zeros(size_hw, np.uint8)
    mask[height // 4 : height // 2, : width // 2] = 1
    mask[height // 2 :, width // 2 :] = 2
    pixels = ArrayPixels(np.full((height, width, 3), 128, np.uint8), mask if labelled else None)
    return Sample("train/a", "train", pixels, size_hw, digest="a", labelled=labelled)


def _has(panel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((panel == colour).all(axis=2).any())
