"""Which photos a run has not seen, so that it may judge their masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from maskwright.data.dataset import Dataset
from maskwright.data.listing import Note
from maskwright.errors import RunError, shown
from maskwright.shipping.bundle import data_of, photos_of


def unseen_by(run: Path, dataset: Dataset, targets: Sequence[str]) -> tuple[list[str], tuple[Note, ...]]:
    """The targets whose photos a run was not trained on, and what has to be said about them.

    A photo is the same whatever its mask and wherever it lies; what shares its group is taken as the same. Photos on
    which the run's best weights were chosen are judged too, and that is said.

    Args:
        run: a run folder or a bundle.
        dataset: holds the samples; copies of a photo share a group.
        targets: ids of the samples to be judged.

    Returns:
        Their ids in the order of the targets, and the notes.

    Raises:
        RunError: the run was trained on all of them.
    """
    trained, chosen, notes = _seen(run, dataset)
    unseen = [name for name in targets if name not in trained]
    if not unseen and targets:
        raise RunError(
            f"--run {shown(run)}: was trained on all photos that it is asked about, and has learned their faults.",
            found=f"{len(targets)} labelled photos, none that it has not seen",
            do="Judge other photos: --split val. Or train models that have not seen them: --budget 15m.",
        )
    left_out, chosen_on = len(targets) - len(unseen), len(chosen.intersection(unseen))
    if left_out:
        notes.append(_note("run_trained_on", run, left_out))
    if chosen_on:
        notes.append(_note("run_chosen_on", run, chosen_on))
    return unseen, tuple(notes)


def _seen(run: Path, dataset: Dataset) -> tuple[set[str], set[str], list[Note]]:
    """Samples that a run was trained on, samples that its weights were chosen on, and how far that is known."""
    if photos := photos_of(run):
        trained, chosen = (_showing(dataset, photos.get(split, frozenset())) for split in ("train", "val"))
        return trained, chosen, []
    splits = data_of(run)
    trained, chosen = (_of_split(dataset, splits.get(split)) for split in ("train", "val"))
    return trained, chosen, [_note("run_whole_splits" if splits else "run_unknown", run)]


def _showing(dataset: Dataset, photos: frozenset[str]) -> set[str]:
    """Samples that show one of these photos, or a copy of one."""
    groups = {sample.group or sample.id for sample in dataset if sample.photo_key in photos}
    return {sample.id for sample in dataset if (sample.group or sample.id) in groups}


def _of_split(dataset: Dataset, digest: str | None) -> set[str]:
    """Samples of the split with this digest, and copies of them."""
    same = [name for name in dataset.splits if dataset.digest(name) == digest]
    return _showing(dataset, frozenset(sample.photo_key for sample in dataset if sample.split in same))


def _note(key: str, run: Path, count: int = 0) -> Note:
    return f"audit.{key}", (("run", shown(run)), ("count", str(count)))
