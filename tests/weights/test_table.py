"""The table of weights: nothing in it is claimed that was not held."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import get_args

import pytest

from maskwright.errors import WeightsError
from maskwright.storage import file_digest
from maskwright.weights.table import ENTRIES, Commercial, Part, find, fitting, terms
from shared_data import shared


def test_every_name_stands_once_and_is_a_name_of_the_cache() -> None:
    names = [entry.name for entry in ENTRIES]
    assert sorted(set(names)) == sorted(names)
    assert [name for name in names if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name)] == []


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_entry_says_all_that_is_needed(entry: object) -> None:
    entry = find(entry.name)  # type: ignore[attr-defined]
    assert entry.part in get_args(Part)
    assert entry.commercial in get_args(Commercial)
    assert entry.fits
    assert entry.licence
    assert entry.training_data
    assert entry.note
    assert entry.mb > 1
    assert min(entry.std_rgb) > 0
    if entry.hub is not None:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", entry.hub.repo)
        assert re.fullmatch(r"main|[0-9a-f]{40}", entry.hub.revision)
        assert entry.url == f"https://huggingface.co/{entry.hub.repo}/resolve/{entry.hub.revision}/model.safetensors"
    else:
        assert entry.sha256, "a file to add is known by nothing but its digest"


def test_a_digest_needs_evidence_and_evidence_a_digest() -> None:
    assert [entry.name for entry in ENTRIES if bool(entry.sha256) != bool(entry.evidence)] == []
    assert [entry.name for entry in ENTRIES if not re.fullmatch(r"([0-9a-f]{64})?", entry.sha256)] == []
    assert [entry.name for entry in ENTRIES if entry.verified] == ["mobilenetv2-imagenet"]
    assert not replace(find("mobilenetv2-imagenet"), evidence="").verified


def test_the_held_file_has_the_digest_of_the_table() -> None:
    path = shared("pretrained", "mobilenetv2_1.0_imagenet.safetensors")
    entry = find("mobilenetv2-imagenet")
    assert file_digest(path) == entry.sha256
    assert path.stat().st_size / 1e6 == pytest.approx(entry.mb, abs=0.05)


def test_the_first_choice_of_an_architecture_comes_first() -> None:
    assert [entry.name for entry in fitting("mlp-mobilenetv2")] == [
        "mobilenetv2_100.ra_in1k",
        "mobilenetv2-imagenet",
        "mobilenet_v2_1.0_224",
    ]
    assert fitting("deeplabv3plus-r50")[0].name == "resnet50c.gluon_in1k"
    assert [entry.name for entry in fitting("segformer-b5")] == ["mit-b5", "segformer-b5-finetuned-ade-640-640"]
    assert fitting("unet") == ()


@pytest.mark.parametrize(
    "architecture",
    [
        *[f"segformer-b{size}" for size in range(6)],
        *("mlp-mobilenetv2", "mlp-r18", "mlp-r50"),
        *("deeplabv3plus-mobilenetv2", "deeplabv3plus-r18", "deeplabv3plus-r50", "deeplabv3plus-r101"),
    ],
)
def test_every_architecture_can_start_from_an_encoder(architecture: str) -> None:
    assert fitting(architecture)[0].part == "encoder"


def test_nvidia_s_weights_are_not_for_commercial_use() -> None:
    theirs = [entry for entry in ENTRIES if entry.hub and entry.hub.repo.startswith("nvidia/")]
    assert len(theirs) == 12
    assert {entry.commercial for entry in theirs} == {"no"}
    assert {entry.commercial for entry in fitting("mlp-r50")} == {"yes"}


def test_an_unknown_name_is_answered_with_similar_ones() -> None:
    with pytest.raises(WeightsError) as caught:
        find("mit-b7")
    assert "mit-b7: no weights of this name are known. Did you mean mit-b" in str(caught.value)
    assert "maskwright weights list" in str(caught.value)


@pytest.mark.parametrize(
    ("commercial", "lang", "part"),
    [
        ("yes", "en", "MIT, commercial use allowed"),
        ("no", "en", "MIT, NON-COMMERCIAL"),
        ("not stated", "en", "whether commercial use is allowed is not stated"),
        ("no", "ru", "НЕКОММЕРЧЕСКАЯ"),
    ],
)
def test_terms_are_words(commercial: Commercial, lang: str, part: str) -> None:
    assert part in terms("MIT", commercial, lang)
