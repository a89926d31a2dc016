"""A photo in tiles is the photo."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from maskwright.data.classes import make_classes
from maskwright.errors import UsageError
from maskwright.inference.postprocess.predictor import PostProcessed
from maskwright.inference.postprocess.settings import PostProcess
from maskwright.inference.runtimes.torch import TorchPredictor
from maskwright.inference.tiling import ABOVE_PX, Tiled, _spans, tiled
from maskwright.models import build_for
from maskwright.recipe.recipe import make_recipe


class Blurred:
    """Probabilities of two classes out of the brightness up to `radius_px` around a pixel; knows what it was asked."""

    def __init__(self, radius_px: int, classes: int = 2) -> None:
        self.radius_px, self.asked = radius_px, list[tuple[int, ...]]()
        self.digest, self.classes = "b" * 8, make_classes([f"class {place}" for place in range(classes)])

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.asked.append(image.shape[:2])
        side = 2 * self.radius_px + 1
        bright = cv2.blur(image[..., 0].astype(np.float32), (side, side), borderType=cv2.BORDER_REPLICATE) / 255
        return np.stack([bright, *[(1 - bright) / (len(self.classes) - 1)] * (len(self.classes) - 1)])


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.sampled_from([(64, 32), (96, 32), (128, 64)]))
def test_a_local_predictor_says_the_same_in_tiles(height: int, width: int, sizes: tuple[int, int]) -> None:
    tile_px, overlap_px = sizes
    inner = Blurred(overlap_px // 4)
    whole = inner(noise(height, width))
    inner.asked.clear()
    outer = Tiled(inner, tile_px=tile_px, overlap_px=overlap_px)
    np.testing.assert_allclose(outer(noise(height, width)), whole, rtol=0, atol=3e-7)
    assert all(max(size) < tile_px + 32 for size in inner.asked)
    np.testing.assert_array_equal(outer.mask(noise(height, width)), outer(noise(height, width)).argmax(0))


def test_beyond_the_quarter_of_the_overlap_the_seams_are_small_and_gone_elsewhere() -> None:
    """The tolerance in the open: a predictor that sees twice as far differs near the seams only."""
    inner, image = Blurred(16), noise(200, 300)
    difference = np.abs(Tiled(inner, tile_px=96, overlap_px=32)(image) - inner(image)).max(axis=0)
    assert 1e-3 < difference.max() < 0.05
    rows = [one.last_alone for one in _spans(200, 96, 32)][:-1]
    columns = [one.last_alone for one in _spans(300, 96, 32)][:-1]
    far = np.ones_like(difference, bool)
    for start in rows:
        far[start - 8 : start + 24] = False
    for start in columns:
        far[:, start - 8 : start + 24] = False
    assert far.any() and difference[far].max() < 3e-7


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 3000), st.sampled_from([(64, 32), (256, 64), (1024, 256), (1024, 512)]))
def test_tiles_cover_every_pixel_with_weights_of_one(length: int, sizes: tuple[int, int]) -> None:
    spans, total = _spans(length, *sizes), np.zeros(length)
    for one in spans:
        assert one.start % 32 == 0 and one.end - one.start < sizes[0] + 32 and one.start <= one.first < one.last
        total[one.first : one.last] += one.weights
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert (spans[0].start, spans[-1].end) == (0, length)
    for one, after in pairwise(spans):
        assert one.end - one.last >= sizes[1] // 4 and after.first - after.start >= sizes[1] // 4
        assert one.last - after.first == sizes[1] // 2 and one.last_alone == after.first


class Strided(nn.Module):
    """Local, but not the same everywhere: what it says repeats with a grid of 32 px, as encoders do."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        widths = [3, 8, 8, 8, 8, 3]
        pairs = pairwise(widths)
        self.steps = nn.Sequential(*[nn.Sequential(nn.Conv2d(a, b, 2, stride=2), nn.Tanh()) for a, b in pairs])

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        padded = nn.functional.pad(image, (0, -image.shape[3] % 32, 0, -image.shape[2] % 32))
        grown = nn.functional.interpolate(self.steps(padded), scale_factor=32.0, mode="nearest")
        return 5 * grown[:, :, : image.shape[2], : image.shape[3]]


def test_tiles_lie_on_the_grid_of_strided_networks() -> None:
    network = Strided().eval()

    @torch.inference_mode()
    def predictor(image: np.ndarray) -> np.ndarray:
        seen = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255 - 0.5
        return network(seen).softmax(1)[0].numpy()

    image = noise(333, 517)
    np.testing.assert_allclose(Tiled(predictor, tile_px=160, overlap_px=64)(image), predictor(image), atol=1e-6)


def test_a_real_model_differs_by_little(tmp_path: Path) -> None:
    """Its receptive field is larger than any overlap: how far trained ones differ stands in docs/predict.md."""
    from safetensors.torch import save_file

    recipe = make_recipe({"model": "mlp-mobilenetv2", "crop_hw": (128, 128), "threads": 1}, source="test")
    torch.manual_seed(0)
    state = build_for(recipe, classes=3).state_dict()
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, tmp_path / "w.safetensors")
    classes = make_classes(["background", "cat", "dog"])
    inner = TorchPredictor(tmp_path / "w.safetensors", recipe=recipe, classes=classes, digest="d")
    image = cv2.GaussianBlur(noise(320, 416), (0, 0), 4)
    whole, parts = inner(image), Tiled(inner, tile_px=256, overlap_px=128)(image)
    assert np.abs(whole - parts).mean() < 0.01 and np.abs(parts.sum(0) - 1).max() < 1e-5


def test_memory_does_not_grow_with_the_number_of_rows_of_tiles() -> None:
    outer = Tiled(Blurred(1, classes=20), tile_px=128, overlap_px=32)
    peaks = []
    for height in (500, 2000):
        image = np.zeros((height, 500, 3), np.uint8)
        tracemalloc.start()
        assert outer.mask(image).shape == (height, 500)
        peaks.append(tracemalloc.get_traced_memory()[1] - 2 * height * 500)  # the mask, and its bands before
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0] < 0.3 * 20 * 2000 * 500 * 4  # float32 probabilities of the whole photo


def test_small_photos_are_not_cut_and_go_together() -> None:
    class Batched(Blurred):
        def masks(self, images: list[np.ndarray]) -> list[np.ndarray]:
            self.asked.append((len(images),))
            return [np.zeros(image.shape[:2], np.uint8) for image in images]

    inner = Batched(1)
    Tiled(inner, tile_px=64, overlap_px=32).masks([noise(64, 64)] * 3)
    assert inner.asked == [(3,)]
    Tiled(inner, tile_px=64, overlap_px=32, above_px=100 * 100).masks([noise(100, 100)] * 2)
    assert inner.asked == [(3,), (2,)]
    Tiled(inner, tile_px=64, overlap_px=32, above_px=100 * 100).masks([noise(100, 101)])
    assert inner.asked[2:] != [(1,)]


def test_sizes_that_cannot_be() -> None:
    for tile_px, overlap_px in ((100, 32), (128, 96), (128, 0), (128, 40), (32, 16)):
        with pytest.raises(UsageError, match=r"cannot be made.\n.*multiples of 32"):
            Tiled(Blurred(1), tile_px=tile_px, overlap_px=overlap_px)


def test_post_processing_sees_the_whole_photo_and_sizes_change_the_digest() -> None:
    inner = Blurred(1)
    wrapped = tiled(PostProcessed(inner, PostProcess(temperature=2.0)), tile_px=64)
    assert isinstance(wrapped, PostProcessed) and isinstance(wrapped.predictor, Tiled)
    assert wrapped.predictor.overlap_px == 32 and wrapped.classes is inner.classes
    assert len({tiled(inner, tile_px=64).digest, tiled(inner, tile_px=96).digest, inner.digest}) == 3  # type: ignore[attr-defined]


def test_sizes_follow_the_recipe() -> None:
    inner = Blurred(1)
    for settings_, side in (({"crop_hw": (256, 256)}, 1024), ({"crop_hw": (1056, 512)}, 1056)):
        inner.recipe = make_recipe({**settings_, "short_side_px": 0}, source="test")  # type: ignore[attr-defined]
        made = tiled(inner)
        assert isinstance(made, Tiled) and (made.tile_px, made.above_px) == (side, ABOVE_PX)
    inner.recipe = make_recipe({"short_side_px": 512}, source="test")  # type: ignore[attr-defined]
    assert tiled(inner) is inner and isinstance(tiled(inner, tile_px=512), Tiled)
