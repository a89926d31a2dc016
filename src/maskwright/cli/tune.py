"""maskwright tune: post-processing fitted on validation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from maskwright.cli import options
from maskwright.cli.names import read_for
from maskwright.cli.screen import Screen
from maskwright.cli.texts import grouped_lines, table
from maskwright.cli.verb import Answer, verb
from maskwright.errors import shown

if TYPE_CHECKING:
    from maskwright.evaluation.tune import Tuning


@verb
def tune(
    screen: Screen,
    run: options.RunOnly,
    data: options.Data,
    split: options.TunedSplit = "val",
    classes: options.Names = None,
    runtime: options.Runtime = "torch",
    threads: options.Threads = None,
    device: options.Device = "cpu",
    model: options.OwnModel = None,
    strict: options.Strict = False,
    allow_leak: options.AllowLeak = False,
) -> Answer:
    """Fit post-processing on validation.

    Colours and edges of the photo, offsets per class, votes over objects and photos, unsure objects, small regions,
    holes, temperature: a step stays where it helps by more than chance on photos that it was not fitted on and no
    class loses, or where the training masks speak for it and it helps at all. What stays is written into RUN and its
    bundle, and everything that predicts with them takes it. --json gives fractions.
    """
    from maskwright.reports.report import report
    from maskwright.reports.tuning import tuning_report
    from maskwright.training.run import open_run
    from maskwright.workflow.tune import tune_run

    made = open_run(run)
    dataset = read_for(screen, data, classes, run, strict=strict, allow_leak=allow_leak)
    tuning = tune_run(
        made,
        dataset,
        split=split,
        runtime=runtime,
        device=device,
        threads=threads,
        model=model,
        on_progress=screen.on_progress,
    )
    page = tuning_report(run, lang=screen.lang)
    if (run / "report.html").is_file():
        report(made, lang=screen.lang)
    return Answer({**tuning.to_json(), "report": str(page)}, "\n".join(_lines(tuning, run, page, screen.lang)))


def _lines(tuning: Tuning, run: Path, page: Path, lang: str) -> list[str]:
    """A tuning for a person: the verdict, the classes, what was tried."""
    from maskwright.reports.language import Language
    from maskwright.reports.tuning import AREA, gain_text, verdict, why

    language, content = Language(lang, AREA), tuning.to_json()
    rows = [
        [each["name"], language.percent(each["before"]), language.percent(each["after"]), gain_text(each, language)]
        for each in (*content["per_class"], {"name": "mDice", **content["mDice"]})
    ]
    head = [language.t(key) for key in ("class", "before", "after", "change")]
    steps = [f"  {language.t('step_' + each['name'])}: {why(each, language)}" for each in content["tried"]]
    kept = language.t("file", file=shown(run / "postprocess.yaml"), page=shown(page))
    grouped = grouped_lines(content["images"], content["groups"], lang)
    return [
        verdict(content, language),
        *grouped,
        "",
        *([table([head, *rows]), ""] if any(name != "temperature" for name in tuning.kept) else []),
        *steps,
        "",
        kept,
    ]
