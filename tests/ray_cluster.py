"""A real Ray cluster of several nodes on this machine, for tests and measurements."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent
STORE_BYTES = 100 * 2**20


class Nodes:
    """A cluster whose head works on nothing, so that each of its other nodes can be killed.

    Args:
        cluster: Ray's own.
        cpus: cores of a node.
    """

    def __init__(self, cluster: Any, cpus: int) -> None:
        self.cluster, self.cpus, self.nodes = cluster, cpus, []
        self.address: str = cluster.address

    def add(self) -> None:
        """Start one more node."""
        self.nodes.append(self.cluster.add_node(num_cpus=self.cpus, object_store_memory=STORE_BYTES))

    def kill(self) -> None:
        """Kill the node that was started first, with everything that runs on it."""
        self.cluster.remove_node(self.nodes.pop(0), allow_graceful=False)


@contextmanager
def ray_cluster(nodes: int, *, cpus: int = 1) -> Iterator[Nodes]:
    """A cluster for as long as the block lasts; its processes find the modules of the tests."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["PYTHONPATH"] = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        made = Nodes(cluster, cpus)
        for _ in range(nodes):
            made.add()
        cluster.wait_for_nodes()
        yield made
    finally:
        cluster.shutdown()
