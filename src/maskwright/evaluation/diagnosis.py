"""Why a predictor is wrong, as a value: everything is kept as counts, and every number is derived from them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from maskwright.data.encode import write_findings
from maskwright.data.finding import Finding, read_findings
from maskwright.data.notebook import html_table, html_title
from maskwright.errors import RunError, shown
from maskwright.evaluation.causes import CAUSES, ERROR, OBJECT
from maskwright.evaluation.evaluate import Evaluation
from maskwright.evaluation.lost import Group, Loss, lost_by_cause, lost_by_group, lost_mdice
from maskwright.evaluation.resampling import intervals, median_intervals
from maskwright.metrics.boundaries import Boundaries
from maskwright.metrics.calibration import BINS, Calibration
from maskwright.metrics.scores import Floats, mean, ratio, share
from maskwright.sentences import say
from maskwright.storage import write_bytes, write_json

FORMAT = 2

PHOTO = np.dtype(
    [
        ("brightness", np.float64),
        ("saturation", np.float64),
        ("sharpness", np.float64),
        ("uncertainty", np.float64),
        ("expected_dice", np.float64),
    ]
)
"""One photo: mean grey value in [0, 255], mean saturation in [0, 1], log10 of the variance of the Laplacian, mean
uncertainty in [0, 1] and expected Dice in [0, 1]."""


@dataclass(frozen=True)
class Quality:
    """How far the estimate without labels can be believed.

    Args:
        spearman: rank correlation of the expected with the true mDice of the photos, in [-1, 1]; nan below 3 photos.
        photos: how many photos it was measured on.
        expected: mean expected Dice.
        true: mean of the photos' own mDice.
    """

    spearman: float
    photos: int
    expected: float
    true: float


@dataclass(frozen=True)
class ObjectScores:
    """The objects of one class, at IoU above 0.5.

    Args:
        name: of the class.
        labelled: how many are labelled, specks left out.
        predicted: how many are predicted, specks left out.
        recall: share of the labelled ones that were met; nan where there are none.
        precision: share of the predicted ones that meet a labelled one; nan where there are none.
        recall_interval: its 95 % interval over other photos like these; nan where fewer than five photos have any.
        precision_interval: likewise.
    """

    name: str
    labelled: int
    predicted: int
    recall: float
    precision: float
    recall_interval: tuple[float, float]
    precision_interval: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """Why a predictor is wrong on a split.

    Args:
        evaluation: the counts of each photo, with split, classes and ids.
        errors: every wrong pixel, counted by photo, object, cause, label and prediction: `causes.ERROR`.
        objects: every labelled and every predicted object: `causes.OBJECT`.
        photos: `(N,)` of `PHOTO`.
        boundaries: the contours of each photo, `(N, C, ...)`.
        calibration: all judged pixels by probability.
        gaps: `(N, 1 + C, BINS)`, `Calibration.gaps` of each photo.
        disputed: labels that the model is sure against, worst first: wrong themselves, or the model is wrong with
            confidence. None for the split "train", which it has seen.
        root: the dataset's folder, "" for arrays.
    """

    evaluation: Evaluation
    errors: NDArray[Any]
    objects: NDArray[Any]
    photos: NDArray[Any]
    boundaries: Boundaries
    calibration: Calibration
    gaps: NDArray[np.float32]
    disputed: tuple[Finding, ...] = ()
    root: str = ""

    @cached_property
    def causes(self) -> tuple[Loss, ...]:
        """What each cause costs, the dearest first."""
        return lost_by_cause(self.evaluation, self.errors, self.objects)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """What errors cost by object size, position and photo property."""
        return lost_by_group(self.evaluation, self.errors, self.objects, self.photos)

    @cached_property
    def quality(self) -> Quality:
        """How far the estimate without labels can be believed."""
        true, expected = self.photo_dice, self.photos["expected_dice"]
        known = ~np.isnan(true) & ~np.isnan(expected)
        varied = known.sum() > 2 and np.ptp(true[known]) > 0 and np.ptp(expected[known]) > 0
        rank = float(spearmanr(expected[known], true[known]).statistic) if varied else float("nan")
        return Quality(rank, int(known.sum()), float(mean(expected[known])), float(mean(true[known])))

    @cached_property
    def photo_dice(self) -> Floats:
        """`(N,)`, each photo's own mDice; nan where nothing was judged."""
        return np.array([self.evaluation.scores_of(n).mDice for n in range(len(self.photos))])

    @cached_property
    def object_scores(self) -> tuple[ObjectScores, ...]:
        """Recall and precision of the objects of each class but the first."""
        own, units = self.objects[self.objects["counted"]], self.evaluation.units
        # By photo and class, of the labelled and of the predicted ones: those that were met, and all.
        counts = np.zeros((len(units), len(self.evaluation.classes), 2, 2), np.int64)
        parts = np.stack([own["met"], np.ones(len(own))], axis=1).astype(np.int64)
        np.add.at(counts, (own["photo"], own["class_id"], (~own["labelled"]).astype(np.intp)), parts)
        flat = counts.reshape(len(units), -1, 2)
        ends = intervals(flat, share, units, there=flat[..., 1] > 0).clip(0, 1).reshape(-1, 2, 2).tolist()
        sums, found = counts.sum(axis=0), []
        for class_id, name in enumerate(self.evaluation.classes):
            labelled, predicted = sums[class_id, :, 1].tolist()
            recall, precision = share(sums[class_id]).tolist()
            met, right = map(tuple, ends[class_id])
            found.append(ObjectScores(name, labelled, predicted, recall, precision, met, right))
        return tuple(found[1:])

    @cached_property
    def contour_intervals(self) -> dict[str, Floats]:
        """`(C, 2)` each: the 95 % interval of boundary IoU, surface Dice and Hausdorff distance of each class."""
        units, contours = self.evaluation.units, self.boundaries
        ends = {
            name: intervals(counts, share, units, there=counts[..., 1] > 0).clip(0, 1)
            for name, counts in (("boundary_iou", contours.band_px), ("surface_dice", contours.surface_px))
        }
        farthest = np.fmax.reduce(contours.hausdorff_px, axis=None, initial=0.0)  # the diagonal is the end of it
        return ends | {"hausdorff95_px": median_intervals(contours.hausdorff_px, units).clip(0, farthest)}

    @cached_property
    def ece_intervals(self) -> Floats:
        """`(1 + C, 2)`: the 95 % interval of the calibration error, of the most probable class and of each class."""
        judged = np.broadcast_to(self.evaluation.counts.sum(axis=(1, 2))[:, None, None], (*self.gaps.shape[:2], 1))
        return intervals(np.concatenate([self.gaps, judged], axis=2), _ece, self.evaluation.units).clip(0, 1)

    @property
    def lost_at_disputed(self) -> float:
        """mDice that would be gained if all objects within the regions of disputed labels were right."""
        photos = {sample: photo for photo, sample in enumerate(self.evaluation.sample_ids)}
        inside = np.zeros(len(self.objects), np.bool_)
        for finding in self.disputed:
            inside |= (self.objects["photo"] == photos.get(finding.sample, -1)) & _within(self.objects, finding)
        return lost_mdice(self.evaluation, self.errors[inside[self.errors["object"]]])

    def to_json(self) -> dict[str, Any]:
        """The diagnosis as `maskwright diagnose --json` prints it: fractions in [0, 1], nan for what has no answer."""
        names = self.evaluation.classes
        contours, calibration, ece = self.boundaries, self.calibration, self.ece_intervals.tolist()
        kinds = ("boundary_iou", "surface_dice", "hausdorff95_px")
        columns = {kind: getattr(contours, kind).tolist() for kind in kinds}
        columns |= {f"{kind}_interval": ends.tolist() for kind, ends in self.contour_intervals.items()}
        return {
            **self.evaluation.to_json(),
            "causes": [loss.record() for loss in self.causes],
            "groups": [group.record() for group in self.groups],
            "objects": [vars(scores) for scores in self.object_scores],
            "boundaries": [
                {"name": name, **{kind: values[n] for kind, values in columns.items()}} for n, name in enumerate(names)
            ],
            "calibration": {
                "ece": calibration.ece(),
                "ece_interval": ece[0],
                "adaptive_ece": calibration.adaptive_ece(),
                "temperature": calibration.temperature,
                "thinned_ece": calibration.thinned_ece(),
                "thinned_ece_at_temperature": calibration.thinned_ece(calibration.temperature),
                "per_class": [
                    {
                        "name": name,
                        "ece": calibration.ece(n),
                        "ece_interval": ece[1 + n],
                        "adaptive_ece": calibration.adaptive_ece(n),
                    }
                    for n, name in enumerate(names)
                ],
            },
            "quality": vars(self.quality),
            "disputed_labels": [finding.record() for finding in self.disputed],
            "lost_at_disputed": self.lost_at_disputed,
        }

    def photo_rows(self) -> list[dict[str, Any]]:
        """One record per photo: id, mDice, expected Dice, uncertainty and the wrong pixels of each cause."""
        pixels = np.zeros((len(self.photos), len(CAUSES)), np.int64)
        np.add.at(pixels, (self.errors["photo"], self.errors["cause"]), self.errors["px"])
        return [
            {
                "id": sample,
                "mDice": float(self.photo_dice[n]),
                "expected_dice": float(self.photos["expected_dice"][n]),
                "uncertainty": float(self.photos["uncertainty"][n]),
                **{f"{cause}_px": int(count) for cause, count in zip(CAUSES, pixels[n], strict=True)},
            }
            for n, sample in enumerate(self.evaluation.sample_ids)
        ]

    def save(self, folder: Path) -> None:
        """Write `counts.npz` and what belongs to it, `diagnosis.npz` and `findings.jsonl`, which `load` reads, and
        `diagnosis.json`, made from them.

        Args:
            folder: made where it is not there; its files are replaced, each whole or not at all.
        """
        self.evaluation.save(folder)
        write_findings(self.disputed, folder / "findings.jsonl")
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **_arrays(self))
        write_bytes(folder / "diagnosis.npz", buffer.getvalue())
        write_json(folder / "diagnosis.json", {"format": FORMAT, **self.to_json(), "photos": self.photo_rows()})

    @staticmethod
    def load(folder: Path) -> Diagnosis:
        """Read what `save` wrote.

        Raises:
            RunError: a file is missing, damaged, or of another format version.
        """
        path = folder / "diagnosis.npz"
        if not path.is_file():
            raise RunError(f"{shown(path)}: no such file.", do="Make it: maskwright diagnose RUN DATA --split val")
        evaluation, disputed = Evaluation.load(folder), read_findings(folder / "findings.jsonl")
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return _parsed(dict(arrays), evaluation, disputed)
        except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile, EOFError) as error:
            raise RunError(
                f"{shown(path)}: this is no diagnosis, or not a whole one.",
                expected=f"an .npz file, format {FORMAT}",
                found=" ".join(f"{type(error).__name__} {error}".split())[:120],
                do="Make it again: maskwright diagnose RUN DATA --split val",
            ) from None

    def _repr_html_(self) -> str:
        mdice = _points(self.evaluation.scores.mDice)
        title = html_title(self.evaluation.split, small=say("notebook.diagnosis", mdice=mdice))
        head = [say(f"notebook.{key}") for key in ("cause", "lost", "pixels", "mostly")]
        rows = [
            [say(f"diagnosis.cause_{loss.cause}"), f"+{_points(loss.lost_mdice)}", str(loss.px), loss.mostly]
            for loss in self.causes
        ]
        return title + html_table(head, rows)


def _points(fraction: float) -> str:
    return f"{100 * fraction:.1f}"


def _within(objects: NDArray[Any], finding: Finding) -> NDArray[np.bool_]:
    x, y, width, height = finding.region_xywh or (0, 0, np.inf, np.inf)
    left, top, own_width, own_height = objects["region_xywh"].T
    within = (left >= x) & (top >= y) & (left + own_width <= x + width) & (top + own_height <= y + height)
    return np.asarray(within)


def _ece(sums: NDArray[Any]) -> Floats:
    """The calibration error of gaps and, behind them, the number of judged pixels."""
    return ratio(np.abs(sums[..., :-1]).sum(axis=-1), sums[..., -1])


_CONTOURS = ("band_px", "surface_px", "hausdorff_px")
_HISTOGRAMS = ("pixels", "probability", "hits", "likelihood", "sharpened")


def _arrays(diagnosis: Diagnosis) -> dict[str, NDArray[Any]]:
    return {
        "format": np.asarray(FORMAT),
        "root": np.asarray(diagnosis.root),
        **{name: getattr(diagnosis, name) for name in ("errors", "objects", "photos", "gaps")},
        **{name: getattr(diagnosis.boundaries, name) for name in _CONTOURS},
        **{name: getattr(diagnosis.calibration, name) for name in _HISTOGRAMS},
    }


def _parsed(arrays: dict[str, NDArray[Any]], evaluation: Evaluation, disputed: Iterable[Finding]) -> Diagnosis:
    if int(arrays["format"]) != FORMAT:
        raise ValueError(f"format {arrays['format']}")
    for name, kind in (("errors", ERROR), ("objects", OBJECT), ("photos", PHOTO)):
        if arrays[name].dtype != kind:
            raise ValueError(f"{name} of type {arrays[name].dtype}")
    photos, classes = len(evaluation.sample_ids), len(evaluation.classes)
    if arrays["photos"].shape != (photos,) or arrays["hausdorff_px"].shape != (photos, classes):
        raise ValueError(f"not about the {photos} photos and {classes} classes of counts.npz")
    limits = {"photo": photos, "object": len(arrays["objects"]), "cause": len(CAUSES)}
    for name, limit in (limits | {"label": classes, "predicted": classes}).items():
        column = arrays["errors"][name]
        if column.size and not 0 <= int(column.min()) <= int(column.max()) < limit:
            raise ValueError(f"{name} {column.max()} of {limit}")
    return Diagnosis(
        evaluation,
        arrays["errors"],
        arrays["objects"],
        arrays["photos"],
        Boundaries(*_named(arrays, _CONTOURS)),
        Calibration(*_named(arrays, _HISTOGRAMS)),
        arrays.get("gaps", np.full((photos, 1 + classes, BINS), np.nan, np.float32)),  # older ones keep none
        tuple(disputed),
        str(arrays["root"]),
    )


def _named(arrays: dict[str, NDArray[Any]], names: Sequence[str]) -> list[NDArray[Any]]:
    return [arrays[name] for name in names]
