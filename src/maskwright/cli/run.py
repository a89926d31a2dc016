"""maskwright run: the main job in one command."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from maskwright.cli import options
from maskwright.cli.budget import seconds
from maskwright.cli.names import classes_for, refuse_unnamed, run_folder
from maskwright.cli.screen import Screen, duration
from maskwright.cli.settings import chosen_settings
from maskwright.cli.texts import findings_of, opening_text, scores_text
from maskwright.cli.track import tracked
from maskwright.cli.verb import Answer, verb
from maskwright.errors import shown
from maskwright.progress import OnProgress, Progress
from maskwright.sentences import say
from maskwright.storage import read_json


@verb
def run(
    screen: Screen,
    data: options.Data,
    out: options.Out = None,
    classes: options.Names = None,
    budget: options.BudgetOrNone = None,
    settings: options.Settings = None,
    weights: options.Weights = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    device: options.Device = "auto",
    offline: options.Offline = False,
    strict: options.Strict = False,
    allow_leak: options.AllowLeak = False,
    resume: options.Resume = False,
    track: options.Track = None,
) -> Answer:
    """From a folder to a judged model.

    The main job in one command: check the data, plan, train, evaluate on validation (and on test where it is labelled),
    report, bundle. The budget is the wall time of all of it: 20m
    unless given; a resumed run keeps its length unless --budget is given. Without -o, the run goes to runs/NAME.
    """
    began = time.monotonic()
    budget_s = None if budget is None else seconds(budget)
    class_names = classes_for(classes, data, out if resume else None)
    refuse_unnamed(out, resume=resume)
    folder = out or run_folder(data)
    from maskwright.workflow.run import run as run_all

    given = chosen_settings(settings, weights=weights, offline=offline)
    with tracked(screen, folder, track, with_opening(screen, folder)) as on_progress:
        made = run_all(
            data,
            folder,
            classes=class_names,
            budget_s=None if budget_s is None else budget_s - (time.monotonic() - began),
            settings=given,
            seed=seed,
            threads=threads,
            device=device,
            strict=strict,
            allow_leak=allow_leak,
            resume=resume,
            lang=screen.lang,
            on_progress=on_progress,
        )
    return Answer(run_value(made.folder), run_text(made.folder, screen.lang, time.monotonic() - began))


def with_opening(screen: Screen, folder: Path) -> OnProgress:
    """Progress on the screen, with the first screen before training begins: by then the run holds what it tells."""
    opened = False

    def on_progress(progress: Progress) -> None:
        nonlocal opened
        if progress.stage == "stage.train" and not opened:
            opened = True
            screen.show(opening_text(folder, screen.lang))
        screen.on_progress(progress)

    return on_progress


def run_value(folder: Path) -> dict[str, Any]:
    """A finished run as one JSON value."""
    findings = findings_of(folder)
    return {
        "run": str(folder),
        "report": str(folder / "report.html"),
        "bundle": str(folder / "bundle"),
        "findings": len(findings),
        "left_out": len({finding.sample for finding in findings if finding.left_out}),
        "evaluation": _evaluations(folder),
        "seconds": read_json(folder / "timings.json", format_version=1)["seconds"],
    }


def run_text(folder: Path, lang: str, took_s: float) -> str:
    """A finished run for a person: scores, and where everything lies."""
    tables = ["\n" + scores_text(evaluation, lang) for evaluation in _evaluations(folder).values()]
    report = say("cli.run_report", lang, file=shown(folder / "report.html"))
    return "\n".join([*tables, "", report, where_text(folder, lang, took_s)])


def where_text(folder: Path, lang: str, took_s: float) -> str:
    """Where the bundle of a run lies, how long it took, and what to do next."""
    return "\n".join(
        [
            say("cli.run_bundle", lang, file=shown(folder / "bundle")),
            say("cli.run_took", lang, time=duration(took_s)),
            say("cli.run_next", lang, run=shown(folder)),
        ]
    )


def _evaluations(folder: Path) -> dict[str, Any]:
    files = [folder / "evaluation" / split / "metrics.json" for split in ("val", "test")]
    return {path.parent.name: read_json(path) for path in files if path.exists()}
