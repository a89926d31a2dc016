"""Who waits comes in in the order of coming, those of one size together, and giving up costs nobody else."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import numpy as np
import pytest

from maskwright.web.waiting import Line, Room


def image(width: int = 4) -> np.ndarray:
    return np.zeros((4, width, 3), np.uint8)


class Act:
    """Remembers what it was asked for; waits until it is free."""

    def __init__(self) -> None:
        self.free, self.asked = threading.Event(), []

    def __call__(self, wanted: Any, images: list[np.ndarray]) -> list[str]:
        self.asked.append((wanted, [each.shape[1] for each in images]))
        self.free.wait(30)
        if wanted == "broken":
            raise ValueError("no")
        return [f"{wanted}{each.shape[1]}" for each in images]

    def until_asked(self) -> None:
        while not self.asked:
            time.sleep(0.005)


def test_the_oldest_goes_first_and_takes_its_like_along() -> None:
    act = Act()
    line = Line(act, most=lambda *_: 3)
    first = line.add("a", image())
    act.until_asked()
    rest = [line.add(*each) for each in (("a", image(8)), ("b", image(8)), *[("a", image(8))] * 4, ("a", image()))]
    assert (len(line), line.photo_s) == (7, 0.0)  # nothing is known yet
    act.free.set()
    assert first.result(30).answer == "a4"
    assert [each.result(30).answer for each in rest] == ["a8", "b8", *["a8"] * 4, "a4"]
    assert act.asked == [("a", [4]), ("a", [8, 8, 8]), ("b", [8]), ("a", [8, 8]), ("a", [4])]
    done = rest[0].result()
    assert (done.together, done.waited_s > 0, line.photo_s > 0) == (3, True, True)
    line.close()


def test_who_gives_up_is_left_out_and_a_line_that_closes_is_worked_off() -> None:
    act = Act()
    line = Line(act)
    first = line.add("a", image())
    act.until_asked()
    waiting = [line.add("a", image(8)) for _ in range(3)]
    assert waiting[1].cancel()
    assert not first.cancel()  # it is being predicted
    broken = line.add("broken", image())
    closing = threading.Thread(target=line.close)
    closing.start()
    act.free.set()
    closing.join(30)
    assert [waiting[0].result(0).answer, waiting[2].result(0).answer] == ["a8", "a8"]
    assert act.asked[1] == ("a", [8, 8])
    with pytest.raises(ValueError, match="no"):
        broken.result(0)


def test_room_is_given_in_order_and_comes_back_from_who_gives_up() -> None:
    async def story() -> list[str]:
        room, told = Room(10), []

        async def guest(name: str, pixels: int, leave: asyncio.Event) -> None:
            async with room.taken(pixels):
                told.append(name)
                await leave.wait()

        doors = {name: asyncio.Event() for name in "abcde"}
        tasks = {}
        for name, pixels in (("a", 8), ("b", 8), ("c", 1), ("d", 1), ("e", 99)):
            tasks[name] = asyncio.create_task(guest(name, pixels, doors[name]))
            await asyncio.sleep(0)
        assert told == ["a"]  # the small ones do not overtake
        tasks["b"].cancel()
        await asyncio.sleep(0.01)
        assert told == ["a", "c", "d"]
        doors["a"].set()
        tasks["c"].cancel()
        await asyncio.sleep(0.01)
        assert told == ["a", "c", "d"]  # the last one wants all of it
        doors["d"].set()
        await asyncio.sleep(0.01)
        tasks["e"].cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        async with asyncio.timeout(5), room.taken(10):  # nothing was lost
            told.append("whole")
        return told

    assert asyncio.run(story()) == ["a", "c", "d", "e", "whole"]


def test_room_that_is_given_up_while_it_is_given_is_not_lost() -> None:
    async def story() -> None:
        room = Room(4)
        holds = room.taken(4)
        await holds.__aenter__()

        async def take() -> None:
            async with room.taken(4):
                await asyncio.sleep(60)

        given, cancelled = asyncio.create_task(take()), asyncio.create_task(take())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        cancelled.cancel()  # its place in the line stands until it runs again
        await holds.__aexit__(None, None, None)
        given.cancel()  # let in, and not yet told
        await asyncio.gather(given, cancelled, return_exceptions=True)
        async with asyncio.timeout(5), room.taken(4):
            pass

    asyncio.run(story())
