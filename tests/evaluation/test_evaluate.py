from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskwright.data.classes import make_classes
from maskwright.data.dataset import Dataset
from maskwright.data.sample import ArrayPixels, Sample
from maskwright.errors import DataError, RunError, UsageError
from maskwright.evaluation.evaluate import Evaluation, evaluate
from maskwright.metrics.confusion import confusion
from maskwright.metrics.scores import scores
from maskwright.storage import json_text
from tiny import tiny_dataset

SUMMARY = ["aAcc", "mIoU", "mAcc", "mDice", "mDice_foreground"]


def by_brightness(image: np.ndarray) -> np.ndarray:
    """Finds most of the squares and discs of `tiny_dataset`, and some that are not there."""
    grey = image.mean(axis=2)
    ids = np.where(grey > 180, 1, np.where(grey < 60, 2, 0))
    ids[:6, :6] = 2
    ids[:, : ids.shape[1] // 3] = 0
    return np.eye(3, dtype=np.float32)[ids].transpose(2, 0, 1)


def dataset_of(*masks: list[list[int]], split: str = "val") -> Dataset:
    samples = tuple(
        Sample(
            f"{split}/{number}",
            split,
            ArrayPixels(np.repeat(np.asarray(mask, np.uint8)[..., None], 3, axis=2), np.asarray(mask, np.uint8)),
            (len(mask), len(mask[0])),
            digest=str(mask),
        )
        for number, mask in enumerate(masks)
    )
    return Dataset(make_classes(["background", "cat", "dog"]), samples)


def background(image: np.ndarray) -> np.ndarray:
    return np.stack([np.ones(image.shape[:2]), *[np.zeros(image.shape[:2])] * 2]).astype(np.float32)


def test_counts_are_those_of_each_photo() -> None:
    dataset = tiny_dataset(val=4)
    evaluation = evaluate(by_brightness, dataset)
    assert evaluation.sample_ids == ("val/0", "val/1", "val/2", "val/3")
    for counts, sample in zip(evaluation.counts, dataset.split("val"), strict=True):
        expected = confusion(sample.mask(), by_brightness(sample.image()).argmax(0), 3)
        np.testing.assert_array_equal(counts, expected)
    assert evaluation.scores.mDice == scores(evaluation.counts.sum(axis=0)).mDice


def test_json_has_the_promised_form_and_null_for_nan() -> None:
    evaluation = evaluate(background, dataset_of([[0, 0, 1, 255]]))
    printed = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))
    assert list(printed) == ["eval_digest", "split", "images", "groups", "metrics", "per_class", "intervals"]
    assert list(printed["metrics"]) == SUMMARY
    assert printed["split"] == "val" and printed["images"] == 1 and len(printed["eval_digest"]) == 32
    assert printed["per_class"] == [
        {
            "name": "background",
            "dice": pytest.approx(4 / 5),
            "iou": pytest.approx(2 / 3),
            "acc": 1.0,
            "precision": pytest.approx(2 / 3),
            "recall": 1.0,
            "predicted_px": 3,
            "labelled_px": 2,
        },
        _class("cat", dice=0.0, iou=0.0, acc=0.0, recall=0.0, labelled_px=1),
        _class("dog"),
    ]
    assert printed["metrics"]["mDice"] == pytest.approx(2 / 5)
    assert printed["intervals"]["mDice"] == [None, None]  # one photo says nothing of others
    assert printed["intervals"]["dice"] == [[None, None]] * 3
    assert json_text(evaluation.to_json())


def _class(name: str, **numbers: float) -> dict[str, object]:
    nothing = dict.fromkeys(("dice", "iou", "acc", "precision", "recall"))
    return {"name": name, **nothing, "predicted_px": 0, "labelled_px": 0, **numbers}


def test_saved_and_loaded_is_the_same(tmp_path: Path) -> None:
    evaluation = evaluate(by_brightness, tiny_dataset())
    evaluation.save(tmp_path / "val")
    evaluation.save(tmp_path / "val")
    loaded = Evaluation.load(tmp_path / "val")
    assert loaded.to_json() == evaluation.to_json() and loaded.sample_ids == evaluation.sample_ids
    np.testing.assert_array_equal(loaded.counts, evaluation.counts)
    stored = json.loads((tmp_path / "val" / "metrics.json").read_text())
    assert next(iter(stored)) == "format" and stored == {"format": 1, **evaluation.to_json()}
    assert sorted(path.name for path in (tmp_path / "val").iterdir()) == [
        "counts.npz",
        "metrics.json",
        "per_image.csv",
    ]


def grouped(dataset: Dataset, *names: str) -> Dataset:
    """The samples of a dataset, in these groups."""
    pairs = zip(dataset, names, strict=True)
    return replace(dataset, samples=tuple(replace(sample, group=name) for sample, name in pairs))


def test_the_group_of_each_photo_is_kept_and_drawn_as_one(tmp_path: Path) -> None:
    dataset = tiny_dataset(train=0, val=12)
    alone = evaluate(by_brightness, dataset)
    made = evaluate(by_brightness, grouped(dataset, *("video" if n < 6 else "" for n in range(11)), "only one"))
    assert made.groups[:7] == ("video",) * 6 + ("",) and len(made.independent) == 7
    np.testing.assert_array_equal(made.independent[0], alone.counts[:6].sum(axis=0))
    np.testing.assert_array_equal(made.independent[1:], alone.counts[6:])
    assert made.scores.mDice == alone.scores.mDice and made.to_json()["groups"] == 7
    assert (made.intervals["mDice"] != alone.intervals["mDice"]).all()
    made.save(tmp_path)
    assert Evaluation.load(tmp_path).groups == made.groups


def test_without_groups_and_in_older_files_each_photo_stands_alone(tmp_path: Path) -> None:
    dataset = tiny_dataset(train=0, val=6)
    made = evaluate(by_brightness, grouped(dataset, *"abcdef"))
    assert made.groups == () and made.independent is made.counts
    made.save(tmp_path)
    with np.load(tmp_path / "counts.npz") as arrays:
        np.savez_compressed(tmp_path / "counts.npz", **{key: arrays[key] for key in arrays if key != "groups"})
    older = Evaluation.load(tmp_path)
    assert older.groups == () and older.to_json() == made.to_json()
    with np.load(tmp_path / "counts.npz") as arrays:
        np.savez_compressed(tmp_path / "counts.npz", **arrays, groups=np.array(["a"]))
    with pytest.raises(RunError, match=r"no counts of an evaluation.*\n.*groups of 1 photos, counts of 6"):
        Evaluation.load(tmp_path)


def test_per_image_table(tmp_path: Path) -> None:
    evaluate(background, dataset_of([[0, 0, 1, 255]], [[0, 0, 0, 0]], [[255, 255, 255, 255]])).save(tmp_path)
    with (tmp_path / "per_image.csv").open(newline="", encoding="utf-8") as file:
        first, second, third = csv.DictReader(file)
    assert first["id"] == "val/0" and first["judged_px"] == "3"
    assert first["mDice"] == "0.400000" and first["dice:cat"] == "0.000000" and first["dice:dog"] == ""
    assert first["predicted_px:background"] == "3" and first["predicted_share:background"] == "1.000000"
    assert first["labelled_px:cat"] == "1" and first["labelled_share:cat"] == "0.333333"
    assert second["mDice"] == second["aAcc"] == "1.000000" and second["mDice_foreground"] == ""
    assert third["mDice"] == third["aAcc"] == third["labelled_share:cat"] == "" and third["judged_px"] == "0"


def test_digest_is_equal_only_for_equal_photos_masks_and_classes() -> None:
    dataset = tiny_dataset(train=1, val=3)
    digest = evaluate(background, dataset).eval_digest
    assert evaluate(by_brightness, tiny_dataset(train=1, val=3)).eval_digest == digest
    more_training = replace(dataset, samples=(replace(dataset[0], id="train/x"), *dataset.samples))
    assert evaluate(background, more_training).eval_digest == digest
    other_mask = replace(dataset, samples=(*dataset.samples[:-1], replace(dataset[3], digest="other")))
    other_names = replace(dataset, classes=make_classes(["background", "square", "circle"]))
    others = [dataset[:-1], other_mask, other_names]
    assert digest not in [evaluate(background, other).eval_digest for other in others]


def test_samples_without_a_mask_do_not_count() -> None:
    dataset = tiny_dataset(val=2)
    photo = Sample("val/z", "val", ArrayPixels(np.zeros((4, 4, 3), np.uint8)), (4, 4), "z", labelled=False)
    with_photo = replace(dataset, samples=(*dataset.samples, photo))
    assert evaluate(background, with_photo).to_json() == evaluate(background, dataset).to_json()
    with pytest.raises(DataError, match=r"'val' is labelled.*\n.*found: 1 photos without masks\n.*--split train"):
        evaluate(background, replace(dataset, samples=(*dataset.samples[:6], photo)))


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(DataError, match="has no split 'test'"):
        evaluate(background, tiny_dataset(), split="test")


def test_a_predictor_of_other_classes_is_refused() -> None:
    class CatsAndDogs:
        classes = make_classes(["background", "cat", "dog"])

        def __call__(self, image: np.ndarray) -> np.ndarray:
            return background(image)

    with pytest.raises(UsageError, match=r"other classes.*\n.*cat, dog  found: background, square, disc\n.*--classes"):
        evaluate(CatsAndDogs(), tiny_dataset())
    with pytest.raises(UsageError, match=r"^val/0: The prediction holds a value that is no class"):
        evaluate(
            lambda image: np.eye(5, dtype=np.float32)[:, [4]].repeat(image[..., 0].size, 1).reshape(5, 64, 64),
            tiny_dataset(),
        )


def test_progress_ends_at_the_number_of_photos() -> None:
    seen = []
    evaluate(background, tiny_dataset(val=3), on_progress=lambda progress: seen.append((progress.done, progress.total)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_foreign_counts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"counts.npz: no such file.*\n.*maskwright evaluate"):
        Evaluation.load(tmp_path)
    for content in (b"", b"PK\x03\x04 broken", b"something else"):
        (tmp_path / "counts.npz").write_bytes(content)
        with pytest.raises(RunError, match="no counts of an evaluation"):
            Evaluation.load(tmp_path)
    np.savez(tmp_path / "counts.npz", format=2)
    with pytest.raises(RunError, match=r"expected: format 1  found: format 2\n.*pip install -U maskwright"):
        Evaluation.load(tmp_path)
    np.savez(tmp_path / "counts.npz", format=1, split=np.array([{}], object))
    with pytest.raises(RunError, match="no counts of an evaluation"):
        Evaluation.load(tmp_path)
