"""Predicting photos on the machines of a Ray cluster."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from maskwright.errors import MaskwrightError, UsageError
from maskwright.inference.outputs import Job
from maskwright.inference.predict import Spread
from maskwright.inference.work import Outcome, Work
from maskwright.scale.cluster import check_cluster, connected, machines_for

PHOTOS = 32
"""Photos of one task: seconds of work, beside which starting a task costs nothing, and all that a lost node loses."""

QUEUED = 2
"""Tasks for each worker: the next one is there when one ends, and no list of millions waits in the cluster."""


def over_ray(address: str, *, threads: int = 1) -> Spread:
    """Who predicts on a Ray cluster: `predict(..., spread=over_ray("auto"))`.

    The predictor is sent to each node once, and every worker process keeps it. The photos go there as addresses, so
    they and the folder of the predictions must be visible to every node under the same paths. Where a node dies, what
    it had begun is done by the others; a photo whose files are there by then is not predicted twice.

    Args:
        address: as in `connected`.
        threads: cores that each worker takes.

    Raises:
        UsageError: there is no cluster; when the work begins also where none of its machines has the cores.
    """
    check_cluster(address)

    def spread(work: Work, jobs: Sequence[Job]) -> Iterator[Outcome]:
        with connected(address) as ray:
            machines_for(ray, threads=threads)
            held = ray.put(work)
            start = ray.remote(num_cpus=threads, max_retries=-1)(_outcomes).remote
            folder = Path.cwd()
            waiting: list[Any] = []
            for first in range(0, len(jobs), PHOTOS):
                waiting.append(start([held], folder, jobs[first : first + PHOTOS]))
                while len(waiting) >= QUEUED * max(1, int(ray.cluster_resources().get("CPU", 0)) // threads):
                    (ready, *_), waiting = ray.wait(waiting)
                    yield from _answer(ray, ready)
            while waiting:
                (ready, *_), waiting = ray.wait(waiting)
                yield from _answer(ray, ready)

    return spread


def _outcomes(held: list[Any], folder: Path, jobs: Sequence[Job]) -> list[Outcome]:
    """A task. What is in a list comes as the reference that it is, so that it is fetched once and not for each task."""
    os.chdir(folder)  # paths mean what they mean where the command was given
    return list(_fetched(held[0]).outcomes(jobs))


@functools.lru_cache(maxsize=1)
def _fetched(held: Any) -> Work:
    import ray

    work: Work = ray.get(held)
    return work


def _answer(ray: Any, task: Any) -> list[Outcome]:
    try:
        outcomes: list[Outcome] = ray.get(task)
        return outcomes
    except ray.exceptions.RayError as error:
        if isinstance(getattr(error, "cause", None), MaskwrightError):
            raise error.cause from None
        raise UsageError(
            "--ray: a node of the cluster cannot do the work.",
            found=" ".join(str(error).split())[-300:],
            do="Install the same Maskwright on every node, and give paths that all of them see.",
        ) from error
