"""maskwright review: the page where a person decides and paints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from maskwright.cli import options
from maskwright.cli.names import audit_of, classes_for, with_options
from maskwright.cli.screen import Screen
from maskwright.cli.served import Audience, served
from maskwright.cli.verb import Answer, verb
from maskwright.errors import shown
from maskwright.sentences import say

if TYPE_CHECKING:
    from maskwright.review.journal import Journal


@verb
def review(
    screen: Screen,
    data: options.Data,
    audit: options.AuditOf = None,
    journal: options.JournalFile = None,
    classes: options.Names = None,
    port: options.Port = None,
    host: options.Host = "127.0.0.1",
    person: options.Persons = None,
    browser: options.OpenBrowser = True,
) -> Answer:
    """Decide and paint on a page in the browser.

    Photos stand in the order of what `maskwright audit` found, the worst first. Every decision is on the disk before
    the page says that it is saved. DATA is never changed: maskwright mend makes a new dataset of the decisions.
    """
    return review_page(screen, data, Audience(port, host, person, browser), audit, journal, classes)


def review_page(
    screen: Screen,
    data: Path,
    audience: Audience,
    audit: Path | None = None,
    journal: Path | None = None,
    classes: str | None = None,
) -> Answer:
    """The page of review for a folder; the arguments are those of `review`."""
    audience.check(screen.lang)
    from maskwright.data.reading import look_over
    from maskwright.review.journal import Journal
    from maskwright.web.desk import Desk
    from maskwright.web.review import body_bytes, review_app
    from maskwright.weights.sam import ways_to_sam
    from maskwright.workflow.sam import sam_proposal

    folder = audit_of(data, audit)
    dataset = look_over(data, classes=classes_for(classes, data, folder.path), on_progress=screen.on_progress)
    decided = Journal(journal or folder.journal, dataset)
    sam, ways = sam_proposal(), "; ".join(ways_to_sam())
    desk = Desk(
        dataset,
        folder,
        decided,
        proposals={"sam": sam} if sam else {},
        to_get={"sam": ways} if ways else {},
        on_progress=screen.on_progress,
    )
    return served(
        screen,
        review_app(desk, lang=screen.lang),
        "/review",
        audience,
        body_bytes=body_bytes(desk),
        value={
            "journal": str(decided.path),
            "samples": len(dataset),
            "audited": desk.queue.audited,
            "sam": sam is not None,
            "changed": len(desk.queue.changed),
            "missed": len(desk.queue.missed),
        },
        said=(say("web.open", screen.lang), say("web.stop", screen.lang)),
        notices=desk.notices(screen.lang) + ([say("web.no_sam", screen.lang, ways=ways)] if ways else []),
        closing=lambda: _closing(decided, with_options(data, audit=audit, journal=journal), screen.lang),
    )


def _closing(journal: Journal, data: str, lang: str) -> str:
    return say("web.closed", lang, count=len(journal.decisions), file=shown(journal.path), data=data)
