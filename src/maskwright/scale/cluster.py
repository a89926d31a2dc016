"""The way onto a Ray cluster. Ray is an extra, and imported only here and in functions of this package."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from maskwright.errors import UsageError

ANSWER_S = 10.0
"""Seconds in which a cluster's head has to answer."""


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A connection to a Ray cluster, for as long as the block lasts.

    Args:
        address: `HOST:PORT` of the cluster's head, "auto" for the cluster that runs on this machine, or "local" for one
            that is started here and ends with the block.

    Returns:
        A context manager giving the module `ray`.

    Raises:
        UsageError: Ray is not installed, or there is no such cluster.
    """
    ray = _imported()
    here = {"include_dashboard": False} if address == "local" else {}
    try:
        _knock(address)
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **here)
    except (OSError, RuntimeError, ValueError) as error:  # OSError: ConnectionError and TimeoutError too
        raise UsageError(
            f"--ray {address}: there is no Ray cluster that answers.",
            expected="HOST:PORT of a cluster's head, auto for the one of this machine, or local",
            found=" ".join(str(error).split())[:200],
            do="ray start --head starts one; it tells its address.",
        ) from None
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Fail at once where nobody listens; Ray itself tries for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=ANSWER_S).close()


def _imported() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report home
    try:
        import ray
    except ImportError:
        raise UsageError("--ray: the package ray is not installed.", do='pip install "maskwright[ray]"') from None
    return ray
