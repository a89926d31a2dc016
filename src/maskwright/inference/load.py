"""From a run or a bundle to what predicts with it. Nothing in it is executed, no name that it mentions is imported."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from maskwright.data.classes import Classes, read_classes
from maskwright.errors import RunError, UsageError, nearest, shown
from maskwright.inference.exports import PACKAGES, find_export
from maskwright.inference.fastest import fastest
from maskwright.inference.opening import Opened, opened
from maskwright.inference.postprocess.predictor import PostProcessed, digest_with
from maskwright.inference.postprocess.settings import FILE, PostProcess, read_postprocess
from maskwright.inference.predictor import Loaded, Predictor
from maskwright.inference.runtimes.graph import GraphPredictor, Network
from maskwright.inference.runtimes.onnxruntime import OnnxNetwork
from maskwright.inference.runtimes.openvino import OpenVinoNetwork
from maskwright.models import ARCHITECTURES, is_own_code
from maskwright.recipe.files import read_recipe, without_place
from maskwright.recipe.recipe import Recipe
from maskwright.training.run import Run

if TYPE_CHECKING:
    from maskwright.inference.remembering import Remembering
    from maskwright.inference.runtimes.torch import TorchPredictor

RUNTIMES = ("torch", *PACKAGES, "auto")
"""What can compute a network; "auto" is the fastest of them on this machine."""


def load(
    path: Run | Path | str,
    *,
    runtime: str = "torch",
    device: str = "cpu",
    threads: int | None = None,
    model: str | None = None,
    postprocess: bool = True,
    tta: bool = True,
) -> Loaded:
    """A predictor from a run folder or a bundle, with the post-processing that was fitted for it.

    Args:
        path: the run or its folder, or a bundle: a folder or a zip.
        runtime: what computes the network: "torch", or one of the folder's exports, which need no torch: "onnx" (ONNX
            Runtime), "openvino", "openvino-int8". "auto" takes the fastest on this machine, measured once.
        device: "auto", "cpu", "cuda" or "cuda:N"; exports are computed on the CPU.
        threads: threads to compute with; None leaves torch's as they are and gives others all cores.
        model: `package.module:function` of one's own that the folder may have imported; None allows none.
        postprocess: whether the steps of `postprocess.yaml` are taken, where it lies there; without them the
            probabilities are the network's own.
        tta: whether a photo is looked at in all ways that the recipe names, at several scales and mirrored, or once,
            which is several times as fast and less exact.

    Returns:
        A callable, photo `(H, W, 3) uint8` to probabilities `(C, H, W) float32`, with `many`, `mask`, `masks`,
        `classes`, `recipe` and `digest`.

    Raises:
        RunError: neither a run nor a bundle lies there, or it is damaged, or it has no such export.
        WeightsError: the weights do not fit the recipe.
        RecipeError: `postprocess.yaml` holds wrong settings, or was fitted for other weights or classes.
        UsageError: there is no such runtime, or its package is not installed.
    """
    there = opened(path.folder if isinstance(path, Run) else path)
    folder, weights = there.folder, there.weights
    if not weights.is_file():
        raise RunError(
            f"{shown(folder)}: has no weights yet.",
            do=f"maskwright train DATA --recipe {shown(folder / 'recipe.yaml')} -o NEW trains some.",
        )
    recipe, classes = read_recipe(folder / "recipe.yaml"), read_classes(folder / "classes.yaml")
    digest = _network_digest(there, recipe)
    several = recipe.tta_flip or recipe.tta_scales != (1.0,)
    looking = digest if tta or not several else _digest_of(digest, "once")

    def computed_by(name: str, tta: bool) -> Loaded:
        if name == "torch":
            _refuse_own_code(folder, recipe, model)
            return _in_torch(weights, recipe, classes, looking, device=device, threads=threads, tta=tta)
        _refuse_device(name, device)
        export = find_export(folder, name, weights=weights, recipe=recipe)
        network = open_network(name, export.files, export.folder, threads=threads)
        said = _digest_of(looking, export.digest)
        return GraphPredictor(network, recipe=recipe, classes=classes, digest=said, tta=tta, runtime=name)

    if _known(runtime) == "auto":
        on_cpu = device in ("cpu", "auto")
        runtime = (
            fastest(folder, lambda name: computed_by(name, False), digest=digest, threads=threads)
            if on_cpu
            else "torch"
        )
    predictor = computed_by(runtime, tta)
    post = _steps_in(folder, digest) if postprocess else None
    return PostProcessed(predictor, post) if post else predictor


def _refuse_own_code(folder: Path, recipe: Recipe, model: str | None) -> None:
    if is_own_code(recipe.model) and recipe.model != model:
        raise RunError(
            f"{shown(folder / 'recipe.yaml')}: model {recipe.model} is not one of Maskwright's.",
            expected=", ".join(ARCHITECTURES),
            do=f"Code outside of it is imported only if you name it: --model {recipe.model}, load(..., model=...).",
        )


def _in_torch(
    weights: Path, recipe: Recipe, classes: Classes, digest: str, *, device: str, threads: int | None, tta: bool
) -> TorchPredictor:
    import torch

    from maskwright.inference.runtimes.torch import TorchPredictor

    if threads is not None:
        torch.set_num_threads(threads)
    return TorchPredictor(weights, recipe=recipe, classes=classes, digest=digest, device=device, tta=tta)


def open_network(name: str, files: Mapping[str, bytes], folder: Path, *, threads: int | None = None) -> Network:
    """The network of an export, opened by its runtime.

    Args:
        name: of the export.
        files: their contents by name.
        folder: where they came from, for messages.
        threads: threads to compute with; None takes all cores.

    Raises:
        RunError: a file is not there, or its runtime cannot open it.
        UsageError: its runtime is not installed.
    """
    wanted = ("model.onnx",) if name == "onnx" else ("model.xml", "model.bin")
    missing = [one for one in wanted if one not in files]
    if missing:
        raise RunError(f"{shown(folder)}: this export has no {missing[0]}.", do="Copy the whole folder again.")
    contents = [files[one] for one in wanted]
    if name == "onnx":
        return OnnxNetwork(contents[0], folder / wanted[0], threads=threads)
    return OpenVinoNetwork(contents[0], contents[1], folder / wanted[0], threads=threads)


def _known(runtime: str) -> str:
    """The name of a runtime.

    Raises:
        UsageError: there is no such runtime.
    """
    if runtime not in RUNTIMES:
        raise UsageError(
            f"runtime {runtime}: there is no such runtime.", expected=", ".join(RUNTIMES), do=nearest(runtime, RUNTIMES)
        )
    return runtime


def _refuse_device(runtime: str, device: str) -> None:
    if device not in ("cpu", "auto"):
        raise UsageError(
            f"runtime {runtime}: exports are computed on the CPU.",
            found=f"device {device}",
            do="Leave the device out, or take torch: --runtime torch.",
        )


def _digest_of(digest: str, what: str) -> str:
    """The digest of something that differs from another thing by `what`."""
    return hashlib.blake2b(f"{digest}\0{what}".encode(), digest_size=16).hexdigest()


def with_steps_of(folder: Path, network: Loaded | Remembering) -> Predictor:
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
    digest = _network_digest(there, read_recipe(there.folder / "recipe.yaml"))
    post = _steps_in(there.folder, digest)
    return digest_with(digest, post) if post else digest


def network_digest(folder: Path) -> str:
    """The digest of the weights and the recipe in a run or a bundle: what post-processing is fitted for.

    Raises:
        RunError: as `load`.
    """
    there = opened(folder)
    return _network_digest(there, read_recipe(there.folder / "recipe.yaml"))


def _network_digest(there: Opened, recipe: Recipe) -> str:
    text = (there.folder / "recipe.yaml").read_text(encoding="utf-8")
    digest = hashlib.blake2b(there.weights.read_bytes(), digest_size=16)
    digest.update(without_place(text, recipe.weights).encode())
    return digest.hexdigest()


def _steps_in(folder: Path, predictor: str) -> PostProcess | None:
    """The post-processing that lies in a folder, where it does anything."""
    if not (folder / FILE).is_file():
        return None
    classes = read_classes(folder / "classes.yaml").names
    post = read_postprocess(folder / FILE, classes=classes, predictor=predictor)
    return post if any(post.steps()) else None
