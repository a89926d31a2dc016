"""Weights and the state of a training on disk: safetensors, written whole or not at all."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from maskwright.errors import RunError, WeightsError, shown
from maskwright.models import OPTIONS, options_of
from maskwright.models.loading import read_tensors
from maskwright.recipe.recipe import Recipe
from maskwright.storage import replacing, write_json
from maskwright.weights.metadata import as_metadata

STATE_FORMAT = "maskwright state 2"
READ_FORMATS = ("maskwright state 1", STATE_FORMAT)
"""The first one knew no soups."""


@dataclass(frozen=True)
class Standing:
    """Where a training stands: everything but tensors that the next iteration depends on.

    Args:
        iteration: iterations done.
        best_mdice: validation mDice of the weights that are kept, -1 before the first.
        best_iteration: whose they are.
        stale: validations since the last one that was better than all before it.
        seconds: time spent so far, over all resumes.
        skipped: updates skipped because a gradient was not finite.
        members: trainings that the soup is made of so far.
        peak_mdice: the best validation mDice so far, whether its weights are kept or not; -1 before the first.
    """

    iteration: int = 0
    best_mdice: float = -1.0
    best_iteration: int = 0
    stale: int = 0
    seconds: float = 0.0
    skipped: int = 0
    members: int = 0
    peak_mdice: float = -1.0


def save_weights(
    model: nn.Module, path: Path, *, recipe: Recipe, initial: Mapping[str, Any], about: Mapping[str, Any]
) -> None:
    """Write a model's weights, and beside them `<name>.json` with what they are.

    The file itself says what another training that starts from it has to know: the architecture, how photos are
    normalised, and under which licence the weights are that this training started from.

    Args:
        model: of `build_for`.
        path: the safetensors file.
        recipe: what the model was built and trained by.
        initial: what `load_initial` gave.
        about: what else to write beside it.

    Raises:
        DiskError: the disk is full; the file that was there stands as it was.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    says = {
        "model": recipe.model,
        "options": {name: OPTIONS[name](recipe) for name in options_of(recipe.model)},
        "mean_rgb": recipe.mean_rgb,
        "std_rgb": recipe.std_rgb,
        **{name: initial[name] for name in ("licence", "commercial") if name in initial},
    }
    _write(tensors, path, as_metadata(says))
    write_json(path.with_suffix(".json"), {"format": 1, "model": recipe.model, **about})


def save_state(
    path: Path, standing: Standing, *, models: Mapping[str, nn.Module], optimiser: torch.optim.Optimizer
) -> None:
    """Write all that a training needs to go on, in one file: a kill leaves the old one or the new one.

    Args:
        path: the safetensors file.
        standing: where the training stands.
        models: all that have weights of their own, each by a name without a dot.
        optimiser: with its moments.

    Raises:
        DiskError: the disk is full; the file that was there stands as it was.
    """
    tensors = {f"{part}.{name}": each for part, model in models.items() for name, each in model.state_dict().items()}
    for number, moments in optimiser.state_dict()["state"].items():
        held = {name: tensor for name, tensor in moments.items() if tensor is not None}
        tensors.update({f"optimiser.{number}.{name}": tensor for name, tensor in held.items()})
    metadata = {"format": STATE_FORMAT, "standing": json.dumps(asdict(standing))}
    _write({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path, metadata)


def load_state(path: Path, *, models: Mapping[str, nn.Module], optimiser: torch.optim.Optimizer) -> Standing:
    """Read what `save_state` wrote into the same models and optimiser, and give where the training stood.

    Raises:
        RunError: the file is damaged, of another format version, or of another recipe.
    """
    try:
        tensors, metadata = read_tensors(path)
    except WeightsError as error:
        raise RunError(error.where, found=error.found, do="Start anew in another folder; best weights stay.") from None
    if metadata.get("format") not in READ_FORMATS:
        raise RunError(
            f"{shown(path)}: this format version is not known here.",
            expected=STATE_FORMAT,
            found=str(metadata.get("format")),
            do="Use the Maskwright version that started the run.",
        )
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in (*models, "optimiser")}
    for key, tensor in tensors.items():
        part, _, name = key.partition(".")
        parts.setdefault(part, {})[name] = tensor
    try:
        for part, model in models.items():
            model.load_state_dict(parts[part])
        _load_moments(optimiser, parts["optimiser"])
    except (RuntimeError, ValueError) as error:
        raise RunError(
            f"{shown(path)}: does not fit the recipe.",
            found=str(error).splitlines()[0],
            do="Restore recipe.yaml as the run wrote it.",
        ) from None
    standing = json.loads(metadata["standing"])
    return Standing(**{"peak_mdice": standing["best_mdice"], **standing})  # older states kept the best weights alone


def _write(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    with replacing(path) as temporary:
        try:
            save_file(tensors, temporary, metadata)
        except SafetensorError as error:  # which tells what the system refused in words alone
            code = re.search(r"\(os error (\d+)\)", str(error))
            if code is None:
                raise
            raise OSError(int(code[1]), os.strerror(int(code[1]))) from None


def _load_moments(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give the optimiser its moments back, each in the memory format of its parameter.

    The fused update walks parameter and moments in the order in which they lie in memory.
    """
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    moments: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        number, _, name = key.partition(".")
        like = parameters[int(number)]
        kept = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape else tensor
        moments.setdefault(int(number), {})[name] = kept
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
