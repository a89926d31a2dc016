"""What a server counts, for Prometheus.

`prometheus_client` writes it: 64 kB without dependencies, Apache-2.0, and the one way to add up what several processes
count through nothing but files (`PROMETHEUS_MULTIPROC_DIR`, which `maskwright serve --workers` sets for its workers).
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder where several processes count together; prometheus_client reads it when it is imported."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
TOGETHER = (1, 2, 4, 8)


class Meters:
    """The counts of one process, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.requests = Counter("maskwright_requests", "Requests answered.", ("path", "status"), registry=registry)
        self.request_seconds = Histogram(
            "maskwright_request_seconds", "From a request to its answer.", ("path",), registry=registry, buckets=SECONDS
        )
        self.under_way = Gauge(
            "maskwright_predictions_under_way",
            "Predictions that wait or are made.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.photos = Counter("maskwright_photos", "Photos predicted.", ("model",), registry=registry)
        self.predict_seconds = Histogram(
            "maskwright_batch_seconds", "Predicting one batch.", ("model",), registry=registry, buckets=SECONDS
        )
        self.together = Histogram(
            "maskwright_batch_photos", "Photos of one batch.", registry=registry, buckets=TOGETHER
        )

    def predicted(self, model: str, photos: int, seconds: float) -> None:
        """Count a batch."""
        self.photos.labels(model).inc(photos)
        self.predict_seconds.labels(model).observe(seconds)
        self.together.observe(photos)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.requests.labels(path, str(status)).inc()
        self.request_seconds.labels(path).observe(seconds)

    def text(self) -> bytes:
        """All counts in Prometheus' text format; of several processes their sums."""
        if SHARED not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
