from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from maskwright.errors import UsageError
from maskwright.metrics.confusion import confusion
from maskwright.metrics.scores import PER_CLASS, SUMMARY, scores

COUNTS = st.integers(1, 6).flatmap(
    lambda size: arrays(np.int64, (size, size), elements=st.one_of(st.just(0), st.integers(0, 10_000)))
)
RATES = ("dice", "iou", "acc", "precision", "recall")


def test_a_photo_worked_out_by_hand() -> None:
    judged = scores(np.array([[6, 1, 1], [0, 0, 0], [2, 0, 2]]))
    assert judged.dice.tolist() == pytest.approx([12 / 16, 0, 4 / 7])
    assert judged.iou.tolist() == pytest.approx([6 / 10, 0, 2 / 5])
    assert judged.acc.tolist() == pytest.approx([6 / 8, math.nan, 2 / 4], nan_ok=True)
    assert judged.precision.tolist() == pytest.approx([6 / 8, 0, 2 / 3])
    assert judged.aAcc == pytest.approx(8 / 12)
    assert judged.mDice == pytest.approx((12 / 16 + 4 / 7) / 3)
    assert judged.mDice_foreground == pytest.approx((4 / 7) / 2)
    assert judged.mAcc == pytest.approx((6 / 8 + 2 / 4) / 2)
    assert judged.predicted_px.tolist() == [8, 1, 3] and judged.labelled_px.tolist() == [8, 0, 4]
    assert judged.predicted_share.tolist() == pytest.approx([8 / 12, 1 / 12, 3 / 12])
    assert judged.judged_px == 12


def test_nan_stands_where_there_is_no_answer_and_nowhere_else() -> None:
    # class 1 is neither labelled nor predicted; 2 is invented; 3 is never predicted
    judged = scores(np.array([[5, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0], [2, 0, 0, 0]]))
    assert np.isnan(judged.dice).tolist() == np.isnan(judged.iou).tolist() == [False, True, False, False]
    assert np.isnan(judged.acc).tolist() == np.isnan(judged.recall).tolist() == [False, True, True, False]
    assert np.isnan(judged.precision).tolist() == [False, True, False, True]
    assert judged.dice[2] == judged.iou[2] == judged.precision[2] == judged.dice[3] == judged.acc[3] == 0


def test_nothing_judged_is_nan_throughout() -> None:
    judged = scores(np.zeros((3, 3), np.int64))
    assert all(math.isnan(value) for value in judged.summary().values())
    assert np.isnan(judged.labelled_share).all()


def test_one_class_has_no_foreground() -> None:
    judged = scores(np.array([[7]]))
    assert judged.mDice == 1 and math.isnan(judged.mDice_foreground)


@given(COUNTS)
def test_rates_lie_between_0_and_1_and_obey_their_identities(counts: np.ndarray) -> None:
    judged = scores(counts)
    for name in RATES:
        rate = getattr(judged, name)
        assert ((rate >= 0) & (rate <= 1) | np.isnan(rate)).all()
    np.testing.assert_allclose(judged.dice, 2 * judged.iou / (1 + judged.iou), rtol=1e-12)
    np.testing.assert_array_equal(np.isnan(judged.dice), np.isnan(judged.iou))
    both = judged.precision + judged.recall > 0
    harmonic = 2 * judged.precision[both] * judged.recall[both] / (judged.precision + judged.recall)[both]
    np.testing.assert_allclose(judged.dice[both], harmonic, rtol=1e-12)
    assert judged.predicted_px.sum() == judged.labelled_px.sum() == counts.sum() == judged.judged_px


@given(COUNTS)
def test_label_and_prediction_swapped_swaps_precision_and_recall(counts: np.ndarray) -> None:
    one, other = scores(counts), scores(counts.T)
    np.testing.assert_array_equal(one.dice, other.dice)
    np.testing.assert_array_equal(one.iou, other.iou)
    np.testing.assert_array_equal(one.precision, other.recall)
    np.testing.assert_array_equal(one.predicted_px, other.labelled_px)


@given(COUNTS, st.randoms(use_true_random=False))
def test_renumbering_the_classes_renumbers_the_scores(counts: np.ndarray, random: object) -> None:
    order = list(range(len(counts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    one, other = scores(counts), scores(counts[np.ix_(order, order)])
    for name in RATES:
        np.testing.assert_array_equal(getattr(one, name)[order], getattr(other, name))
    assert one.mDice == pytest.approx(other.mDice, nan_ok=True)
    assert one.aAcc == pytest.approx(other.aAcc, nan_ok=True)


@given(arrays(np.int64, (4,), elements=st.integers(0, 1000)))
def test_a_perfect_prediction_scores_1_for_every_class_that_is_there(labelled: np.ndarray) -> None:
    judged = scores(np.diag(labelled))
    for name in RATES:
        np.testing.assert_array_equal(getattr(judged, name), np.where(labelled > 0, 1.0, np.nan))
    if labelled.any():
        assert judged.mDice == judged.mIoU == judged.mAcc == judged.aAcc == 1


@given(arrays(np.int64, (5, 3, 3), elements=st.integers(0, 1000)))
def test_photos_are_summed_before_anything_is_averaged(counts: np.ndarray) -> None:
    assert scores(counts).summary() == pytest.approx(scores(counts.sum(axis=0)).summary(), nan_ok=True)


def test_records_have_the_promised_keys() -> None:
    judged = scores(np.array([[3, 1], [0, 0]]))
    assert tuple(judged.summary()) == SUMMARY
    first = judged.per_class(["background", "cat"])[0]
    assert list(first) == ["name", *PER_CLASS, "predicted_px", "labelled_px"]
    assert first["name"] == "background" and first["predicted_px"] == 3 and first["labelled_px"] == 4
    assert type(first["predicted_px"]) is int and type(first["dice"]) is float


def test_names_and_counts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match=r"names do not fit.*\n.*2 names  found: cat"):
        scores(np.eye(2, dtype=np.int64)).per_class(["cat"])
    for wrong in (np.zeros((2, 3), np.int64), np.zeros(4, np.int64), -np.eye(2, dtype=np.int64)):
        with pytest.raises(UsageError, match="not counts of pixels"):
            scores(wrong)


FIXTURES = Path(__file__).parents[1] / "fixtures"
PEER = json.loads((FIXTURES / "iou_metric.json").read_text())
CASES = [name for name in PEER if not name.endswith("_nan0")]
PEER_NAMES = {"IoU": "iou", "Acc": "acc", "Dice": "dice", "Precision": "precision", "Recall": "recall"}


@pytest.mark.parametrize("case", CASES)
def test_classes_and_areas_equal_mmsegmentation(case: str) -> None:
    with np.load(FIXTURES / "iou_metric.npz") as stored:
        peer = {name.split("/")[1]: stored[name] for name in stored.files if name.startswith(f"{case}/")}
    n_classes = int(peer["num_classes"])
    pairs = zip(peer["label"], peer["pred"], strict=True)
    counts = np.stack([confusion(label, prediction, n_classes) for label, prediction in pairs])
    judged = scores(counts)
    for theirs, ours in PEER_NAMES.items():
        np.testing.assert_allclose(getattr(judged, ours), peer[f"perclass_{theirs}"], atol=1e-4, err_msg=theirs)
    assert judged.aAcc == pytest.approx(float(peer["perclass_aAcc"]), abs=1e-4, nan_ok=True)
    total = counts.sum(axis=0)
    np.testing.assert_array_equal(total.diagonal(), peer["area_intersect"])
    np.testing.assert_array_equal(judged.labelled_px, peer["area_label"])
    np.testing.assert_array_equal(judged.predicted_px, peer["area_pred"])
    np.testing.assert_array_equal(judged.labelled_px + judged.predicted_px - total.diagonal(), peer["area_union"])


@pytest.mark.parametrize("case", CASES)
def test_summaries_differ_from_mmsegmentation_by_its_rounding_alone(case: str) -> None:
    with np.load(FIXTURES / "iou_metric.npz") as stored:
        judged = scores(confusion(stored[f"{case}/label"], stored[f"{case}/pred"], PEER[case]["num_classes"]))
    for name in ("aAcc", "mIoU", "mAcc", "mDice"):
        theirs = PEER[case]["summary"][name]
        assert 100 * getattr(judged, name) == pytest.approx(theirs, abs=0.00501, nan_ok=True), name


def test_fscore_of_mmsegmentation_leaves_out_classes_that_were_missed() -> None:
    """docs/metrics.md: why mFscore is not mDice where a class has no precision or no recall."""
    for case, theirs, ours in (("absent_label_predicted", 88.94, 59.30), ("never_predicted", 83.19, 55.46)):
        with np.load(FIXTURES / "iou_metric.npz") as stored:
            judged = scores(confusion(stored[f"{case}/label"], stored[f"{case}/pred"], 3))
        assert PEER[case]["summary"]["mFscore"] == pytest.approx(theirs, abs=0.006)
        assert 100 * judged.mDice == pytest.approx(ours, abs=0.01)
