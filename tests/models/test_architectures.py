"""All architectures: any input size, a batch of one, options, sizes."""

from __future__ import annotations

import pytest
import torch

from maskwright.errors import RecipeError
from maskwright.models import ARCHITECTURES, build_for, build_model, check_architecture, check_options, options_of
from maskwright.models.size import photo_seconds, size_of
from maskwright.recipe.recipe import GIVEN, Recipe, make_recipe, with_settings

LIGHT = ("mlp-mobilenetv2", "mlp-r18", "segformer-b0", "deeplabv3plus-mobilenetv2", "deeplabv3plus-r18")


@pytest.mark.parametrize("name", LIGHT)
@pytest.mark.parametrize("size", [(64, 96), (33, 47), (1, 1)])
def test_any_input_size_gives_logits_of_that_size(name: str, size: tuple[int, int]) -> None:
    model = build_model(name, classes=3).eval()
    with torch.inference_mode():
        logits = model(torch.randn(2, 3, *size))
    assert logits.shape == (2, 3, *size)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", LIGHT)
def test_a_batch_of_one_trains_every_parameter(name: str) -> None:
    model = build_model(name, classes=2).train()
    answer = model(torch.randn(1, 3, 64, 64))
    logits = answer if isinstance(answer, tuple) else (answer,)
    sum(one.square().mean() for one in logits).backward()
    assert [key for key, tensor in model.named_parameters() if tensor.grad is None] == []
    assert all(torch.isfinite(tensor).all() for tensor in model.state_dict().values())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_is_built_and_counted(name: str) -> None:
    counted = size_of(name, size_hw=(64, 64))
    assert 2e6 < counted.parameters < 1e8 and counted.flops > 2e7


def test_sizes_are_those_of_the_papers() -> None:
    """SegFormer: table 6, with 150 classes; MobileNetV2: 2.2 million without its classifier; ResNet-50: 23.5."""
    quoted = {"segformer-b0": 3.8, "segformer-b1": 13.7, "segformer-b2": 27.5, "segformer-b3": 47.3}
    quoted |= {"segformer-b4": 64.1, "segformer-b5": 84.7}
    for name, millions in quoted.items():
        assert size_of(name, classes=150).parameters / 1e6 == pytest.approx(millions, rel=0.02), name
    for name, millions in {"mlp-mobilenetv2": 2.22, "mlp-r18": 11.18, "mlp-r50": 23.51}.items():
        encoder = build_model(name, classes=2).encoder
        assert sum(one.numel() for one in encoder.parameters()) / 1e6 == pytest.approx(millions, rel=0.01), name


def test_operations_grow_with_the_pixels() -> None:
    """Those of the weights alone, which the head multiplies first, stay; the others quadruple."""
    small, middle, large = (size_of("mlp-mobilenetv2", size_hw=(side, side)).flops for side in (64, 128, 256))
    assert large - middle == pytest.approx(4 * (middle - small), rel=0.01)
    assert 0 < photo_seconds("mlp-mobilenetv2", size_hw=(32, 32), repeats=1) < 10


def test_auxiliary_heads_answer_in_training_only() -> None:
    model = build_model("deeplabv3plus-r18", classes=3)
    images = torch.randn(2, 3, 64, 64)
    logits, auxiliary = model.train()(images)
    assert logits.shape == auxiliary.shape == (2, 3, 64, 64)
    assert isinstance(model.eval()(images), torch.Tensor)
    assert build_model("deeplabv3plus-r18", classes=3, auxiliary=False).auxiliary is None


@pytest.mark.parametrize(("stride", "cells"), [(8, 16), (16, 8)])
def test_the_output_stride_is_a_setting(stride: int, cells: int) -> None:
    model = build_model("deeplabv3plus-r18", classes=3, output_stride=stride).eval()
    assert model.encoder(torch.randn(1, 3, 128, 128))[-1].shape[2:] == (cells, cells)
    model = build_model("deeplabv3plus-mobilenetv2", classes=3, output_stride=stride).eval()
    assert model.encoder(torch.randn(1, 3, 128, 128))[-1].shape[2:] == (cells, cells)


def test_the_recipe_says_how_a_model_is_built() -> None:
    recipe = make_recipe(
        {"model": "deeplabv3plus-r18", "output_stride": 16, "auxiliary_share": 0, "decoder_channels": 32}, source="test"
    )
    model = build_for(recipe, classes=4)
    assert model.auxiliary is None and model.head.classifier.weight.shape[:2] == (4, 32)
    assert model.architecture.options["output_stride"] == 16


def test_settings_that_an_architecture_has_not_are_refused() -> None:
    given = {"output_stride": 16, "form": "torchvision"}
    recipe = with_settings(make_recipe({"model": "segformer-b0"}, source="t"), given, source="t", reason=GIVEN)
    with pytest.raises(RecipeError, match="output_stride=16: segformer-b0 has no such") as caught:
        check_options(recipe)
    assert "form=torchvision: segformer-b0 knows own, mmsegmentation, huggingface." in str(caught.value)
    check_options(Recipe())
    check_options(make_recipe({"model": "mlp-r18", "encoder_norm": "frozen"}, source="t"))
    with pytest.raises(RecipeError, match="=keep_statistics: the encoder of segformer-b0 has no batch norms"):
        check_options(make_recipe({"model": "segformer-b0", "encoder_norm": "keep_statistics"}, source="t"))
    with pytest.raises(RecipeError, match="mlp-r18 has no such setting"):
        build_model("mlp-r18", classes=2, drop_path=0.1)
    assert options_of("mlp-mobilenetv2")["form"] == ("own", "tensorflow")


def test_an_unknown_architecture_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match="Did you mean deeplabv3plus-r50"):
        check_architecture("deeplabv3-r50")
    with pytest.raises(RecipeError, match="cannot be imported"):
        build_model("nowhere.at_all:model", classes=2)
