"""SegFormer: equal to the textbook, at any size."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from maskwright.models import build_model
from maskwright.models.all_mlp_head import AllMLPHead
from maskwright.models.segformer import B0, EPSILONS, EfficientAttention


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).norm() / b.norm())


def drawn(module: nn.Module) -> nn.Module:
    """A module whose parameters and statistics are all far from 0 and 1, in eval mode."""
    generator = torch.Generator().manual_seed(3)
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            draw = torch.randn(tensor.shape, generator=generator)
            tensor.copy_(0.5 + draw.abs() if name.endswith("running_var") else 0.2 * draw)
    return module.eval()


def textbook_head(head: AllMLPHead, maps: list[torch.Tensor]) -> torch.Tensor:
    """Equation 4 of the paper as it is written: each map to C channels, up to 1/4, concatenated, fused, classified."""
    size = maps[0].shape[2:]
    unified = []
    for linear, features in zip(head.projections, maps, strict=True):
        mapped = (
            linear(features.flatten(2).transpose(1, 2))
            .transpose(1, 2)
            .reshape(features.shape[0], -1, *features.shape[2:])
        )
        unified.append(functional.interpolate(mapped, size=size, mode="bilinear", align_corners=False))
    fused = functional.conv2d(torch.cat(unified, 1), head.fuse.weight[:, :, None, None])
    return head.classifier(functional.relu(head.norm(fused)))


@pytest.mark.parametrize("size", [(64, 64), (37, 51)])
def test_head_equals_the_textbook_form(size: tuple[int, int]) -> None:
    head = drawn(AllMLPHead(B0.channels, B0.decoder_channels, 5, 0.0))
    generator = torch.Generator().manual_seed(0)
    maps = [
        torch.randn(2, channels, -(-size[0] // 2**i), -(-size[1] // 2**i), generator=generator)
        for i, channels in enumerate(B0.channels)
    ]
    with torch.inference_mode():
        assert relative(head(maps), textbook_head(head, maps)) < 1e-5


@pytest.mark.parametrize("stride", [1, 2])
def test_attention_equals_the_textbook_form(stride: int) -> None:
    attention = drawn(EfficientAttention(32, 4, stride, EPSILONS["own"]))
    x = torch.randn(2, 8, 12, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        tokens = x.flatten(1, 2)
        source = tokens
        if attention.reduce is not None:
            reduced = attention.reduce(x.permute(0, 3, 1, 2)).flatten(2).transpose(1, 2)
            source = attention.reduce_norm(reduced)
        query = attention.query(tokens)
        key, value = attention.key_value(source).chunk(2, -1)
        heads = []
        for q, k, v in zip(query.chunk(4, -1), key.chunk(4, -1), value.chunk(4, -1), strict=True):
            heads.append((q @ k.transpose(1, 2) / 8**0.5).softmax(-1) @ v)
        expected = attention.project(torch.cat(heads, -1)).view_as(x)
        assert relative(attention(x), expected) < 1e-5


def test_drop_path_and_dropout_act_in_training_only() -> None:
    model = build_model("segformer-b0", classes=2, drop_path=0.5, head_dropout=0.5)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert not torch.equal(model.train()(images), model(images))
        assert torch.equal(model.eval()(images), model(images))
