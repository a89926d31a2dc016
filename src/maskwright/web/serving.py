"""Serving an application until Ctrl-C: sockets, addresses, and who may ask under which name."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import uvicorn

from maskwright.errors import UsageError
from maskwright.web.security import LOOPBACK, App, Entrance, Limits, guarded, our_hosts

USUAL_PORT = 8765
"""Taken when it is free, so that an open tab finds a server that was started anew."""

GRACE_S = 3
"""How long requests under way may take after Ctrl-C; a decision takes milliseconds."""


EVERY = ("0.0.0.0", "::")
"""All interfaces: nobody can open these addresses, so the ones that others reach are shown."""


@dataclass(frozen=True)
class Listening:
    """A socket that is bound and not yet served.

    Args:
        socket: the socket.
        host: as it stands in addresses, IPv6 in brackets.
        port: its port.
        names: under what names and addresses it may be asked.
    """

    socket: socket.socket
    host: str
    port: int
    names: tuple[str, ...]

    def address(self, path: str, token: str) -> str:
        """What a person opens."""
        return f"http://{self.host}:{self.port}{path}?token={token}"


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches an interface."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str = "127.0.0.1", port: int | None = None) -> Listening:
    """Bind a socket.

    Args:
        host: the interface: an address of this computer, or a name of one.
        port: the port, 0 for any; None takes the usual one, or any where that is taken.

    Raises:
        UsageError: the port is taken, or there is no such interface.
    """
    wanted = [USUAL_PORT, 0] if port is None else [port]
    for number in wanted:
        try:
            bound = _bound(host, number)
        except OSError as error:
            if number == wanted[-1]:
                raise UsageError(
                    f"--host {host} --port {number}: nothing can be served there.",
                    found=error.strerror or str(error),
                    do="Leave --port out to take a free one; --host wants an address of this computer.",
                ) from None
        else:
            names = (*LOOPBACK, _in_address(host)) if is_loopback(host) else _names(host)
            return Listening(bound, _outward() if host in EVERY else _in_address(host), bound.getsockname()[1], names)
    raise AssertionError("the last port is bound or refused")


def serve(app: App, listening: Listening, entrance: Entrance, *, body_bytes: int, lang: str = "en") -> None:
    """Answer requests until Ctrl-C, which is raised again; requests under way are ended first.

    Args:
        app: the application; it is guarded here.
        listening: where.
        entrance: who may come in.
        body_bytes: the longest body of a request.
        lang: language of refusals.
    """
    limits = Limits(our_hosts(listening.names, listening.port), body_bytes)
    config = uvicorn.Config(
        guarded(app, entrance, limits, lang=lang),
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        ws="none",
    )
    with listening.socket:
        uvicorn.Server(config).run(sockets=[listening.socket])


def announce(listening: Listening, people: Sequence[str], path: str, show: Callable[[str, str], None]) -> Entrance:
    """An entrance for people, where each new address is shown when the old one was used.

    Args:
        listening: where is served.
        people: their names.
        path: of the page.
        show: takes a person's name and the next address.
    """
    return Entrance(
        people, listening.port, page=path, on_used=lambda person, token: show(person, listening.address(path, token))
    )


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    made = socket.socket(family, kind, protocol)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # on Windows SO_REUSEADDR would let two programs share a port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(place)
        made.listen(128)
    except OSError:
        made.close()
        raise
    return made


def _names(host: str) -> tuple[str, ...]:
    """The names of an interface that others reach; of all interfaces, every name of this computer."""
    if host not in EVERY:
        return (_in_address(host),)
    own = {socket.gethostname(), socket.getfqdn(), _outward()}
    with contextlib.suppress(OSError):
        own |= {_in_address(str(entry[4][0])) for entry in socket.getaddrinfo(socket.gethostname(), None)}
    return (*LOOPBACK, *sorted(own))


def _outward() -> str:
    """The address of this computer that others reach, or its name where it has none."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing: tells which address would be used (RFC 5737)
        return str(probe.getsockname()[0])
    return socket.gethostname()


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host
