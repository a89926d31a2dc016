"""maskwright serve: masks for programs over HTTP, and a page to try a model on one's own photos."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from maskwright.cgroups import usable_cores
from maskwright.cli import options
from maskwright.cli.screen import Screen
from maskwright.cli.verb import Answer, verb
from maskwright.errors import UsageError, shown
from maskwright.sentences import say

if TYPE_CHECKING:
    from maskwright.web.served_models import Model

TOKEN = "MASKWRIGHT_TOKEN"
"""The environment variable that may hold the token: a command line is seen by everybody on a computer."""
SHORTEST_TOKEN = 16

Served = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders or bundles; the first is the usual.")]
Host = Annotated[
    str,
    typer.Option(
        "--host", metavar="ADDRESS", help="Interface to serve on; one that others reach lets in who has the token."
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="The token that requests have to show.  [default: $MASKWRIGHT_TOKEN, or a new one where one is needed]",
    ),
]
Workers = Annotated[int, typer.Option("--workers", min=1, max=64, help="Processes that predict, on one port.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads of each process.  [default: the cores, shared out]")
]
Queue = Annotated[
    int, typer.Option("--queue", min=1, max=1000, help="Predictions under way in each process; more are answered 503.")
]
MaxMegabytes = Annotated[float, typer.Option("--max-mb", min=0.001, help="The longest request, in megabytes.")]
MaxMegapixels = Annotated[
    float, typer.Option("--max-mpx", min=0.001, max=178, help="The largest photo, in millions of pixels.")
]
Timeout = Annotated[float, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="The longest that one may take.")]
Drain = Annotated[
    float,
    typer.Option(
        "--drain",
        min=0,
        metavar="SECONDS",
        help="Asked to stop, requests are still taken for so long, while /readyz says no.",
    ),
]
Origins = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-origin", metavar="ORIGIN", help="A site whose pages may ask: https://lab.example. May be repeated."
    ),
]


@verb
def serve(
    screen: Screen,
    runs: Served,
    port: options.Port = None,
    host: Host = "127.0.0.1",
    token_file: TokenFile = None,
    workers: Workers = 1,
    threads: Threads = None,
    runtime: options.Runtime = "torch",
    device: options.Device = "cpu",
    model: options.OwnModel = None,
    tta: options.TTA = True,
    queue: Queue = 64,
    max_mb: MaxMegabytes = 20.0,
    max_mpx: MaxMegapixels = 25.0,
    timeout: Timeout = 30.0,
    drain: Drain = 1.0,
    allow_origin: Origins = None,
    browser: options.OpenBrowser = True,
) -> Answer:
    """Answer photos with masks over HTTP, and open a page to try a model on.

    POST /v1/segment takes a photo and gives its mask; /docs describes the whole API. The page at / shows mask,
    probabilities and areas of any photo, and compares two models. Nothing that is sent is stored. The log goes to
    standard error, a JSON object a line. SIGTERM or Ctrl-C ends it when all that it has taken on is answered.
    """
    from maskwright.web.door import Door
    from maskwright.web.intake import Bounds
    from maskwright.web.security import our_hosts
    from maskwright.web.serve_process import Order, open_models, serve_one, serve_several
    from maskwright.web.serving import is_loopback, listen

    token = _token(token_file) or (None if is_loopback(host) else secrets.token_urlsafe(24))
    origins = _origins(allow_origin or [])
    bounds = Bounds(round(max_mb * 1e6), round(max_mpx * 1e6), queue, timeout)
    share = threads or max(1, usable_cores() // workers)
    with contextlib.ExitStack() as held:
        listening = listen(host, port)
        held.enter_context(listening.socket)
        hosts = None if token else our_hosts(listening.names, listening.port)
        door = Door(listening.port, token, hosts, origins)
        order = Order(tuple(runs), bounds, door, share, runtime, device, model, tta, screen.lang, drain)
        models = open_models(order)
        held.pop_all()  # it is served below
    value, text = _said(f"http://{listening.host}:{listening.port}", token, models, screen.lang)

    def serve_until_stopped() -> None:
        if browser:
            _open(value["address"])
        with listening.socket, contextlib.suppress(KeyboardInterrupt):
            if workers == 1:
                serve_one(order, listening.socket, models)
            else:
                models.clear()
                serve_several(order, listening.socket, workers)

    return Answer({**value, "workers": workers}, text, then=serve_until_stopped)


def _said(address: str, token: str | None, models: list[Model], lang: str) -> tuple[dict[str, Any], str]:
    """What is printed with --json, and what for a person."""
    page = f"{address}/?token={token}" if token else f"{address}/"
    value = {"address": page, "api": f"{address}/v1/segment", "token": token, "models": [each.name for each in models]}
    names = ", ".join(f"{each.name} ({each.predictor.recipe.model})" for each in models)
    said = [say("serve.open", lang, names=names), f"  {page}"]
    said += [say("serve.ask", lang), f"  {_curl(address, token)}"]
    return value, "\n".join([*said, say("serve.stop", lang)])


def _token(file: Path | None) -> str | None:
    """The token that was given, None where none was.

    Raises:
        UsageError: the file cannot be read, or the token is too short.
    """
    try:
        token = (file.read_text(encoding="utf-8") if file else os.environ.get(TOKEN, "")).strip()
    except (OSError, ValueError) as error:
        raise UsageError(f"--token-file {shown(file or '')}: cannot be read.", found=str(error)) from None
    if not token and file is None:
        return None
    if len(token) < SHORTEST_TOKEN or not token.isascii() or any(letter.isspace() for letter in token):
        raise UsageError(
            f"--token-file or {TOKEN}: this is no token.",
            expected=f"{SHORTEST_TOKEN} or more ASCII letters and digits, without blanks",
            do="Make one: python -c 'import secrets; print(secrets.token_urlsafe(24))'",
        )
    return token


def _origins(given: list[str]) -> frozenset[str]:
    from maskwright.web.door import origins_for

    allowed = origins_for(given)
    if len(allowed) < len(set(given)):
        raise UsageError(
            "--allow-origin: a site is named by scheme and host.",
            expected="https://lab.example or http://localhost:3000",
            found=", ".join(given),
        )
    return allowed


def _curl(address: str, token: str | None) -> str:
    shown_token = f'-H "Authorization: Bearer {token}" ' if token else ""
    return f"curl {shown_token}--data-binary @photo.jpg {address}/v1/segment -H 'Content-Type: image/jpeg' -o mask.png"


def _open(page: str) -> None:
    import webbrowser

    webbrowser.open(page)
