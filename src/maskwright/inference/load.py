"""From a run or a bundle to what predicts with it. Nothing in it is executed, no name that it mentions is imported."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from maskwright.data.classes import read_classes
from maskwright.errors import RunError, shown
from maskwright.inference.opening import opened
from maskwright.inference.postprocess.predictor import PostProcessed, digest_with
from maskwright.inference.postprocess.settings import FILE, PostProcess, read_postprocess
from maskwright.inference.predictor import Predictor
from maskwright.models import ARCHITECTURES, is_own_code
from maskwright.recipe.files import read_recipe

if TYPE_CHECKING:
    from maskwright.inference.remembering import Remembering
    from maskwright.inference.runtimes.torch import TorchPredictor


def load(
    path: Path | str,
    *,
    device: str = "cpu",
    threads: int | None = None,
    model: str | None = None,
    postprocess: bool = True,
    tta: bool = True,
) -> TorchPredictor | PostProcessed:
    """A predictor from a run folder or a bundle, with the post-processing that was fitted for it.

    Args:
        path: the folder, or the file of a zipped bundle.
        device: "auto", "cpu", "cuda" or "cuda:N".
        threads: threads of torch; None leaves them as they are.
        model: `package.module:function` of one's own that the folder may have imported; None allows none.
        postprocess: whether the steps of `postprocess.yaml` are taken, where it lies there; without them the
            probabilities are the network's own.
        tta: whether a photo is looked at in all ways that the recipe names, at several scales and mirrored, or once,
            which is several times as fast and less exact.

    Returns:
        A callable, photo `(H, W, 3) uint8` to probabilities `(C, H, W) float32`, with `many`, `mask`, `masks`,
        `classes`, `recipe` and `digest`.

    Raises:
        RunError: neither a run nor a bundle lies there, or it is damaged.
        WeightsError: the weights do not fit the recipe.
        RecipeError: `postprocess.yaml` holds wrong settings, or was fitted for other weights or classes.
    """
    there = opened(path)
    folder, weights = there.folder, there.weights
    if not weights.is_file():
        raise RunError(
            f"{shown(folder)}: has no weights yet.",
            do=f"maskwright train DATA --recipe {shown(folder / 'recipe.yaml')} -o NEW trains some.",
        )
    recipe = read_recipe(folder / "recipe.yaml")
    if is_own_code(recipe.model) and recipe.model != model:
        raise RunError(
            f"{shown(folder / 'recipe.yaml')}: model {recipe.model} is not one of Maskwright's.",
            expected=", ".join(ARCHITECTURES),
            do=f"Code outside of it is imported only if you name it: --model {recipe.model}, load(..., model=...).",
        )
    import torch

    from maskwright.inference.runtimes.torch import TorchPredictor

    if threads is not None:
        torch.set_num_threads(threads)
    digest, classes = _network_digest(folder, weights), read_classes(folder / "classes.yaml")
    several = recipe.tta_flip or recipe.tta_scales != (1.0,)
    looking = digest if tta or not several else hashlib.blake2b(f"{digest}\0once".encode(), digest_size=16).hexdigest()
    predictor = TorchPredictor(weights, recipe=recipe, classes=classes, digest=looking, device=device, tta=tta)
    post = _steps_in(folder, digest) if postprocess else None
    return PostProcessed(predictor, post) if post else predictor


def with_steps_of(folder: Path, network: TorchPredictor | Remembering) -> Predictor:
    """A predictor that `load(folder, postprocess=False)` gave, with the post-processing that lies there now.

    Raises:
        RecipeError: as `load`.
    """
    post = _steps_in(folder, network.digest)
    return PostProcessed(network, post) if post else network


def digest_of(folder: Path) -> str | None:
    """The digest of the predictor that `load` gives, without loading it; None where there are no weights yet.

    Raises:
        RunError, RecipeError: as `load`.
    """
    there = opened(folder)
    if not there.weights.is_file():
        return None
    digest = _network_digest(there.folder, there.weights)
    post = _steps_in(there.folder, digest)
    return digest_with(digest, post) if post else digest


def _network_digest(folder: Path, weights: Path) -> str:
    digest = hashlib.blake2b(weights.read_bytes(), digest_size=16)
    digest.update((folder / "recipe.yaml").read_bytes())
    return digest.hexdigest()


def _steps_in(folder: Path, predictor: str) -> PostProcess | None:
    """The post-processing that lies in a folder, where it does anything."""
    if not (folder / FILE).is_file():
        return None
    classes = read_classes(folder / "classes.yaml").names
    post = read_postprocess(folder / FILE, classes=classes, predictor=predictor)
    return post if any(post.steps()) else None
