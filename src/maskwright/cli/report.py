"""maskwright report: the page of a run."""

from __future__ import annotations

from maskwright.cli import options
from maskwright.cli.screen import Screen
from maskwright.cli.verb import Answer, verb
from maskwright.errors import shown
from maskwright.sentences import say


@verb
def report(screen: Screen, run: options.RunFolder, out: options.PageFile = None) -> Answer:
    """Write the page of a run anew.

    The report is made from what lies in the run's folder alone; the data may be gone. Of a bundle the page is its model
    card, made anew from its facts, and -o has to say where it goes: a bundle is never changed.
    """
    from maskwright.reports.report import report as write_report

    page = write_report(run, out=out, lang=screen.lang)
    return Answer({"report": str(page)}, say("cli.run_report", screen.lang, file=shown(page)))
