"""From photos to probabilities: the one way in which training validates and everybody predicts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from maskwright.errors import UsageError
from maskwright.models.scaling import looks, mean_hw, scaled
from maskwright.recipe.recipe import Recipe


def settled_device(name: str) -> str:
    """The device that a name stands for: "auto" takes CUDA when torch sees it.

    Raises:
        UsageError: there is no such device, or CUDA is asked for and not there.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.split(":")[0] not in ("cpu", "cuda"):
        raise UsageError(f"device {name}: there is no such device.", expected="auto, cpu, cuda or cuda:N")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError(
            f"device {name}: torch sees no CUDA device.",
            found=f"torch {torch.__version__}",
            do="Say cpu (--device cpu, or device: cpu in the recipe), or install a CUDA build of torch.",
        )
    return name


def normalised(images: NDArray[np.uint8], recipe: Recipe, device: torch.device) -> Tensor:
    """Photos `(B, H, W, 3) uint8` as a recipe's network sees them: `(B, 3, H, W)` float32, channels_last."""
    tensor = torch.from_numpy(images).to(device, non_blocking=True).permute(0, 3, 1, 2)
    mean = torch.tensor(recipe.mean_rgb, device=device).view(1, 3, 1, 1)
    std = torch.tensor(recipe.std_rgb, device=device).view(1, 3, 1, 1)
    return tensor.float().sub_(mean).div_(std)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Mixed bfloat16 arithmetic where the recipe asks for it."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


@torch.inference_mode()
def probs_of_batch(
    model: nn.Module, images: Sequence[NDArray[np.uint8]], recipe: Recipe, *, tta: bool = False
) -> Tensor:
    """Class probabilities of photos of one size, at their own size.

    Args:
        model: in eval mode.
        images: photos `(H, W, 3) uint8`, all of one size.
        recipe: what the photos' short side is scaled to before the network, how they are normalised, the arithmetic.
        tta: whether the photos are looked at in all ways that the recipe names (test-time augmentation: `tta_scales`,
            `tta_flip`), or once.

    Returns:
        `(B, C, H, W)` float32, sums to 1 over C: the mean over the ways.
    """
    height, width = images[0].shape[:2]
    answers, at = [], mean_hw(height, width, recipe, tta=tta)
    for scale, mirrored in looks(recipe, tta=tta):
        seen = normalised(scaled(images, recipe, scale), recipe, next(model.parameters()).device)
        answer = _answer(model, seen.flip(3) if mirrored else seen, at, recipe)
        answers.append(answer.flip(3) if mirrored else answer)
    return answers[0] if len(answers) == 1 else _resized(torch.stack(answers).mean(0), (height, width))


def _answer(model: nn.Module, seen: Tensor, size_hw: tuple[int, ...], recipe: Recipe) -> Tensor:
    with autocast(seen.device, recipe.precision):
        logits: Tensor = model(seen)
    return _resized(logits, size_hw).float().softmax(1)


def _resized(planes: Tensor, size_hw: tuple[int, ...]) -> Tensor:
    if planes.shape[2:] == size_hw:
        return planes
    return functional.interpolate(planes, size=size_hw, mode="bilinear", align_corners=False)
