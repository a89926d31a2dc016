"""How prediction grows with the nodes of a Ray cluster on this machine, and what would limit a larger one; JSON lines.

    python benchmarks/ray_scaling.py [NODES]         a predictor that waits: what coordination costs, whatever cores do
    python benchmarks/ray_scaling.py NODES RUN DATA  a trained model, one core a node: no more nodes than cores

The predictor that waits stands for a machine's work without taking this machine's cores, so that more nodes can be
started than there are cores. The photos a second are those after the first task of every node: starting a cluster's
processes is no part of it, and is told beside it, as is the load of the machine (its last minute's mean).
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from maskwright.data.classes import make_classes
from maskwright.inference.inputs import find_photos
from maskwright.inference.load import load
from maskwright.inference.outputs import Outputs, plan_outputs
from maskwright.inference.predict import Spread, predict
from maskwright.inference.predictor import Predictor
from maskwright.inference.work import Outcome, Work
from maskwright.progress import Progress
from maskwright.scale.cluster import connected
from maskwright.scale.prediction import PHOTOS, over_ray
from ray_cluster import ray_cluster
from slow_predictor import SlowPredictor

WAIT_S = 0.05
"""What a photo of 256x256 takes one core (mlp-mobilenetv2, see docs/scale.md)."""
EACH = 8 * PHOTOS
"""Photos for each node."""
LISTED = 20_000
TASKS = 2_000


def main() -> None:
    """Measure, the larger clusters last."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if len(sys.argv) > 2:
            predictor: Any = load(sys.argv[2], threads=1)
            photos = [photo.source for photo in find_photos(sys.argv[3])]
            model = len(pickle.dumps(predictor))
            print(json.dumps({"measured": "model", "bytes_sent_to_each_node": model}), flush=True)
            work = (predictor, predictor.classes)
        else:
            traces = place / "traces"
            traces.mkdir()
            work = (SlowPredictor(make_classes(["dark", "bright"]), traces, WAIT_S), make_classes(["dark", "bright"]))
            photos = _drawn(place / "photos", most * EACH)
            print(json.dumps(_driver(place, photos)), flush=True)
        alone = 0.0
        for nodes in range(1, most + 1):
            count = len(photos) if len(sys.argv) > 2 else nodes * EACH
            for name, spread in (("tasks", over_ray), ("ray data", over_ray_data)):
                said = _measured(*work, photos[:count], place / f"{name}-{nodes}", nodes, spread)
                alone = alone or said["photos_per_s"]
                growth = round(said["photos_per_s"] / alone, 2)
                print(json.dumps({"measured": name, "nodes": nodes, **said, "growth": growth}), flush=True)


def _measured(
    predictor: Predictor, classes: Any, photos: Sequence[str], out: Path, nodes: int, spread: Any
) -> dict[str, float]:
    told: list[tuple[float, int]] = []

    def note(progress: Progress) -> None:
        if progress.done and progress.done < len(photos):
            told.append((time.perf_counter(), progress.done))

    with ray_cluster(nodes) as cluster:
        began = time.perf_counter()
        predict(predictor, classes, photos, out, write="masks", spread=spread(cluster.address), on_progress=note)
    first, _ = told[0]
    (warm, some), (last, all_) = next(one for one in told if one[1] >= nodes * PHOTOS), told[-1]
    rate = {"photos_per_s": round((all_ - some) / (last - warm), 2), "start_s": round(first - began, 1)}
    return rate | {"load": round(os.getloadavg()[0], 1)}


def over_ray_data(address: str) -> Spread:
    """The same through Ray Data with actors that hold the model, for comparison."""

    def spread(work: Work, jobs: Sequence[Any]) -> Iterator[Outcome]:
        with connected(address) as ray:
            import ray.data

            held = ray.put((work, list(jobs)))
            nodes = int(ray.cluster_resources()["CPU"])

            class Actor:
                def __init__(self) -> None:
                    self.work, self.jobs = ray.get(held)

                def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
                    jobs = [self.jobs[place] for place in batch["id"]]
                    return {"outcome": [pickle.dumps(one) for one in self.work.outcomes(jobs)]}

            ray.data.DataContext.get_current().enable_progress_bars = False
            places = ray.data.range(len(jobs), override_num_blocks=-(-len(jobs) // PHOTOS))
            pool = ray.data.ActorPoolStrategy(min_size=1, max_size=nodes)
            done = places.map_batches(Actor, batch_size=PHOTOS, num_cpus=1, compute=pool)
            for row in done.iter_rows():
                yield pickle.loads(row["outcome"])

    return spread


def _driver(place: Path, photos: Sequence[str]) -> dict[str, Any]:
    """What the one process costs that all machines report to: listing, planning, sending tasks, keeping rows."""
    classes = make_classes(["background", "cat", "dog"])
    many = place / "many"
    many.mkdir()
    for number in range(LISTED):
        (many / f"{number:06}.jpg").touch()
    began = time.perf_counter()
    found = find_photos(many)
    listed = time.perf_counter()
    jobs = plan_outputs(found, Outputs(place / "planned", ()), digest="x", classes=classes, labels={})
    planned = time.perf_counter()
    one = Work(SlowPredictor(classes, place), classes, ())._described(
        plan_outputs(find_photos(photos[:1]), Outputs(place / "one", ()), digest="x", classes=classes, labels={})[0],
        np.zeros((256, 256), np.uint8),
        "done",
    )
    with ray_cluster(1) as cluster, connected(cluster.address) as ray:
        act = ray.remote(num_cpus=1)(lambda sent: len(sent))
        ray.get([act.remote(jobs[:PHOTOS]) for _ in range(4)])
        sent = time.perf_counter()
        ray.get([act.remote(jobs[:PHOTOS]) for _ in range(TASKS)])
        tasks = TASKS / (time.perf_counter() - sent)
    return {
        "measured": "driver",
        "photos_listed_per_s": round(LISTED / (listed - began)),
        "photos_planned_per_s": round(LISTED / (planned - listed)),
        "tasks_per_s": round(tasks),
        "photos_per_s_in_tasks": round(tasks * PHOTOS),
        "bytes_sent_per_photo": len(pickle.dumps(jobs[:PHOTOS])) // PHOTOS,
        "bytes_back_per_photo": len(pickle.dumps([one] * PHOTOS)) // PHOTOS,
        "record_bytes_per_photo": (place / "planned" / "predictions.json").stat().st_size // LISTED,
    }


def _drawn(folder: Path, count: int) -> list[str]:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(folder / f"{number:05}.png")
    return [photo.source for photo in find_photos(folder)]


if __name__ == "__main__":
    main()
