"""Our importers against torchvision's and timm's own models, every number of them drawn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from maskwright.models import build_model
from maskwright.models.loading import load_weights
from maskwright.models.smp import import_torchvision
from randomised import randomise, relative

import_torchvision()

import timm  # noqa: E402
import torchvision  # noqa: E402

SIZES = ((96, 128), (65, 71))


def photos(height: int, width: int) -> Tensor:
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))


def resnet_maps(model: nn.Module, images: Tensor) -> list[Tensor]:
    """The four stages of a ResNet of torchvision's or timm's, called as they call them."""
    act = getattr(model, "relu", None) or model.act1
    x, maps = model.maxpool(act(model.bn1(model.conv1(images)))), []
    for stage in (model.layer1, model.layer2, model.layer3, model.layer4):
        x = stage(x)
        maps.append(x)
    return maps


def torchvision_mobilenet_maps(model: nn.Module, images: Tensor) -> list[Tensor]:
    x, maps = images, []
    for place, block in enumerate(model.features):
        x = block(x)
        if place in (3, 6, 13, 18):
            maps.append(x)
    return maps


def timm_mobilenet_maps(model: nn.Module, images: Tensor) -> list[Tensor]:
    x, maps = model.bn1(model.conv_stem(images)), []
    for place, stage in enumerate(model.blocks):
        x = stage(x)
        if place in (1, 2, 4):
            maps.append(x)
    return [*maps, model.bn2(model.conv_head(x))]


Make = Callable[[], nn.Module]
Maps = Callable[[nn.Module, Tensor], list[Tensor]]


@pytest.mark.parametrize(
    ("make", "theirs_maps", "ours", "options"),
    [
        (lambda: torchvision.models.resnet18(weights=None), resnet_maps, "mlp-r18", {}),
        (lambda: torchvision.models.resnet50(weights=None), resnet_maps, "mlp-r50", {}),
        (lambda: torchvision.models.mobilenet_v2(weights=None), torchvision_mobilenet_maps, "mlp-mobilenetv2", {}),
        (lambda: timm.create_model("resnet18"), resnet_maps, "mlp-r18", {}),
        (lambda: timm.create_model("resnet50"), resnet_maps, "mlp-r50", {}),
        (lambda: timm.create_model("resnet50c"), resnet_maps, "mlp-r50", {"form": "mmsegmentation"}),
        (lambda: timm.create_model("mobilenetv2_100"), timm_mobilenet_maps, "mlp-mobilenetv2", {}),
    ],
    ids=["tv-r18", "tv-r50", "tv-mobilenetv2", "timm-r18", "timm-r50", "timm-r50c", "timm-mobilenetv2"],
)
def test_backbones(make: Make, theirs_maps: Maps, ours: str, options: dict[str, str]) -> None:
    torch.manual_seed(0)
    theirs = randomise(make())
    model = build_model(ours, classes=3)
    loaded = load_weights(model, theirs.state_dict())
    assert loaded.options == options
    assert set(loaded.left_out.values()) == {"classifies whole images"}
    assert {name.partition(".")[0] for name in loaded.new} == {"head"}
    for size in SIZES:
        with torch.inference_mode():
            maps, expected = model.eval().encoder(photos(*size)), theirs_maps(theirs, photos(*size))
        assert [relative(a, b) < 1e-5 for a, b in zip(maps, expected, strict=True)] == [True] * 4


def test_a_dilated_resnet50_is_timms_too() -> None:
    """Output stride 8. (A dilated ResNet-18 is not: timm dilates both convolutions of a block, MMSegmentation one.)"""
    torch.manual_seed(0)
    theirs = randomise(timm.create_model("resnet50", output_stride=8))
    model = build_model("deeplabv3plus-r50", classes=3, form="torchvision")
    load_weights(model, theirs.state_dict())
    with torch.inference_mode():
        maps, expected = model.eval().encoder(photos(65, 71)), resnet_maps(theirs, photos(65, 71))
    assert [relative(a, b) < 1e-5 for a, b in zip(maps, expected, strict=True)] == [True] * 4


def test_the_whole_of_torchvisions_classifier_agrees_with_our_encoder() -> None:
    """The same logits from our last map and their classifier: nothing between the map and them differs."""
    torch.manual_seed(0)
    theirs = randomise(torchvision.models.resnet18(weights=None))
    model = build_model("mlp-r18", classes=3)
    load_weights(model, theirs.state_dict())
    with torch.inference_mode():
        last = model.eval().encoder(photos(96, 128))[-1]
        logits = theirs.fc(functional.adaptive_avg_pool2d(last, 1).flatten(1))
        assert relative(logits, theirs(photos(96, 128))) < 1e-5
