"""Weights out of safetensors files."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from maskwright.errors import WeightsError, shown


def load_into(model: nn.Module, path: Path) -> None:
    """Read weights into a model that they fit exactly.

    Raises:
        WeightsError: the file is missing or damaged, or names and shapes differ.
    """
    tensors, _ = read_tensors(path)
    own = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    theirs = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    wrong = sorted(name for name in own.keys() | theirs.keys() if own.get(name) != theirs.get(name))
    if wrong:
        raise WeightsError(
            f"{shown(path)}: these weights do not fit the model.",
            expected=f"{wrong[0]} {own.get(wrong[0], 'not there')}",
            found=f"{theirs.get(wrong[0], 'not there')}, and {len(wrong) - 1} more differences",
            do="Were recipe.yaml or classes.yaml changed after training? Restore them.",
        )
    model.load_state_dict(tensors)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a safetensors file by name, and its metadata.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            f"{shown(path)}: cannot be read as safetensors.",
            found=str(error) if path.exists() else "no such file",
            do="Copy the file again, whole.",
        ) from None
