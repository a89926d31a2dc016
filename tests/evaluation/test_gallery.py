from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskwright.data.classes import make_classes
from maskwright.errors import UsageError
from maskwright.evaluation.evaluate import Evaluation, evaluate
from maskwright.evaluation.gallery import ERROR_COLOURS, error_picture, panels, worst_and_best, write_gallery
from tiny import tiny_dataset


def evaluation_of(*counts: list[list[int]]) -> Evaluation:
    ids = tuple(f"val/{number}" for number in range(len(counts)))
    return Evaluation("val", "0" * 32, ("background", "cat"), ids, np.asarray(counts, np.int64))


EMPTY, MISSED, HALF, GOOD, IGNORED = (
    [[9, 0], [0, 0]],
    [[8, 0], [1, 0]],
    [[7, 0], [1, 1]],
    [[5, 0], [0, 4]],
    [[0, 0], [0, 0]],
)


def test_worst_and_best_by_the_photos_own_mdice() -> None:
    evaluation = evaluation_of(HALF, GOOD, MISSED, EMPTY, IGNORED, EMPTY)
    assert worst_and_best(evaluation, 2) == (("val/2", "val/0"), ("val/1", "val/3"))


def test_perfect_photos_without_an_object_come_last_among_the_best() -> None:
    evaluation = evaluation_of(EMPTY, EMPTY, GOOD, MISSED, HALF, GOOD, MISSED)
    assert worst_and_best(evaluation, 3) == (("val/3", "val/6", "val/4"), ("val/2", "val/5", "val/0"))


def test_no_photo_is_shown_twice_and_equals_keep_their_order() -> None:
    evaluation = evaluation_of(*[HALF] * 5)
    assert worst_and_best(evaluation, 12) == (("val/0", "val/1", "val/2"), ("val/3", "val/4"))


def test_nothing_perfect_is_called_worst() -> None:
    assert worst_and_best(evaluation_of(GOOD, GOOD), 12) == ((), ("val/0", "val/1"))


def test_each_error_has_its_colour() -> None:
    image = np.full((1, 5, 3), 200, np.uint8)
    mask = np.array([[1, 0, 1, 1, 255]], np.uint8)
    prediction = np.array([[1, 2, 0, 2, 1]], np.uint8)
    drawn = [tuple(colour) for colour in error_picture(image, mask, prediction)[0].tolist()]
    assert drawn == [
        (80, 80, 80),
        *(ERROR_COLOURS[name] for name in ("invented", "missed", "wrong_class", "not_judged")),
    ]


@pytest.mark.parametrize(
    ("size_hw", "panel_hw"), [((64, 32), (160, 80)), ((200, 100), (200, 100)), ((1024, 512), (256, 128))]
)
def test_panels_are_large_enough_to_see_and_small_enough_for_a_page(
    size_hw: tuple[int, int], panel_hw: tuple[int, int]
) -> None:
    image, mask = np.full((*size_hw, 3), 90, np.uint8), np.zeros(size_hw, np.uint8)
    mask[: size_hw[0] // 2] = 1
    drawn = panels(image, mask, np.zeros_like(mask), make_classes(["background", "cat"]))
    assert drawn.shape == (panel_hw[0], 4 * panel_hw[1] + 18, 3)
    assert (drawn[:, panel_hw[1]] == 255).all()
    assert tuple(drawn[10, -5]) == ERROR_COLOURS["missed"] and tuple(drawn[-5, -5]) == (36, 36, 36)


def test_gallery_on_disk(tmp_path: Path) -> None:
    dataset = tiny_dataset(val=5)
    evaluation = evaluate(lambda image: _squares(image), dataset)
    (tmp_path / "best_07.jpg").write_bytes(b"of an earlier gallery")
    entries = write_gallery(lambda image: _squares(image), dataset, evaluation, tmp_path, k=2)
    stored = json.loads((tmp_path / "gallery.json").read_text())
    assert stored["format"] == 1 and stored["samples"] == json.loads(json.dumps(entries).replace("NaN", "null"))
    assert sorted(path.name for path in tmp_path.glob("*.jpg")) == sorted(entry["file"] for entry in entries)
    assert [(entry["kind"], entry["rank"]) for entry in entries if entry["kind"] == "worst"] == [
        ("worst", 1),
        ("worst", 2),
    ]
    for entry in entries:
        own = evaluation.scores_of(evaluation.sample_ids.index(entry["id"]))
        assert entry["mDice"] == own.mDice and list(entry["dice"]) == ["background", "square", "disc"]
        with Image.open(tmp_path / entry["file"]) as picture:
            assert picture.size == (4 * 160 + 18, 160)


def test_another_dataset_is_refused(tmp_path: Path) -> None:
    dataset = tiny_dataset(val=3)
    evaluation = evaluate(lambda image: _squares(image), dataset)
    with pytest.raises(UsageError, match=r"not the one that was evaluated"):
        write_gallery(lambda image: _squares(image), dataset.split("train"), evaluation, tmp_path)
    assert list(tmp_path.iterdir()) == []


def _squares(image: np.ndarray) -> np.ndarray:
    ids = (image.mean(axis=2) > 180).astype(int)
    ids[:8, :8] = 1
    return np.eye(3, dtype=np.float32)[ids].transpose(2, 0, 1)
