"""maskwright audit: what is wrong with the data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from maskwright.cli import options
from maskwright.cli.budget import seconds
from maskwright.cli.names import names, with_options
from maskwright.cli.screen import Screen, duration
from maskwright.cli.settings import chosen_settings
from maskwright.cli.texts import data_lines, table
from maskwright.cli.verb import Answer, verb
from maskwright.errors import UsageError, shown
from maskwright.sentences import say
from maskwright.sentences import table as sentences

if TYPE_CHECKING:
    from maskwright.audit.audit import Audit
    from maskwright.audit.folder import AuditFolder

WORST_SHOWN = 10


@verb
def audit(
    screen: Screen,
    data: options.Data,
    split: options.SplitOrAll = None,
    out: options.Out = None,
    classes: options.Names = None,
    settings: options.Thresholds = None,
    checks: options.Checks = None,
    run: options.JudgingRun = None,
    budget: options.FoldsBudget = None,
    weights: options.Weights = None,
    seed: options.Seed = None,
    threads: options.Threads = None,
    device: options.Device = "auto",
    model: options.OwnModel = None,
    offline: options.Offline = False,
    fail_on: options.FailOn = None,
) -> Answer:
    """Say what is wrong with the data.

    Looks at every photo and mask: damaged files, masks that are empty, cut off or beside their object, specks, photos
    that are there twice or in two splits, classes that are missing or mixed up, splits that differ. Writes findings,
    statistics and a page beside DATA, worst first; DATA itself is not changed. With --budget or --run every mask is
    also judged by a model that has not seen it.
    """
    class_names = names(classes)
    if budget is None and (weights is not None or seed is not None):
        raise UsageError("--weights and --seed are for the models that --budget trains.", do="Add --budget 15m.")
    from maskwright.audit.checks.own import own_check
    from maskwright.audit.folder import AuditFolder, beside
    from maskwright.audit.settings import thresholds
    from maskwright.declared import parse_assignments
    from maskwright.workflow.audit import audit as make_audit

    folder = beside(data) if out is None else AuditFolder(out)
    made = make_audit(
        data,
        split=split,
        out=folder.path,
        classes=class_names,
        settings=parse_assignments(settings or (), [entry.name for entry in thresholds()]),
        checks=[own_check(name) for name in checks or ()],
        run=run,
        budget_s=None if budget is None else seconds(budget),
        training=chosen_settings(None, weights=weights, seed=seed, offline=offline),
        threads=threads,
        device=device,
        model=model,
        lang=screen.lang,
        on_progress=screen.on_progress,
    )
    worst = made.findings[0].severity if made.findings else 0.0
    failed = fail_on is not None and bool(made.findings) and worst >= fail_on
    lines = audit_lines(made, folder, data, screen.lang)
    if failed:
        lines.append(say("audit.failed", screen.lang, worst=f"{worst:.2f}", limit=f"{fail_on:.2f}"))
    return Answer(audit_value(made, folder, screen.lang), "\n".join(lines), exit_code=1 if failed else 0)


def audit_value(made: Audit, folder: AuditFolder, lang: str) -> dict[str, Any]:
    """An audit as one JSON value."""
    from maskwright.audit.duplicates import groups_to_json

    return {
        "audit": str(folder.path),
        "report": str(folder.report) if folder.report.is_file() else None,
        "images": made.images,
        "findings": [finding.record(lang) for finding in made.findings],
        "counts": made.counts,
        "label_issues": [
            {"sample": issue.sample, "severity": issue.severity, "kind": issue.kind} for issue in made.label_issues
        ],
        "notes": [say(key, lang, **dict(facts)) for key, facts in made.notes],
        "duplicates": groups_to_json(made.duplicates),
        "resplit": dict(made.resplit),
        "seconds": made.seconds,
    }


def audit_lines(made: Audit, folder: AuditFolder, data: Path, lang: str) -> list[str]:
    """An audit for a person: what was looked at, the worst findings, how many there are of each kind, what to do."""
    return [
        *data_lines(made.statistics.data, lang),
        "",
        *_worst_lines(made, lang),
        *_count_lines(made, lang),
        *_judged_lines(made, lang),
        *_next_lines(made, folder, data, lang),
    ]


def _worst_lines(made: Audit, lang: str) -> list[str]:
    if not made.findings:
        return [say("audit.clean", lang)]
    more = len(made.findings) - WORST_SHOWN
    return [
        say("audit.worst", lang),
        *[f"  {each.severity:.2f}  {' '.join(each.sentence(lang).split())}" for each in made.findings[:WORST_SHOWN]],
        *(["  " + say("cli.more", lang, count=more)] if more > 0 else []),
        "",
    ]


def _count_lines(made: Audit, lang: str) -> list[str]:
    if not made.findings:
        return []
    header = [say("audit.check", lang), say("audit.count", lang)]
    names = sentences(lang)
    rows = [[names.get(f"check.{check}", check), str(count)] for check, count in made.counts.items()]
    return [*table([header, *rows]).splitlines(), ""]


def _judged_lines(made: Audit, lang: str) -> list[str]:
    """How many masks a model judged, in how many it was good enough to dispute single objects, and what it had seen."""
    notes = [say(key, lang, **dict(facts)) for key, facts in made.notes]
    accused = sum(bool(issue.objects) for issue in made.label_issues)
    judged = [say("audit.judged", lang, count=len(made.label_issues), accused=accused)] if made.label_issues else []
    return [*judged, *notes, ""] if judged or notes else []


def _next_lines(made: Audit, folder: AuditFolder, data: Path, lang: str) -> list[str]:
    from maskwright.audit.folder import beside

    lines = [say("audit.report", lang, file=shown(folder.report))]
    if made.resplit:
        count, splits = len(made.resplit), shown(folder.splits)
        lines.append(say("audit.resplit", lang, count=count, folder=splits, data=shown(data)))
    if made.findings:
        elsewhere = None if folder.path.resolve() == beside(data).path else folder.path
        lines.append(say("audit.next", lang, data=with_options(data, audit=elsewhere)))
    return [*lines, say("cli.run_took", lang, time=duration(made.seconds))]
