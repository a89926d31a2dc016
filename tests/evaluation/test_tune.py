"""Tuning: what helps is found, what does not is left, and the promise holds on photos that were not seen."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import maskwright
from maskwright.data.dataset import Dataset
from maskwright.data.sample import ArrayPixels
from maskwright.errors import DataError, UsageError
from maskwright.evaluation import tuning_photos
from maskwright.evaluation.evaluate import evaluate
from maskwright.evaluation.resampling import RESAMPLES
from maskwright.evaluation.tune import Tuning, training_shows, tune
from maskwright.evaluation.tuning_gallery import keep_tuning
from maskwright.evaluation.tuning_search import TOGETHER, Tried, fitted_temperature
from maskwright.inference.postprocess.predictor import PostProcessed
from maskwright.inference.postprocess.settings import PostProcess, read_postprocess
from maskwright.inference.predictor import Predictor
from maskwright.metrics.calibration import SHARPNESS
from maskwright.storage import read_json
from tiny import tiny_dataset

DATA = tiny_dataset(train=6, val=40, size_hw=(64, 64))


def corner_of(mask: np.ndarray) -> tuple[slice, slice]:
    """A corner of 9 pixels a side that the object is not in."""
    return np.s_[:9, :9] if not mask[:10, :10].any() else np.s_[-9:, -9:]


def with_lookalikes(dataset: Dataset) -> Dataset:
    """The dataset with a corner of each photo in the colour of its object: colours alone do not tell the two apart."""
    samples = []
    for sample in dataset:
        image, mask = sample.image().copy(), sample.mask()
        assert mask is not None
        image[corner_of(mask)] = image[mask > 0][0]
        samples.append(replace(sample, pixels=ArrayPixels(image, mask)))
    return replace(dataset, samples=tuple(samples))


LOOKALIKES = with_lookalikes(DATA)


def photos_for(kind: str) -> Dataset:
    return LOOKALIKES if kind == "stray" else DATA


@functools.cache
def tuned(kind: str) -> Tuning:
    """What is found for one kind of mistake."""
    return tune(faulty(photos_for(kind), kind), photos_for(kind))


def faulty(dataset: Dataset, kind: str, *, seed: int = 0) -> Predictor:
    """A predictor that knows the masks and makes one kind of mistake.

    "holes", "mixed" classes in an object, outlines "beside" it, these "ragged" and unsure, a "shy" class, a "stray"
    object beside the right one, "strays" of two kinds, or "none".
    """
    known = {sample.image().tobytes(): sample.mask() for sample in dataset}

    def predict(image: np.ndarray) -> np.ndarray:
        mask = known[image.tobytes()]
        assert mask is not None
        rng = np.random.default_rng([seed, int(image[0, 0, 0]), int(image[5, 7, 1])])
        shown = mask.copy()
        if kind == "holes":
            rows, columns = np.nonzero(mask)
            place = len(rows) // 2 + int(rng.integers(0, 5))
            shown[rows[place] : rows[place] + 2, columns[place] : columns[place] + 2] = 0
        if kind == "mixed":
            rows, _ = np.nonzero(mask)
            shown[(mask > 0) & (np.arange(64)[:, None] > np.quantile(rows, 0.65))] = 3 - mask.max()
        probs = np.stack([shown == class_id for class_id in range(3)]).astype(np.float32) * 0.6 + 0.4 / 3
        if kind == "stray":
            rows, columns = corner_of(mask)
            probs = (probs**4) / (probs**4).sum(0)
            probs[:, rows, columns] = np.array([0.2, 0.75, 0.05])[:, None, None]
        if kind == "strays":  # half of them as sure as anything
            place = np.s_[:7, :7] if not mask[:8, :8].any() else np.s_[-7:, -7:]
            sure = 0.97 if image[0, 0, 0] % 2 else 0.7
            probs[:, place[0], place[1]] = np.array([1 - sure, sure - 0.01, 0.01])[:, None, None]
        if kind in ("beside", "ragged"):
            shown = np.roll(mask, 2, axis=1)
            planes = np.stack([(shown == each).astype(np.float32) for each in range(3)])
            if kind == "ragged":
                noise = rng.normal(0, 0.45, mask.shape)
                planes = np.clip(0.7 * planes + np.stack([noise, -noise / 2, -noise / 2]), 0.05, 1)
            probs = np.stack([cv2.GaussianBlur(each.astype(np.float32), (0, 0), 1.5) for each in planes]) + 0.01
            probs /= probs.sum(0)
        if kind == "shy":
            probs[0][mask == 2] = 0.8
            probs /= probs.sum(0)
        return probs

    return predict


@pytest.mark.parametrize(
    ("kind", "setting"),
    [("mixed", "photo_vote_share"), ("shy", "logit_offsets"), ("stray", "object_score_share")],
)
def test_the_step_that_mends_a_mistake_is_found(kind: str, setting: str) -> None:
    predictor = faulty(photos_for(kind), kind)
    found = tuned(kind)
    assert setting in found.kept
    assert found.after.scores.mDice > found.before.scores.mDice + 0.02
    assert (found.after.scores.dice >= found.before.scores.dice - 0.0005).all()
    assert found.nested is not None and found.nested.low > 0
    again = evaluate(PostProcessed(predictor, found.post), photos_for(kind))
    assert np.array_equal(again.counts, found.after.counts)


def both_of(found: Tuning) -> list[Tried]:
    return [each for each in found.tried if each.name in TOGETHER]


def test_colours_and_edges_that_both_add_something_are_kept_together() -> None:
    found = tuned("beside")
    assert [each.why for each in both_of(found)] == ["together", "together"]
    assert all(each.gain is not None and each.gain.value > 0 for each in both_of(found))
    assert found.after.scores.mDice > found.before.scores.mDice + 0.02
    assert "beside the other of colours and edges" in found.post.reason("colour_weight")


def test_of_colours_and_edges_one_is_kept_alone_where_the_other_adds_nothing() -> None:
    """Noise is what edges mend: where the network is sure nowhere, no colours are known."""
    found = tuned("ragged")
    assert [each.why for each in both_of(found)] == ["nothing", "kept"]
    assert found.post.colour_weight == 0 < found.post.edge_radius_frac
    assert [each.why for each in both_of(tuned("none"))] == ["nothing", "nothing"]


def test_what_is_remembered_of_smoothing_changes_no_count(monkeypatch: pytest.MonkeyPatch) -> None:
    known = tuned("ragged")
    monkeypatch.setattr(tuning_photos, "KEPT_TIMES", 2)  # one of them, so that nearly all are made anew
    again = tune(faulty(DATA, "ragged"), DATA)
    assert again.post == known.post and np.array_equal(again.after.counts, known.after.counts)


def test_holes_are_filled_and_the_reasons_are_in_the_file(tmp_path: Path) -> None:
    found = tuned("holes")
    assert found.kept
    found.save(tmp_path)
    read = read_postprocess(tmp_path / "postprocess.yaml", classes=DATA.classes.names, predictor=None)
    assert list(read.steps()) == list(found.post.steps())
    kept = next(each for each in found.tried if each.why == "kept")
    assert "on photos that it was not fitted on" in read.reason(kept.name)
    record = read_json(tmp_path / "tuning.json", format_version=1)
    assert {key: record[key] for key in found.to_json()} == found.to_json()


def test_a_perfect_model_is_left_alone() -> None:
    found = tuned("none")
    assert [name for name in found.kept if name != "temperature"] == []
    assert np.array_equal(found.before.counts, found.after.counts)
    assert found.gain.value == 0
    assert found.nested is not None and found.nested.value == 0
    assert found.by_photo() == []


def test_groups_are_judged_as_one_photo() -> None:
    samples = tuple(replace(sample, group=f"video {n // 5}") for n, sample in enumerate(DATA.split("val")))
    dataset = replace(DATA, samples=(*DATA.split("train").samples, *samples))
    found = tune(faulty(DATA, "holes"), dataset)
    alone = tuned("holes")
    assert found.to_json()["groups"] == 8 and alone.to_json()["groups"] == 40
    assert found.nested is not None and alone.nested is not None
    assert found.nested.p > alone.nested.p  # eight groups can be swapped in 256 ways only
    assert found.nested.p >= 2 / 2**8 * 0.5


def test_a_step_of_ones_own_is_judged_as_the_docs_say() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "tune.md").read_text()
    (code,) = (each for each in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "def without_frame" in each)
    names = {"maskwright": maskwright, "dataset": DATA, "predictor": framed}
    exec(code, names)
    assert names["gain"].low > 0 and names["gain"].p < 0.05
    found = tune(names["mine"], DATA)
    assert found.before.scores.mDice == names["after"].scores.mDice


def framed(image: np.ndarray) -> np.ndarray:
    """Right but for the frame, where it sees a disc."""
    probs = faulty(DATA, "none")(image).copy()
    probs[:, :1], probs[2, :1] = 0, 1
    return probs


def test_the_promise_holds_on_other_photos() -> None:
    other = tiny_dataset(train=0, val=40, size_hw=(64, 64), seed=9)
    found = tuned("mixed")
    fresh = faulty(other, "mixed")
    plain, after = (evaluate(each, other).scores.mDice for each in (fresh, PostProcessed(fresh, found.post)))
    assert found.nested is not None
    assert after - plain == pytest.approx(found.nested.value, abs=0.08)
    assert after > plain


def test_a_vote_over_the_photo_is_tried_only_where_the_training_data_says_so() -> None:
    assert training_shows(DATA) == (1, 1)
    sample = DATA.split("train").samples[0]
    mask = sample.mask()
    assert mask is not None
    both = mask.copy()
    both[0, :2] = (1, 2)
    mixed = replace(sample, pixels=ArrayPixels(sample.image(), both))
    rest = tuple(each for each in DATA if each is not sample)
    told = tune(faulty(DATA, "none"), replace(DATA, samples=(mixed, *rest)))
    assert next(each for each in told.tried if each.name == "photo_vote_share").why == "not_in_the_data"
    assert "not tried" in told.post.reason("photo_vote_share")


def with_masks(dataset: Dataset, split: str, drawn: Callable[[np.ndarray], None]) -> Dataset:
    """The dataset with masks of one split drawn over."""
    samples = []
    for sample in dataset:
        mask = sample.mask()
        assert mask is not None
        if sample.split == split:
            drawn(mask := mask.copy())
        samples.append(replace(sample, pixels=ArrayPixels(sample.image(), mask)))
    return replace(dataset, samples=tuple(samples))


def why_of(found: Tuning, name: str) -> str:
    return next(each.why for each in found.tried if each.name == name)


def test_unsure_objects_are_dropped_only_where_the_training_data_shows_one_object() -> None:
    assert training_shows(DATA) == (1, 1)
    assert why_of(tuned("stray"), "object_score_share") == "spoken_for"

    def with_many(mask: np.ndarray) -> None:
        for row in range(0, 64, 16):
            mask[row : row + 3, :3] = mask.max()  # little beside the one object, and several

    def with_a_speck(mask: np.ndarray) -> None:
        mask[0, 0] = mask.max()

    def turned_round(mask: np.ndarray) -> None:
        mask[:] = np.where(mask == 0, 2, 0)

    def ignored(mask: np.ndarray) -> None:
        mask[:] = 255

    assert training_shows(with_masks(DATA, "train", with_a_speck)) == (1, 1)
    assert training_shows(with_masks(DATA, "train", turned_round)) == (1, 0)  # no background, or it is not class 0
    assert np.isnan(training_shows(with_masks(DATA, "train", ignored))).all()
    several = with_masks(DATA, "train", with_many)
    assert training_shows(several) == (1, 0)
    assert why_of(tune(faulty(DATA, "stray"), several), "object_score_share") == "not_in_the_data"


def test_objects_are_left_where_these_photos_show_several() -> None:
    def second(mask: np.ndarray) -> None:
        mask[corner_of(mask)] = 1

    told = tune(faulty(DATA, "stray"), with_masks(DATA, "val", second))
    assert why_of(told, "object_score_share") == "nothing"
    assert told.post.object_score_share == 0


def test_a_step_that_is_nothing_beside_the_others_is_not_told_as_kept() -> None:
    found = tuned("strays")
    assert why_of(found, "logit_offsets") == "needless" and found.post.logit_offsets == ()
    assert "nothing beside the other steps" in found.post.reason("logit_offsets")
    assert {each.name for each in found.tried if each.kept} == set(found.kept)


def test_what_the_training_data_speaks_for_is_left_where_the_photos_speak_against_it() -> None:
    def second(mask: np.ndarray) -> None:
        mask[:6, :6] = 3 - mask.max()  # of the other class, which no training photo shows

    other = with_masks(DATA, "val", second)
    told = tune(faulty(other, "none"), other)
    assert {each.name: each.why for each in told.tried}["photo_vote_share"] == "nothing"
    assert told.post.photo_vote_share == 0 and "no value helped" in told.post.reason("photo_vote_share")


def test_what_is_tuned_already_is_tuned_from_the_start() -> None:
    predictor = faulty(DATA, "mixed")
    once = tuned("mixed")
    again = tune(PostProcessed(predictor, PostProcess(logit_offsets=(5, 0, 0))), DATA)
    assert again.post == once.post


@pytest.mark.parametrize(("split", "why"), [("test", "mean nothing afterwards"), ("train", "learned its labels")])
def test_test_and_training_photos_are_refused(split: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        tune(faulty(DATA, "none"), DATA, split=split)
    assert "--split val" in str(caught.value)


def test_a_split_without_labels_is_refused() -> None:
    bare = replace(
        DATA,
        samples=tuple(
            replace(each, labelled=False, pixels=ArrayPixels(each.image())) if each.split == "val" else each
            for each in DATA
        ),
    )
    with pytest.raises(DataError, match="labelled"):
        tune(faulty(DATA, "none"), bare)


def test_one_photo_gives_no_promise_and_no_step_but_what_the_training_data_speaks_for() -> None:
    found = tune(faulty(DATA, "mixed"), DATA.filter(lambda each: each.split == "train" or each.id == "val/0"))
    assert found.nested is None
    assert found.kept == ("photo_vote_share",)
    assert "the training masks show one class a photo" in found.post.reason("photo_vote_share")


def test_copies_share_a_fold_and_large_sets_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = DATA.split("val")
    grouped = replace(
        samples, samples=tuple(replace(each, group=f"g{place // 4}") for place, each in enumerate(samples))
    )
    listening = tuning_photos.Listening(faulty(DATA, "none"), grouped)
    evaluate(listening, grouped)
    photos = listening.photos()
    assert len(photos.photos) == 40 and len(set(photos.folds.tolist())) == 5
    assert all(len(set(photos.folds[start : start + 4].tolist())) == 1 for start in range(0, 40, 4))
    monkeypatch.setattr(tuning_photos, "WORKING_SIDE_PX", 32)
    monkeypatch.setattr(tuning_photos, "CACHE_BYTES", 10 * 2 * 6 * 3 * 32 * 32)
    small = tuning_photos.Listening(faulty(DATA, "none"), samples)
    evaluate(small, samples)
    kept = small.photos().photos
    assert len(kept) == 10
    assert kept[0].probs.shape == (3, 32, 32) and kept[0].image.shape == (32, 32, 3)
    whole = tune(faulty(DATA, "mixed"), DATA)
    assert whole.searched == 10 and len(whole.before.sample_ids) == 40


class Likelier:
    """Photos whose labels are all likeliest at the highest temperature, by as much as they gain."""

    def __init__(self, gains: np.ndarray) -> None:
        self.gains, self.folds, self.groups = gains, np.arange(len(gains)) % 5, np.arange(len(gains))

    def likelihoods(self, _post: PostProcess) -> np.ndarray:
        return self.gains[:, None] * np.log(SHARPNESS)


def test_the_chance_of_a_temperature_is_never_nought() -> None:
    temperature, tried = fitted_temperature(Likelier(np.full(20, 0.1)), PostProcess())
    assert (temperature, tried.why) == (10, "kept")
    assert tried.gain is not None and tried.gain.p == pytest.approx(2 / (RESAMPLES + 1))
    none = fitted_temperature(Likelier(np.zeros(20)), PostProcess())[1]
    assert none.gain is not None and none.gain.p == 1


def test_the_pictures_show_where_it_helps(tmp_path: Path) -> None:
    predictor, found = faulty(DATA, "mixed"), tuned("mixed")
    keep_tuning(found, predictor, DATA, tmp_path)
    entries = read_json(tmp_path / "tuning" / "gallery.json", format_version=1)["photos"]
    assert [entry["id"] for entry in entries if entry["kind"] == "helps"] == [one for one, _ in found.by_photo()[:3]]
    assert all((tmp_path / "tuning" / entry["file"]).is_file() for entry in entries)


def test_it_shows_itself_in_a_notebook() -> None:
    shown = tuned("mixed")._repr_html_()
    assert "one class per photo" in shown and "square" in shown and "mDice" in shown


def test_it_is_a_verb_of_the_package() -> None:
    assert maskwright.tune is tune
