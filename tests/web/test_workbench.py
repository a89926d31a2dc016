"""One thread predicts: one predictor in memory, questions about its run first, masks kept, errors told to who asked."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compared_runs import counts_of, judged_run
from maskwright.data.classes import make_classes
from maskwright.data.pets.write import draw_dataset
from maskwright.errors import RunError, UsageError
from maskwright.web.runs_shelf import Shelf
from maskwright.web.workbench import Workbench
from runs_page import runs_client
from tiny import tiny_dataset

NAMES = ("background", "square", "disc")


class Fake:
    """A predictor that answers one class everywhere."""

    def __init__(self, answer: int, names: tuple[str, ...]) -> None:
        self.answer, self.classes = answer, make_classes(names)

    def mask(self, image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.full(image.shape[:2], self.answer, np.uint8)


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two runs in `tmp_path` that answer 1 and 2, one that is broken; which were loaded, in their order."""
    for name in ("one", "two", "broken"):
        judged_run(tmp_path / name, counts_of(0.9, 1, photos=3))
        (tmp_path / name / "weights").mkdir()
        (tmp_path / name / "weights" / "best.safetensors").write_bytes(b"x")
    order: list[str] = []

    def load(run: Path) -> Fake:
        order.append(run.name)
        if run.name == "broken":
            raise RunError("broken: these are no weights.")
        return Fake(1 if run.name == "one" else 2, ("background", "cat", "dog"))

    monkeypatch.setattr("maskwright.web.workbench.load", load)
    return order


def test_questions_about_the_run_in_memory_go_first(tmp_path: Path, loaded: list[str]) -> None:
    bench, samples, names = Workbench(), tiny_dataset(val=3).split("val").samples, ("background", "cat", "dog")
    free = threading.Event()
    busy = bench.do(free.wait)
    mixed = [bench.predict(tmp_path / run, sample, names) for sample in samples for run in ("one", "two")]
    free.set()
    answers = [int(future.result(60).max()) for future in mixed]
    assert busy.result(60)
    assert answers == [1, 2] * 3
    assert loaded == ["one", "two"]
    assert bench.predict(tmp_path / "one", samples[0], names).done()  # kept
    (tmp_path / "one" / "weights" / "best.safetensors").write_bytes(b"better")
    assert bench.predict(tmp_path / "one", samples[0], names).result(60).max() == 1
    assert loaded == ["one", "two", "one"]


def test_a_run_that_cannot_predict_tells_who_asked_and_no_other(tmp_path: Path, loaded: list[str]) -> None:
    bench, sample = Workbench(), tiny_dataset(val=1).split("val")[0]
    with pytest.raises(RunError, match="no weights"):
        bench.predict(tmp_path / "broken", sample, NAMES).result(60)
    with pytest.raises(UsageError, match="other classes"):
        bench.predict(tmp_path / "one", sample, NAMES).result(60)
    assert bench.do(lambda: "alive").result(60) == "alive"
    assert loaded == ["broken", "one"]


@pytest.mark.usefixtures("loaded")
def test_the_server_gives_photos_labels_and_predictions(tmp_path: Path) -> None:
    draw_dataset(tmp_path / "pets", images=10, size_px=64)
    client = runs_client(Shelf(tmp_path, data=tmp_path / "pets"))
    value = client.get("/runs/photos.json?run=one&run=two").json()
    assert len(value["ids"]) == len(value["sizes_hw"]) > 0
    assert value["runs"]["one"]["scores"][0] is None  # judged on other photos
    sample = {"sample": value["ids"][0]}
    photo = client.get("/runs/photo", params={"run": "one", **sample})
    assert (photo.status_code, photo.headers["content-type"].partition("/")[0]) == (200, "image")
    label = np.frombuffer(client.get("/runs/label", params={"run": "one", **sample}).content, np.uint8)
    assert label.size == 64 * 64
    assert label.any()
    for run, answer in (("one", 1), ("two", 2)):
        mask = client.get("/runs/prediction", params={"run": run, "of": "one", "side": 32, **sample})
        assert set(mask.content) == {answer}
        assert len(mask.content) == 32 * 32
    broken = client.get("/runs/prediction", params={"run": "broken", "of": "one", **sample})
    assert (broken.status_code, "no weights" in broken.text) == (422, True)
    unknown = client.get("/runs/photo", params={"run": "one", "sample": "../secret"}, headers={"accept-language": "ru"})
    assert (unknown.status_code, "такого снимка в данных нет" in unknown.text) == (404, True)
