"""Judging a predictor on the labelled photos of a split: counts per photo, nothing averaged."""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskwright.data.dataset import Dataset
from maskwright.data.notebook import html_table, html_title
from maskwright.data.sample import Mask, Sample
from maskwright.errors import DataError, MaskwrightError, RunError, shown
from maskwright.evaluation.resampling import by_group, score_intervals
from maskwright.inference.predictor import Predictor, check_classes, masks_of
from maskwright.metrics.confusion import Counts, confusion
from maskwright.metrics.photo import csv_cell, photo_columns, photo_row
from maskwright.metrics.scores import PER_CLASS, Scores, scores
from maskwright.progress import OnProgress, Progress, silent
from maskwright.sentences import say
from maskwright.storage import write_bytes, write_json

FORMAT = 1


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a predictor did on a split, as counts of each photo; all scores are derived from them.

    Args:
        split: name of the split.
        eval_digest: hex digest of the judged photos, masks and classes; equal digest = comparable.
        classes: names of the classes, by id.
        sample_ids: the judged samples, in the dataset's order.
        counts: `(N, C, C) int64`, pixels of each sample by [label, predicted]; pixels not judged are left out.
        groups: the group of each sample, "" for one that stands alone; empty where all do.
        predictor: hex digest of what was judged (weights, recipe and post-processing); "" where it has none.
    """

    split: str
    eval_digest: str
    classes: tuple[str, ...]
    sample_ids: tuple[str, ...]
    counts: NDArray[np.int64]
    groups: tuple[str, ...] = ()
    predictor: str = ""

    @cached_property
    def units(self) -> NDArray[np.intp]:
        """`(N,)`, in 0..G-1: the group of each photo, or a number of its own where it stands alone."""
        first: dict[str, int] = {}
        named = zip(self.groups or ("",) * len(self.sample_ids), self.sample_ids, strict=True)
        return np.asarray([first.setdefault(group or f"\0{sample}", len(first)) for group, sample in named], np.intp)

    @cached_property
    def independent(self) -> Counts:
        """`(G, C, C) int64`, the counts of each group of photos: what may be resampled (see `by_group`)."""
        return by_group(self.counts, self.units)

    @cached_property
    def scores(self) -> Scores:
        """The scores of the split: from the counts summed over its photos."""
        return scores(self.counts)

    @cached_property
    def intervals(self) -> dict[str, NDArray[np.float64]]:
        """The 95 % interval of every score, over other photos, or groups of them, like these: see `score_intervals`."""
        return score_intervals(self.independent)

    def scores_of(self, position: int) -> Scores:
        """The scores of one photo, by the same definitions; a class that is nan there is left out of its means."""
        return scores(self.counts[position])

    def to_json(self) -> dict[str, Any]:
        """The evaluation as `maskwright evaluate --json` prints it: fractions in [0, 1], None for nan."""
        return {
            "eval_digest": self.eval_digest,
            "split": self.split,
            "images": len(self.sample_ids),
            "groups": len(self.independent),
            "metrics": _without_nan(self.scores.summary()),
            "per_class": [_without_nan(record) for record in self.scores.per_class(self.classes)],
            "intervals": {name: _ends(ends) for name, ends in self.intervals.items()},
        }

    def _repr_html_(self) -> str:
        photos = say("notebook.evaluation", photos=len(self.sample_ids))
        summary = self.scores.summary()
        rows = [
            [one["name"], *(_percent(one[name]) for name in PER_CLASS)] for one in self.scores.per_class(self.classes)
        ]
        head = [say("notebook.class"), *(say(f"report.term_{name}") for name in PER_CLASS)]
        means = html_table([say(f"report.term_{name}") for name in summary], [[*map(_percent, summary.values())]])
        return html_title(self.split, small=photos) + means + html_table(head, rows)

    def save(self, folder: Path) -> None:
        """Write `counts.npz`, which `load` reads, and `metrics.json` and `per_image.csv`, made from it.

        Args:
            folder: made where it is not there; its files are replaced, each whole or not at all.
        """
        write_bytes(folder / "counts.npz", _counts_npz(self))
        write_bytes(folder / "per_image.csv", _per_image_csv(self).encode())
        write_json(folder / "metrics.json", {"format": FORMAT, **self.to_json()})

    @staticmethod
    def load(folder: Path) -> Evaluation:
        """Read what `save` wrote.

        Raises:
            RunError: `counts.npz` is missing, damaged, or of another format version.
        """
        path = folder / "counts.npz"
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return _parsed(dict(arrays), path)
        except FileNotFoundError:
            raise RunError(
                f"{shown(path)}: no such file.", do="Make it: maskwright evaluate RUN DATA --split val"
            ) from None
        except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile, EOFError) as error:
            raise RunError(
                f"{shown(path)}: these are no counts of an evaluation.",
                found=" ".join(str(error).split())[:120],
                do="Make them again: maskwright evaluate RUN DATA --split val",
            ) from None


def evaluate(
    predictor: Predictor, dataset: Dataset, *, split: str = "val", on_progress: OnProgress = silent
) -> Evaluation:
    """Judge a predictor on the labelled samples of a split.

    Photos are read, predicted and counted as a stream, so memory does not grow with the split.

    Args:
        predictor: what to judge; where it knows its `classes`, their names must be the dataset's, in order.
        dataset: the labels that it is judged by.
        split: name of the split.
        on_progress: told after each photo.

    Returns:
        The counts of each photo.

    Raises:
        DataError: there is no such split, or nothing in it is labelled.
        UsageError: the predictor tells other classes apart, or answers with another size.
    """
    samples = labelled_samples(dataset, split)
    names = dataset.classes.names
    check_classes(predictor, names)
    counts = np.zeros((len(samples), len(names), len(names)), np.int64)
    on_progress(Progress("stage.evaluate", 0, len(samples)))
    predictions = masks_of(predictor, (sample.image() for sample in samples))
    for position, (sample, prediction) in enumerate(zip(samples, predictions, strict=True)):
        counts[position] = count(sample, mask_of(sample), prediction, len(names))
        on_progress(Progress("stage.evaluate", position + 1, len(samples)))
    return evaluation_of(samples, split, counts, predictor)


def evaluation_of(samples: Dataset, split: str, counts: NDArray[np.int64], predictor: Predictor) -> Evaluation:
    """Counts of the samples of a split as an evaluation.

    Args:
        samples: those that were judged.
        split: its name.
        counts: `(N, C, C)`, of each of them.
        predictor: who was judged.
    """
    ids, groups = tuple(sample.id for sample in samples), tuple(sample.group for sample in samples)
    shared = len(set(filter(None, groups))) < sum(map(bool, groups))
    digest, names, judged = samples.digest(split), samples.classes.names, str(getattr(predictor, "digest", ""))
    return Evaluation(split, digest, names, ids, counts, groups if shared else (), judged)


def labelled_samples(dataset: Dataset, split: str) -> Dataset:
    """The samples of a split that can be judged.

    Raises:
        DataError: there is no such split, or nothing in it is labelled.
    """
    samples = dataset.split(split).labelled
    if not len(samples):
        others = [name for name in dataset.splits if len(dataset.split(name).labelled)]
        raise DataError(
            f"{dataset.root or 'This dataset'}: nothing in the split {split!r} is labelled.",
            expected="at least one photo with a mask",
            found=f"{len(dataset.split(split))} photos without masks",
            do=f"Evaluate a labelled split: --split {' or --split '.join(others)}" if others else "Label some photos.",
        )
    return samples


def mask_of(sample: Sample) -> Mask:
    """The mask of a labelled sample.

    Raises:
        DataError: it has none.
    """
    mask = sample.mask()
    if mask is None:
        raise DataError(f"{sample.id}: this sample is called labelled but has no mask.", do="Mend the dataset.")
    return mask


def count(sample: Sample, mask: Mask, prediction: Mask, n_classes: int) -> Counts:
    """Count the pixels of one sample as `confusion` does.

    Raises:
        UsageError, DataError: as `confusion`, naming the sample.
    """
    try:
        return confusion(mask, prediction, n_classes)
    except MaskwrightError as error:
        where = f"{sample.id}: {error.where}"
        raise type(error)(where, expected=error.expected, found=error.found, do=error.do) from None


def _without_nan(record: dict[str, Any]) -> dict[str, Any]:
    return {key: None if value != value else value for key, value in record.items()}


def _counts_npz(evaluation: Evaluation) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        format=np.asarray(FORMAT),
        split=np.asarray(evaluation.split),
        eval_digest=np.asarray(evaluation.eval_digest),
        classes=np.asarray(evaluation.classes),
        sample_ids=np.asarray(evaluation.sample_ids),
        counts=evaluation.counts,
        groups=np.asarray(evaluation.groups, np.str_),
        predictor=np.asarray(evaluation.predictor),
    )
    return buffer.getvalue()


def _parsed(arrays: dict[str, NDArray[Any]], path: Path) -> Evaluation:
    if int(arrays["format"]) != FORMAT:
        raise RunError(
            f"{shown(path)}: this format version is not known here.",
            expected=f"format {FORMAT}",
            found=f"format {arrays['format']}",
            do="Use the Maskwright version that wrote it, or a newer one: pip install -U maskwright",
        )
    classes, ids = tuple(arrays["classes"].tolist()), tuple(arrays["sample_ids"].tolist())
    counts = arrays["counts"]
    if counts.dtype != np.int64 or counts.shape != (len(ids), len(classes), len(classes)):
        raise ValueError(f"counts of shape {counts.shape} for {len(ids)} photos and {len(classes)} classes")
    # Older files keep neither groups nor who was judged.
    groups = tuple(arrays["groups"].tolist()) if "groups" in arrays else ()
    if len(groups) not in (0, len(ids)):
        raise ValueError(f"groups of {len(groups)} photos, counts of {len(ids)}")
    judged = str(arrays.get("predictor", ""))
    return Evaluation(str(arrays["split"]), str(arrays["eval_digest"]), classes, ids, counts, groups, judged)


def _per_image_csv(evaluation: Evaluation) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", *photo_columns(evaluation.classes)])
    for position, sample_id in enumerate(evaluation.sample_ids):
        row = photo_row(evaluation.scores_of(position), evaluation.classes)
        writer.writerow([sample_id, *(csv_cell(cell) for cell in row.values())])
    return text.getvalue()


def _ends(intervals: NDArray[np.float64]) -> Any:
    """As nested lists, None for nan."""
    ends = intervals.astype(object)
    ends[np.isnan(intervals)] = None
    return ends.tolist()


def _percent(share: float) -> str:
    return f"{100 * share:.2f}" if share == share else "-"
