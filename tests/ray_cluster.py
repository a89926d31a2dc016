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
    """The nodes of a cluster, one core each; all but the head can be killed.

    Args:
        cluster: Ray's own.
    """

    def __init__(self, cluster: Any) -> None:
        self.cluster, self.killable = cluster, []
        self.address: str = cluster.address

    def add(self) -> None:
        """Start one more node."""
        self.killable.append(self.cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES))

    def kill(self) -> None:
        """Kill a node, with everything that runs on it."""
        self.cluster.remove_node(self.killable.pop(0), allow_graceful=False)


@contextmanager
def ray_cluster(nodes: int) -> Iterator[Nodes]:
    """A cluster of so many nodes for as long as the block lasts; its processes find the modules of the tests."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_raylet_start_wait_time_s"] = "300"  # noqa: SIM112 - a busy machine is no broken one
    os.environ["PYTHONPATH"] = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        made = Nodes(cluster)
        for _ in range(nodes - 1):
            made.add()
        cluster.wait_for_nodes()
        yield made
    finally:
        cluster.shutdown()
