"""Addresses of trackers: what of them may be shown and noted down."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from maskwright.errors import UsageError

BARE = ("databricks", "databricks-uc", "uc")
"""Addresses of MLflow that look like folders."""

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


def absolute(uri: str) -> str:
    """An address that means the same wherever it is read: a folder or an SQLite file in full, any other as it is."""
    scheme, parted, rest = uri.partition(":///")
    if parted and scheme.partition("+")[0] == "sqlite":
        file, *query = rest.split("?", 1)
        return uri if file in ("", ":memory:") else "?".join([f"{scheme}:///{Path(file).resolve().as_posix()}", *query])
    return uri if "://" in uri or uri in ("", *BARE) else str(Path(uri).resolve())


def folder_meant(to: str, uri: str) -> Path:
    """The folder that was said.

    Raises:
        UsageError: it is an address.
    """
    if "://" in uri:
        raise UsageError(f"{to}: a folder is meant.", found=without_password(uri), do="Name one on this computer.")
    return Path(uri).resolve()


def is_here(uri: str) -> bool:
    """Whether an address in full needs no network."""
    if "://" not in uri:
        return Path(uri).is_absolute()
    parts = urlsplit(uri)
    scheme, host = parts.scheme.partition("+")[0], parts.hostname or ""
    if scheme == "file":
        return host in ("", "localhost")
    if scheme == "sqlite":
        return True
    # A database takes another host from the query.
    return "host" not in parts.query and (host == "localhost" or _is_loopback(host))


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


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
