"""Exports of a run or a bundle: networks for other runtimes, in `exports/<name>/`, each described by `export.json`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from maskwright.errors import RunError, shown
from maskwright.recipe.recipe import Recipe
from maskwright.storage import file_digest, read_json

DIGEST = r"^[0-9a-f]{64}$"

FOLDER = "exports"
ABOUT = "export.json"
FORMAT = 1

PACKAGES = {"onnx": "onnxruntime", "openvino": "openvino", "openvino-int8": "openvino"}
"""The exports by name, and the package that computes them."""


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    digest: str = Field(pattern=DIGEST)
    bytes: int = Field(ge=0)


class _MadeFrom(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    weights: str = Field(pattern=DIGEST)


class _About(BaseModel):
    """What of `export.json` is relied on."""

    model_config = ConfigDict(frozen=True, strict=True)

    made_from: _MadeFrom
    files: dict[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")],
        _Facts,
    ] = Field(min_length=1, max_length=100)


@dataclass(frozen=True)
class Export:
    """An export, its files verified.

    Args:
        folder: where it lies.
        about: what `export.json` says.
    """

    folder: Path
    about: Mapping[str, Any]

    @property
    def name(self) -> str:
        """One of `PACKAGES`."""
        return self.folder.name

    @property
    def files(self) -> dict[str, bytes]:
        """The contents of its files, by name.

        Raises:
            RunError: one is missing or differs from what `export.json` says.
        """
        return {name: _verified(self.folder, name, facts["digest"]) for name, facts in self.about["files"].items()}

    @property
    def digest(self) -> str:
        """What tells its predictions from those of another export: the digests of its files."""
        return "\0".join(f"{name} {facts['digest']}" for name, facts in sorted(self.about["files"].items()))


def exports_in(folder: Path) -> list[str]:
    """The names of the exports that lie in a run or a bundle, whatever they were made from."""
    return [name for name in PACKAGES if (folder / FOLDER / name / ABOUT).is_file()]


def read_export(place: Path) -> Export:
    """The export that lies in a folder, whatever it was made from; its files are read when they are asked for.

    Raises:
        RunError: its `export.json` is not there, or is damaged.
    """
    about = read_json(place / ABOUT, format_version=FORMAT)
    try:
        _About.model_validate(about)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise RunError(
            f"{shown(place / ABOUT)}: is damaged, or was changed.",
            found=f"{'.'.join(map(str, first['loc']))[:80]}: {first['msg'][:200]}",
            do="Copy the whole folder again, or export again: maskwright export RUN",
        ) from None
    return Export(place, about)


def find_export(folder: Path, name: str, *, weights: Path, recipe: Recipe) -> Export:
    """An export of the weights of a run or a bundle.

    Args:
        folder: the run or the bundle.
        name: one of `PACKAGES`.
        weights: the weights that it must have been made from.
        recipe: says how photos are normalised, which the export has inside.

    Raises:
        RunError: it is not there, is damaged, or was made from other weights.
    """
    place = folder / FOLDER / name
    again = f"maskwright export {shown(folder)} --format {name.partition('-')[0]}{' --int8' * name.endswith('int8')}"
    if not (place / ABOUT).is_file():
        there = ", ".join(exports_in(folder)) or "none"
        raise RunError(
            f"{shown(folder)}: has no export named {name}.", found=f"exports: {there}", do=f"Make it: {again}"
        )
    export = read_export(place)
    expected = made_from(weights, recipe)
    if export.about["made_from"] != expected:
        raise RunError(
            f"{shown(place)}: was made from other weights than lie here now.",
            expected=f"weights {expected['weights'][:12]}…",
            found=f"weights {export.about['made_from']['weights'][:12]}…",
            do=f"Make it again: {again}",
        )
    return export


def made_from(weights: Path, recipe: Recipe) -> dict[str, Any]:
    """What decides the numbers inside an export."""
    return {
        "weights": file_digest(weights),
        "mean_rgb": list(recipe.mean_rgb),
        "std_rgb": list(recipe.std_rgb),
    }


def _verified(folder: Path, name: str, digest: str) -> bytes:
    path = folder / name
    inside = path.resolve().is_relative_to(folder.resolve())
    content = path.read_bytes() if inside and path.is_file() else None
    if content is None or hashlib.sha256(content).hexdigest() != digest:
        raise RunError(
            f"{shown(path)}: is missing or differs from what {ABOUT} says.",
            expected=f"SHA-256 {digest}",
            do="Copy the whole folder again, or export again: maskwright export RUN",
        )
    return content
