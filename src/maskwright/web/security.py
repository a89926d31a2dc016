"""Who may come in: nothing is answered without a cookie, and a cookie is only given for a token that works once."""

from __future__ import annotations

import html
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from maskwright.sentences import LANGUAGES, say
from maskwright.storage import json_text

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

IDLE_S = 12 * 3600.0
"""How long a cookie is good after it was last used: a working day with its breaks, but no night."""

BROWSER_S = 120.0
"""How long a token is good that opens a browser here: its command line shows it to everybody on this computer, and
the slowest browser has started by then."""

HEADERS: tuple[Header, ...] = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        b"worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""What every answer carries that does not say otherwise: no script, frame, form or picture from elsewhere, and no
address given away."""


class Entrance:
    """The tokens that are still good, and the cookies that were given for tokens.

    Args:
        people: names of those who may come in; each has a token of their own, good until it is used.
        port: goes into the cookie's name, since browsers keep one jar for all ports of a host.
        page: the path where tokens are taken, which is where a person goes on.
        on_used: is told a person's name and new token when the old one was used, so that it can be shown.
        now: the time in seconds; it goes on while the computer sleeps.
    """

    def __init__(
        self,
        people: Sequence[str],
        port: int,
        *,
        page: str = "/review",
        on_used: Callable[[str, str], None] = lambda *_: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.cookie, self.page = f"maskwright_{port}", page
        self.tokens = {name: secrets.token_urlsafe(24) for name in people}
        self._browser: tuple[str, str, float] | None = None
        self._sessions: dict[str, tuple[str, float]] = {}
        self._on_used, self._now = on_used, now

    def browser_token(self, person: str) -> str:
        """A token for a browser that is opened on this computer at once: good once and for `BROWSER_S`."""
        token = secrets.token_urlsafe(24)
        self._browser = (person, token, self._now() + BROWSER_S)
        return token

    def exchange(self, token: str) -> str | None:
        """The cookie's value for a token that is good, else None; the token is used up."""
        if self._browser is not None:
            person, good, until = self._browser
            if same(token, good):
                self._browser = None
                return self._let_in(person) if self._now() <= until else None
        for person, good in self.tokens.items():
            if same(token, good):
                self.tokens[person] = secrets.token_urlsafe(24)
                self._on_used(person, self.tokens[person])
                return self._let_in(person)
        return None

    def person(self, session: str) -> str | None:
        """Who a cookie's value was given to, or None where it was never given or rested for longer than `IDLE_S`."""
        person, used = self._sessions.pop(session, ("", 0.0))
        if not person or self._now() - used > IDLE_S:
            return None
        self._sessions[session] = (person, self._now())
        return person

    def _let_in(self, person: str) -> str:
        session = secrets.token_urlsafe(32)
        self._sessions[session] = (person, self._now())
        return session


def same(token: str, good: str) -> bool:
    """Whether a token is the one that is good; how long that takes tells nothing of it."""
    return secrets.compare_digest(token.encode(), good.encode())


@dataclass(frozen=True)
class Limits:
    """What is refused before anything reads it.

    Args:
        hosts: the values of the Host header that are ours, e.g. "127.0.0.1:8765".
        body_bytes: the longest body of a request.
    """

    hosts: frozenset[str]
    body_bytes: int


def our_hosts(names: Iterable[str], port: int) -> frozenset[str]:
    """The values of the Host header under which a server may be asked.

    Args:
        names: its names and addresses, IPv6 in brackets.
        port: its port; browsers leave out 80.
    """
    return frozenset(f"{name.lower()}:{port}" for name in names) | frozenset(names if port == 80 else ())


def guarded(app: App, entrance: Entrance, limits: Limits, *, lang: str = "en") -> App:
    """An application that nobody reaches without having come in.

    A foreign Host is refused (DNS rebinding), and so are a foreign Origin and any change that is not JSON (requests
    forged by other sites), bodies over the limit and, without a cookie, everything.

    Args:
        app: the application; it finds who asks in `scope["state"]["person"]`, and in "lang" the language of refusals.
        entrance: knows tokens and cookies.
        limits: see `Limits`.
        lang: language of refusals where the request asks for none.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        asked = parse_qs(scope["query_string"].decode("latin-1"))
        said_in = language_for(asked, headers, lang)
        as_page = "text/html" in headers.get("accept", "")
        refusal = _refusal(scope["method"], headers, limits)
        if refusal is not None:
            return await refuse(send, *refusal, said_in, as_page=as_page)
        token = asked.get("token", [""])[0]
        if token and scope["path"] == entrance.page and scope["method"] == "GET":
            session = entrance.exchange(token)
            if session is not None:
                return await let_in(send, f"{entrance.cookie}={session}", entrance.page, headers)
        person = entrance.person(cookie_in(headers.get("cookie", ""), entrance.cookie))
        if person is None and scope["path"] == entrance.page and headers.get("sec-fetch-site") == "cross-site":
            return await ask_again(send, f"{entrance.page}?{scope['query_string'].decode('latin-1')}")
        if person is None:
            return await refuse(send, 403, "no_token", said_in, as_page=as_page)
        scope.setdefault("state", {}).update(person=person, lang=said_in)
        own_files = scope["path"].startswith("/static/")
        return await app(scope, receive, with_headers(send, b"no-cache" if own_files else b"no-store"))

    return answer


def language_for(asked: dict[str, list[str]], headers: dict[str, str], usual: str) -> str:
    """The language of refusals: what the query or Accept-Language asks for, else the usual one."""
    preferred = (tag.split("-")[0] for tag in accepted(headers.get("accept-language", "")))
    return next((each for each in (*asked.get("lang", ()), *preferred) if each in LANGUAGES), usual)


def accepted(header: str) -> list[str]:
    """What an Accept header takes, in lower case, the best first (RFC 9110, 12.4.2)."""
    wishes = []
    for place, part in enumerate(header.split(",")):
        what, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        wishes.append((-_number(weight), place, what))
    return [what for minus_weight, _, what in sorted(wishes) if minus_weight < 0]


def _number(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0


def _refusal(method: str, headers: dict[str, str], limits: Limits) -> tuple[int, str] | None:
    """Status and sentence for a request that nobody may make, or None."""
    if headers.get("host", "").lower() not in limits.hosts:
        return 403, "foreign_host"
    origin = headers.get("origin")
    if origin is not None and origin.lower().removeprefix("http://") not in limits.hosts:
        return 403, "foreign_origin"
    if method in ("GET", "HEAD"):
        return None
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return 403, "foreign_origin"
    if headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        return 415, "not_json"
    length = headers.get("content-length", "")
    if not length.isascii() or not length.isdigit():
        return 411, "no_length"
    return (413, "too_long") if int(length) > limits.body_bytes else None


def cookie_in(header: str, name: str) -> str:
    """The value of a cookie in the header of that name, "" where it is not there."""
    try:
        found = SimpleCookie(header).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


async def let_in(send: Send, cookie: str, page: str, headers: dict[str, str]) -> None:
    """Give the cookie and go on without the token in the address."""
    set_cookie = (b"set-cookie", f"{cookie}; HttpOnly; SameSite=Strict; Path=/".encode())
    if headers.get("sec-fetch-site") == "cross-site":
        return await ask_again(send, page, set_cookie)
    return await _send(send, 303, b"", b"text/plain", set_cookie, (b"location", page.encode()))


async def ask_again(send: Send, address: str, *headers: Header) -> None:
    """Have the browser ask once more from a page of ours, where it came by a link on a page from elsewhere.

    The strict cookie stays at home then, and a redirect would still count as coming from there.
    """
    address = html.escape(address)
    page = f'<!doctype html><meta http-equiv="refresh" content="0; url={address}"><a href="{address}">Maskwright</a>'
    await _send(send, 200, page.encode(), b"text/html; charset=utf-8", *headers)


async def refuse(send: Send, status: int, why: str, lang: str, *, as_page: bool, more: Sequence[Header] = ()) -> None:
    """Say no: with a page to a person who opened an address, in JSON to a script."""
    message, ending = say(f"web.{why}", lang), ((b"connection", b"close"), *more)
    if not as_page:
        value = {"error": {"kind": why, "message": message}}
        return await _send(send, status, json_text(value).encode(), b"application/json", *ending)
    title, way_out = html.escape(say("web.shut", lang)), html.escape(say("web.way_in", lang))
    page = (
        f'<!doctype html><html lang="{lang}"><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        f"<title>{title}</title><h1>{title}</h1><p>{html.escape(message)}</p><p>{way_out}</p></html>"
    )
    return await _send(send, status, page.encode(), b"text/html; charset=utf-8", *ending)


async def _send(send: Send, status: int, body: bytes, kind: bytes, *headers: Header) -> None:
    every = [(b"content-type", kind), (b"content-length", str(len(body)).encode()), *headers]
    send = with_headers(send)
    await send({"type": "http.response.start", "status": status, "headers": every})
    await send({"type": "http.response.body", "body": body})


def with_headers(send: Send, cache: bytes = b"no-store") -> Send:
    """Have every answer carry `HEADERS` where it does not say otherwise."""

    async def completed(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.lower() for name, _ in message["headers"]}
            unsaid = [header for header in (*HEADERS, (b"cache-control", cache)) if header[0] not in own]
            message["headers"] = [*message["headers"], *unsaid]
        await send(message)

    return completed
