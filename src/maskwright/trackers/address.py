"""Addresses of trackers: what of them may be shown and noted down."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote, urlsplit

from maskwright.errors import UsageError

LONG_PASSWORD = 6
"""Characters of a password that is taken out of a text also where it stands alone; shorter ones are found in words."""


def refuse_unreadable(to: str, uri: str) -> None:
    """Refuse an address that does not tell plainly which part of it is the host, and which a password.

    Raises:
        UsageError: it does not; the message does not repeat it.
    """
    if "://" in uri and _parts(uri) is None:
        raise UsageError(
            f"{to}: the address cannot be read.",
            expected="SCHEME://USER:PASSWORD@HOST:PORT/PATH",
            do="Write @ as %40, / as %2F, ? as %3F and # as %23 where they belong to a name, a password or a path.",
        )


def without_password(uri: str) -> str:
    """An address without the user's name and password, and without its query, which may hold others."""
    if "://" not in uri:
        return uri
    parts = _parts(uri)
    if parts is None:
        return uri.partition("://")[0] + "://***"
    bare = uri.partition("#")[0].partition("?")[0].partition("://")[2]
    path = bare[len(parts.netloc) :]
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}"


def without_secrets(text: str, uri: str) -> str:
    """A text that may tell of an address, without what `without_password` takes out of that, and of any other.

    Args:
        text: what a package or a server said.
        uri: the address that it was given.
    """
    text = text.replace(uri, without_password(uri)) if "://" in uri else text
    parts = _parts(uri) if "://" in uri else None
    if parts is not None:
        user, password = parts.netloc.rpartition("@")[0], parts.password or ""
        if parts.query:
            text = text.replace(f"?{parts.query}", "")
        words = (user, unquote(user)) if password else ()
        long = (word for word in (password, unquote(password)) if len(word) >= LONG_PASSWORD)
        for word in (*words, *long):
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "***", text)
    return re.sub(r"(?<=://)[^/\s]*@", "", text)


def _parts(uri: str) -> SplitResult | None:
    """The parts of an address; None where they are not plain."""
    try:
        parts = urlsplit(uri)
        web = parts.scheme in ("http", "https")
        host = not web or bool(parts.hostname and (parts.port is None or parts.port > 0))
    except ValueError:
        return None
    # An @ after the host is that of a password with a / in it, or looks like it.
    beyond = parts.netloc and "@" in uri.partition("://")[2][len(parts.netloc) :]
    return parts if host and not beyond else None
