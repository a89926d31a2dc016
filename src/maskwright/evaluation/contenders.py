"""What a run or a bundle brings to a comparison: its recipe, its course, its scores, its size and its speed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maskwright.data.dataset import Dataset
from maskwright.errors import MaskwrightError, RecipeError, RunError, UsageError, shown
from maskwright.evaluation.evaluate import Evaluation, evaluate
from maskwright.inference.load import digest_of, load
from maskwright.inference.opening import opened, weights_in
from maskwright.inference.postprocess.settings import FILE
from maskwright.progress import OnProgress, silent
from maskwright.recipe.files import read_recipe
from maskwright.recipe.fingerprint import fingerprint
from maskwright.recipe.recipe import Recipe
from maskwright.storage import file_digest, read_if_there, read_json
from maskwright.training.run import splits_of
from maskwright.training.training_log import TrainingLog, read_training_log

_TIMED = 12
"""Photos that are predicted for the time of one: whatever else the computer does only ever adds to it."""


@dataclass(frozen=True)
class SplitData:
    """What a run knows of a split that it was made from.

    Args:
        digest: equal digest = equal photos, masks and classes.
        images: number of photos; None where it was not kept.
        photos: a key of each photo; None where they were not kept.
        masks: by the photo's key one of its mask; None likewise.
    """

    digest: str
    images: int | None = None
    photos: frozenset[str] | None = None
    masks: Mapping[str, str] | None = None


@dataclass(frozen=True, eq=False)
class Contender:
    """A run or a bundle that is compared.

    Args:
        name: the end of its path, as much of it as tells it from the others.
        folder: where it lies.
        recipe: what it was trained by.
        evaluation: its counts of each judged photo.
        current: whether these are of the weights and the post-processing that lie in it now; None where not known.
        data: by split what it was made from; empty where that is not known.
        log: the course of its training; empty for a bundle.
        tuned: whether post-processing was fitted for it; then its scores are those with it.
        machine: what it was trained on.
        weights_bytes: size of the weights; None where they are not there.
        latency_ms: milliseconds that a photo takes on this computer; None where it could not be measured.
    """

    name: str
    folder: Path
    recipe: Recipe
    evaluation: Evaluation
    current: bool | None
    data: Mapping[str, SplitData]
    log: TrainingLog
    tuned: bool
    machine: str
    weights_bytes: int | None
    latency_ms: float | None

    @property
    def key(self) -> tuple[str, str, bool]:
        """Equal for runs of one recipe on the same training data, tuned or not: they differ in their seed alone."""
        return fingerprint(self.recipe), self.data["train"].digest if "train" in self.data else "", self.tuned

    @property
    def iterations(self) -> int:
        """How long it was trained; as long as its recipe wanted where there is no log."""
        return self.recipe.final_length if self.log.last is None else int(self.log.last["iteration"])


def contenders(
    folders: Sequence[Path],
    split: str,
    data: Dataset | None,
    *,
    threads: int | None = None,
    model: str | None = None,
    on_progress: OnProgress = silent,
) -> tuple[Contender, ...]:
    """Read the runs, or judge them anew.

    Args:
        folders: runs or bundles.
        split: the split that they are judged on.
        data: judge all of them on this; None takes the evaluations that lie in the runs.
        threads: threads of torch; None leaves them as they are.
        model: code of one's own that a run may have imported, see `load`.
        on_progress: told how far each evaluation is.

    Raises:
        RunError: a folder is neither a run nor a bundle, or was not judged on this split.
    """
    found, latencies = [], dict[tuple[Any, ...], float | None]()
    names, folders = _names(folders), [opened(folder).folder for folder in folders]
    _refuse_copies(folders)
    for name, folder in zip(names, folders, strict=True):
        weights, recipe = weights_in(folder), read_recipe(folder / "recipe.yaml")
        evaluation = (
            _stored(folder, split)
            if data is None
            else evaluate(load(folder, threads=threads, model=model), data, split=split, on_progress=on_progress)
        )
        size_hw = _photo_hw(folder, split, recipe)
        same_network = _network(recipe), _postprocess(folder)
        if (same_network, size_hw) not in latencies:
            latencies[same_network, size_hw] = _latency_ms(folder, size_hw, threads, model)
        found.append(
            Contender(
                name=name,
                folder=folder,
                recipe=recipe,
                evaluation=evaluation,
                current=_is_current(folder, evaluation),
                data=_data_of(folder),
                log=read_training_log(folder / "log.jsonl"),
                tuned=bool(_postprocess(folder)),
                machine=machine_of(read_if_there(folder / "environment.json")),
                weights_bytes=weights.stat().st_size if weights.is_file() else None,
                latency_ms=latencies[same_network, size_hw],
            )
        )
    return tuple(found)


def _network(recipe: Recipe) -> tuple[Any, ...]:
    """What decides how long a photo takes."""
    return recipe.model, recipe.form, recipe.output_stride, recipe.decoder_channels, recipe.short_side_px


def _refuse_copies(folders: Sequence[Path]) -> None:
    """Refuse the same weights with the same post-processing twice: a copy is no other run, and no other seed."""
    known: dict[tuple[str, bytes], Path] = {}
    for folder in folders:
        weights = weights_in(folder)
        if not weights.is_file():
            continue
        other = known.setdefault((file_digest(weights), _postprocess(folder)), folder)
        if other is not folder:
            raise UsageError(
                f"{shown(folder)}: holds the same weights as {shown(other)}.",
                do="Name each run once; a bundle is its run.",
            )


def _postprocess(folder: Path) -> bytes:
    """What was fitted for it; nothing where nothing was."""
    path = folder / FILE
    return path.read_bytes() if path.is_file() else b""


def _names(folders: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that are all different."""
    paths = [folder.resolve() for folder in folders]
    if len(set(paths)) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise UsageError(f"{shown(twice)}: the same run was given twice.", do="Name each run once.")
    longest = max(len(path.parts) for path in paths)
    ends = [["/".join(path.parts[-length:]) for path in paths] for length in range(1, longest + 1)]
    return next(names for names in ends if len(set(names)) == len(names))


def _stored(folder: Path, split: str) -> Evaluation:
    place = folder / "evaluation" / split
    if not (place / "counts.npz").is_file():
        raise RunError(
            f"{shown(folder)}: was not judged on the split {split!r}.",
            expected=shown(place / "counts.npz"),
            do="Judge all runs now: maskwright compare RUN RUN --data DATA; or this one: maskwright evaluate RUN DATA",
        )
    return Evaluation.load(place)


def _is_current(folder: Path, evaluation: Evaluation) -> bool | None:
    try:
        present = digest_of(folder)
    except RecipeError:  # post-processing that was fitted for other weights: nothing is judged with it
        return False
    return present == evaluation.predictor if present and evaluation.predictor else None


def _data_of(folder: Path) -> dict[str, SplitData]:
    """What the run or bundle says of its data; older ones say less."""
    if (folder / "bundle.json").is_file() and not (folder / "data.json").is_file():  # the first bundles
        about = read_json(folder / "bundle.json")
        photos, masks = about.get("photos") or {}, about.get("masks") or {}
        return {
            name: _split_data(digest, None, photos.get(name), masks.get(name))
            for name, digest in (about.get("data") or {}).items()
        }
    return {
        name: _split_data(split["digest"], split["images"], split.get("photos"), split.get("masks"))
        for name, split in splits_of(folder).items()
    }


def _split_data(digest: str, images: int | None, photos: str | None, masks: str | None) -> SplitData:
    if photos is None:
        return SplitData(digest, images)
    mask_of = None if masks is None else dict(zip(photos.split(), masks.split(), strict=True))
    return SplitData(digest, images, frozenset(photos.split()), mask_of)


def _photo_hw(folder: Path, split: str, recipe: Recipe) -> tuple[int, int]:
    """The size of most photos of the split; that of a training crop where it is not known."""
    sizes = (splits_of(folder).get(split) or {}).get("sizes")
    height, width = sizes[0][0] if sizes else recipe.crop_hw
    return int(height), int(width)


def machine_of(environment: Mapping[str, Any]) -> str:
    """What a run was trained on, of its `environment.json`: the GPU, or the processor; "" where it does not tell."""
    on_gpu = str(environment.get("device", "")).startswith("cuda")
    return str(environment.get("cuda" if on_gpu else "cpu") or "")


def _latency_ms(folder: Path, size_hw: tuple[int, int], threads: int | None, model: str | None) -> float | None:
    """The fastest of a few photos of noise; None where the run does not predict here."""
    try:
        predictor = load(folder, threads=threads, model=model)
    except MaskwrightError:
        return None
    image = np.random.default_rng(0).integers(0, 256, (*size_hw, 3), dtype=np.uint8)
    seconds = []
    for _ in range(_TIMED):
        began = time.perf_counter()
        predictor.mask(image)
        seconds.append(time.perf_counter() - began)
    return 1000 * min(seconds)
