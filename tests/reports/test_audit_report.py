"""The page of an audit, as a file: what it says, what it weighs, what it decodes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from audit_case import disputed, surveyed
from maskwright.audit.audit import Audit, worst_first
from maskwright.audit.duplicates import DuplicateGroup, Twins
from maskwright.data.classes import make_classes
from maskwright.data.dataset import Dataset
from maskwright.data.finding import Finding
from maskwright.data.sample import ArrayPixels, Image, Mask, Sample
from maskwright.errors import UsageError
from maskwright.reports.audit_cards import MOST_CARDS, MOST_GROUPS
from maskwright.reports.audit_report import audit_report
from maskwright.reports.rendering import LIMIT_BYTES
from maskwright.sentences import table
from tiny import tiny_dataset

NASTY = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return tiny_dataset(train=20, val=12)


@pytest.fixture(scope="module")
def audit(dataset: Dataset) -> Audit:
    return surveyed(dataset, more=330)


@pytest.fixture(scope="module")
def path(audit: Audit, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return audit_report(audit, dataset, tmp_path_factory.mktemp("whole") / "audit.html")


def test_it_is_one_small_file_that_asks_for_nothing(path: Path) -> None:
    text = _read(path)
    assert path.stat().st_size < LIMIT_BYTES
    assert "default-src 'none'" in text
    links = re.findall(r'(?:src|href|action)="([^"]{0,5})', text)
    assert len(links) > 300
    assert [link for link in links if link != "data:" and not link.startswith("#")] == []


def test_the_worst_300_are_cards_worst_first(audit: Audit, path: Path) -> None:
    text = _read(path)
    severities = [float(found) for found in re.findall(r'style="--severity:([\d.]+)"', text)]
    assert len(severities) == MOST_CARDS
    assert severities == sorted(severities, reverse=True)
    assert f"{len(audit.findings) - MOST_CARDS} more stand on the review page" in text


def test_the_verdict_counts_photos_and_says_what_to_do(dataset: Dataset, tmp_path: Path) -> None:
    findings = (
        Finding("val/1", "leak", 0.9, {"file": "a", "other": "train/0", "split": "val", "other_split": "train"}),
        Finding("val/1", "mask_cut", 0.8, {"file": "a", "class_name": "disc", "percent": 30}),
        Finding("train/5", "mask_cut", 0.7, {"file": "b", "class_name": "disc", "percent": 20}),
        Finding("train", "class_rare", 0.6, {"class_name": "disc", "split": "train", "count": 2, "masks": 20}),
        Finding("train/9", "photo_dark", 0.3, {"file": "c"}),
        Finding("train/8", "unreadable", 1.0, {"file": "d", "error": "x"}, left_out=True),
    )
    made = replace(surveyed(dataset), findings=worst_first(findings), root="/data/my pets")
    text = _read(audit_report(made, dataset, tmp_path / "audit.html"))
    assert '<p class="big">3<small>of 32 photos</small>' in text
    tasks = re.findall(r'data-concern="(\w+)"><b>', text)
    assert tasks == ["files", "leaks", "labels"]
    assert "maskwright review &#39;/data/my pets&#39;" in text
    assert f"maskwright mend &#39;/data/my pets&#39; --audit {tmp_path} -o &#39;my pets-mended&#39;" in text


def test_nothing_wrong_is_said_as_such(dataset: Dataset, tmp_path: Path) -> None:
    made = replace(surveyed(dataset), findings=(), duplicates=())
    text = _read(audit_report(made, dataset, tmp_path / "audit.html"))
    assert "Nothing was found that a person should look at." in text
    assert 'id="findings"' not in text and 'id="duplicates"' not in text


def test_a_dataset_without_a_usable_sample_has_a_page(dataset: Dataset, tmp_path: Path) -> None:
    refused = Finding("train/0", "unreadable", 1.0, {"file": "train/0.png", "error": "x"}, left_out=True)
    empty = replace(dataset, samples=(), findings=(refused,))
    text = _read(audit_report(surveyed(empty), empty, tmp_path / "audit.html"))
    assert "File cannot be opened" in text


def test_label_and_model_stand_side_by_side(dataset: Dataset, tmp_path: Path) -> None:
    made = disputed(surveyed(dataset), dataset, tmp_path / "probs", count=10)
    with_model = _read(audit_report(made, dataset, tmp_path / "a.html", probs=tmp_path / "probs"))
    without = _read(audit_report(made, dataset, tmp_path / "b.html"))
    assert len(re.findall(r"<span>label</span><span>model</span>", with_model)) == 10
    assert "<span>model</span>" not in without
    assert "on 10 masks" in with_model


def test_damaged_probabilities_cost_their_panel_only(dataset: Dataset, tmp_path: Path) -> None:
    made = disputed(surveyed(dataset), dataset, tmp_path / "probs", count=3)
    (tmp_path / "probs" / f"{dataset[0].id}.npz").write_bytes(b"cut off")
    text = _read(audit_report(made, dataset, tmp_path / "a.html", probs=tmp_path / "probs"))
    assert len(re.findall(r"<span>label</span><span>model</span>", text)) == 2


def test_duplicates_are_shown_as_pairs_with_a_resplit(dataset: Dataset, tmp_path: Path) -> None:
    ids = [sample.id for sample in dataset]
    groups = tuple(
        DuplicateGroup((one, other), ("train", "val"), (Twins(one, other, "near", "mirrored_cropped", 0.97, 0.8),))
        for one, other in zip(ids[:12], ids[20:], strict=True)
    )
    leak = {"file": ids[20], "other": ids[0], "split": "val", "other_split": "train"}
    made = replace(
        surveyed(dataset),
        duplicates=groups * 3,
        resplit={ids[20]: "train"},
        findings=(Finding(ids[20], "leak", 0.9, leak),),
    )
    text = _read(audit_report(made, dataset, tmp_path / "audit.html"))
    assert text.count('class="card group leak"') == MOST_GROUPS
    assert f"{36 - MOST_GROUPS} more groups stand in" in text
    assert "nearly the same, mirrored, cropped" in text
    assert "<span>this photo</span><span>the other</span>" in text
    assert "Moving 1 sample puts all copies" in text


def test_thresholds_stand_with_their_reasons(dataset: Dataset, tmp_path: Path) -> None:
    made = surveyed(dataset)
    made = replace(made, settings=made.settings.model_copy(update={"rare_images": 25}))
    text = _read(audit_report(made, dataset, tmp_path / "audit.html"))
    assert "below ten its score depends on single photos" in text
    assert re.search(r'<code>rare_images</code></th><td class="value">25 <span class="kind given">given', text)


def test_russian_numbers_and_sentences(dataset: Dataset, tmp_path: Path) -> None:
    text = _read(audit_report(surveyed(dataset, more=5), dataset, tmp_path / "audit.html", lang="ru"))
    assert '<html lang="ru">' in text
    assert "из 32 фотографий" in text
    assert "Крошки" in text
    assert "Worst first" not in text


def test_names_of_the_user_never_become_html(tmp_path: Path) -> None:
    tiny = tiny_dataset(train=12, val=12)
    hostile = replace(
        tiny,
        classes=make_classes(["background", NASTY, 'a"b&c']),
        samples=tuple(replace(each, id=f"{each.split}/{NASTY}{number}") for number, each in enumerate(tiny)),
        root=tmp_path / NASTY.replace("/", ""),
    )
    own = Finding(hostile[0].id, NASTY, 0.9, {"file": NASTY})
    made = surveyed(hostile, more=20)
    made = replace(made, findings=worst_first([own, *made.findings]))
    text = _read(audit_report(made, hostile, tmp_path / "audit.html"))
    assert NASTY not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_only_the_worst_are_decoded(dataset: Dataset, tmp_path: Path) -> None:
    audit = surveyed(dataset, more=20)
    counted = [_Counting(sample.image(), sample.mask()) for sample in dataset]
    watched = [replace(sample, pixels=pixels) for sample, pixels in zip(dataset, counted, strict=True)]
    many = [_renamed(watched[number % len(watched)], number) for number in range(10_000)]
    chosen = {finding.sample for finding in audit.findings[:MOST_CARDS]}
    others = [replace(each, pixels=_Forbidden()) for each in many]
    large = replace(dataset, samples=(*(each for each in watched if each.id in chosen), *others))
    path = audit_report(replace(audit, duplicates=()), large, tmp_path / "audit.html")
    assert path.is_file()
    assert sum(each.looked for each in counted) > 0


def test_photos_that_are_gone_leave_their_sentences(audit: Audit, dataset: Dataset, tmp_path: Path) -> None:
    gone = replace(dataset, samples=tuple(replace(each, pixels=_Gone()) for each in dataset))
    text = _read(audit_report(audit, gone, tmp_path / "audit.html"))
    assert text.count('class="evidence"') == MOST_CARDS
    assert 'class="enlarge"' not in text


def test_an_unknown_language_is_refused(audit: Audit, dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--lang de"):
        audit_report(audit, dataset, tmp_path / "audit.html", lang="de")
    assert not (tmp_path / "audit.html").exists()


def test_large_photos_of_all_kinds_stay_within_the_limit(tmp_path: Path) -> None:
    """Noise compresses worst of all: no real photo takes more room."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (40, 320, 480, 3), dtype=np.uint8)
    mask = np.zeros((320, 480), np.uint8)
    mask[100:200, 100:300] = 1
    samples = tuple(
        Sample(f"train/{number}", "train", ArrayPixels(image, mask), (320, 480), digest=str(number))
        for number, image in enumerate(noise)
    )
    dataset = Dataset(make_classes(["background", "square"]), samples)
    findings = tuple(Finding(samples[number % 40].id, "mask_cut", 0.9, {}) for number in range(120))
    made = replace(surveyed(dataset[:4]), findings=findings)
    assert audit_report(made, dataset, tmp_path / "audit.html").stat().st_size < LIMIT_BYTES


def test_every_finding_has_a_short_name() -> None:
    english = table("en")
    findings = {key.removeprefix("finding.") for key in english if key.startswith("finding.")}
    assert {each for each in findings if f"check.{each}" not in english} == set()


@dataclass
class _Counting:
    image_array: Image
    mask_array: Mask | None
    looked: int = 0

    def image(self) -> Image:
        self.looked += 1
        return self.image_array

    def mask(self) -> Mask | None:
        return self.mask_array


class _Forbidden:
    def image(self) -> Image:
        raise AssertionError("a photo was decoded that no card shows")

    mask = image


class _Gone:
    def image(self) -> Image:
        raise FileNotFoundError("gone")

    mask = image


def _renamed(sample: Sample, number: int) -> Sample:
    return replace(sample, id=f"more/{number}", split="more")


def _read(path: Path) -> str:
    """The page without the library that draws the figures."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"<script>/\*\*\n\* plotly\.js.*?</script>", "", text, flags=re.DOTALL)
