"""Work on many files at once, in order and in bounded memory."""

from __future__ import annotations

import collections
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST_WORKERS = 8
"""Decoding is bound by memory beyond that, and each worker may hold a photo of half a gigabyte."""


def in_order(pool: ThreadPoolExecutor, act: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """The results in the order of the items, with only a few under way: memory does not grow with the items.

    Args:
        pool: of `workers()` threads.
        act: what is done to each item.
        items: any number of them.
    """
    under_way: collections.deque[Future[R]] = collections.deque()
    try:
        for item in items:
            under_way.append(pool.submit(act, item))
            if len(under_way) > workers() + 2:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        for future in under_way:
            future.cancel()


def workers() -> int:
    """How many threads look at files: one per core that this process may use, at most 8."""
    affinity = getattr(os, "sched_getaffinity", None)
    return min(MOST_WORKERS, len(affinity(0)) if affinity else os.cpu_count() or 2)
