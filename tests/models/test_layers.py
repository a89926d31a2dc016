"""Batch norm that bears a batch of one and can be frozen; TensorFlow's padding."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from maskwright.models import build_model
from maskwright.models.layers import BatchNorm, StridedConv2d, settle_norms


def test_batch_norm_is_torchs_own_wherever_that_works() -> None:
    ours, torchs = BatchNorm(3), torch.nn.BatchNorm2d(3)
    x = torch.randn(4, 3, 5, 5)
    assert torch.equal(ours.train()(x), torchs.train()(x)) and torch.equal(ours.eval()(x), torchs.eval()(x))
    assert torch.equal(ours.running_var, torchs.running_var)


def test_a_single_value_per_channel_is_normed_by_the_running_statistics() -> None:
    norm = BatchNorm(3).train()
    norm(torch.randn(8, 3, 2, 2) * 5)
    before = norm.running_mean.clone(), norm.running_var.clone()
    x = torch.randn(1, 3, 1, 1)
    assert torch.equal(norm(x), norm.eval()(x))
    assert torch.equal(norm.running_mean, before[0]) and torch.equal(norm.running_var, before[1])


@pytest.mark.parametrize(("mode", "learns"), [("keep_statistics", True), ("frozen", False)])
def test_an_encoders_norms_can_be_frozen(mode: str, learns: bool) -> None:
    model = build_model("mlp-mobilenetv2", classes=2).train()
    assert settle_norms(model.encoder, mode) == 52
    before = {key: tensor.clone() for key, tensor in model.encoder.named_buffers()}
    model(torch.randn(2, 3, 64, 64)).square().mean().backward()
    assert all(torch.equal(before[key], tensor) for key, tensor in model.encoder.named_buffers())
    norm = model.encoder.features[3].conv[1][1]
    assert (norm.weight.grad is not None) == learns
    assert not torch.equal(model.head.norm.running_var, torch.ones(128)), "the head's norms go on"


@pytest.mark.parametrize("size", [7, 8, 9, 224])
@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("channels", [1, 4])
def test_same_padding_is_tensorflows(size: int, stride: int, channels: int) -> None:
    """The output has ceil(n / s) cells; where one pixel is missing, it is missing at the end."""
    convolution = StridedConv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False)
    convolution.same_padding = True
    x = torch.randn(2, channels, size, size)
    missing = max((-(-size // stride) - 1) * stride + 3 - size, 0)
    before, after = missing // 2, missing - missing // 2
    padded = functional.pad(x, (before, after, before, after))
    expected = functional.conv2d(padded, convolution.weight, stride=stride, groups=channels)
    given, wanted = (torch.autograd.grad(y.square().sum(), convolution.weight)[0] for y in (convolution(x), expected))
    assert convolution(x).shape[2] == -(-size // stride)
    assert torch.allclose(convolution(x), expected, atol=1e-6) and torch.allclose(given, wanted, rtol=1e-4)


def test_a_strided_depthwise_convolution_is_as_exact_in_bfloat16() -> None:
    convolution = StridedConv2d(4, 4, 3, 2, padding=1, groups=4, bias=False)
    x = torch.randn(2, 4, 16, 16).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        y = convolution(x)
    y.float().sum().backward()
    assert y.dtype == torch.bfloat16 and convolution.weight.grad is not None
    expected = functional.conv2d(x.float(), convolution.weight, stride=2, padding=1, groups=4)
    assert torch.equal(y, expected.bfloat16())
