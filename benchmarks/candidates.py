"""What benchmarks share that train candidate after candidate, each once, and go on where they were killed."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from maskwright.data.dataset import Dataset
from maskwright.evaluation.evaluate import evaluate
from maskwright.inference.runtimes.torch import TorchPredictor
from maskwright.recipe.files import write_recipe
from maskwright.recipe.recipe import Recipe
from maskwright.training.loop import fit
from maskwright.training.run import make_run


def lines_made(out: Path, keys: Sequence[str]) -> set[tuple[Any, ...]]:
    """The values of the keys in each line that a file of JSON lines holds already."""
    lines = out.read_text().splitlines() if out.is_file() else []
    return {tuple(json.loads(line)[key] for key in keys) for line in lines}


def add_line(out: Path, result: Mapping[str, Any]) -> None:
    """Say one result, and keep it."""
    line = json.dumps(result)
    print(line, flush=True)
    with out.open("a") as file:
        file.write(line + "\n")


@contextmanager
def last_weights(dataset: Dataset, recipe: Recipe) -> Iterator[tuple[Path, float]]:
    """Train; the last weights, which lie there as long as the context does, and the seconds that it took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder) / "run")
        write_recipe(recipe, run.folder / "recipe.yaml")
        fit(dataset, recipe, run)
        yield run.folder / "weights" / "last.safetensors", round(time.monotonic() - began, 1)


def score(weights: Path, recipe: Recipe, judged: Dataset, *, tta: bool) -> float:
    """Mean Dice of weights on labelled photos of one split."""
    predictor = TorchPredictor(weights, recipe=recipe, classes=judged.classes, digest="", device=recipe.device, tta=tta)
    return round(evaluate(predictor, judged, split=judged[0].split).scores.mDice, 4)
