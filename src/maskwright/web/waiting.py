"""Photos that wait to be predicted: one thread predicts them, those of one size together."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from maskwright.data.grouping import BATCH
from maskwright.data.sample import Image

Most = Callable[[Any, Image], int]
"""How many photos like one go through a network together, of which something is wanted."""
Act = Callable[[Any, list[Image]], Sequence[Any]]
"""Predicts photos of one size; takes what is wanted of them, the same for all."""

RECENT = 0.2
"""How much the last batch counts in what a photo is said to take."""


@dataclass(frozen=True)
class Done:
    """A prediction.

    Args:
        answer: what the act gave for the photo.
        waited_s: how long the photo stood in the line.
        took_s: how long its batch took.
        together: how many photos were in the batch.
    """

    answer: Any
    waited_s: float
    took_s: float
    together: int


@dataclass(frozen=True, eq=False)
class _Waiting:
    wanted: Hashable
    image: Image
    since: float = field(default_factory=time.perf_counter)
    done: Future[Done] = field(default_factory=Future)

    def goes_with(self, other: _Waiting) -> bool:
        return self.wanted == other.wanted and self.image.shape == other.image.shape


class Line:
    """Photos in the order in which they came, and the one thread that predicts them.

    The oldest goes first and takes along those behind it of which the same is wanted and that have its size, as many
    as go through a network together. Nobody waits for company: a photo alone goes alone.

    Args:
        act: predicts.
        most: how many it takes together.
    """

    def __init__(self, act: Act, most: Most = lambda *_: BATCH) -> None:
        self._act, self._most = act, most
        self._waiting: deque[_Waiting] = deque()
        self._more = threading.Condition()
        self._closing = False
        self.photo_s = 0.0  # what one took lately; 0 before the first
        self._thread = threading.Thread(target=self._work, name="predicting", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, wanted: Hashable, image: Image) -> Future[Done]:
        """Put a photo at the end of the line.

        Args:
            wanted: what the act takes.
            image: `(H, W, 3) uint8`.

        Returns:
            A future; cancelling it takes the photo out of the line, unless it is being predicted.
        """
        one = _Waiting(wanted, image)
        with self._more:
            self._waiting.append(one)
            self._more.notify()
        return one.done

    def close(self) -> None:
        """End the thread when the line is empty, and wait for that."""
        with self._more:
            self._closing = True
            self._more.notify()
        self._thread.join()

    def _work(self) -> None:
        while batch := self._next():
            began = time.perf_counter()
            answers = self._predicted(batch)
            took_s = time.perf_counter() - began
            self.photo_s += RECENT * (took_s / len(batch) - self.photo_s) if self.photo_s else took_s / len(batch)
            for one, answer in zip(batch, answers, strict=True):
                if isinstance(answer, Exception):
                    one.done.set_exception(answer)
                else:
                    one.done.set_result(Done(answer, began - one.since, took_s, len(batch)))

    def _next(self) -> list[_Waiting]:
        """The photos that go next, none when the line is closed and empty; those given up meanwhile are left out."""
        with self._more:
            while True:
                self._more.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return []
                first = self._waiting[0]
                most = self._most(first.wanted, first.image)
                chosen = [one for one in self._waiting if one.goes_with(first)][:most]
                taken = set(map(id, chosen))
                self._waiting = deque(one for one in self._waiting if id(one) not in taken)
                wanted = [one for one in chosen if one.done.set_running_or_notify_cancel()]
                if wanted:
                    return wanted

    def _predicted(self, batch: list[_Waiting]) -> Sequence[Any]:
        """An answer or an error for each; where a batch fails, each photo answers for itself."""
        try:
            return self._act(batch[0].wanted, [one.image for one in batch])
        except Exception as error:  # whoever asked is told
            return [error] if len(batch) == 1 else [self._predicted([one])[0] for one in batch]


class Room:
    """Pixels that may be in memory together; who finds no room waits, and is let in in the order of coming.

    Args:
        pixels: how many.
    """

    def __init__(self, pixels: int) -> None:
        self._whole = self._left = pixels
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def taken(self, pixels: int) -> AsyncIterator[None]:
        """Wait for room and hold it; what is larger than all of it takes all of it."""
        pixels = min(pixels, self._whole)
        if self._waiting or pixels > self._left:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((pixels, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if not turn.cancelled():  # let in at the very moment of giving up
                    self._left += pixels
                self._let_in()
                raise
        else:
            self._left -= pixels
        try:
            yield
        finally:
            self._give_back(pixels)

    def _give_back(self, pixels: int) -> None:
        self._left += pixels
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and (self._waiting[0][1].cancelled() or self._waiting[0][0] <= self._left):
            pixels, turn = self._waiting.popleft()
            if not turn.cancelled():  # who has given up is passed over
                self._left -= pixels
                turn.set_result(None)
