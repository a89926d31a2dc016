"""maskwright review: the page where a person decides and paints."""

from __future__ import annotations

import contextlib
import getpass
from typing import TYPE_CHECKING

from maskwright.cli import options
from maskwright.cli.names import audit_of, classes_for, with_options
from maskwright.cli.screen import Screen
from maskwright.cli.verb import Answer, verb
from maskwright.errors import UsageError, shown
from maskwright.sentences import say

if TYPE_CHECKING:
    from maskwright.review.journal import Journal

ME = "me"
"""Who decides where the system knows no name."""


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
    from maskwright.web.serving import announce, is_loopback, listen, serve

    if not is_loopback(host) and not person:
        raise UsageError(say("web.person_missing", screen.lang, host=host))
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
    app = review_app(desk, lang=screen.lang)
    listening = listen(host, port)
    people = tuple(person or [_me()])
    entrance = announce(listening, people, "/review", lambda name, address: _again(name, address, screen.lang))
    addresses = {name: listening.address("/review", token) for name, token in entrance.tokens.items()}

    def serve_until_stopped() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            if browser:
                _open(listening.address("/review", entrance.browser_token(people[0])))
            serve(app, listening, entrance, body_bytes=body_bytes(desk), lang=screen.lang)
        screen.show(_closing(decided, with_options(data, audit=audit, journal=journal), screen.lang))

    value = {
        "address": addresses[people[0]],
        "addresses": addresses,
        "journal": str(decided.path),
        "samples": len(dataset),
        "audited": desk.queue.audited,
        "sam": sam is not None,
        "changed": len(desk.queue.changed),
        "missed": len(desk.queue.missed),
    }
    notices = desk.notices(screen.lang) + ([say("web.no_sam", screen.lang, ways=ways)] if ways else [])
    return Answer(value, _opening(addresses, notices, screen.lang), then=serve_until_stopped)


def _opening(addresses: dict[str, str], notices: list[str], lang: str) -> str:
    where = [
        say("web.address_of", lang, person=name, address=address) if len(addresses) > 1 else address
        for name, address in addresses.items()
    ]
    return "\n".join([say("web.open", lang), *(f"  {line}" for line in where), *notices, say("web.stop", lang)])


def _closing(journal: Journal, data: str, lang: str) -> str:
    return say("web.closed", lang, count=len(journal.decisions), file=shown(journal.path), data=data)


def _again(person: str, address: str, lang: str) -> None:
    import typer

    typer.echo(say("web.again", lang, person=person, address=address), err=True)


def _open(address: str) -> None:
    import webbrowser

    webbrowser.open(address)


def _me() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ME
