"""Prediction on a real cluster of several nodes: the files that one process writes, also when a node is killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskwright.data.classes import classes_yaml, make_classes
from maskwright.errors import UsageError
from maskwright.inference.load import load
from maskwright.inference.predict import predict
from maskwright.progress import Progress
from maskwright.recipe.files import write_recipe
from maskwright.recipe.recipe import make_recipe
from maskwright.scale.prediction import PHOTOS, over_ray
from maskwright.training.loop import fit
from maskwright.training.run import make_run
from ray_cluster import Nodes, ray_cluster
from slow_predictor import SlowPredictor
from tiny import tiny_dataset

CLASSES = make_classes(["dark", "bright"])


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with ray_cluster(2) as started:
        yield started


def photos(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(folder / f"{number:03d}.png")
    return folder


def files(out: Path) -> dict[str, bytes]:
    made = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    return {name: content.replace(str(out).encode(), b"OUT") for name, content in made.items()}


def test_a_trained_model_writes_the_same_files_as_in_one_process(nodes: Nodes, tmp_path: Path) -> None:
    dataset = tiny_dataset()
    recipe = make_recipe(
        {"model": "mlp-mobilenetv2", "iterations": 2, "crop_hw": (64, 64), "threads": 1, "batch_size": 2}, source="test"
    )
    run = make_run(tmp_path / "run")
    write_recipe(recipe, run.folder / "recipe.yaml")
    (run.folder / "classes.yaml").write_text(classes_yaml(dataset.classes))
    fit(dataset, recipe, run)
    predictor, taken = load(run.folder, threads=1), photos(tmp_path / "in", 12)
    (taken / "broken.jpg").write_bytes(b"\xff\xd8\xff no photo")
    alone = predict(predictor, predictor.classes, taken, tmp_path / "alone", write="overlays,uncertainty")
    address = f"file://{taken}"  # as in an object store: there is no such path
    spread = over_ray(nodes.address)
    together = predict(
        predictor, predictor.classes, address, tmp_path / "together", write="overlays,uncertainty", spread=spread
    )
    assert (together.done, together.skipped, len(together.failed)) == (alone.done, 0, 1) == (12, 0, 1)
    assert "broken.jpg" in together.failed[0].message
    ours, theirs = files(tmp_path / "alone"), files(tmp_path / "together")
    pictures = {name for name in ours if name.endswith((".png", ".jpg"))}
    assert len(pictures) == 36 and all(theirs[name] == ours[name] for name in pictures)
    assert theirs["predictions.csv"].replace(b"file://", b"") == ours["predictions.csv"]


def test_a_node_is_killed_in_the_middle(nodes: Nodes, tmp_path: Path) -> None:
    count = 5 * PHOTOS + 7
    taken, traces = photos(tmp_path / "in", count), tmp_path / "traces"
    traces.mkdir()
    predict(SlowPredictor(CLASSES, traces), CLASSES, taken, tmp_path / "alone")
    sums = {trace.name.partition(".")[0] for trace in traces.iterdir()}
    for trace in traces.iterdir():
        trace.unlink()
    killed: list[int] = []

    def kill_once(progress: Progress) -> None:
        if progress.done and not killed:
            killed.append(progress.done)
            nodes.kill()

    made = predict(
        SlowPredictor(CLASSES, traces, 0.02),
        CLASSES,
        taken,
        tmp_path / "together",
        spread=over_ray(nodes.address),
        on_progress=kill_once,
    )
    nodes.add()
    assert 0 < killed[0] < count - PHOTOS
    assert made.done + made.skipped == count and not made.failed
    assert len({row["file"] for row in made.rows}) == len(made.rows) == count
    assert files(tmp_path / "together").keys() == files(tmp_path / "alone").keys()
    alone = {name: content for name, content in files(tmp_path / "alone").items() if name != "predictions.json"}
    assert {name: files(tmp_path / "together")[name] for name in alone} == alone
    asked = Counter(trace.name.partition(".")[0] for trace in traces.iterdir())
    assert asked.keys() == sums
    # Only what was under way when its process was killed is asked for once more: a group of photos that go together.
    assert sum(asked.values()) - count <= 8

    again = predict(
        SlowPredictor(CLASSES, traces), CLASSES, taken, tmp_path / "together", spread=over_ray(nodes.address)
    )
    assert (again.done, again.skipped) == (0, count)


def test_what_goes_wrong_on_a_node_is_told_as_here(nodes: Nodes, tmp_path: Path) -> None:
    def wrong_shape(_: np.ndarray) -> np.ndarray:
        return np.zeros((2, 1, 1), np.float32)

    with pytest.raises(UsageError, match="another shape than its photo"):
        predict(wrong_shape, CLASSES, photos(tmp_path / "in", 1), tmp_path / "out", spread=over_ray(nodes.address))


def test_no_cluster_answers(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--ray 127.0.0.1:1: there is no Ray cluster") as refused:
        predict(
            SlowPredictor(CLASSES, tmp_path),
            CLASSES,
            photos(tmp_path / "in", 1),
            tmp_path / "out",
            spread=over_ray("127.0.0.1:1"),
        )
    assert "ray start --head" in str(refused.value)
