"""What surrounds an exported network, around torch's own network: the same as `TorchPredictor`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskwright.errors import RunError, UsageError
from maskwright.inference.load import load
from maskwright.inference.postprocess.predictor import PostProcessed
from maskwright.inference.postprocess.settings import PostProcess
from maskwright.inference.predictor import most_probable
from maskwright.inference.runtimes.graph import GraphPredictor
from maskwright.models.onnx_graph import computed, photos_in
from untrained_run import CLASSES, untrained_run

TOLERANCE = 1e-5
"""How far probabilities may be apart: both are sums in float32."""


def photos(*sizes: tuple[int, int], seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


WAYS: list[dict[str, Any]] = [
    {},
    {"tta_flip": True},  # and resized inside
    {"tta_flip": True, "tta_scales": [0.75, 1.0, 1.3]},
    {"short_side_px": 48},
    {"short_side_px": 80, "tta_scales": [1.0, 1.5]},
    {"short_side_px": 40, "tta_scales": [0.8, 1.1], "tta_flip": True},  # photos are larger than each look
]


@pytest.mark.parametrize(("settings", "resize"), [(settings, place == 1) for place, settings in enumerate(WAYS)])
def test_it_says_what_torch_says(settings: dict[str, Any], resize: bool, tmp_path: Path) -> None:
    run = untrained_run(tmp_path / "run", model="mlp-mobilenetv2", **settings)
    images = photos((64, 64), (64, 64), (49, 71))
    for tta in (True, False):
        torch_says = load(run.folder, tta=tta)
        network = photos_in(run.best_weights, run.recipe, classes=len(CLASSES), resize=resize, output="logits")
        graph = GraphPredictor(
            lambda seen, network=network: computed(network, seen),
            recipe=run.recipe,
            classes=torch_says.classes,
            digest="",
            tta=tta,
        )
        for one, other in zip(torch_says.many(images), graph.many(images), strict=True):
            assert other.dtype == np.float32 and other.flags["C_CONTIGUOUS"]
            np.testing.assert_allclose(other, one, atol=TOLERANCE)
        for probs, mask in zip(graph.many(images), graph.masks(images), strict=True):
            top = np.sort(probs, axis=0)[::-1]
            clear = top[0] - top[1] > 1e-6  # a tie of float32 may go either way
            np.testing.assert_array_equal(probs.argmax(0)[clear], mask[clear])
            assert mask.dtype == np.uint8


@pytest.mark.parametrize("classes", [1, 2, 3, 40])
def test_the_most_probable_is_what_argmax_says(classes: int) -> None:
    planes = np.random.default_rng(0).integers(0, 9, (classes, 31, 17)).astype(np.float32)  # with many ties
    np.testing.assert_array_equal(most_probable(planes), planes.argmax(0))


@pytest.mark.parametrize("size_hw", [(31, 40), (1, 50), (22, 22)])
def test_a_small_photo_is_what_it_is_with_its_last_row_and_column_repeated(
    size_hw: tuple[int, int], tmp_path: Path
) -> None:
    run = untrained_run(tmp_path / "run", model="mlp-mobilenetv2", tta_flip=True, tta_scales=[0.75, 1.0])
    network = photos_in(run.best_weights, run.recipe, classes=len(CLASSES), resize=False, output="logits")
    seen: list[np.ndarray] = []

    def asked(photos: np.ndarray) -> np.ndarray:
        seen.append(photos)
        return computed(network, photos)

    graph, once = (
        GraphPredictor(asked, recipe=run.recipe, classes=load(run.folder).classes, digest="", tta=tta)
        for tta in (True, False)
    )
    (image,) = photos(size_hw)
    low, right = (max(0, 32 - size) for size in size_hw)
    whole = np.pad(image, ((0, low), (0, right), (0, 0)), "edge")
    np.testing.assert_array_equal(once(image), once(whole)[:, : size_hw[0], : size_hw[1]])
    probs = graph(image)
    assert probs.shape == (len(CLASSES), *size_hw) and probs.flags["C_CONTIGUOUS"]
    np.testing.assert_allclose(probs.sum(0), 1, atol=TOLERANCE)
    np.testing.assert_array_equal(once.mask(image), once(image).argmax(0))
    assert all(min(photos.shape[1:3]) >= 32 for photos in seen)


NO_PHOTOS: list[tuple[Any, str]] = [
    (np.zeros((64, 64), np.uint8), r"\(64, 64\) uint8"),
    (np.zeros((64, 64, 4), np.uint8), r"\(64, 64, 4\) uint8"),
    (np.zeros((0, 5, 3), np.uint8), r"\(0, 5, 3\) uint8"),
    (np.zeros((64, 64, 3)), r"\(64, 64, 3\) float64"),
    ("photo.jpg", "str"),
]


@pytest.mark.parametrize(("given", "found"), NO_PHOTOS)
def test_what_is_no_photo_is_refused_by_every_predictor(given: Any, found: str, tmp_path: Path) -> None:
    run = untrained_run(tmp_path / "run", model="mlp-mobilenetv2")
    plain = load(run.folder)
    graph = GraphPredictor(
        lambda _: np.zeros((1, 3, 64, 64), np.float32), recipe=run.recipe, classes=CLASSES, digest=""
    )
    for predictor in (plain, graph, PostProcessed(plain, PostProcess())):
        for ask in (predictor, predictor.mask):
            with pytest.raises(UsageError, match=rf"expected: \(H, W, 3\) uint8 RGB.*found: {found}\n"):
                ask(given)


def test_a_runtime_that_is_not_there_is_refused(tmp_path: Path) -> None:
    run = untrained_run(tmp_path / "run", model="mlp-mobilenetv2")
    with pytest.raises(UsageError, match=r"runtime onx: there is no such runtime.*\n.*\n.*Did you mean onnx"):
        load(run.folder, runtime="onx")
    with pytest.raises(UsageError, match=r"exports are computed on the CPU.*\n  found: device cuda"):
        load(run.folder, runtime="onnx", device="cuda")
    with pytest.raises(RunError, match=r"has no export named onnx.\n  found: exports: none\n.*export .*--format onnx$"):
        load(run.folder, runtime="onnx")
