"""SegFormer: Mix Transformer encoder and all-MLP decoder.

Xie et al., "SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers", NeurIPS 2021
(arXiv:2105.15203). Sizes of the variants: table 6 there. Written from the paper.

Two things differ from the textbook form, neither changes the function:

* Feature maps stay `(B, H, W, C)`, which is the memory of a channels_last `(B, C, H, W)` tensor: convolutions see the
  one, linear layers and attention the other, and no copy lies in between.
* The decoder mixes channels at each stage's own resolution: see `all_mlp_head`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from maskwright.models.all_mlp_head import AllMLPHead
from maskwright.models.segmenter import Segmenter

Form = Literal["own", "mmsegmentation", "huggingface"]


@dataclass(frozen=True)
class Sizes:
    """What tells the variants apart: per stage, except for `decoder_channels`."""

    channels: tuple[int, ...]
    depths: tuple[int, ...]
    decoder_channels: int
    heads: tuple[int, ...] = (1, 2, 5, 8)
    key_strides: tuple[int, ...] = (8, 4, 2, 1)
    hidden_ratio: int = 4


@dataclass(frozen=True)
class Epsilons:
    """What is added to the variance in layer norms: after convolutions, and of the blocks and stages."""

    patches: float
    blocks: float


EPSILONS: dict[Form, Epsilons] = {
    "own": Epsilons(1e-5, 1e-6),  # the authors' own code
    "mmsegmentation": Epsilons(1e-6, 1e-6),
    "huggingface": Epsilons(1e-5, 1e-5),
}

WIDE = (64, 128, 320, 512)
B0 = Sizes((32, 64, 160, 256), depths=(2, 2, 2, 2), decoder_channels=256)
B1 = Sizes(WIDE, depths=(2, 2, 2, 2), decoder_channels=256)
B2 = Sizes(WIDE, depths=(3, 4, 6, 3), decoder_channels=768)
B3 = Sizes(WIDE, depths=(3, 4, 18, 3), decoder_channels=768)
B4 = Sizes(WIDE, depths=(3, 8, 27, 3), decoder_channels=768)
B5 = Sizes(WIDE, depths=(3, 6, 40, 3), decoder_channels=768)


def segformer(
    sizes: Sizes,
    classes: int,
    *,
    form: Form = "own",
    drop_path: float = 0.0,
    head_dropout: float = 0.0,
    decoder_channels: int = 0,
) -> Segmenter:
    """A SegFormer.

    Args:
        sizes: the variant.
        classes: number of classes C.
        form: "own" is the paper's. MMSegmentation's decoder has batch norm and ReLU behind each projection and 256
            channels for every variant; the epsilons of layer norms differ in all three.
        drop_path: probability of skipping the last residual branch; earlier ones rise to it linearly from 0.
        head_dropout: dropout of whole channels before the classifier.
        decoder_channels: width of the decoder; 0 is the variant's own.
    """
    theirs = form == "mmsegmentation"
    head = AllMLPHead(
        sizes.channels,
        decoder_channels or (256 if theirs else sizes.decoder_channels),
        classes,
        head_dropout,
        projections="conv_norm" if theirs else "linear",
    )
    encoder = MixTransformer(sizes, drop_path, EPSILONS[form])
    for part in (encoder, head):
        part.apply(_draw_weights)
    return Segmenter(encoder, head)


segformer_b0 = partial(segformer, B0)
segformer_b1 = partial(segformer, B1)
segformer_b2 = partial(segformer, B2)
segformer_b3 = partial(segformer, B3)
segformer_b4 = partial(segformer, B4)
segformer_b5 = partial(segformer, B5)


class MixTransformer(nn.Module):
    """Four stages of overlapping patches and efficient self-attention (section 3.1).

    Gives feature maps `(B, C_i, H/s, W/s)` for s = 4, 8, 16, 32, sizes rounded up.
    """

    def __init__(self, sizes: Sizes, drop_path: float, eps: Epsilons) -> None:
        super().__init__()
        last = max(sum(sizes.depths) - 1, 1)
        rates = (drop_path * place / last for place in itertools.count())
        incoming = (3, *sizes.channels)
        self.stages = nn.ModuleList(
            Stage(
                [
                    Block(width, sizes.heads[i], sizes.key_strides[i], sizes.hidden_ratio, next(rates), eps)
                    for _ in range(sizes.depths[i])
                ],
                OverlapPatchEmbedding(incoming[i], width, eps, kernel=7 if i == 0 else 3, stride=4 if i == 0 else 2),
                width,
                eps,
            )
            for i, width in enumerate(sizes.channels)
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        features, maps = images.contiguous(memory_format=torch.channels_last), []
        for stage in self.stages:
            features = stage(features)
            maps.append(features)
        return maps


class Stage(nn.Module):
    """Patch embedding, blocks, norm: `(B, C, H, W)` to `(B, C', H', W')`, both channels_last."""

    def __init__(self, blocks: list[Block], patches: OverlapPatchEmbedding, width: int, eps: Epsilons) -> None:
        super().__init__()
        self.patches = patches
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(width, eps=eps.blocks)

    def forward(self, features: Tensor) -> Tensor:
        x = self.patches(features)
        for block in self.blocks:
            x = block(x)
        normed: Tensor = self.norm(x)
        return normed.permute(0, 3, 1, 2)


class OverlapPatchEmbedding(nn.Module):
    """A strided convolution whose patches overlap, so that local continuity is kept; gives `(B, H, W, C)`."""

    def __init__(self, incoming: int, width: int, eps: Epsilons, *, kernel: int, stride: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(incoming, width, kernel, stride, padding=kernel // 2)
        self.norm = nn.LayerNorm(width, eps=eps.patches)

    def forward(self, features: Tensor) -> Tensor:
        normed: Tensor = self.norm(self.projection(features).permute(0, 2, 3, 1))
        return normed


class Block(nn.Module):
    """Attention and Mix-FFN, each on a normed input and added to what came in; `(B, H, W, C)` throughout."""

    def __init__(
        self, width: int, heads: int, key_stride: int, hidden_ratio: int, drop_path: float, eps: Epsilons
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=eps.blocks)
        self.attention = EfficientAttention(width, heads, key_stride, eps)
        self.norm2 = nn.LayerNorm(width, eps=eps.blocks)
        self.ffn = MixFFN(width, hidden_ratio * width)
        self.drop_path = drop_path

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._kept(self.attention(self.norm1(x)))
        return x + self._kept(self.ffn(self.norm2(x)))

    def _kept(self, branch: Tensor) -> Tensor:
        """Stochastic depth: drop the branch for some samples, scale it up for the others."""
        if not self.training or self.drop_path == 0:
            return branch
        keep = 1 - self.drop_path
        # Drawn in float32 on purpose: bfloat16 draws are coarse.
        kept = torch.rand(branch.shape[0], 1, 1, 1, device=branch.device) < keep
        return branch * (kept / keep).to(branch.dtype)


class EfficientAttention(nn.Module):
    """Multi-head self-attention whose keys and values lie on a coarser grid (equations 1 and 2)."""

    def __init__(self, width: int, heads: int, key_stride: int, eps: Epsilons) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.project = nn.Linear(width, width)
        self.reduce: nn.Conv2d | None = None
        if key_stride > 1:
            self.reduce = nn.Conv2d(width, width, key_stride, key_stride)
            self.reduce_norm = nn.LayerNorm(width, eps=eps.patches)

    def forward(self, x: Tensor) -> Tensor:
        batch, height, width, channels = x.shape
        source = x
        if self.reduce is not None:
            source = self.reduce_norm(self._reduced(x).permute(0, 2, 3, 1))
        query = self.query(x).view(batch, height * width, self.heads, -1).transpose(1, 2)
        key_value = self.key_value(source).view(batch, -1, 2, self.heads, channels // self.heads)
        key, value = key_value.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value)
        projected: Tensor = self.project(attended.transpose(1, 2).reshape(batch, height, width, channels))
        return projected

    def _reduced(self, x: Tensor) -> Tensor:
        assert self.reduce is not None
        stride = self.reduce.stride[0]
        image = x.permute(0, 3, 1, 2)
        # An image smaller than one key cell would leave no key at all: then one padded cell is made.
        low_h, low_w = (max(0, stride - size) for size in image.shape[2:])
        reduced: Tensor = self.reduce(functional.pad(image, (0, low_w, 0, low_h)) if low_h or low_w else image)
        return reduced


class MixFFN(nn.Module):
    """Two linear layers with a 3x3 depthwise convolution between, which tells position (equation 3)."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.expand = nn.Linear(width, hidden)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.contract = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.depthwise(self.expand(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        contracted: Tensor = self.contract(functional.gelu(hidden))
        return contracted


def _draw_weights(module: nn.Module) -> None:
    """The initialisation of vision transformers: truncated normal for linear, He (fan-out) for convolutions."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
        nn.init.normal_(module.weight, 0, (2 / fan_out) ** 0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
