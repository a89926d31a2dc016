"""Whether a training can go on. A module of its own, because a list of runs asks it of many of them."""

from __future__ import annotations

from pathlib import Path

from maskwright.storage import read_json


def state_path(folder: Path) -> Path:
    """Where a run keeps the state that its training goes on from."""
    return folder / "state" / "state.safetensors"


def trained_weights(folder: Path) -> tuple[str, ...]:
    """The files of weights that the training of a run made: none before its first iteration.

    Args:
        folder: of the run. Weights that were imported into it do not count.

    Raises:
        RunError: what lies beside the weights is damaged.
    """
    return tuple(
        name for name in ("weights/best.safetensors", "weights/last.safetensors") if _is_trained(folder / name)
    )


def _is_trained(path: Path) -> bool:
    if not path.is_file():
        return False
    about = path.with_suffix(".json")
    if not about.is_file():  # a kill may have come between the two: the first of the last ones are untrained
        return path.stem == "best"
    return bool(read_json(about, format_version=1).get("iteration") != 0)
