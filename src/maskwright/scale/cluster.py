"""The way onto a Ray cluster. Ray is an extra, and imported only here and in functions of this package."""

from __future__ import annotations

import logging
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from maskwright.errors import UsageError

ANSWER_S = 10.0
"""Seconds in which a cluster's head has to answer."""


def check_cluster(address: str | None, *, nodes: int | None = None) -> None:
    """Refuse what no cluster can do, in a moment and before anything is read or written.

    Args:
        address: as in `connected`; None is no cluster.
        nodes: how many of its machines are asked for.

    Raises:
        UsageError: Ray is not installed, nobody answers there, or machines are asked for without a cluster.
    """
    if address is not None:
        _imported()
        _answering(address)
    elif nodes is not None:
        raise UsageError(
            f"--nodes {nodes}: there is no cluster whose machines these would be.",
            do="--ray ADDRESS names one; leave --nodes out to train here alone.",
        )


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
    ray, found = _imported(), _answering(address)
    here = {"include_dashboard": False} if found == "local" else {}
    try:
        ray.init(address=found, logging_level=logging.ERROR, log_to_driver=False, **here)
    except (OSError, RuntimeError, ValueError) as error:  # OSError: ConnectionError and TimeoutError too
        raise _no_answer(address, str(error)) from None
    try:
        yield ray
    finally:
        ray.shutdown()


def machines_for(ray: Any, *, threads: int, device: str = "cpu") -> int:
    """How many machines of the cluster have what one piece of work takes; Ray waits without end where none has.

    Args:
        ray: as `connected` gives it.
        threads: cores that it takes.
        device: of torch; where it is cuda, a GPU is taken too.

    Raises:
        UsageError: none has.
    """
    wants = {"CPU": threads} | ({"GPU": 1} if device.startswith("cuda") else {})
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    able = sum(all(one.get(kind, 0) >= count for kind, count in wants.items()) for one in alive)
    if not able:
        raise UsageError(
            "--ray: no machine of the cluster has what this work takes.",
            expected=", ".join(f"{count} {kind}" for kind, count in wants.items()),
            found="; ".join(f"{one.get('CPU', 0):g} CPU, {one.get('GPU', 0):g} GPU" for one in alive),
            do="--threads N says how many cores each is to take.",
        )
    return able


def _answering(address: str) -> str:
    """Where the cluster is, once somebody has answered there; Ray itself tries for minutes."""
    if address == "local":
        return address
    found = (os.environ.get("RAY_ADDRESS") or _remembered()) if address == "auto" else address
    if not found:
        raise _no_answer(address, f"RAY_ADDRESS is not set, and there is no {_address_file()}")
    host, _, port = found.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise _no_answer(address, found)
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise _no_answer(address, f"{found}: {error}") from None
    return found


def _remembered() -> str:
    """The cluster that `ray start` has started or joined on this machine; "" where it has not."""
    file = _address_file()
    return file.read_text().strip() if file.is_file() else ""


def _address_file() -> Path:
    there = "/tmp" if sys.platform == "darwin" else tempfile.gettempdir()  # as Ray has it
    return Path(os.environ.get("RAY_TMPDIR") or there, "ray", "ray_current_cluster")


def _no_answer(address: str, found: str) -> UsageError:
    return UsageError(
        f"--ray {address}: there is no Ray cluster that answers.",
        expected="HOST:PORT of a cluster's head, auto for the one of this machine, or local",
        found=" ".join(found.split())[:200],
        do="ray start --head starts one; it tells its address.",
    )


def _imported() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report home
    try:
        import ray
    except ImportError:
        raise UsageError("--ray: the package ray is not installed.", do='pip install "maskwright[ray]"') from None
    return ray
