"""Outlines that lie on their object pass; cut, shifted and resized ones are found, and where."""

from __future__ import annotations

import numpy as np
import pytest

from audit_scenes import Picture, changed, mask_of, scenes
from maskwright.audit.survey import survey
from maskwright.data.finding import Finding
from maskwright.data.pets.faults import plant
from maskwright.data.sample import Sample


def test_right_outlines_are_not_complained_of() -> None:
    assert survey(scenes(30, 15)).findings == ()


@pytest.mark.parametrize(
    ("kind", "check"), [("halved", "mask_cut"), ("shifted", "outline_off"), ("resized", "outline_off")]
)
def test_a_wrong_outline_is_found(kind: str, check: str) -> None:
    rng = np.random.default_rng(3)

    def spoil(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        faulty = plant(mask, kind, rng, class_count=3)
        assert faulty is not None
        return image, np.asarray(faulty.mask, np.uint8)

    spoilt = set(range(0, 36, 6))
    data = changed(scenes(24, 12), spoil, *spoilt)
    found = {finding.sample for finding in survey(data).findings if finding.check == check}
    assert found <= {data.samples[place].id for place in spoilt}
    assert len(found) >= len(spoilt) - 1


def test_a_cut_is_shown_where_it_is() -> None:
    def upper_half(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        middle = int(np.nonzero(mask)[0].mean())
        mask[middle:] = 0
        return image, mask

    data = changed(scenes(), upper_half, 5)
    (finding,) = survey(data).findings
    cut_y = int(np.nonzero(mask_of(data.samples[5]))[0].max())
    assert finding.check == "mask_cut"
    assert finding.severity > 0.7
    assert finding.region_xywh is not None
    x, y, w, h = finding.region_xywh
    assert y <= cut_y <= y + h <= y + 30
    assert w > 25
    assert 0 <= x <= 160 - w


def test_the_border_of_the_photo_cuts_nothing_off() -> None:
    def closer(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        middle = int(np.nonzero(mask)[0].mean())
        return np.ascontiguousarray(image[:middle]), np.ascontiguousarray(mask[:middle])

    checks = [finding.check for finding in survey(changed(scenes(), closer, 2, 9)).findings]
    assert set(checks) == {"photo_size"}


def test_coarse_and_ragged_outlines_are_told_from_the_others() -> None:
    import cv2

    def polygon(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        corners = cv2.approxPolyDP(found[0], 6, True)
        coarse = np.zeros_like(mask)
        cv2.fillPoly(coarse, [corners], int(mask.max()))
        return image, coarse

    def frayed(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        edge = cv2.dilate(mask, np.ones((5, 5), np.uint8)) != cv2.erode(mask, np.ones((5, 5), np.uint8))
        lost = cv2.resize(np.random.default_rng(1).random((80, 80)), (160, 160), interpolation=cv2.INTER_NEAREST) < 0.5
        mask[edge & lost] = 0
        return image, mask

    findings = survey(changed(changed(scenes(40, 20), polygon, 4), frayed, 10)).findings
    assert "outline_coarse" in _of(findings, "train/004")
    assert "outline_ragged" in _of(findings, "train/010")
    assert {finding.sample for finding in findings} == {"train/004", "train/010"}


def test_a_dataset_without_edges_is_left_alone() -> None:
    def foggy(image: Picture, mask: Picture) -> tuple[Picture, Picture]:
        rng = np.random.default_rng(int(image.sum()) % 1000)
        return rng.integers(100, 140, image.shape, dtype=np.uint8), mask

    assert "outline_off" not in survey(changed(scenes(), foggy)).counts


def _of(findings: tuple[Finding, ...], sample: Sample | str) -> set[str]:
    return {finding.check for finding in findings if finding.sample == sample}
