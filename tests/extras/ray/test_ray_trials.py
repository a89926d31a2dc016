"""Trials of a sweep on a real cluster of several nodes: each is complete, once, also when a node is killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskwright.data.pets.write import draw_dataset
from maskwright.experiments.trials import Job, carry_out
from maskwright.scale.trials import starting_on_ray
from maskwright.training.run import read_log
from maskwright.workflow.trial import run_trial
from ray_cluster import ray_cluster


@pytest.mark.training
def test_a_node_is_killed_in_the_middle(tmp_path: Path) -> None:
    draw_dataset(tmp_path / "data", images=24, size_px=64, seed=0, threads=1)
    settings = {"model": "mlp-mobilenetv2", "weights": "none", "iterations": 24, "validation_interval": 4}
    settings |= {"batch_size": 2, "crop_hw": (64, 64)}
    jobs = [
        Job(tmp_path / "data", tmp_path / "trials" / f"{number:04}", {**settings, "seed": number}, threads=1)
        for number in range(3)
    ]
    killed: list[float] = []
    ended: list[Path] = []
    with ray_cluster(2) as nodes, starting_on_ray(nodes.address, run_trial) as start:

        def look(job: Job) -> bool:
            last = job.log().last
            if last is not None and last["iteration"] and len(ended) == 0 and not killed:
                killed.append(last["iteration"])
                nodes.kill()
            return False

        carry_out(iter(jobs), start, workers=2, look=look, ended=lambda job: ended.append(job.folder))
    assert killed and sorted(ended) == [job.folder for job in jobs]
    for job in jobs:
        assert job.is_complete and not job.error
        log = read_log(job.folder / "log.jsonl")
        assert [entry["iteration"] for entry in log if entry["event"] == "validation"] == [4, 8, 12, 16, 20, 24]
        assert [entry["event"] for entry in log].count("end") == 1
