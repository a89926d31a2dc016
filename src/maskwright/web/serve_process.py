"""Processes that serve: one, or several on one socket; how they begin, and how they end without losing a request."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

import uvicorn
from prometheus_client.multiprocess import mark_process_dead
from starlette.middleware.cors import CORSMiddleware

from maskwright.inference.load import load
from maskwright.inference.predictor import Predictor
from maskwright.inference.tiling import tiled
from maskwright.web.door import Door, behind
from maskwright.web.heads import Heads
from maskwright.web.intake import Bounds
from maskwright.web.meters import SHARED, Meters
from maskwright.web.security import App, Message, Receive, Scope, Send
from maskwright.web.serve import serve_app
from maskwright.web.serve_log import Observed, set_up, tell
from maskwright.web.served_models import Model, names_for
from maskwright.web.service import Service

WHOLE_PX = 4_000_000
"""Larger photos are seen in tiles where the recipe does not scale them down: at 300 bytes a pixel a network takes
1.2 GB for these, and 11 GB for the 36 million pixels of a large camera."""
MARGIN_S = 5
"""What requests under way get beyond their own limit before a server that is stopping gives them up."""
LOOK_S = 0.2
"""How often the parent looks after its workers."""
PAUSE_S = 1.0
"""Before a worker that died is replaced, so that one that dies at once does not take all of the computer."""
CONNECTIONS = 1000
"""Open connections of one process; more are answered 503 by uvicorn, before they cost anything."""


@dataclass(frozen=True)
class Order:
    """What is served, and how; it travels to the workers.

    Args:
        folders: runs or bundles.
        bounds: what is taken on.
        door: who is let in.
        threads: of each process; None for as many as there are cores.
        runtime: as for `maskwright.load`.
        device: likewise.
        own_code: as its `model`.
        tta: likewise.
        lang: of pages and refusals where a request asks for none.
        drain_s: how long a server that was asked to stop still takes requests, while `/readyz` says no.
    """

    folders: tuple[Path, ...]
    bounds: Bounds
    door: Door
    threads: int | None = None
    runtime: str = "torch"
    device: str = "cpu"
    own_code: str | None = None
    tta: bool = True
    lang: str = "en"
    drain_s: float = 1.0


def open_models(order: Order) -> list[Model]:
    """Load what is served.

    Raises:
        RunError: as `maskwright.load`.
    """
    return [
        Model(name, folder, _loaded(folder, order))
        for name, folder in zip(names_for(order.folders), order.folders, strict=True)
    ]


def _loaded(folder: Path, order: Order) -> Predictor:
    loaded = load(
        folder,
        runtime=order.runtime,
        device=order.device,
        threads=order.threads,
        model=order.own_code,
        tta=order.tta,
    )
    return tiled(loaded, above_px=WHOLE_PX)


def serve_one(order: Order, bound: socket.socket, models: Sequence[Model], *, worker: bool = False) -> None:
    """Serve in this process until it is asked to stop; what is under way then is ended first.

    Args:
        order: see `Order`.
        bound: the socket.
        models: as `open_models` gave them.
        worker: whether a parent tells this process when to stop.
    """
    set_up()
    for model in models:
        model.warm()
    service = Service(models, order.bounds, Meters())
    app = Observed(_stopping_said(_outside(service, order), service), service.meters)
    config = uvicorn.Config(
        app,
        http=Heads,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=round(order.bounds.seconds) + MARGIN_S,
        limit_concurrency=CONNECTIONS,
        ws="none",
    )
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises them again when it has ended: nobody is killed then
        signal.signal(number, signal.SIG_IGN)
    tell("serving", models=list(service.models), port=order.door.port)
    _Server(config, service, order.drain_s, worker=worker).run(sockets=[bound])
    service.close()
    tell("stopped", begun=app.begun, ended=app.ended)


def serve_several(order: Order, bound: socket.socket, count: int) -> None:
    """Serve in several processes on one socket, each with models of its own, until asked to stop.

    They share nothing but the files, and the counts that `/metrics` adds up through a folder of its own. One that dies
    is replaced. Asked a second time, they are killed.

    Args:
        order: see `Order`.
        bound: the socket.
        count: how many.
    """
    asked: list[int] = []
    workers: list[BaseProcess] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        if len(asked) > 1:
            for worker in workers:
                worker.kill()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    set_up()
    with tempfile.TemporaryDirectory(prefix="maskwright-counts-") as counts:
        os.environ[SHARED] = counts
        workers += [_started(order, bound) for _ in range(count)]
        while not asked:
            time.sleep(LOOK_S)
            for place, worker in enumerate(workers):
                if not worker.is_alive() and not asked:
                    tell("worker died", level=40, worker=worker.pid, code=worker.exitcode)
                    mark_process_dead(worker.pid, counts)  # type: ignore[no-untyped-call]
                    time.sleep(PAUSE_S)
                    workers[place] = _started(order, bound)
        bound.close()
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()
        tell("all stopped", workers=count)


def _started(order: Order, bound: socket.socket) -> BaseProcess:
    # a new interpreter: nothing of the parent's torch and its threads is copied
    worker = multiprocessing.get_context("spawn").Process(target=_work, args=(order, bound))
    worker.start()
    return worker


def _work(order: Order, bound: socket.socket) -> None:
    serve_one(order, bound, open_models(order), worker=True)


def _outside(service: Service, order: Order) -> App:
    """The application as it is reached: behind its door, and for pages of the sites that were named."""
    app = behind(serve_app(service, lang=order.lang), order.door, lang=order.lang)
    if not order.door.origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=sorted(order.door.origins),
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "accept", "x-request-id"],
        expose_headers=["maskwright-size", "maskwright-areas", "server-timing", "retry-after"],
    )


def _stopping_said(app: App, service: Service) -> App:
    """An application that tells connections to go elsewhere once the server is stopping."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def closing(message: Message) -> None:
            if service.stopping and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        await app(scope, receive, closing)

    return answer


class _Server(uvicorn.Server):
    """Asked to stop, it first says so (`/readyz`), then takes nothing more, and ends when all is answered."""

    def __init__(self, config: uvicorn.Config, service: Service, drain_s: float, *, worker: bool) -> None:
        super().__init__(config)
        self._service, self._drain_s, self._worker = service, drain_s, worker
        self._stops_at = float("inf")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._worker and sig == signal.SIGINT:
            return  # Ctrl-C in a terminal reaches everybody; the parent says when
        if self._service.stopping:
            super().handle_exit(sig, frame)  # asked twice
        self._stop()

    async def on_tick(self, counter: int) -> bool:
        parent = multiprocessing.parent_process()
        if self._worker and parent is not None and not parent.is_alive():
            self._stop()
        return await super().on_tick(counter) or time.monotonic() >= self._stops_at

    def _stop(self) -> None:
        if not self._service.stopping:
            self._service.stopping = True
            self._stops_at = time.monotonic() + self._drain_s
            tell("stopping", under_way=self._service.under_way)
