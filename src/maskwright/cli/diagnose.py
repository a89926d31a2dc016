"""maskwright diagnose: why a run or a bundle is wrong where it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from maskwright.cli import options
from maskwright.cli.names import place_in_run, read_for, why_not_in_run
from maskwright.cli.screen import Screen
from maskwright.cli.texts import scores_text, table
from maskwright.cli.verb import Answer, verb
from maskwright.errors import shown
from maskwright.sentences import percent, say

if TYPE_CHECKING:
    from maskwright.data.dataset import Dataset
    from maskwright.evaluation.diagnosis import Diagnosis
    from maskwright.inference.predictor import Predictor


@verb
def diagnose(
    screen: Screen,
    run: options.RunFolder,
    data: options.Data,
    split: options.Split = "val",
    out: options.Out = None,
    classes: options.Names = None,
    threads: options.Threads = None,
    device: options.Device = "cpu",
    model: options.OwnModel = None,
    strict: options.Strict = False,
    allow_leak: options.AllowLeak = False,
) -> Answer:
    """Say why a run is wrong where it is.

    Gives every wrong pixel of a split of DATA one cause, with the mDice that it costs; looks at objects, contours,
    calibration, and at labels that the model is sure against. On the data that the run was made from it is kept in
    the run with a page of pictures; else where -o says. --json gives fractions.
    """
    from maskwright.evaluation.diagnose import diagnose as explain
    from maskwright.inference.load import load
    from maskwright.inference.opening import opened

    there = opened(run).folder
    predictor = load(there, device=device, threads=threads, model=model)
    dataset = read_for(screen, data, classes, there, strict=strict, allow_leak=allow_leak)
    made = explain(predictor, dataset, split=split, on_progress=screen.on_progress)
    folder = out or place_in_run(there, dataset, split, "diagnosis")
    page = _keep(made, predictor, dataset, folder, screen.lang) if folder is not None else None
    value = {**made.to_json(), "photos": made.photo_rows(), "report": None if page is None else str(page)}
    if page is not None:
        kept = say("diagnosis.kept", screen.lang, folder=shown(page.parent), file=shown(page))
    else:
        kept = say("diagnosis.not_kept", screen.lang, why=why_not_in_run(run, dataset, split, screen.lang))
    return Answer(value, "\n".join(_lines(made, run, kept, screen.lang)))


def _keep(made: Diagnosis, predictor: Predictor, dataset: Dataset, folder: Path, lang: str) -> Path:
    from maskwright.evaluation.diagnosis_gallery import keep_diagnosis
    from maskwright.reports.diagnosis import diagnosis_report

    keep_diagnosis(made, predictor, dataset, folder)
    return diagnosis_report(folder, lang=lang)


def _lines(made: Diagnosis, run: Path, kept: str, lang: str) -> list[str]:
    """A diagnosis for a person: the verdict, then scores, causes, objects, contours, calibration, labels."""
    from maskwright.reports.diagnosis import AREA, verdict
    from maskwright.reports.language import Language

    return [
        verdict(made, Language(lang, AREA)),
        "",
        *_cause_lines(made, lang),
        *_object_lines(made, lang),
        *_contour_lines(made, lang),
        *_trust_lines(made, run, lang),
        scores_text(made.evaluation.to_json(), lang),
        kept,
    ]


def _cause_lines(made: Diagnosis, lang: str) -> list[str]:
    header = [say(f"diagnosis.{key}", lang) for key in ("cause", "points", "pixels", "mostly")]
    rows = [
        [say(f"diagnosis.cause_{loss.cause}", lang), f"+{percent(loss.lost_mdice)}", str(loss.px), loss.mostly]
        for loss in made.causes
    ]
    return [table([header, *rows]), ""]


def _object_lines(made: Diagnosis, lang: str) -> list[str]:
    lines = [
        say(
            "diagnosis.objects_text",
            lang,
            name=each.name,
            labelled=each.labelled,
            recall=percent(each.recall),
            predicted=each.predicted,
            precision=percent(each.precision),
        )
        for each in made.object_scores
    ]
    return [say("diagnosis.objects_head", lang), *[f"  {line}" for line in lines], ""]


def _contour_lines(made: Diagnosis, lang: str) -> list[str]:
    terms = ("boundary_iou", "surface_dice", "hausdorff95")
    header = [say("diagnosis.contours", lang), *(say(f"diagnosis.term_{key}", lang) for key in terms)]
    rows = [
        [each["name"], percent(each["boundary_iou"]), percent(each["surface_dice"]), f"{each['hausdorff95_px']:.1f}"]
        for each in made.to_json()["boundaries"]
    ]
    return [table([header, *rows]), ""]


def _trust_lines(made: Diagnosis, run: Path, lang: str) -> list[str]:
    """How far the probabilities can be believed, and the labels."""
    from maskwright.reports.diagnosis import review_commands

    histograms, quality = made.calibration, made.quality
    lines = [
        say(
            "diagnosis.calibrated",
            lang,
            ece=percent(histograms.ece()),
            temperature=f"{histograms.temperature:.2f}",
            before=percent(histograms.thinned_ece()),
            after=percent(histograms.thinned_ece(histograms.temperature)),
        ),
        say("diagnosis.estimate", lang, spearman=f"{quality.spearman:.2f}", photos=quality.photos),
    ]
    if made.disputed:
        photos = len({finding.sample for finding in made.disputed})
        lines.append(say("diagnosis.labels", lang, labels=len(made.disputed), photos=photos))
        lines += [f"  {command}" for command in review_commands(made, shown(run))]
    return [*lines, ""]
