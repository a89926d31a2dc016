"""The models that a server answers with: what each is, and how it predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maskwright.data.classes import Classes
from maskwright.data.sample import Image
from maskwright.inference.postprocess.predictor import PostProcessed
from maskwright.inference.postprocess.settings import PostProcess
from maskwright.inference.predictor import Predictor, masks_of, probs_of
from maskwright.recipe.fingerprint import fingerprint
from maskwright.storage import read_if_there, read_json

WARM_PX = 64
"""Side of the photo that is predicted before a server says that it is ready: what is set up at first is set up then."""


@dataclass(frozen=True, eq=False)
class Model:
    """A predictor under a name.

    Args:
        name: unique in its server.
        folder: the run or bundle.
        predictor: as `maskwright.load` gave it.
    """

    name: str
    folder: Path
    predictor: Any

    @property
    def network(self) -> Predictor:
        """What predicts before any post-processing."""
        network: Predictor = self.predictor.predictor if isinstance(self.predictor, PostProcessed) else self.predictor
        return network

    @property
    def post(self) -> PostProcess:
        """The steps that were fitted for it."""
        return self.predictor.post if isinstance(self.predictor, PostProcessed) else PostProcess()

    @property
    def classes(self) -> Classes:
        """What it tells apart."""
        classes: Classes = self.predictor.classes
        return classes

    def predict(self, kind: str, images: list[Image]) -> Sequence[Any]:
        """Masks after all steps ("masks"), or the network's own probabilities ("probs"), of photos of one size."""
        return list(masks_of(self.predictor, images) if kind == "masks" else probs_of(self.network, images))

    def warm(self) -> None:
        """Predict once, so that the first request does not pay for what is set up at first."""
        self.predict("masks", [np.zeros((WARM_PX, WARM_PX, 3), np.uint8)])

    def to_json(self) -> dict[str, Any]:
        """What `GET /v1/model` tells."""
        recipe = self.predictor.recipe
        return {
            "name": self.name,
            "architecture": recipe.model,
            "runtime": str(getattr(self.network, "runtime", "torch")),
            "classes": class_values(self.classes),
            "digest": self.predictor.digest,
            "recipe_digest": fingerprint(recipe),
            "postprocess": self.post.model_dump(mode="json"),
            "scores": scores_of(self.folder),
        }


def class_values(classes: Classes) -> list[dict[str, Any]]:
    """Classes as pages and scripts get them: id, name, value in a mask's file, colour."""
    rows = zip(classes.names, classes.values, classes.colours, strict=True)
    return [
        {"id": place, "name": name, "value": value, "rgb": list(rgb)} for place, (name, value, rgb) in enumerate(rows)
    ]


def scores_of(folder: Path) -> dict[str, Any]:
    """What `evaluate` said of a run or a bundle, by split; empty where it was not judged."""
    bundled = read_if_there(folder / "bundle.json", format_version=None).get("scores")
    if bundled is not None:
        return dict(bundled)
    files = sorted((folder / "evaluation").glob("*/metrics.json"))
    return {path.parent.name: read_json(path) for path in files}


def names_for(folders: Sequence[Path]) -> list[str]:
    """A name for each folder that no other has: its own, or that of the run around a bundle."""
    names: list[str] = []
    for folder in folders:
        whole = folder.resolve()
        name = whole.parent.name if whole.name == "bundle" else whole.stem if whole.suffix == ".zip" else whole.name
        number, free = 2, name
        while free in names:
            number, free = number + 1, f"{name}-{number}"
        names.append(free)
    return names
