from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compared_runs import counts_of, judged_run
from maskwright.cli.compare import comparison_text
from maskwright.data.dataset import Dataset
from maskwright.data.statistics import describe
from maskwright.errors import RunError, UsageError, shown
from maskwright.evaluation.compare import compare
from maskwright.evaluation.compare_words import (
    data_words,
    doubts_words,
    interval_text,
    number,
    overfit_words,
    p_text,
    rounded,
)
from maskwright.evaluation.comparison import Comparison
from maskwright.evaluation.evaluate import Evaluation
from maskwright.inference.load import digest_of
from maskwright.reports.compare_report import compare_report
from maskwright.storage import json_text, write_json, write_text
from tiny import tiny_dataset

Made = Callable[..., Path]


@pytest.fixture
def run(tmp_path: Path) -> Made:
    """Makes a run of a name, a quality and a seed."""

    def made(name: str, quality: float, seed: int, **more: object) -> Path:
        settings = {"seed": seed, **more.pop("settings", {})}  # type: ignore[dict-item]
        return judged_run(tmp_path / name, counts_of(quality, seed), settings=settings, **more)  # type: ignore[arg-type]

    return made


def test_two_runs_of_two_recipes(run: Made) -> None:
    found = compare([run("good", 0.9, 1), run("poor", 0.6, 2, settings={"lr": 0.002})])
    assert found.photos == 60 and found.classes == ("background", "cat", "dog")
    assert [group.runs for group in found.recipes] == [("good",), ("poor",)]
    assert found.settings == {"lr": (6e-4, 0.002)}
    assert found.pairs[0].verdict == "better" and found.recipe_pairs == () and found.data == ()
    first, last = found.verdicts()
    turned = compare([each.folder for each in reversed(found.runs)])
    assert turned.pairs[0].verdict == "worse" and turned.verdicts()[0] == first
    assert first.startswith("These weights: good is better than poor by ") and "95\u202f% interval +" in first
    assert last.startswith("A verdict on two runs speaks of these weights alone") and "3 seeds" in last


def test_runs_that_differ_in_seed_threads_and_device_are_one_recipe(run: Made) -> None:
    runs = [run("a", 0.8, 1), run("b", 0.8, 2, settings={"threads": 7, "device": "cuda"}), run("c", 0.8, 3)]
    found = compare(runs)
    assert [group.runs for group in found.recipes] == [("a", "b", "c")] and found.settings == {}
    assert found.recipes[0].sd == pytest.approx(np.std([each.evaluation.scores.mDice for each in found.runs], ddof=1))
    assert all(pair.same_recipe for pair in found.pairs)


def test_groups_that_one_evaluation_knows_hold_for_all(run: Made) -> None:
    runs = [run("older", 0.85, 1), run("newer", 0.75, 2)]
    alone = compare(runs)
    newer = replace(alone.runs[1].evaluation, groups=tuple(f"video {n // 6}" for n in range(60)))
    newer.save(runs[1] / "evaluation" / "val")
    found = compare(runs)
    assert (found.photos, found.groups, alone.groups) == (60, 10, 60)
    assert found.to_json()["groups"] == 10
    (before,), (after,) = alone.pairs, found.pairs
    assert after.difference.value == before.difference.value and after.difference.p != before.difference.p
    # Student's quantile alone: 9 instead of 59 degrees of freedom
    assert after.difference.high - after.difference.value == pytest.approx(2.262 * after.difference.se, rel=1e-3)
    assert "60 photos come in 10 groups" in comparison_text(found, "en")
    assert "groups" not in comparison_text(alone, "en")


def test_a_difference_between_seeds_is_called_luck(run: Made) -> None:
    found = compare([run("a", 0.9, 1), run("b", 0.5, 2)])
    assert found.pairs[0].verdict == "better" and found.pairs[0].same_recipe
    assert any("the luck of a seed" in sentence for sentence in found.verdicts())


def test_recipes_with_three_seeds_each_get_a_verdict(run: Made) -> None:
    runs = [run(f"a{seed}", 0.85 + 0.01 * seed, seed) for seed in range(3)]
    runs += [run(f"b{seed}", 0.55 + 0.01 * seed, 10 + seed, settings={"lr": 0.01}) for seed in range(3)]
    found = compare(runs)
    assert [group.name for group in found.recipes] == ["A", "B"]
    (pair,) = found.recipe_pairs
    assert pair.verdict == "better"
    assert found.verdicts()[0].startswith("Recipe A is better than recipe B by ")
    assert found.verdicts("ru")[0].startswith("Рецепт A лучше рецепта B на ")


def test_equal_recipes_are_told_what_would_be_needed(run: Made) -> None:
    runs = [run(f"a{seed}", 0.80 + 0.02 * seed, seed) for seed in range(3)]
    runs += [run(f"b{seed}", 0.82 + 0.02 * seed, 10 + seed, settings={"lr": 0.01}) for seed in range(3)]
    found = compare(runs)
    assert found.recipe_pairs[0].verdict == "undecided"
    assert "would be needed" in found.verdicts()[0] or "as good as equal" in found.verdicts()[0]
    assert "not distinguishable" in compare([runs[0], runs[1]]).verdicts()[0]


def test_other_training_data_make_another_recipe_and_are_listed(run: Made) -> None:
    runs = [
        run("first", 0.8, 1, train={"photos": "p1 p2 p3"}),
        run("masks", 0.8, 2, train={"digest": "t2", "photos": "p1 p2 p3"}),
        run("photos", 0.8, 3, train={"digest": "t3", "photos": "p1 p2 p8 p9"}),
        run("older", 0.8, 4, train={"digest": "t4"}),
        run("unknown", 0.8, 5),
    ]
    write_json(runs[-1] / "data.json", {"format": 1, "splits": {}})
    found = compare(runs)
    assert len(found.recipes) == 5
    assert [data_words(each) for each in found.data] == [
        "masks: trained on the photos of first, with other masks.",
        "photos: 2 training photos that first lacks, and 1 of its photos are missing.",
        "older: its training data differ from those of first.",
        "unknown: whether it was trained on the data of first is not known.",
    ]


def test_mended_masks_are_counted(run: Made) -> None:
    first = {"photos": "p1 p2 p3", "masks": "m1 m2 m3"}
    runs = [
        run("first", 0.8, 1, train=first),
        run("mended", 0.8, 2, train={"digest": "t2", "photos": "p1 p2 p3", "masks": "m1 n2 n3"}),
        run("both", 0.8, 3, train={"digest": "t3", "photos": "p1 p3 p4", "masks": "m1 n3 m4"}),
        run("fewer", 0.8, 4, train={"digest": "t4", "photos": "p1 p2", "masks": "m1 m2"}),
    ]
    found = compare(runs)
    assert [data_words(each) for each in found.data] == [
        "mended: trained on the photos of first; other masks: 2 of 3.",
        "both: 1 training photos that first lacks, and 1 of its photos are missing. "
        "Of the photos that both have, other masks: 1 of 2.",
        "fewer: 0 training photos that first lacks, and 1 of its photos are missing.",
    ]
    assert "других масок: 2 из 3" in data_words(found.data[0], "ru")
    assert found.to_json()["data"][0]["other_masks"] == 2


def test_the_masks_of_a_dataset_have_keys_that_follow_their_photos() -> None:
    sample = replace(tiny_dataset(train=1, val=0)[0], photo_digest="photo", digest="photo and mask")
    mended = replace(sample, digest="photo and another mask")
    one, other = (describe(Dataset(tiny_dataset().classes, (each,))).splits["train"] for each in (sample, mended))
    assert one.photos == other.photos == sample.photo_key
    assert one.masks == sample.mask_key != other.masks


def test_evaluations_of_other_weights_are_named(run: Made, tmp_path: Path) -> None:
    runs = [run(name, 0.8, seed) for seed, name in enumerate(("now", "tuned", "trained", "older", "foreign"))]
    for place, each in enumerate(runs):
        write_text(each / "weights" / "best.safetensors", f"weights {place}")
        stored = Evaluation.load(each / "evaluation" / "val")
        replace(stored, predictor=digest_of(each) or "").save(each / "evaluation" / "val")
    write_text(runs[1] / "postprocess.yaml", "format: 1\nlargest_hole_frac: 0.01\n")
    write_text(runs[2] / "weights" / "best.safetensors", "weights after more training")
    replace(Evaluation.load(runs[3] / "evaluation" / "val"), predictor="").save(runs[3] / "evaluation" / "val")
    write_text(runs[4] / "postprocess.yaml", "format: 1\npredictor: abc\nlargest_hole_frac: 0.01\n")
    found = compare(runs)
    assert [each.current for each in found.runs] == [True, False, False, None, False]
    assert [each["current"] for each in found.to_json()["runs"]] == [True, False, False, None, False]
    text = comparison_text(found, "en")
    assert text.count("its evaluation is not of the weights and the post-processing that it holds now") == 3
    assert f"maskwright evaluate {shown(runs[1])} DATA" in text
    assert "older evaluations do not say): older." in text
    assert "older evaluations do not say): older." in compare_report(found, tmp_path / "page.html").read_text()
    rows = {line.split("  ")[0] for line in text.splitlines()}
    assert {"now", "tuned (outdated)", "trained (outdated)", "older", "foreign (outdated)"} <= rows
    page = compare_report(found, tmp_path / "page.html").read_text()
    assert page.count("tuned (outdated)") == 2 and "now (outdated)" not in page, "in the table and beside the verdict"
    assert "tuned (outdated)" in found._repr_html_()
    two = compare(runs[:2])
    assert two.verdicts()[0].startswith("The weights that were judged: now ")
    assert two.verdicts()[-1].startswith("A verdict on two runs speaks only of the weights that were judged: ")
    assert two.verdicts("ru")[0].startswith("Веса, которые оценивались: ")
    assert "(устарело)" in comparison_text(two, "ru")
    assert compare([runs[0], runs[3]]).verdicts()[0].startswith("These weights: ")
    assert not doubts_words(compare([runs[0], run("without weights", 0.7, 9)]).runs)


def test_a_run_that_went_on_past_its_best_is_named(run: Made) -> None:
    early = run("early", 0.8, 1, course=(0.5, 0.80, 0.77, 0.78, 0.779))
    late = run("late", 0.8, 2, course=(0.5, 0.6, 0.7, 0.80, 0.77))
    steady = run("steady", 0.8, 3, course=(0.5, 0.80, 0.798, 0.797, 0.7999))
    found = compare([early, late, steady])
    (overfit,) = found.overfits
    assert (overfit.run, overfit.best_iteration, overfit.iterations) == ("early", 200, 500)
    assert overfit.lost == pytest.approx(0.021)
    sentence = overfit_words(overfit)
    assert "early was trained past its best" in sentence
    assert "iteration 200 of 500" in sentence and "2.10 points" in sentence


def test_json_is_strict_and_says_everything(run: Made) -> None:
    found = compare([run("a", 0.9, 1), run("b", 0.6, 2)])
    printed = json.loads(json_text(found.to_json()))
    assert list(printed) == [
        "split", "eval_digest", "images", "groups", "classes", "runs", "recipes", "pairs", "recipe_pairs", "settings",
        "data", "overfits",
    ]  # fmt: skip
    first = printed["runs"][0]
    assert first["name"] == "a" and first["iterations"] == 300 and first["best_iteration"] == 300
    assert first["iteration_s"] == 0.5 and first["weights_bytes"] is None and first["latency_ms"] is None
    assert first["machine"] == "Testor <b>9000</b>" and first["train_digest"] == "t1"
    assert printed["pairs"][0]["verdict"] == "better" and printed["pairs"][0]["difference"]["low"] > 0


def test_a_notebook_shows_runs_pairs_and_verdict(run: Made) -> None:
    text = compare([run("a<b", 0.9, 1), run("c", 0.6, 2)])._repr_html_()
    assert "<table>" in text and "a&lt;b" in text and "a<b" not in text
    assert "better" in text and "speaks of these weights alone" in text


def test_names_are_as_long_as_they_have_to_be(run: Made, tmp_path: Path) -> None:
    found = compare([run("x/best", 0.8, 1), run("y/best", 0.8, 2)])
    assert [each.name for each in found.runs] == ["x/best", "y/best"]
    with pytest.raises(UsageError, match=r"best: the same run was given twice.*\n.*once"):
        compare([tmp_path / "x/best", tmp_path / "y" / ".." / "x/best"])
    with pytest.raises(UsageError, match=r"at least two runs.*\n.*found: 1\n.*RUN RUN"):
        compare([tmp_path / "x/best"])


def test_other_photos_masks_and_classes_are_refused(run: Made, tmp_path: Path) -> None:
    first = run("first", 0.8, 1)
    masks = run("masks", 0.8, 2, digest="d2")
    with pytest.raises(UsageError, match=r"first and masks were judged on other photos or masks.*\n.*\n.*--data DATA"):
        compare([first, masks])
    fewer = judged_run(tmp_path / "fewer", counts_of(0.8, 3, photos=50), digest="d3")
    with pytest.raises(UsageError, match=r"other photos \(10 of them were judged for one run only\)"):
        compare([first, fewer])


def test_a_run_that_was_not_judged_is_refused_with_the_way_out(run: Made) -> None:
    runs = [run("a", 0.8, 1), run("b", 0.8, 2)]
    with pytest.raises(RunError, match=r"a: was not judged on the split 'test'.*\n.*counts.npz\n.*--data DATA"):
        compare(runs, split="test")
    with pytest.raises(RunError, match="neither a run folder nor a bundle"):
        compare([runs[0], runs[0].parent / "nothing"])


def test_numbers_are_written_as_the_language_does() -> None:
    assert number(-1.234, "en", signed=True) == "−1.23" and number(1.2, "ru", signed=True) == "+1,20"
    assert number(-0.0001, "en", signed=True) == "+0.00" and number(math.nan, "en") == "–"
    assert interval_text(-0.0056, 0.0362, "en") == "−0.56 to +3.62"
    assert interval_text(0.1, 0.25, "ru", scale=1) == "от +0,10 до +0,25"
    assert p_text(0.0312, "en") == "0.031" and p_text(0.0001, "ru") == "<0,001"
    assert [rounded(count) for count in (3.2, 47, 452.3, 44_962.0)] == [4, 47, 460, 45_000]


@pytest.mark.training
def test_all_are_judged_anew_on_data_that_are_given(tmp_path: Path) -> None:
    """Two runs with newly drawn weights, judged on data of their own; also a bundle, which keeps no counts."""
    found = _on(tiny_dataset(val=4), tmp_path)
    assert found.photos == 4 and len(found.runs) == 2
    assert all(each.weights_bytes and each.latency_ms for each in found.runs)
    assert found.runs[1].log.best is None and found.runs[1].iterations == 2
    assert found.pairs[0].same_recipe and [each.current for each in found.runs] == [True, True]


def test_copies_and_tuned_runs_are_told_apart(run: Made) -> None:
    """A copy is no other seed; the same weights with post-processing are another procedure."""
    runs = [run(f"r{seed}", 0.8, seed) for seed in range(2)]
    for each in runs:
        write_text(each / "weights" / "best.safetensors", "the same")
    with pytest.raises(UsageError, match=r"r1: holds the same weights as .*r0"):
        compare(runs)
    write_text(runs[1] / "postprocess.yaml", "format: 1\nlargest_hole_frac: 0.01\n")
    found = compare(runs)
    assert not found.pairs[0].same_recipe and found.settings["postprocess"] == (False, True)
    assert [each["postprocess"] for each in found.to_json()["runs"]] == [False, True]


def test_three_runs_of_one_seed_are_no_three_seeds(run: Made) -> None:
    def group(name: str, seeds: Sequence[int], lr: float) -> list[Path]:
        return [run(f"{name}{place}", 0.8, seed, settings={"lr": lr}) for place, seed in enumerate(seeds)]

    assert compare(group("a", (0, 1, 2), 0.1) + group("b", (0, 1, 2), 0.2)).recipe_pairs
    found = compare(group("c", (0, 0, 0), 0.1) + group("d", (0, 1, 2), 0.2))
    assert not found.recipe_pairs and found.recipes[0].seeds == ("c0",)


def _on(dataset: Dataset, folder: Path) -> Comparison:
    from maskwright.workflow.bundle import bundle
    from maskwright.workflow.train import train

    settings = {"iterations": 2, "validation_interval": 2, "crop_hw": (64, 64), "batch_size": 2, "threads": 1}
    settings |= {"weights": "none", "model": "segformer-b0"}
    one, other = (train(dataset, out=folder / f"{seed}", settings={**settings, "seed": seed}) for seed in (1, 2))
    bundled = bundle(other).path
    with pytest.raises(RunError, match="was not judged on the split"):
        compare([one.folder, bundled])
    with pytest.raises(UsageError, match=r"holds the same weights as .*\n.*a bundle is its run"):
        compare([other.folder, bundled], data=dataset)
    return compare([one.folder, bundled], data=dataset)
