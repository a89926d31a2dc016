"""One process that predicts for others: who is taken on, in what order, and for how long."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import Request

from maskwright.data.grouping import BATCH
from maskwright.data.sample import Image
from maskwright.web.intake import Bounds, Declined, checked_size, decoded, photo_content, present
from maskwright.web.meters import Meters
from maskwright.web.served_models import Model
from maskwright.web.waiting import Done, Line, Room

FLOATS_TOGETHER = 64_000_000
"""Probabilities of photos that go through a network together, 256 MB: eight of 1600 x 1600 with three classes."""
OF_ITS_TIME = 0.5
"""How much of a request's time may be over before it is its turn, by what photos took lately: else it is told at once
to come again. A batch may take half of that: on a starved computer eight together would all be late."""
HANDS = 2
"""Threads that decode and encode beside the one that predicts; what they call lets go of the interpreter."""

T = TypeVar("T")


class Gone(Exception):
    """Whoever asked has closed the connection: nobody reads an answer."""


@dataclass
class Visit:
    """One request while it is being answered.

    Args:
        laps_ms: how long its steps took, by name, in their order.
        prediction: the photo in the line, once it stands there.
    """

    laps_ms: dict[str, float] = field(default_factory=dict)
    prediction: Future[Done] | None = None
    _since: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        """Say that a step has ended."""
        now = time.perf_counter()
        self.laps_ms[name] = self.laps_ms.get(name, 0.0) + 1000 * (now - self._since)
        self._since = now

    def late(self, seconds: float) -> Declined:
        """What is answered when its time is over: who was not begun with may come again."""
        if self.prediction is None and "read" not in self.laps_ms:
            return Declined(408, "slow_request", seconds=seconds)
        if self.prediction is None or self.prediction.cancelled():
            return Declined(503, "waited_too_long", retry_after_s=max(1, round(seconds / 2)), seconds=seconds)
        return Declined(504, "took_too_long", seconds=seconds)


class Service:
    """Models, and the requests that are under way.

    Args:
        models: at least one; the first answers those who name none.
        bounds: what is taken on.
        meters: is told what happens.
    """

    def __init__(self, models: Sequence[Model], bounds: Bounds, meters: Meters) -> None:
        self.models = {model.name: model for model in models}
        self.bounds, self.meters = bounds, meters
        self.stopping = False
        self.line = Line(self._predict, self._most)
        self.under_way = 0
        self._room = Room(bounds.pixels_together)
        self._hands = ThreadPoolExecutor(HANDS, thread_name_prefix="hand")

    @property
    def first(self) -> Model:
        """The model of those who name none."""
        return next(iter(self.models.values()))

    def model(self, name: str) -> Model:
        """A model by its name, "" for the first.

        Raises:
            Declined: there is none.
        """
        found = self.models.get(name) if name else self.first
        if found is None:
            raise Declined(404, "no_model", name=name[:100], names=", ".join(self.models))
        return found

    @asynccontextmanager
    async def visit(self) -> AsyncIterator[Visit]:
        """Take a request on, and see to it that it ends in time.

        Raises:
            Declined: too many are under way, or its time is over.
        """
        left_s = self.line.photo_s * self.under_way
        if self.under_way >= self.bounds.requests or left_s > self.bounds.seconds * OF_ITS_TIME:
            raise Declined(503, "full", retry_after_s=max(1, math.ceil(min(left_s, self.bounds.seconds))))
        self.under_way += 1
        self.meters.under_way.inc()
        visit = Visit()
        try:
            async with asyncio.timeout(self.bounds.seconds):
                yield visit
        except TimeoutError:
            raise visit.late(self.bounds.seconds) from None
        finally:
            self.under_way -= 1
            self.meters.under_way.dec()

    async def answered(
        self, request: Request, model: Model, kind: str, make: Callable[[Image, Any, Visit], T]
    ) -> tuple[T, Visit]:
        """Take a photo out of a request, predict it, and make an answer.

        Args:
            request: its body was not read yet.
            model: which one predicts.
            kind: "masks" or "probs", see `Model.predict`.
            make: makes the answer, in a thread of its own.

        Raises:
            Declined: the request is not taken on, or does not end in time.
            Undecodable: its photo is none.
            Gone: whoever asked has gone.
        """
        async with self.visit() as visit:
            content = await photo_content(request, self.bounds)
            visit.lap("read")
            async with self.photo(content, visit, self.bounds.pixels_for(len(model.classes))) as image:
                done = await self.predicted(request, model, kind, image, visit)
                made = await self.aside(make, image, done.answer, visit)
                visit.lap("encode")
            return made, visit

    @asynccontextmanager
    async def photo(self, content: bytes, visit: Visit, most_pixels: int) -> AsyncIterator[Image]:
        """A photo out of its file's bytes, once there is room for it; the room is held until the block ends."""
        pixels = await self.aside(checked_size, content, most_pixels)
        async with self._room.taken(pixels):
            image = await self.aside(decoded, content)
            visit.lap("decode")
            yield image

    async def predicted(self, request: Request, model: Model, kind: str, image: Image, visit: Visit) -> Done:
        """Have a photo predicted, in its turn.

        Raises:
            Gone: whoever asked has gone meanwhile; a photo that still waited is taken out of the line.
        """
        visit.prediction = self.line.add((model.name, kind), image)
        answer = asyncio.wrap_future(visit.prediction)
        async with present(request) as gone:
            both: set[asyncio.Future[Any]] = {answer, gone}
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                visit.prediction.cancel()  # nobody waits for it any longer; what is done or begun stays so
        if not answer.done():
            raise Gone
        done = answer.result()
        visit.laps_ms |= {"wait": 1000 * done.waited_s, "predict": 1000 * done.took_s}
        visit.lap("handover")
        visit.laps_ms.pop("handover")
        return done

    async def aside(self, act: Callable[..., T], *given: Any) -> T:
        """Do something in a thread, so that others are answered meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self._hands, act, *given)

    def close(self) -> None:
        """End the threads when nothing is left to do."""
        self.line.close()
        self._hands.shutdown()

    def _most(self, wanted: tuple[str, str], image: Image) -> int:
        floats = image.size // 3 * len(self.models[wanted[0]].classes)
        in_time = self.bounds.seconds * OF_ITS_TIME / 2 / self.line.photo_s if self.line.photo_s else BATCH
        return max(1, min(BATCH, FLOATS_TOGETHER // floats, int(in_time)))

    def _predict(self, wanted: tuple[str, str], images: list[Image]) -> Sequence[Any]:
        name, kind = wanted
        began = time.perf_counter()
        answers = self.models[name].predict(kind, images)
        self.meters.predicted(name, len(images), time.perf_counter() - began)
        return answers
