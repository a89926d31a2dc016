"""A diagnosis: what it says of known faults, that it is kept and read back, what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

from faulty import FAULTS, Faulty, diagnosed
from maskwright.data.dataset import Dataset
from maskwright.data.finding import Finding
from maskwright.data.sample import ArrayPixels
from maskwright.errors import DataError, RunError, UsageError
from maskwright.evaluation.causes import CAUSES
from maskwright.evaluation.diagnose import diagnose
from maskwright.evaluation.diagnosis import Diagnosis
from maskwright.evaluation.diagnosis_gallery import chosen_photos
from maskwright.evaluation.evaluate import evaluate
from maskwright.evaluation.lost import lost_mdice, righted
from maskwright.evaluation.resampling import difference, resample_weights
from maskwright.inference.quality import expected_dice, uncertainty
from maskwright.metrics.boundaries import boundaries
from maskwright.metrics.scores import SUMMARIES, dice, scores
from tiny import tiny_dataset


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return tiny_dataset(train=3, val=10)


@pytest.fixture(scope="module")
def made(dataset: Dataset) -> Diagnosis:
    return diagnose(Faulty(dataset), dataset)


def test_each_photo_has_the_cause_that_was_planted(made: Diagnosis) -> None:
    for row in made.photo_rows():
        fault = FAULTS[int(row["id"].split("/")[1]) % len(FAULTS)]
        expected = [] if fault == "none" else [fault]
        assert [cause for cause in CAUSES if row[f"{cause}_px"]] == expected, row


def test_the_counts_are_those_of_evaluate(dataset: Dataset, made: Diagnosis) -> None:
    evaluation = evaluate(Faulty(dataset), dataset)
    assert (made.evaluation.counts == evaluation.counts).all()
    assert made.evaluation.to_json() == evaluation.to_json()
    counts = evaluation.counts.sum(axis=0)
    assert righted(counts, made.errors).tolist() == np.diag(counts.sum(axis=1)).tolist()
    assert lost_mdice(evaluation, made.errors) == pytest.approx(1 - evaluation.scores.mDice)


def test_what_a_cause_costs_is_mdice_with_its_pixels_right(dataset: Dataset, made: Diagnosis) -> None:
    counts = evaluate(Faulty(dataset), dataset).counts.copy()
    before = scores(counts).mDice
    swapped = [place for place in range(10) if FAULTS[place % 5] == "wrong_class"]
    for place in swapped:
        counts[place] = np.diag(counts[place].sum(axis=1))
    loss = next(loss for loss in made.causes if loss.cause == "wrong_class")
    assert loss.lost_mdice == pytest.approx(scores(counts).mDice - before)
    assert (loss.objects, loss.mostly in ("square", "disc")) == (len(swapped), True)
    assert sum(each.px for each in loss.per_class) == loss.px
    assert sum(loss.share for loss in made.causes) == pytest.approx(1)
    assert [loss.lost_mdice for loss in made.causes] == sorted((each.lost_mdice for each in made.causes), reverse=True)


def test_groups_part_the_errors(made: Diagnosis) -> None:
    wrong = int(made.errors["px"].sum())
    kinds = dict.fromkeys(group.by for group in made.groups)
    assert list(kinds) == ["object_size", "position", "brightness", "saturation", "sharpness"]
    for by in kinds:
        own = [group for group in made.groups if group.by == by]
        assert sum(sum(group.px.values()) for group in own) == wrong
        assert sum(group.count for group in own) == 10, "photos, or labelled objects, one to a photo"


def test_objects_contours_and_calibration(dataset: Dataset, made: Diagnosis) -> None:
    found = made.object_scores
    assert [each.name for each in found] == ["square", "disc"]
    assert sum(each.labelled for each in found) == 10
    assert sum(each.recall * each.labelled for each in found) == pytest.approx(6), "4 of 10 are missed or swapped"
    sample = dataset.split("val")[3]
    mask = sample.mask()
    assert mask is not None
    one = boundaries(mask, np.roll(mask, 1, axis=0), 3)
    assert made.boundaries.surface_px[3].tolist() == one.surface_px.tolist()
    assert made.calibration.pixels[0].sum() == 10 * 64 * 64
    right = np.trace(made.evaluation.counts.sum(axis=0)) / (10 * 64 * 64)
    assert made.calibration.ece() == pytest.approx(abs(0.9 - right), abs=1e-4)


def test_uncertainty_and_expected_dice() -> None:
    certain, even = np.zeros((2, 8, 8), np.float32), np.full((2, 8, 8), 0.5, np.float32)
    certain[0, :4] = certain[1, 4:] = 1
    assert uncertainty(certain).max() == 0 and uncertainty(even) == pytest.approx(1)
    assert expected_dice(certain) == 1
    assert 0 < expected_dice(even) < 0.7
    empty = np.zeros((3, 8, 8), np.float32)
    empty[0] = 1
    assert expected_dice(empty) == 1, "a class that is surely nowhere does not count"


def test_the_estimate_orders_the_photos() -> None:
    dataset = tiny_dataset(train=0, val=20)
    rng = np.random.default_rng(0)
    sure = {sample.image().tobytes(): (sample.mask(), rng.uniform(0.2, 1)) for sample in dataset}

    def predictor(image: np.ndarray) -> np.ndarray:
        """As often right at the object as it says."""
        mask, chance = sure[image.tobytes()]
        wrong = (mask > 0) & (np.random.default_rng(int(1e6 * chance)).random(mask.shape) > chance)
        said = np.where(wrong, 3 - mask, mask)
        probability = np.where(mask > 0, max(chance, 0.51), 0.999)
        rest = (1 - probability) / 2
        return np.stack([np.where(said == each, probability, rest) for each in range(3)]).astype(np.float32)

    quality = diagnose(predictor, dataset).quality
    assert quality.photos == 20
    assert quality.spearman > 0.8


def test_a_sure_model_disputes_a_wrong_label() -> None:
    dataset = tiny_dataset(train=0, val=12)
    predictor = Faulty(replace(dataset, samples=dataset.samples[:12]), sure=0.98)
    predictor.known = {image: (mask, "none") for image, (mask, _) in predictor.known.items()}
    wrong = dataset[4]
    mask = wrong.mask()
    assert mask is not None
    mislabelled = replace(wrong, pixels=ArrayPixels(wrong.image(), np.where(mask > 0, 3 - mask, 0).astype(np.uint8)))
    spoilt = replace(dataset, samples=(*dataset.samples[:4], mislabelled, *dataset.samples[5:]))
    found = diagnose(predictor, spoilt)
    assert {(each.sample, each.check) for each in found.disputed} == {("val/4", "label_wrong_class")}
    assert found.lost_at_disputed == pytest.approx(1 - found.evaluation.scores.mDice)
    seen = replace(spoilt, samples=tuple(replace(sample, split="train") for sample in spoilt))
    assert diagnose(predictor, seen, split="train").disputed == (), "a model that has seen the label says nothing"


def test_only_disputed_objects_count_as_wrong_labels() -> None:
    """A photo with two missed objects, of which the label of one is disputed."""
    sample = tiny_dataset(train=0, val=1)[0]
    mask = np.zeros((40, 60), np.uint8)
    mask[5:15, 5:25], mask[20:35, 40:50] = 1, 2
    dataset = tiny_dataset(train=0, val=1)
    dataset = replace(dataset, samples=(replace(sample, pixels=ArrayPixels(np.zeros((40, 60, 3), np.uint8), mask)),))
    nothing = np.zeros((3, 40, 60), np.float32)
    nothing[0] = 1
    made = diagnose(lambda _image: nothing, dataset)
    assert made.objects["region_xywh"].tolist() == [[5, 5, 20, 10], [40, 20, 10, 15]]

    def lost(*regions: tuple[int, int, int, int] | None) -> float:
        findings = tuple(Finding(sample.id, "label_without_object", 0.9, region_xywh=region) for region in regions)
        return replace(made, disputed=findings).lost_at_disputed

    assert lost() == lost((6, 5, 19, 10)) == 0
    alone = [lost_mdice(made.evaluation, made.errors[made.errors["label"] == label]) for label in (1, 2)]
    assert [lost((5, 5, 20, 10)), lost((39, 20, 12, 15))] == pytest.approx(alone)
    everything = pytest.approx(1 - made.evaluation.scores.mDice)
    assert lost(None) == lost((5, 5, 20, 10), (5, 5, 20, 10), (40, 20, 10, 15)) == everything


def test_what_a_cause_costs_has_the_interval_of_a_difference(made: Diagnosis) -> None:
    counts = made.evaluation.counts.astype(np.int64)
    dearest, second = made.causes[:2]
    right = []
    for loss in (dearest, second):
        own = made.errors[made.errors["cause"] == CAUSES.index(loss.cause)]
        each = [righted(counts[n], own[own["photo"] == n]) for n in range(len(counts))]
        right.append(np.stack(each))
        gain = difference(right[-1], counts, SUMMARIES["mDice"])
        assert (loss.low, loss.high) == pytest.approx((max(gain.low, 0), gain.high), abs=1e-9)
        assert loss.low <= loss.lost_mdice <= loss.high
    assert dearest.lead == pytest.approx(difference(*right, SUMMARIES["mDice"]).low, abs=1e-9)


def test_what_a_third_costs_has_the_interval_of_a_difference(made: Diagnosis) -> None:
    counts = made.evaluation.counts.astype(np.int64)
    for group in (each for each in made.groups if each.by == "brightness"):
        inside = _third(made.photos["brightness"], group.name)
        own = made.errors[inside[made.errors["photo"]]]
        right = np.stack([righted(counts[n], own[own["photo"] == n]) for n in range(len(counts))])
        gain = difference(right, counts, SUMMARIES["mDice"])
        assert group.lost_interval == pytest.approx((max(gain.low, 0), gain.high), abs=1e-9)
        assert np.isnan(group.score_interval).all(), "a third of ten photos is fewer than five"


def _third(values: np.ndarray, name: str) -> np.ndarray:
    limits = np.quantile(values, (1 / 3, 2 / 3))
    return np.searchsorted(limits, values) == ("low", "middle", "high").index(name)


def test_thirds_objects_contours_and_calibration_have_intervals_that_hold_them() -> None:
    dataset = tiny_dataset(train=0, val=30)
    made = diagnose(Faulty(dataset), dataset)
    held = [(each.score, each.score_interval) for each in made.groups if each.count >= 5]
    held += [(each.recall, each.recall_interval) for each in made.object_scores]
    held += [(each.precision, each.precision_interval) for each in made.object_scores]
    content = made.to_json()
    held += [(row[key], row[f"{key}_interval"]) for row in content["boundaries"] for key in list(row)[1:4]]
    calibrated = content["calibration"]
    held += [(row["ece"], row["ece_interval"]) for row in (calibrated, *calibrated["per_class"])]
    assert len(held) > 20
    assert all(low <= value <= high for value, (low, high) in held)
    assert sum(low < value < high for value, (low, high) in held) > 20
    square = made.object_scores[0]
    own = made.objects[made.objects["counted"] & made.objects["labelled"] & (made.objects["class_id"] == 1)]
    sums = np.zeros((30, 2))
    np.add.at(sums, own["photo"], np.stack([own["met"], np.ones(len(own))], axis=1))
    part, whole = (resample_weights(30) @ sums).T
    spread = np.std(part / whole, ddof=1)
    quantile = t.ppf(0.975, len(np.unique(own["photo"])) - 1)
    assert square.recall_interval[0] == pytest.approx(max(0, square.recall - quantile * spread), abs=1e-9)


def test_older_diagnoses_have_no_interval_of_the_calibration(made: Diagnosis, tmp_path: Path) -> None:
    made.save(tmp_path)
    with np.load(tmp_path / "diagnosis.npz") as arrays:
        np.savez(tmp_path / "diagnosis.npz", **{key: arrays[key] for key in arrays if key != "gaps"})
    older = Diagnosis.load(tmp_path)
    assert np.isnan(older.ece_intervals).all() and older.calibration.ece() == made.calibration.ece()


def test_few_photos_give_no_interval(dataset: Dataset) -> None:
    few = replace(dataset, samples=tuple(sample for sample in dataset if sample.split == "val")[:4])
    assert all(np.isnan([loss.low, loss.high, loss.lead]).all() for loss in diagnose(Faulty(few), few).causes)


def test_each_class_has_its_worst_and_its_best_photos(made: Diagnosis) -> None:
    chosen = chosen_photos(made)
    for class_id, name in ((1, "square"), (2, "disc")):
        own = dice(made.evaluation.counts)[:, class_id]
        worst, best = (sorted(own[n] for n in chosen if chosen[n].get(name) == kind) for kind in ("worst", "best"))
        known = np.sort(own[~np.isnan(own)]).tolist()
        assert worst and worst == known[: len(worst)] and max(worst) < 1
        assert best and best == known[-len(best) :]


def test_it_is_kept_and_read_back(dataset: Dataset, tmp_path: Path) -> None:
    made = diagnosed(tmp_path, dataset)
    again = Diagnosis.load(tmp_path)
    assert json.dumps(again.to_json()) == json.dumps(made.to_json())
    stored = json.loads((tmp_path / "diagnosis.json").read_text())
    assert (stored["format"], len(stored["photos"])) == (2, 10)
    gallery = json.loads((tmp_path / "gallery" / "gallery.json").read_text())
    assert {entry["kind"] for entry in gallery["photos"]} >= {"worst", "best"}
    assert sorted(path.name for path in (tmp_path / "gallery").glob("*.jpg")) == [e["file"] for e in gallery["photos"]]
    assert len(chosen_photos(made)) == len(gallery["photos"])
    assert "Wrong class" in made._repr_html_()
    content = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    made.save(tmp_path)
    assert content == {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}


def test_a_damaged_file_is_refused(made: Diagnosis, tmp_path: Path) -> None:
    made.save(tmp_path)
    (tmp_path / "diagnosis.npz").write_bytes(b"cut off")
    with pytest.raises(RunError, match="this is no diagnosis, or not a whole one"):
        Diagnosis.load(tmp_path)


@pytest.mark.parametrize("column", ["photo", "object", "cause", "label", "predicted"])
def test_a_table_that_names_what_is_not_there_is_refused(made: Diagnosis, tmp_path: Path, column: str) -> None:
    errors = made.errors.copy()
    errors[column][0] = 100
    made.save(tmp_path)
    with np.load(tmp_path / "diagnosis.npz") as arrays:
        content = dict(arrays)
    np.savez(tmp_path / "diagnosis.npz", **(content | {"errors": errors}))
    with pytest.raises(RunError, match=rf"ValueError {column} 100 of \d+"):
        Diagnosis.load(tmp_path)


def test_a_perfect_predictor_loses_nothing(dataset: Dataset) -> None:
    predictor = Faulty(dataset)
    predictor.known = {image: (mask, "none") for image, (mask, _) in predictor.known.items()}
    made = diagnose(predictor, dataset)
    assert not len(made.errors) and {loss.lost_mdice for loss in made.causes} == {0.0}
    assert np.isnan(made.quality.spearman), "all photos are equally good"
    assert json.dumps(made.to_json())


def test_each_photo_is_asked_once(dataset: Dataset) -> None:
    predictor = Faulty(dataset)
    diagnose(predictor, dataset)
    assert predictor.asked == 10


def test_what_cannot_be_diagnosed_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no split 'test'"):
        diagnose(Faulty(dataset), dataset, split="test")
    with pytest.raises(UsageError, match="the predictor answers for other classes than the dataset has"):
        diagnose(lambda image: np.full((2, *image.shape[:2]), 0.5, np.float32), dataset)
    with pytest.raises(RunError, match="neither a run folder nor a bundle"):
        diagnose(tmp_path, dataset)
