"""Who may ask a server that predicts: this computer without a word, everybody else with a token.

The pages where a person decides let nobody in without a cookie (`maskwright.web.security`); programs that ask for masks
come with a token in a header, or from this computer.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from maskwright.web.security import (
    App,
    Receive,
    Scope,
    Send,
    ask_again,
    cookie_in,
    language_for,
    let_in,
    refuse,
    same,
    with_headers,
)

PAGE = "/"
CHALLENGE = (b"www-authenticate", b"Bearer")
OPEN = ("/healthz", "/readyz")
"""What is answered to everybody: whether the server lives, which who starts servers has to know."""


@dataclass(frozen=True)
class Door:
    """Who is let in.

    Args:
        port: goes into the cookie's name, since browsers keep one jar for all ports of a host.
        token: what a request has to show; None lets in all that reach the loopback interface.
        hosts: the values of the Host header that are ours, so that no page from elsewhere reaches this computer under
            a name of its own (DNS rebinding); None takes any: then the token keeps others out.
        origins: other sites whose pages may ask, e.g. "https://lab.example".
    """

    port: int
    token: str | None = None
    hosts: frozenset[str] | None = None
    origins: frozenset[str] = frozenset()

    @property
    def cookie(self) -> str:
        """The name of the cookie."""
        return f"maskwright_serve_{self.port}"

    @property
    def session(self) -> str:
        """What the cookie holds: made from the token, so that every worker knows it."""
        return hmac.new((self.token or "").encode(), b"maskwright serve", hashlib.sha256).hexdigest()

    def refusal(self, method: str, headers: dict[str, str]) -> str | None:
        """Why nobody may make a request, whoever it is; None where somebody may."""
        host, origin = headers.get("host", "").lower(), headers.get("origin")
        if self.hosts is not None and host not in self.hosts:
            return "foreign_host"
        if origin is not None:
            ours = origin.lower() in self.origins or _site(origin)[1] == host
            return None if ours else "foreign_origin"
        cross = headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        return "foreign_origin" if cross and method not in ("GET", "HEAD") else None

    def lets_in(self, headers: dict[str, str]) -> bool:
        """Whether a request shows the token, or the cookie that was given for it."""
        if self.token is None:
            return True
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and same(shown.strip(), self.token):
            return True
        return same(cookie_in(headers.get("cookie", ""), self.cookie), self.session)


def origins_for(given: Iterable[str]) -> frozenset[str]:
    """Sites as the Origin header names them: scheme and host, in lower case, without a path."""
    return frozenset(f"{scheme}://{host}" for scheme, host in map(_site, given) if scheme and host)


def _site(address: str) -> tuple[str, str]:
    """Scheme and host of an address in lower case, "" for what it lacks; both where it is none, as "http://[x"."""
    try:
        parts = urlsplit(address.strip().lower())
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc


def behind(app: App, door: Door, *, lang: str = "en") -> App:
    """An application that only those reach who are let in.

    Args:
        app: the application; it finds the language of refusals in `scope["state"]["lang"]`.
        door: who is let in.
        lang: language where the request asks for none.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        asked = parse_qs(scope["query_string"].decode("latin-1"))
        said_in, as_page = language_for(asked, headers, lang), "text/html" in headers.get("accept", "")
        scope.setdefault("state", {})["lang"] = said_in
        if scope["path"] in OPEN:
            return await app(scope, receive, with_headers(send))
        refusal = door.refusal(scope["method"], headers)
        if refusal is not None:
            return await refuse(send, 403, refusal, said_in, as_page=as_page)
        at_page = scope["path"] == PAGE and scope["method"] == "GET"
        shown = asked.get("token", [""])[0]
        if at_page and shown and door.token is not None and same(shown, door.token):
            return await let_in(send, f"{door.cookie}={door.session}", PAGE, headers)
        if not door.lets_in(headers):
            if at_page and headers.get("sec-fetch-site") == "cross-site":
                return await ask_again(send, PAGE)
            return await refuse(send, 401, "token_missing", said_in, as_page=as_page, more=[CHALLENGE])
        own_files = scope["path"].startswith("/static/")
        return await app(scope, receive, with_headers(send, b"no-cache" if own_files else b"no-store"))

    return answer
