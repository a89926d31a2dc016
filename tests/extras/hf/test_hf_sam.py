"""SAM 2 with newly drawn weights: found in the hub's cache, asked by box and clicks, refused where it is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save
from transformers import Sam2Config, Sam2Model

from hub_cache import use_cache, write_repository
from maskwright.errors import UsageError, WeightsError
from maskwright.models.sam import load_sam, segment
from maskwright.review.proposals import Region
from maskwright.weights.sam import NAMES, fetched_sam
from maskwright.workflow.sam import sam_proposal

SMALL: dict[str, Any] = {
    "vision_config": {
        "backbone_config": {
            "model_type": "sam2_hiera_det_model",
            "hidden_size": 8,
            "image_size": [128, 128],
            "blocks_per_stage": [1, 1, 2, 1],
            "embed_dim_per_stage": [8, 16, 32, 64],
            "num_attention_heads": 1,
            "num_attention_heads_per_stage": [1, 1, 2, 2],
            "global_attention_blocks": [3],
        },
        "backbone_channel_list": [64, 32, 16, 8],
        "fpn_hidden_size": 16,
        "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
    },
    "prompt_encoder_config": {"hidden_size": 16, "image_size": 128, "mask_input_channels": 4},
    "mask_decoder_config": {"hidden_size": 16, "mlp_dim": 16, "num_attention_heads": 2, "iou_head_hidden_dim": 16},
}
IMAGE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


@pytest.fixture
def model() -> Sam2Model:
    torch.manual_seed(0)
    return Sam2Model(Sam2Config(**SMALL)).eval()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return use_cache(tmp_path, monkeypatch)


def _put(cache: Path, model: Sam2Model) -> Path:
    model.save_pretrained(cache.parent / "saved")
    files = {file.name: file.read_bytes() for file in (cache.parent / "saved").iterdir()}
    return write_repository(cache, NAMES[0], files)


def test_without_weights_there_is_no_proposal(cache: Path) -> None:
    write_repository(cache, NAMES[0], {"config.json": b"{}"})
    assert fetched_sam() is None
    assert sam_proposal() is None


def test_weights_in_the_cache_are_found_and_are_the_same_model(cache: Path, model: Sam2Model) -> None:
    folder = _put(cache, model)
    assert fetched_sam() == folder
    loaded = load_sam(folder)
    asked: dict[str, Any] = {"box_xywh": (5, 6, 30, 20), "points": ()}
    assert np.array_equal(segment(loaded, IMAGE, **asked), segment(model, IMAGE, **asked))


@pytest.mark.parametrize("points", [[(5, 6, 1)], [(5, 6, 1), (40, 30, 0), (63, 47, 0)]])
def test_clicks_are_answered_in_the_photo_s_size(model: Sam2Model, points: list[tuple[int, int, int]]) -> None:
    found = segment(model, IMAGE, box_xywh=None, points=points)
    assert (found.shape, found.dtype) == ((48, 64), np.dtype(bool))


def test_the_box_is_given_in_the_model_s_pixels(model: Sam2Model, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    forward = model.forward
    monkeypatch.setattr(model, "forward", lambda **given: asked.update(given) or forward(**given))
    segment(model, IMAGE, box_xywh=(16, 12, 32, 24), points=[(32, 24, 1)])
    assert asked["input_boxes"].tolist() == [[[32.0, 32.0, 96.0, 96.0]]]
    assert asked["input_points"].tolist() == [[[[64.0, 64.0]]]]
    assert asked["pixel_values"].shape == (1, 3, 128, 128)
    assert abs(float(asked["pixel_values"].mean())) < 1


def test_a_proposal_begins_with_the_mask_that_is_there(cache: Path, model: Sam2Model) -> None:
    _put(cache, model)
    propose = sam_proposal()
    assert propose is not None
    mask = np.zeros((48, 64), np.uint8)
    mask[10:30, 20:50] = 2
    proposed = propose(IMAGE, mask, Region(2))
    found = segment(model, IMAGE, box_xywh=(20, 10, 30, 20), points=())
    assert not proposed[:10].any()
    assert np.array_equal(proposed[10:30, 20:50] == 2, found[10:30, 20:50])
    with pytest.raises(UsageError, match="Draw a box around the object, or click on it"):
        propose(IMAGE, mask, Region(1))


def test_another_model_is_refused_by_name(cache: Path) -> None:
    folder = write_repository(cache, NAMES[0], {"config.json": b"{}", "model.safetensors": save({"x": torch.ones(1)})})
    with pytest.raises(WeightsError, match=r"(?s)cannot be used as SAM 2.*maskwright weights get hf:"):
        load_sam(folder)
