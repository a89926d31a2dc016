"""Connections that never say what they want: closed in time, since whoever holds one has not shown a token yet."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10
"""How long the head of a request may take; bodies have a limit of their own (`web.intake.Bounds`)."""


class Heads(H11Protocol):
    """HTTP/1.1 where each request's head has to be whole `HEAD_S` after the connection, or its first bytes, came.

    uvicorn itself closes only connections that are silent after an answer.
    """

    _ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._ending = self.loop.call_later(HEAD_S, transport.close)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        between = self.cycle is None or self.cycle.response_complete  # a whole head begins a cycle
        if not between:
            self._go_on()
        elif self._ending is None:
            self._ending = self.loop.call_later(HEAD_S, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._go_on()
        super().connection_lost(exc)

    def _go_on(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
