"""The trials of a sweep on the machines of a Ray cluster."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from maskwright.experiments.trials import Job, Start
from maskwright.scale.cluster import connected, machines_for


@contextmanager
def starting_on_ray(address: str, run_trial: Callable[[Job], None]) -> Iterator[Start]:
    """What starts the trials of a sweep on a cluster, for as long as the block lasts: `sweep(..., start=start)`.

    Each trial takes its `threads` of one machine's cores, and a GPU where its device is cuda; it waits until they are
    free. Where its machine dies, the sweep takes it up again on another, from its last state. The data and the sweep's
    folder must be visible to every machine under the same paths.

    Args:
        address: as in `connected`.
        run_trial: what a trial is.

    Returns:
        A context manager giving a function that begins a job, or refuses one for which no machine has the cores.

    Raises:
        UsageError: there is no cluster.
    """
    with connected(address) as ray:
        # Once, and not for each: a machine that was lost since may come back.
        check = functools.cache(functools.partial(machines_for, ray))

        def start(job: Job) -> _Task:
            check(threads=job.threads or 1, device=job.device)
            wants = {"num_cpus": job.threads or 1, "num_gpus": int(job.device.startswith("cuda"))}
            # A process for each, as at home: threads and random draws are set for a whole process.
            task = ray.remote(**wants, max_retries=0, max_calls=1)(_carried_out)
            return _Task(ray, task.remote(run_trial, job, Path.cwd()))

        yield start


class _Task:
    """A job under way on some machine."""

    def __init__(self, ray: Any, task: Any) -> None:
        self._ray, self._task = ray, task

    def ended(self) -> bool:
        """Whether it is over, in whatever way."""
        return bool(self._ray.wait([self._task], timeout=0)[0])

    def kill(self) -> None:
        """End it at once, and wait until it has ended."""
        self._ray.cancel(self._task, force=True)
        self._ray.wait([self._task])


def _carried_out(run_trial: Callable[[Job], None], job: Job, folder: Path) -> None:
    os.chdir(folder)  # paths mean what they mean where the command was given
    run_trial(job)
