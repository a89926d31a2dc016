"""What a bundle tells of itself beside its files: scores, where it comes from, what was found out about it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from maskwright import __version__
from maskwright.data.finding import read_findings
from maskwright.evaluation.evaluate import Evaluation
from maskwright.inference.load import digest_of
from maskwright.inference.opening import MANIFEST, damaged
from maskwright.metrics.scores import SUMMARIES
from maskwright.storage import read_if_there, read_json
from maskwright.training.run import Run
from maskwright.training.training_log import read_training_log
from maskwright.weights.table import ENTRIES

PRODUCT_LICENCE = "Apache-2.0"
NOT_STATED: Final = "not stated"
WORST_SHARE = 0.1
"""Of the photos: how well they are done tells what to expect on a bad day."""

Text = Annotated[str, Field(max_length=1000)]
Number = float | None
Ends = tuple[Number, Number]


class Part(BaseModel):
    """A part of what a bundle says; anybody can write one, so everything is checked."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Made(Part):
    """By which version of Maskwright, and when: a moment in UTC, as ISO 8601 writes it."""

    maskwright: Text
    at: datetime


class Start(Part):
    """The weights that the training started from; "none" for newly drawn ones."""

    name: Text | None = None
    licence: Text | None = None
    commercial: Text | None = None
    training_data: Text | None = None


class Licences(Part):
    """Under which licences what is; "not stated" where that is not known."""

    maskwright: Text = PRODUCT_LICENCE
    weights: Text = NOT_STATED
    commercial: Literal["yes", "no", "not stated"] = NOT_STATED
    data: Text = NOT_STATED


class Class(Part):
    """The scores of one class, see `maskwright.metrics.scores`."""

    name: Text
    dice: Number = None
    iou: Number = None
    acc: Number = None
    precision: Number = None
    recall: Number = None
    predicted_px: int = 0
    labelled_px: int = 0


class Score(Part):
    """What `evaluate` said of one split.

    Args:
        images: photos that were judged.
        groups: independent groups that they come in.
        eval_digest: of the judged photos and masks.
        metrics: by name, in [0, 1], None for nan.
        per_class: one entry per class.
        intervals: 95 %, by name of the score; of a score per class a list.
        without_objects: photos of which the label shows class 0 alone; None where that is not known.
        worst: below this mDice lies the worst tenth of the photos.
    """

    images: int
    groups: int | None = None
    eval_digest: Text = ""
    metrics: dict[Text, Number]
    per_class: tuple[Class, ...]
    intervals: dict[Text, Ends | tuple[Ends, ...]] = {}
    without_objects: int | None = None
    worst: Number = None

    def interval(self, name: str, place: int | None = None) -> tuple[float, float]:
        """The interval of a score, or of that of the class at `place`; nan where there is none."""
        ends: Any = self.intervals.get(name)
        if ends is not None and place is not None:
            ends = ends[place] if place < len(ends) else None
        nested = ends is None or len(ends) != 2 or any(isinstance(end, tuple) for end in ends)
        low, high = (None, None) if nested else ends
        return (np.nan if low is None else float(low), np.nan if high is None else float(high))


class Cause(Part):
    """What one cause of errors costs, see `maskwright.evaluation.lost.Loss`."""

    cause: Literal["missed", "invented", "wrong_class", "contour", "part_missing", "part_extra"]
    lost_mdice: float
    low: Number = None
    high: Number = None
    mostly: Text = ""


class Audit(Part):
    """What was found in the data: findings by check, and whose masks a model disputes."""

    findings: dict[Text, int] = {}
    judged: int = 0
    doubted: int = 0
    disputed: int = 0


class Training(Part):
    """The course of the training."""

    iterations: int | None = None
    seconds: Number = None
    best_iteration: int | None = None
    machine: Text = ""


class Facts(Part):
    """All of it; of a bundle of an older format only what that one kept."""

    name: Text = ""
    lang: Literal["en", "ru"] = "en"
    made: Made | None = None
    started_from: Start = Start()
    licences: Licences | None = None
    scores: dict[Text, Score] = {}
    outdated: tuple[Text, ...] = ()
    audit: Audit | None = None
    causes: tuple[Cause, ...] = ()
    training: Training = Training()


def facts_of(run: Run, *, lang: str = "en", data_licence: str = NOT_STATED) -> Facts:
    """What a run's bundle tells of itself.

    Args:
        run: with weights.
        lang: language of its card.
        data_licence: of the photos and masks that it was trained on.

    Raises:
        RunError: a file of the run is damaged.
        RecipeError: its post-processing was fitted for other weights: nothing predicts with it.
    """
    folder = run.folder
    present = digest_of(folder)
    scores, outdated = _scores(folder, present)
    initial = read_if_there(folder / "initial_weights.json", format_version=None)
    known = next((entry for entry in ENTRIES if entry.name == initial.get("name")), None)
    if Path(initial.get("name") or "").is_absolute():
        initial["name"] = Path(initial["name"]).name  # where it lay is nobody's business
    start = Start.model_validate({**initial, "training_data": known.training_data if known else None})
    return Facts(
        name=folder.resolve().name,
        lang="ru" if lang == "ru" else "en",
        made=Made(maskwright=__version__, at=datetime.now(UTC).replace(microsecond=0)),
        started_from=start,
        licences=_licences(start, data_licence),
        scores=scores,
        outdated=outdated,
        audit=_audit(folder),
        causes=_causes(folder / "diagnosis" / "val", present),
        training=_training(run),
    )


def read_facts(folder: Path) -> Facts:
    """What a bundle says of itself.

    Args:
        folder: of a bundle that was opened (`maskwright.inference.opening.opened`).

    Raises:
        RunError: it says what cannot be.
    """
    try:
        return Facts.model_validate(json.loads((folder / MANIFEST).read_bytes()))
    except (ValidationError, ValueError, RecursionError) as error:
        first = error.errors(include_input=False)[0] if isinstance(error, ValidationError) else None
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else str(error)
        raise damaged(folder, f"{MANIFEST}, {what[:200]}") from None


def _scores(folder: Path, present: str | None) -> tuple[dict[str, Score], tuple[str, ...]]:
    """What was said of the very weights and post-processing that are bundled, and the splits of older judgements."""
    found, outdated = {}, []
    for path in sorted((folder / "evaluation").glob("*/counts.npz")):
        evaluation = Evaluation.load(path.parent)
        if evaluation.predictor in ("", present):  # older files do not say who was judged
            found[path.parent.name] = _score(evaluation)
        else:
            outdated.append(path.parent.name)
    return found, tuple(outdated)


def _score(evaluation: Evaluation) -> Score:
    photos = SUMMARIES["mDice"](evaluation.counts)
    known = photos[~np.isnan(photos)]
    objects = evaluation.counts[:, 1:, :].sum(axis=(1, 2))
    worst = float(np.quantile(known, WORST_SHARE)) if len(known) else None
    extra = {"without_objects": int((objects == 0).sum()), "worst": worst}
    return Score.model_validate({**evaluation.to_json(), **extra})


def _licences(start: Start, data: str) -> Licences:
    """Newly drawn weights have no other licence; what was trained from others stays under theirs."""
    if start.name == "none":
        return Licences(weights="own", commercial="yes", data=data)
    return Licences.model_validate(
        {"weights": start.licence or NOT_STATED, "commercial": start.commercial or NOT_STATED, "data": data}
    )


def _audit(folder: Path) -> Audit | None:
    audited = read_if_there(folder / "audit.json")
    disputed = read_findings(folder / "diagnosis" / "val" / "findings.jsonl")
    found = read_findings(folder / "findings.jsonl")
    findings = Counter(finding.check for finding in found)
    if not audited and not disputed and not findings:
        return None
    return Audit(
        findings=dict(findings.most_common()),
        judged=int(audited.get("judged") or 0),
        doubted=len({finding.sample for finding in found if finding.check.startswith("label_")}),
        disputed=len({finding.sample for finding in disputed}),
    )


def _causes(folder: Path, present: str | None) -> tuple[Cause, ...]:
    """What a diagnosis of the very weights and post-processing found."""
    if not (folder / "diagnosis.json").is_file() or Evaluation.load(folder).predictor not in ("", present):
        return ()
    told = read_json(folder / "diagnosis.json")
    causes = [Cause.model_validate({**one, "mostly": _mostly(one)}) for one in told.get("causes") or ()]
    return tuple(sorted(causes, key=lambda cause: -cause.lost_mdice))


def _mostly(loss: dict[str, Any]) -> str:
    return str(loss["per_class"][0]["name"]) if loss.get("per_class") else ""


def _training(run: Run) -> Training:
    log = read_training_log(run.folder / "log.jsonl")
    environment = read_if_there(run.folder / "environment.json")
    on_gpu = str(environment.get("device", "")).startswith("cuda")
    return Training(
        iterations=int(log.last["iteration"]) if log.last else None,
        seconds=float(log.last["seconds"]) if log.last else None,
        best_iteration=int(log.best["iteration"]) if log.best else None,
        machine=str(environment.get("cuda" if on_gpu else "cpu") or ""),
    )
