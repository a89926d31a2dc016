"""A page that is served until Ctrl-C: addresses for people, the browser, and what is printed."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from maskwright.cli.screen import Screen
from maskwright.cli.verb import Answer
from maskwright.errors import UsageError
from maskwright.sentences import say

if TYPE_CHECKING:
    from maskwright.web.security import App

ME = "me"
"""Who looks where the system knows no name."""


@dataclass(frozen=True)
class Audience:
    """Who may see a page, and where.

    Args:
        port: as `--port` was given.
        host: as `--host` was given.
        people: as `--person` was given.
        browser: whether the page is opened in the browser.
    """

    port: int | None
    host: str
    people: Sequence[str] | None
    browser: bool

    def check(self, lang: str) -> None:
        """Refuse an interface that others reach without names for them; before anything is read."""
        from maskwright.web.serving import is_loopback

        if not is_loopback(self.host) and not self.people:
            raise UsageError(say("web.person_missing", lang, host=self.host))


def served(
    screen: Screen,
    app: App,
    path: str,
    audience: Audience,
    *,
    body_bytes: int,
    value: dict[str, Any],
    said: tuple[str, str],
    notices: Sequence[str] = (),
    closing: Callable[[], str] | None = None,
) -> Answer:
    """The answer of a command that serves a page.

    Args:
        screen: what the end is told on.
        app: the application.
        path: of its page.
        audience: who may see it.
        body_bytes: the longest body of a request.
        value: for --json; `address` and `addresses` are put before it.
        said: what is printed before the addresses and after the notices.
        notices: what a person has to know.
        closing: what is said at the end.
    """
    from maskwright.web.serving import announce, listen, serve

    lang = screen.lang
    listening = listen(audience.host, audience.port)
    people = tuple(audience.people or [_me()])
    entrance = announce(listening, people, path, lambda name, address: _again(name, address, lang))
    addresses = {name: listening.address(path, token) for name, token in entrance.tokens.items()}

    def serve_until_stopped() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            if audience.browser:
                _open(listening.address(path, entrance.browser_token(people[0])))
            serve(app, listening, entrance, body_bytes=body_bytes, lang=lang)
        if closing is not None:
            screen.show(closing())

    where = [
        say("web.address_of", lang, person=name, address=address) if len(addresses) > 1 else address
        for name, address in addresses.items()
    ]
    text = "\n".join([said[0], *(f"  {line}" for line in where), *notices, said[1]])
    return Answer({"address": addresses[people[0]], "addresses": addresses, **value}, text, then=serve_until_stopped)


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
