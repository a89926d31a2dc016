"""Our importers against transformers' own models, every number of them drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional
from transformers import (
    MobileNetV2Config,
    MobileNetV2ForImageClassification,
    MobileNetV2ForSemanticSegmentation,
    SegformerConfig,
    SegformerForImageClassification,
    SegformerForSemanticSegmentation,
)

from maskwright.models import build_model
from maskwright.models.loading import load_weights, read_state
from randomised import randomise, relative

B1 = {"hidden_sizes": [64, 128, 320, 512], "decoder_hidden_size": 256}
SIZES = ((96, 128), (65, 71))


def photos(height: int, width: int) -> Tensor:
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))


def enlarged(logits: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(logits, size=like.shape[2:], mode="bilinear", align_corners=False)


@pytest.mark.parametrize(("name", "options"), [("segformer-b0", {}), ("segformer-b1", B1)])
@pytest.mark.parametrize("names", ["old", "new"])
def test_segformer(name: str, options: dict[str, object], names: str, tmp_path: Path) -> None:
    """The names that the hub has, which transformers 5 still saves, and those that its modules have."""
    torch.manual_seed(0)
    theirs = randomise(SegformerForSemanticSegmentation(SegformerConfig(num_labels=3, **options)))
    theirs.save_pretrained(tmp_path)
    held = load_file(tmp_path / "model.safetensors") if names == "old" else theirs.state_dict()
    assert any(key.startswith("segformer.encoder.block.0.0.attention.self.query") for key in held) == (names == "old")
    ours = build_model(name, classes=3)
    loaded = load_weights(ours, held)
    assert (loaded.left_out, loaded.new, loaded.options) == ({}, {}, {"form": "huggingface"})
    for size in SIZES:
        images = photos(*size)
        with torch.inference_mode():
            assert relative(ours.eval()(images), enlarged(theirs(images).logits, images)) < 1e-5


@pytest.mark.parametrize("names", ["old", "new"])
def test_segformers_encoder(names: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = randomise(SegformerForImageClassification(SegformerConfig()))
    theirs.save_pretrained(tmp_path)
    held = load_file(tmp_path / "model.safetensors") if names == "old" else theirs.state_dict()
    ours = build_model("segformer-b0", classes=3)
    loaded = load_weights(ours, held)
    assert set(loaded.left_out) == {"classifier.weight", "classifier.bias"}
    assert {key.partition(".")[0] for key in loaded.new} == {"head"}
    images = photos(96, 128)
    with torch.inference_mode():
        expected = theirs.segformer(images, output_hidden_states=True).hidden_states
        maps = ours.eval().encoder(images)
    # Theirs are the stages' maps, ours too: the norm behind each stage belongs to it.
    assert all(relative(a, b) < 1e-5 for a, b in zip(maps, expected[-4:], strict=True))


@pytest.mark.parametrize("stride", [8, 16])
def test_mobilenetv2_deeplab(stride: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = MobileNetV2Config(num_labels=3, output_stride=stride)
    theirs = randomise(MobileNetV2ForSemanticSegmentation(config))
    theirs.save_pretrained(tmp_path)
    ours = build_model("deeplabv3plus-mobilenetv2", classes=3, output_stride=stride)
    loaded = load_weights(ours, tmp_path / "model.safetensors")
    assert (loaded.new, loaded.options) == ({}, {"form": "huggingface"})
    assert set(loaded.left_out.values()) == {"the convolution before pooling is not used by this architecture"}
    for size in SIZES:
        images = photos(*size)
        with torch.inference_mode():
            assert relative(ours.eval()(images), enlarged(theirs(images).logits, images)) < 1e-5


def test_mobilenetv2_backbone(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = randomise(MobileNetV2ForImageClassification(MobileNetV2Config()))
    theirs.save_pretrained(tmp_path)
    ours = build_model("mlp-mobilenetv2", classes=3)
    loaded = load_weights(ours, read_state(tmp_path / "model.safetensors"))
    assert set(loaded.left_out) == {"classifier.weight", "classifier.bias"}
    assert loaded.options == {"form": "tensorflow"}
    images = photos(96, 131)
    with torch.inference_mode():
        expected = theirs.mobilenet_v2(images, output_hidden_states=True)
        maps = ours.eval().encoder(images)
    kept = [expected.hidden_states[place] for place in (1, 4, 11)]  # the last of the stages at 1/4, 1/8 and 1/16
    assert all(relative(a, b) < 1e-5 for a, b in zip(maps[:3], kept, strict=True))
    assert relative(maps[3], expected.last_hidden_state) < 1e-5
